//! Shell. The series of single objects: one small row each, made into text when somebody asks.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use tidegate_stages::ObjectKey;

/// What is counted of one object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Series {
    /// Looks.
    pub calls: u32,
    /// Failed ones.
    pub errors: u32,
    /// The Ready condition, once it is known.
    pub ready: Option<bool>,
}

/// The table of them; as many rows as objects. Cloning gives another handle to the same.
#[derive(Debug, Clone, Default)]
pub struct Objects(Arc<Mutex<HashMap<ObjectKey, Series>>>);

impl Objects {
    /// Changes the row of an object, making it if need be.
    pub fn change(&self, key: &ObjectKey, change: impl FnOnce(&mut Series)) {
        let mut rows = self.rows();
        match rows.get_mut(key) {
            Some(series) => change(series),
            None => change(rows.entry(key.clone()).or_default()),
        }
    }

    /// Drops the row of an object.
    pub fn forget(&self, key: &ObjectKey) {
        self.rows().remove(key);
    }

    fn rows(&self) -> MutexGuard<'_, HashMap<ObjectKey, Series>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Row = (ObjectKey, Series);

impl Collector for Objects {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        // A copy: whoever asks must not hold up the looks.
        let mut rows: Vec<Row> = self.rows().iter().map(|(k, s)| (k.clone(), *s)).collect();
        rows.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let out = &mut encoder;
        family(
            out,
            "externalsecret_sync_calls",
            "Looks at an ExternalSecret",
            &rows,
            |row| [Some((None, ConstCounter::new(u64::from(row.calls)))), None],
        )?;
        // ESO's name lacks the suffix that a counter gets here, so it is kept as a gauge.
        family(
            out,
            "externalsecret_sync_calls_error",
            "Failed looks",
            &rows,
            |row| {
                let errors = (row.errors > 0).then(|| ConstGauge::new(f64::from(row.errors)));
                [errors.map(|errors| (None, errors)), None]
            },
        )?;
        family(
            out,
            "externalsecret_status_condition",
            "The Ready condition",
            &rows,
            |row| {
                [("True", true), ("False", false)].map(|(status, when)| {
                    let is = row.ready?;
                    Some((Some(status), ConstGauge::new(i64::from(is == when))))
                })
            },
        )
    }
}

/// Writes up to two series per row, told apart by the status of the Ready condition.
fn family<M: EncodeMetric>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    rows: &[Row],
    series: impl Fn(&Series) -> [Option<(Option<&'static str>, M)>; 2],
) -> fmt::Result {
    let mut all = rows.iter().flat_map(|(key, row)| {
        let some = series(row).into_iter().flatten();
        some.map(move |(status, metric)| (key, status, metric))
    });
    let Some(first) = all.next() else {
        return Ok(());
    };
    let kind = first.2.metric_type();
    let mut encoder = encoder.encode_descriptor(name, help, None, kind)?;
    for (key, status, metric) in std::iter::once(first).chain(all) {
        let (name, namespace) = (("name", &*key.name), ("namespace", &*key.namespace));
        match status {
            None => metric.encode(encoder.encode_family(&[name, namespace])?)?,
            Some(status) => {
                let labels = [name, namespace, ("condition", "Ready"), ("status", status)];
                metric.encode(encoder.encode_family(&labels)?)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text;
    use prometheus_client::registry::Registry;

    use super::*;

    #[test]
    fn rows_become_series_and_a_forgotten_object_has_none() {
        let objects = Objects::default();
        let mut registry = Registry::default();
        registry.register_collector(Box::new(objects.clone()));
        let (a, b) = (ObjectKey::new("ns", "a"), ObjectKey::new("ns", "b"));
        objects.change(&a, |row| row.calls += 2);
        objects.change(&b, |row| (row.errors, row.ready) = (1, Some(false)));
        objects.change(&ObjectKey::new("ns", "gone"), |row| row.calls += 1);
        objects.forget(&ObjectKey::new("ns", "gone"));
        let mut out = String::new();
        text::encode(&mut out, &registry).unwrap();
        let series: Vec<&str> = out.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            series,
            [
                r#"externalsecret_sync_calls_total{name="a",namespace="ns"} 2"#,
                r#"externalsecret_sync_calls_total{name="b",namespace="ns"} 0"#,
                r#"externalsecret_sync_calls_error{name="b",namespace="ns"} 1.0"#,
                concat!(
                    r#"externalsecret_status_condition{name="b",namespace="ns","#,
                    r#"condition="Ready",status="True"} 0"#
                ),
                concat!(
                    r#"externalsecret_status_condition{name="b",namespace="ns","#,
                    r#"condition="Ready",status="False"} 1"#
                ),
            ]
        );
    }
}

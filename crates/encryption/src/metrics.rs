//! Pure. The few metrics of an API server that tell what it has loaded and under which key it
//! writes.

use std::collections::BTreeMap;

/// One sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its value.
    pub value: f64,
}

impl Sample {
    /// A label's value, empty where it is not there.
    #[must_use]
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}

/// The samples of one metric in the text format of Prometheus. Lines that do not read are left
/// out.
pub fn samples<'t>(text: &'t str, metric: &'t str) -> impl Iterator<Item = Sample> + 't {
    text.lines().filter_map(move |line| {
        let rest = line.strip_prefix(metric)?;
        match rest.chars().next()? {
            '{' => labelled(&rest[1..]),
            ' ' => Some(Sample {
                labels: BTreeMap::new(),
                value: value(rest)?,
            }),
            _ => None,
        }
    })
}

fn value(text: &str) -> Option<f64> {
    text.split_whitespace().next()?.parse().ok()
}

fn labelled(mut rest: &str) -> Option<Sample> {
    let mut labels = BTreeMap::new();
    loop {
        if let Some(rest) = rest.strip_prefix('}') {
            let value = value(rest)?;
            return Some(Sample { labels, value });
        }
        let (name, after) = rest.split_once("=\"")?;
        let (text, after) = quoted(after)?;
        labels.insert(name.trim_start_matches(',').to_owned(), text);
        rest = after;
    }
}

/// Reads to the closing quote; gives the text and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut out = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((out, &text[at + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => out.push('\n'),
                other => out.push(other),
            },
            other => out.push(other),
        }
    }
    None
}

/// What one API server says of itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ServerMetrics {
    /// `sha256:…` of the configuration it runs; several when it answers for more than one id.
    pub config_hashes: Vec<String>,
    /// Which process answered: behind a load balancer these tell servers apart.
    pub ids: Vec<String>,
    /// When it last reloaded with success, in seconds since 1970.
    pub reloaded_at: Option<f64>,
    /// Reloads that failed since it started.
    pub failed_reloads: f64,
    /// When it started, in seconds since 1970.
    pub started_at: Option<f64>,
    /// For each KMS provider the newest key id that Status gave, as `sha256:…`, and when.
    pub key_ids: BTreeMap<String, (String, f64)>,
    /// Seeds in its cache, by KMS provider.
    pub seeds: BTreeMap<String, f64>,
    /// Calls to plugins: (provider, method) to (calls, seconds, errors).
    pub calls: BTreeMap<(String, String), (f64, f64, f64)>,
    /// Transformations: (resource, direction, prefix) to (good, failed).
    pub transformations: BTreeMap<(String, String, String), (f64, f64)>,
}

/// Reads what concerns encryption out of `/metrics`.
#[must_use]
pub fn read(text: &str) -> ServerMetrics {
    const CONTROLLER: &str = "apiserver_encryption_config_controller_";
    const ENVELOPE: &str = "apiserver_envelope_encryption_";
    let named = |prefix: &str, name: &str| -> Vec<Sample> {
        samples(text, &format!("{prefix}{name}")).collect()
    };
    let mut found = ServerMetrics {
        started_at: samples(text, "process_start_time_seconds")
            .next()
            .map(|one| one.value),
        ..ServerMetrics::default()
    };
    for sample in named(CONTROLLER, "last_config_info") {
        found.config_hashes.push(sample.label("hash").to_owned());
        found.ids.push(sample.label("apiserver_id_hash").to_owned());
    }
    for sample in named(CONTROLLER, "automatic_reload_last_timestamp_seconds") {
        if sample.label("status") == "success" {
            let latest = found.reloaded_at.unwrap_or(0.0).max(sample.value);
            found.reloaded_at = Some(latest);
        }
    }
    for sample in named(CONTROLLER, "automatic_reloads_total") {
        if sample.label("status") == "failure" {
            found.failed_reloads += sample.value;
        }
    }
    for sample in named(ENVELOPE, "key_id_hash_status_last_timestamp_seconds") {
        let slot = found
            .key_ids
            .entry(sample.label("provider_name").to_owned());
        let slot = slot.or_default();
        if sample.value >= slot.1 {
            *slot = (sample.label("key_id_hash").to_owned(), sample.value);
        }
    }
    for sample in named(ENVELOPE, "dek_source_cache_size") {
        found
            .seeds
            .insert(sample.label("provider_name").to_owned(), sample.value);
    }
    read_calls(text, &mut found);
    for sample in named("apiserver_storage_", "transformation_operations_total") {
        let key = (
            sample.label("resource").to_owned(),
            sample.label("transformation_type").to_owned(),
            sample.label("transformer_prefix").to_owned(),
        );
        let slot = found.transformations.entry(key).or_default();
        if sample.label("status") == "OK" {
            slot.0 += sample.value;
        } else {
            slot.1 += sample.value;
        }
    }
    found
}

/// Adds up the calls to plugins, by provider and method.
fn read_calls(text: &str, found: &mut ServerMetrics) {
    const LATENCY: &str = "apiserver_envelope_encryption_kms_operations_latency_seconds_";
    for (suffix, sum) in [("count", false), ("sum", true)] {
        for sample in samples(text, &format!("{LATENCY}{suffix}")) {
            let method = sample.label("method_name").rsplit('/').next().unwrap_or("");
            let key = (sample.label("provider_name").to_owned(), method.to_owned());
            let slot = found.calls.entry(key).or_default();
            if sum {
                slot.1 += sample.value;
            } else {
                slot.0 += sample.value;
                if sample.label("grpc_status_code") != "OK" {
                    slot.2 += sample.value;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
# HELP x y
apiserver_encryption_config_controller_last_config_info{apiserver_id_hash="sha256:a",hash="sha256:b"} 1
process_start_time_seconds 1.7e+09
process_start_time_seconds_else 5
apiserver_envelope_encryption_key_id_hash_status_last_timestamp_seconds{apiserver_id_hash="a",key_id_hash="sha256:old",provider_name="p"} 5
apiserver_envelope_encryption_key_id_hash_status_last_timestamp_seconds{apiserver_id_hash="a",key_id_hash="sha256:new",provider_name="p"} 7
odd{a="x\"y\\z\n",b=""} 3
torn{a="x
apiserver_storage_transformation_operations_total{resource="secrets",status="OK",transformation_type="to_storage",transformer_prefix="k8s:enc:secretbox:v1:"} 4
"#;

    #[test]
    fn what_concerns_encryption_is_read() {
        let found = read(TEXT);
        assert_eq!(found.config_hashes, ["sha256:b"]);
        assert_eq!(found.started_at, Some(1.7e9));
        assert_eq!(found.key_ids["p"], ("sha256:new".to_owned(), 7.0));
        assert_eq!(found.transformations.values().next(), Some(&(4.0, 0.0)));
    }

    #[test]
    fn quotes_within_labels_are_read_and_torn_lines_left_out() {
        let odd: Vec<_> = samples(TEXT, "odd").collect();
        assert_eq!(odd[0].label("a"), "x\"y\\z\n");
        assert_eq!(odd[0].value, 3.0);
        assert_eq!(samples(TEXT, "torn").count(), 0);
    }
}

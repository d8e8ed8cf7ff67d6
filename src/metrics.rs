//! Shell. Counters: ESO's names where dashboards know them, ours for what ESO does not count.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tidegate_stages::{ObjectKey, Written};

pub mod collect;

/// Labels of one object's series: as many as objects, removed with them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ObjectLabels {
    name: String,
    namespace: String,
}

impl From<&ObjectKey> for ObjectLabels {
    fn from(key: &ObjectKey) -> Self {
        Self {
            name: key.name.to_string(),
            namespace: key.namespace.to_string(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ConditionLabels {
    name: String,
    namespace: String,
    condition: String,
    status: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WriteLabels {
    what: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FailureLabels {
    cause: &'static str,
}

/// Series that the reconcile loop moves.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    calls: Family<ObjectLabels, Counter>,
    errors: Family<ObjectLabels, Gauge<f64, AtomicU64>>,
    conditions: Family<ConditionLabels, Gauge>,
    writes: Family<WriteLabels, Counter>,
    failures: Family<FailureLabels, Counter>,
    held: Gauge,
}

impl Metrics {
    /// Registers every series.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let Self {
            calls,
            errors,
            conditions,
            writes,
            failures,
            held,
        } = metrics.clone();
        registry.register(
            "externalsecret_sync_calls",
            "Looks at an ExternalSecret",
            calls,
        );
        // ESO's name lacks the suffix that a counter gets here, so it is kept as a gauge.
        registry.register("externalsecret_sync_calls_error", "Failed looks", errors);
        registry.register(
            "externalsecret_status_condition",
            "The Ready condition",
            conditions,
        );
        registry.register(
            "tidegate_secret_writes",
            "Secrets written, by what was done",
            writes,
        );
        registry.register("tidegate_sync_failures", "Failed looks, by cause", failures);
        registry.register(
            "tidegate_removals_held",
            "Objects held by the shrink guard",
            held,
        );
        metrics
    }

    /// An object was looked at.
    pub fn looked(&self, key: &ObjectKey) {
        self.calls.get_or_create(&key.into()).inc();
    }

    /// It failed.
    pub fn failed(&self, key: &ObjectKey, cause: &'static str) {
        self.errors.get_or_create(&key.into()).inc();
        self.failures.get_or_create(&FailureLabels { cause }).inc();
    }

    /// Its Ready condition is now this.
    pub fn ready(&self, key: &ObjectKey, ready: bool) {
        for (status, value) in [("True", ready), ("False", !ready)] {
            self.conditions
                .get_or_create(&condition(key, status))
                .set(i64::from(value));
        }
    }

    /// A Secret was written.
    pub fn wrote(&self, written: Written) {
        let what = match written {
            Written::Nothing => return,
            Written::Created => "created",
            Written::Updated => "updated",
            Written::Deleted => "deleted",
        };
        self.writes.get_or_create(&WriteLabels { what }).inc();
    }

    /// So many objects are held by the shrink guard.
    pub fn held(&self, objects: usize) {
        self.held.set(i64::try_from(objects).unwrap_or(i64::MAX));
    }

    /// An object is gone: so are its series.
    pub fn forget(&self, key: &ObjectKey) {
        self.calls.remove(&key.into());
        self.errors.remove(&key.into());
        for status in ["True", "False"] {
            self.conditions.remove(&condition(key, status));
        }
    }
}

fn condition(key: &ObjectKey, status: &str) -> ConditionLabels {
    ConditionLabels {
        name: key.name.to_string(),
        namespace: key.namespace.to_string(),
        condition: "Ready".to_owned(),
        status: status.to_owned(),
    }
}

/// A registry that the admin port serves, and the series in it.
#[must_use]
pub fn registry() -> (Registry, Metrics) {
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    (registry, metrics)
}

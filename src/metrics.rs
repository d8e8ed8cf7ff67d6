//! Shell. Counters: ESO's names where dashboards know them, ours for what ESO does not count.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tidegate_stages::{ObjectKey, Written};

pub mod collect;
pub mod faults;
mod objects;

use objects::Objects;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WriteLabels {
    what: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WatchLabels {
    watch: &'static str,
    fate: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FailureLabels {
    cause: &'static str,
}

/// Series that the reconcile loop moves.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    objects: Objects,
    writes: Family<WriteLabels, Counter>,
    failures: Family<FailureLabels, Counter>,
    held: Gauge,
    watches: Family<WatchLabels, Counter>,
}

/// What became of a watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatchFate {
    /// It listed from the beginning: at the start, and when it could not go on from where it was.
    Listed,
    /// It broke off, or could not begin.
    Dropped,
}

impl Metrics {
    /// Registers every series.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let Self {
            objects,
            writes,
            failures,
            held,
            watches,
        } = metrics.clone();
        registry.register_collector(Box::new(objects));
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
        registry.register(
            "tidegate_watch",
            "Watches of the API server that listed anew or were dropped",
            watches,
        );
        metrics
    }

    /// An object was looked at.
    pub fn looked(&self, key: &ObjectKey) {
        self.objects.change(key, |series| series.calls += 1);
    }

    /// It failed.
    pub fn failed(&self, key: &ObjectKey, cause: &'static str) {
        self.objects.change(key, |series| series.errors += 1);
        self.failures.get_or_create(&FailureLabels { cause }).inc();
    }

    /// Its Ready condition is now this.
    pub fn ready(&self, key: &ObjectKey, ready: bool) {
        self.objects
            .change(key, |series| series.ready = Some(ready));
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

    /// Something became of a watch; there are as many as kinds of objects.
    pub fn watch(&self, watch: &'static str, fate: WatchFate) {
        let fate = match fate {
            WatchFate::Listed => "listed",
            WatchFate::Dropped => "dropped",
        };
        let labels = WatchLabels { watch, fate };
        self.watches.get_or_create(&labels).inc();
    }

    /// An object is gone: so are its series.
    pub fn forget(&self, key: &ObjectKey) {
        self.objects.forget(key);
    }
}

/// A registry that the admin port serves, and the series in it.
#[must_use]
pub fn registry() -> (Registry, Metrics) {
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    (registry, metrics)
}

//! Shell. What is counted, in the Prometheus text format.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::digest::sha256_hex;

/// The bounds of latencies, in seconds: 0.1 ms to 3.3 s.
const BOUNDS: [f64; 16] = [
    0.0001, 0.0002, 0.0004, 0.0008, 0.0016, 0.0032, 0.0064, 0.0128, 0.0256, 0.0512, 0.1024, 0.2048,
    0.4096, 0.8192, 1.6384, 3.2768,
];

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Service {
    service: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Served {
    service: String,
    method: &'static str,
    code: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Called {
    service: String,
    endpoint: String,
    call: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Timed {
    service: String,
    what: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Active {
    service: String,
    key_id_hash: String,
}

type Histograms = Family<Timed, Histogram, fn() -> Histogram>;

/// Every metric of the process. Cloning gives another handle to the same.
#[derive(Debug, Clone)]
pub struct Metrics(Arc<All>);

#[derive(Debug)]
struct All {
    registry: Registry,
    served: Family<Served, Counter>,
    serving: Histograms,
    called: Family<Called, Counter>,
    calling: Histograms,
    memory: Family<Service, Counter>,
    joined: Family<Service, Counter>,
    hedged: Family<Service, Counter>,
    purged: Family<Service, Counter>,
    kept: Family<Service, Gauge>,
    healthy: Family<Service, Gauge>,
    locked: Family<Service, Gauge>,
    confirmed: Family<Service, Gauge>,
    active: Family<Active, Gauge>,
    told: Mutex<HashMap<String, Active>>,
}

fn histogram() -> Histogram {
    Histogram::new(BOUNDS)
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("tidegate_kms");
        let served = Family::default();
        let serving = Histograms::new_with_constructor(histogram);
        let called = Family::default();
        let calling = Histograms::new_with_constructor(histogram);
        let counters = [(); 4].map(|()| Family::<Service, Counter>::default());
        let gauges = [(); 4].map(|()| Family::<Service, Gauge>::default());
        let active = Family::default();
        registry.register("requests", "Calls served, by gRPC code", served.clone());
        registry.register("request_seconds", "Time to serve a call", serving.clone());
        registry.register("backend_calls", "Calls to the key service", called.clone());
        registry.register("backend_seconds", "Time of its answers", calling.clone());
        let names = [
            ("memory_answers", "Decrypts answered from memory"),
            ("joined_decrypts", "Decrypts that joined an identical one"),
            ("hedges", "Calls to a second endpoint beside a slow first"),
            ("purges", "Times that everything unwrapped was dropped"),
        ];
        for ((name, help), counter) in names.into_iter().zip(&counters) {
            registry.register(name, help, counter.clone());
        }
        let names = [
            ("kept_seeds", "Unwrapped seeds in memory"),
            ("healthy", "1 while Status answers ok"),
            ("memory_locked", "1 when unwrapped keys cannot be swapped"),
            (
                "confirmed_timestamp_seconds",
                "When the key last wrapped and unwrapped",
            ),
        ];
        for ((name, help), gauge) in names.into_iter().zip(&gauges) {
            registry.register(name, help, gauge.clone());
        }
        registry.register(
            "active_key",
            "1 for the key id that Encrypt uses, hashed as the API server's metrics have it",
            active.clone(),
        );
        let [memory, joined, hedged, purged] = counters;
        let [kept, healthy, locked, confirmed] = gauges;
        Self(Arc::new(All {
            registry,
            served,
            serving,
            called,
            calling,
            memory,
            joined,
            hedged,
            purged,
            kept,
            healthy,
            locked,
            confirmed,
            active,
            told: Mutex::default(),
        }))
    }
}

fn of(service: &str) -> Service {
    Service {
        service: service.to_owned(),
    }
}

impl Metrics {
    /// Everything as text.
    ///
    /// # Errors
    /// Never in practice: writing to a string does not fail.
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.0.registry)?;
        Ok(text)
    }

    pub(crate) fn served(
        &self,
        service: &str,
        method: &'static str,
        code: &'static str,
        took: Duration,
    ) {
        let labels = Served {
            service: service.to_owned(),
            method,
            code,
        };
        self.0.served.get_or_create(&labels).inc();
        let timed = Timed {
            service: service.to_owned(),
            what: method,
        };
        self.0
            .serving
            .get_or_create(&timed)
            .observe(took.as_secs_f64());
    }

    pub(crate) fn called(
        &self,
        service: &str,
        endpoint: &str,
        call: &'static str,
        outcome: &'static str,
        took: Duration,
    ) {
        let labels = Called {
            service: service.to_owned(),
            endpoint: endpoint.to_owned(),
            call,
            outcome,
        };
        self.0.called.get_or_create(&labels).inc();
        let timed = Timed {
            service: service.to_owned(),
            what: call,
        };
        self.0
            .calling
            .get_or_create(&timed)
            .observe(took.as_secs_f64());
    }

    pub(crate) fn answered_from_memory(&self, service: &str) {
        self.0.memory.get_or_create(&of(service)).inc();
    }

    pub(crate) fn joined(&self, service: &str) {
        self.0.joined.get_or_create(&of(service)).inc();
    }

    pub(crate) fn hedged(&self, service: &str) {
        self.0.hedged.get_or_create(&of(service)).inc();
    }

    pub(crate) fn purged(&self, service: &str) {
        self.0.purged.get_or_create(&of(service)).inc();
        self.0.kept.get_or_create(&of(service)).set(0);
    }

    pub(crate) fn kept(&self, service: &str, seeds: usize) {
        let seeds = i64::try_from(seeds).unwrap_or(i64::MAX);
        self.0.kept.get_or_create(&of(service)).set(seeds);
    }

    pub(crate) fn healthy(&self, service: &str, healthy: bool) {
        let healthy = i64::from(healthy);
        self.0.healthy.get_or_create(&of(service)).set(healthy);
    }

    pub(crate) fn memory_locked(&self, service: &str, locked: bool) {
        self.0
            .locked
            .get_or_create(&of(service))
            .set(i64::from(locked));
    }

    pub(crate) fn confirmed(&self, service: &str, at: Duration) {
        let at = i64::try_from(at.as_secs()).unwrap_or(i64::MAX);
        self.0.confirmed.get_or_create(&of(service)).set(at);
    }

    pub(crate) fn active(&self, service: &str, key_id: &str) {
        let labels = Active {
            service: service.to_owned(),
            key_id_hash: format!("sha256:{}", sha256_hex(key_id)),
        };
        // One series per service: the key before is no longer the active one.
        let mut told = self.0.told.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = told.insert(service.to_owned(), labels.clone())
            && before != labels
        {
            self.0.active.remove(&before);
        }
        self.0.active.get_or_create(&labels).set(1);
    }
}

//! Shell. Sizes and counters that are read when somebody asks: queues, permits, fetch, sessions.

use std::fmt;
use std::sync::{Arc, Weak};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use tidegate_fetch::{EndpointStats, Gate};
use tidegate_queue::LANES;

use crate::controller::context::Context;
use crate::metrics::faults::{Fault, counts};
use crate::patch::permits::Permits;

/// Reads the controller when the admin port is asked.
#[derive(Clone)]
pub struct Live {
    context: Weak<Context>,
    permits: Permits,
}

impl Live {
    /// Reads `context` for as long as it lives.
    #[must_use]
    pub fn new(context: &Arc<Context>, permits: Permits) -> Self {
        Self {
            context: Arc::downgrade(context),
            permits,
        }
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Live")
    }
}

type Labelled<T> = Vec<([(&'static str, String); 1], T)>;

impl Collector for Live {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(context) = self.context.upgrade() else {
            return Ok(());
        };
        let mut out = Out(&mut encoder);
        queues(&mut out, &context)?;
        calls(&mut out, &context)?;
        endpoints(&mut out, &context)?;
        faults(&mut out)?;
        let (in_flight, waiting, allowed) = self.permits.load();
        out.gauge(
            "tidegate_write_permits_in_use",
            "Writes in flight",
            in_flight,
        )?;
        out.gauge(
            "tidegate_write_permits_waiting",
            "Writes that wait",
            waiting,
        )?;
        out.gauge(
            "tidegate_write_permits_limit",
            "The adaptive limit",
            allowed,
        )?;
        let (objects, stores, targets) = context.seen().sizes();
        out.gauge(
            "tidegate_external_secrets",
            "ExternalSecrets known",
            objects,
        )?;
        out.gauge("tidegate_stores", "Stores known", stores)?;
        out.gauge("tidegate_targets", "Managed Secrets known", targets)?;
        out.gauge(
            "tidegate_statuses_waiting",
            "Statuses to write",
            context.reporter.waiting(),
        )?;
        out.gauge(
            "tidegate_statuses_deferred",
            "Of these, behind all Secrets",
            context.reporter.deferred(),
        )?;
        let (dropped, warnings) = context.reporter.events();
        out.counter(
            "tidegate_events_dropped",
            "Normal events beyond the bucket",
            dropped,
        )?;
        out.gauge(
            "tidegate_warnings_waiting",
            "Warnings that wait for a token",
            warnings,
        )
    }
}

fn queues(out: &mut Out<'_, '_>, context: &Context) -> fmt::Result {
    let stats = context.queue.stats();
    let (mut depth, mut oldest) = (Labelled::new(), Labelled::new());
    let (mut entered, mut taken) = (Labelled::new(), Labelled::new());
    for lane in LANES {
        let (label, stats) = ([("lane", lane.name().to_owned())], stats.lane(lane));
        depth.push((label.clone(), ConstGauge::new(number(stats.depth))));
        oldest.push((label.clone(), ConstGauge::new(stats.oldest.as_secs_f64())));
        entered.push((label.clone(), ConstCounter::new(stats.entered)));
        taken.push((label, ConstCounter::new(stats.taken)));
    }
    out.family("tidegate_queue_depth", "Objects that wait, by lane", depth)?;
    let help = "How long the first of a lane waits";
    out.family("tidegate_queue_oldest_wait_seconds", help, oldest)?;
    out.family("tidegate_queue_entered", "Objects that entered", entered)?;
    out.family("tidegate_queue_taken", "Objects handed out", taken)?;
    out.gauge("tidegate_queue_delayed", "Objects not due", stats.delayed)?;
    out.gauge("tidegate_queue_in_work", "Objects in work", stats.in_work)?;
    out.counter(
        "tidegate_queue_abandoned",
        "Objects whose task ended without a word",
        stats.abandoned,
    )
}

fn calls(out: &mut Out<'_, '_>, context: &Context) -> fmt::Result {
    let stats = context.fetch.stats();
    out.counter("tidegate_backend_calls", "Calls to backends", stats.calls)?;
    out.counter("tidegate_backend_keys", "Keys asked in them", stats.keys)?;
    out.counter(
        "tidegate_backend_joins",
        "Reads that another call answered",
        stats.joins,
    )?;
    out.counter("tidegate_backend_polls", "Polls that came due", stats.polls)?;
    out.counter(
        "tidegate_backend_unchanged",
        "Answers equal to the last",
        stats.same,
    )?;
    out.counter(
        "tidegate_backend_changed",
        "Answers with another value",
        stats.changed,
    )?;
    out.counter(
        "tidegate_backend_hits",
        "Reads that a held answer served",
        stats.hits,
    )?;
    out.counter("tidegate_backend_retries", "Calls repeated", stats.retries)?;
    out.counter(
        "tidegate_backend_short_circuits",
        "Failures without a call, by an open breaker",
        stats.short_circuits,
    )?;
    out.gauge(
        "tidegate_backend_reads_waiting",
        "Reads that wait",
        stats.waiting,
    )?;
    out.gauge(
        "tidegate_polling_groups",
        "Remote keys that are polled",
        stats.groups,
    )?;
    out.gauge(
        "tidegate_values_held",
        "Values held for readers to come",
        stats.held,
    )?;
    let sessions = context.sessions.stats();
    out.gauge("tidegate_sessions", "Sessions with backends", sessions.open)?;
    out.counter("tidegate_logins", "Logins tried", sessions.logins)?;
    out.counter(
        "tidegate_login_failures",
        "Logins that failed",
        sessions.login_failures,
    )
}

/// Endpoints with series of their own; hosts and Vault namespaces are few, but tenants name them.
const MAX_ENDPOINTS: usize = 64;

fn endpoints(out: &mut Out<'_, '_>, context: &Context) -> fmt::Result {
    let stats = context.fetch.stats();
    let shown = &stats.endpoints[..stats.endpoints.len().min(MAX_ENDPOINTS)];
    type Gauges = Labelled<ConstGauge<f64>>;
    type Of = fn(&EndpointStats) -> f64;
    let gauges: [(&str, &str, Of); 5] = [
        ("in_flight", "Calls in flight, by endpoint", |it| {
            float(it.in_flight)
        }),
        ("in_flight_limit", "Calls in flight, at most", |it| {
            float(it.in_flight_limit)
        }),
        ("rate_limit", "Calls a second, at most", |it| it.rate),
        ("queued", "Keys that wait for a permit", |it| {
            float(it.queued.iter().map(|(_, keys)| keys).sum())
        }),
        ("breaker_open", "1 while only probes pass", |it| {
            f64::from(u8::from(it.gate == Gate::Open))
        }),
    ];
    let label = |it: &EndpointStats| [("endpoint", it.endpoint.to_string())];
    for (name, help, of) in gauges {
        let series = shown.iter().map(|it| (label(it), ConstGauge::new(of(it))));
        let series: Gauges = series.collect();
        out.family(&format!("tidegate_endpoint_{name}"), help, series)?;
    }
    type Count = fn(&EndpointStats) -> u64;
    let counters: [(&str, &str, Count); 3] = [
        ("calls", "Calls started", |it| it.calls),
        ("throttled", "Answers with push-back", |it| it.throttled),
        ("unavailable", "Calls without an answer", |it| {
            it.unavailable
        }),
    ];
    for (name, help, of) in counters {
        let series = shown
            .iter()
            .map(|it| (label(it), ConstCounter::new(of(it))));
        let series = series.collect();
        out.family(&format!("tidegate_endpoint_{name}"), help, series)?;
    }
    let left_out = stats.endpoints.len() - shown.len();
    let help = "Endpoints without series of their own";
    out.gauge("tidegate_endpoints_left_out", help, left_out)
}

/// Failed connections to the API server, by what failed.
fn faults(out: &mut Out<'_, '_>) -> fmt::Result {
    let label = |fault: Fault| [("fault", fault.name().to_owned())];
    let counts = counts().map(|(fault, count)| (label(fault), ConstCounter::new(count)));
    let help = "Requests to the API server without an answer";
    out.family("tidegate_apiserver_faults", help, counts.into())
}

/// Writes single series.
struct Out<'a, 'b>(&'a mut DescriptorEncoder<'b>);

impl Out<'_, '_> {
    fn gauge(&mut self, name: &str, help: &str, value: usize) -> fmt::Result {
        self.one(name, help, &ConstGauge::new(number(value)))
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        self.one(name, help, &ConstCounter::new(value))
    }

    fn one<M: EncodeMetric>(&mut self, name: &str, help: &str, metric: &M) -> fmt::Result {
        let encoder = self
            .0
            .encode_descriptor(name, help, None, metric.metric_type())?;
        metric.encode(encoder)
    }

    fn family<M: EncodeMetric>(
        &mut self,
        name: &str,
        help: &str,
        series: Vec<([(&'static str, String); 1], M)>,
    ) -> fmt::Result {
        let Some(kind) = series.first().map(|(_, metric)| metric.metric_type()) else {
            return Ok(());
        };
        let mut encoder = self.0.encode_descriptor(name, help, None, kind)?;
        for (labels, metric) in &series {
            metric.encode(encoder.encode_family(labels)?)?;
        }
        Ok(())
    }
}

#[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
fn float(value: usize) -> f64 {
    value as f64
}

fn number(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

//! Shell. Sizes and counters that are read when somebody asks: queues, permits, fetch, sessions.

use std::fmt;
use std::sync::{Arc, Weak};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use tidegate_fetch::Gate;
use tidegate_queue::LANES;

use crate::controller::context::Context;
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
    let mut depth = Labelled::new();
    for lane in LANES {
        let queued = stats.lanes[lane.index()].depth;
        depth.push((
            [("lane", lane.name().to_owned())],
            ConstGauge::new(number(queued)),
        ));
    }
    out.family("tidegate_queue_depth", "Objects that wait, by lane", depth)
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

fn endpoints(out: &mut Out<'_, '_>, context: &Context) -> fmt::Result {
    let stats = context.fetch.stats();
    let (mut in_flight, mut open, mut throttled) = (Labelled::new(), Labelled::new(), Vec::new());
    for endpoint in &stats.endpoints {
        let label = [("endpoint", endpoint.endpoint.to_string())];
        let is_open = i64::from(endpoint.gate == Gate::Open);
        in_flight.push((label.clone(), ConstGauge::new(number(endpoint.in_flight))));
        open.push((label.clone(), ConstGauge::new(is_open)));
        throttled.push((label, ConstCounter::new(endpoint.throttled)));
    }
    out.family(
        "tidegate_endpoint_in_flight",
        "Calls in flight, by endpoint",
        in_flight,
    )?;
    out.family(
        "tidegate_endpoint_breaker_open",
        "1 while only probes pass",
        open,
    )?;
    out.family(
        "tidegate_endpoint_throttled",
        "Answers with push-back",
        throttled,
    )
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

fn number(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

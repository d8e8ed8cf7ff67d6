//! Shell. Two replicas and one Lease under virtual time: a gap between two writers, never an
//! overlap.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kubebox::{Fault, FaultRule, RequestRecord, Verb};
use tidegate::run::controller::ControllerError;

use crate::support::{NS, Sim, depot, eventually, extract, pass, path};

const SECOND: Duration = Duration::from_secs(1);
const LEASE: &[&str] = &["--status-heartbeat", "off", "--lease-duration", "15s"];

async fn busy(seed: u64) -> Sim {
    let sim = Sim::new(seed).await;
    for number in 0..5 {
        let key = format!("k{number}");
        sim.depot.put(&key);
        sim.external_secret(&format!("es{number}"), &extract(&[&key], "1s"))
            .await;
    }
    sim
}

/// Changes values every second for a while, so that whoever may write does.
async fn churn(sim: &Sim, seconds: u32) {
    for second in 0..seconds {
        sim.depot.put(&format!("k{}", second % 5));
        pass(SECOND).await;
    }
}

fn by(requests: &[RequestRecord], process: &str) -> Vec<RequestRecord> {
    let mine = requests.iter().filter(|r| r.user_agent == process);
    mine.cloned().collect()
}

fn last(requests: &[RequestRecord]) -> Timestamp {
    requests.iter().map(|request| request.at).max().unwrap()
}

fn first(requests: &[RequestRecord]) -> Timestamp {
    requests.iter().map(|request| request.at).min().unwrap()
}

/// When a process last began a renewal that was stored.
fn renewed(sim: &Sim, process: &str) -> Timestamp {
    let renewals = sim.requests().into_iter().filter(|request| {
        request.user_agent == process
            && request.resource == "leases"
            && request.is_write()
            && request.code.is_some_and(|code| code < 300)
    });
    last(&renewals.collect::<Vec<_>>())
}

#[tokio::test(start_paused = true)]
async fn only_the_holder_writes_and_a_release_hands_over_at_once() {
    let sim = busy(31).await;
    let holder = sim.start(LEASE);
    sim.until_ready().await;
    let standby = sim.start(LEASE);
    churn(&sim, 60).await;
    assert_eq!(by(&sim.writes(), "tidegate-1"), Vec::new());
    holder.stop().await;
    let stopped = sim.now();
    churn(&sim, 20).await;
    let writes = sim.writes();
    assert!(last(&by(&writes, "tidegate-0")) <= stopped);
    let gap = first(&by(&writes, "tidegate-1")).duration_since(stopped);
    assert!(gap <= SignedDuration::from_secs(4), "{gap:?} after SIGTERM");
    standby.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_killed_holder_is_followed_within_the_lease_and_one_retry() {
    let sim = busy(32).await;
    let holder = sim.start(LEASE);
    sim.until_ready().await;
    let standby = sim.start(LEASE);
    churn(&sim, 30).await;
    let renewed = renewed(&sim, "tidegate-0");
    holder.kill().await;
    churn(&sim, 40).await;
    let took = first(&by(&sim.writes(), "tidegate-1"));
    let after = took.duration_since(renewed);
    assert!(after >= SignedDuration::from_secs(15), "overlap: {after:?}");
    assert!(after <= SignedDuration::from_secs(22), "late: {after:?}");
    eventually("the last values", 30 * SECOND, || async {
        let mut well = true;
        for number in 0..5 {
            let key = format!("k{number}");
            let wanted = depot::value(&key, sim.depot.number(&key).unwrap());
            well &= sim.data(&format!("es{number}")).await == Some(wanted);
        }
        well
    })
    .await;
    standby.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_cannot_renew_stops_at_two_thirds_and_ends() {
    let sim = busy(33).await;
    let holder = sim.start(LEASE);
    sim.until_ready().await;
    let standby = sim.start(LEASE);
    churn(&sim, 30).await;
    // The holder alone renews; the standby only reads until the Lease is stale.
    let blocked = FaultRule::new(Fault::Status(503)).verb(Verb::Update);
    sim.kubebox.inject(blocked.resource("leases").times(8));
    let renewed = renewed(&sim, "tidegate-0");
    churn(&sim, 40).await;
    let writes = sim.writes();
    let (old, new) = (by(&writes, "tidegate-0"), by(&writes, "tidegate-1"));
    let stopped = last(&old).duration_since(renewed);
    assert!(stopped <= SignedDuration::from_secs(10), "{stopped:?}");
    assert!(stopped >= SignedDuration::from_secs(7), "{stopped:?}");
    let gap = first(&new).duration_since(last(&old));
    assert!(gap >= SignedDuration::from_secs(4), "gap of {gap:?}");
    assert!(holder.has_ended());
    let outcome = holder.outcome().await;
    assert!(matches!(outcome, Err(ControllerError::Failed(_))));
    standby.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_write_on_its_way_when_the_lease_runs_out_is_fenced_by_its_version() {
    let sim = busy(34).await;
    let holder = sim.start(LEASE);
    sim.until_ready().await;
    churn(&sim, 10).await;
    // A write of the old holder hangs in the network for longer than the Lease lasts.
    let slow = FaultRule::new(Fault::Latency(25 * SECOND)).verb(Verb::Patch);
    sim.kubebox
        .inject(slow.resource("secrets").name("es0").times(1));
    sim.depot.put("k0");
    let stuck = sim.depot.number("k0").unwrap();
    pass(2 * SECOND).await;
    let cut = FaultRule::new(Fault::Reset)
        .verb(Verb::Update)
        .resource("leases");
    sim.kubebox.inject(cut.times(8));
    let standby = sim.start(LEASE);
    pass(18 * SECOND).await;
    sim.depot.put("k0");
    pass(60 * SECOND).await;
    let wanted = depot::value("k0", stuck + 1);
    assert_eq!(sim.data("es0").await.unwrap(), wanted, "an old write won");
    assert!(sim.get(&path(NS, "secrets", "es0")).await.is_some());
    assert!(holder.has_ended());
    standby.stop().await;
}

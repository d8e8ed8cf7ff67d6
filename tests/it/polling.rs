//! Shell. Intervals, heartbeats, restarts and changes, counted over virtual hours.

use std::time::Duration;

use kubebox::{Fault, FaultRule, RequestRecord, Verb};
use serde_json::json;

use crate::support::{QUIET, Sim, depot, extract, pass};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const OBJECTS: usize = 40;
const KEYS: usize = 10;

/// Forty objects on ten keys, each polled every five minutes.
async fn forty(sim: &Sim) {
    for number in 0..KEYS {
        sim.depot.put(&format!("k{number}"));
    }
    for number in 0..OBJECTS {
        let key = format!("k{}", number % KEYS);
        sim.external_secret(&format!("es{number}"), &extract(&[&key], "5m"))
            .await;
    }
}

fn of<'a>(writes: &'a [RequestRecord], resource: &str) -> Vec<&'a RequestRecord> {
    writes
        .iter()
        .filter(|write| write.resource == resource)
        .collect()
}

#[tokio::test(start_paused = true)]
async fn three_hours_are_thirty_six_calls_per_key_and_not_one_request() {
    let sim = Sim::new(1).await;
    forty(&sim).await;
    let controller = sim.start(QUIET);
    sim.until_ready().await;
    for number in 0..KEYS {
        assert_eq!(sim.depot.count(&format!("k{number}")), 1, "first sync");
    }
    // The first poll finds its slot half to one and a half intervals after the first read.
    pass(15 * MINUTE).await;
    sim.count_from_here();
    pass(3 * HOUR).await;
    for number in 0..KEYS {
        assert_eq!(sim.depot.count(&format!("k{number}")), 36);
    }
    assert_eq!(sim.writes(), Vec::new());
    let reads = sim.requests().into_iter();
    let mut reads = reads.filter(|r| matches!(r.verb, Verb::Get | Verb::List));
    assert_eq!(reads.find(|r| r.resource != "leases"), None);
    let (overlaps, _) = sim.depot.load();
    assert_eq!(overlaps, 0);
    controller.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_is_one_status_per_object_and_its_time() {
    let sim = Sim::new(2).await;
    forty(&sim).await;
    let controller = sim.start(&["--status-heartbeat", "2h", "--no-leader-election"]);
    sim.until_ready().await;
    pass(15 * MINUTE).await;
    sim.count_from_here();
    pass(20 * HOUR).await;
    let writes = sim.writes();
    assert_eq!(of(&writes, "externalsecrets").len(), writes.len());
    for number in 0..OBJECTS {
        let name = format!("es{number}");
        let mine = writes.iter().filter(|write| write.name == name).count();
        // Every two hours, at the poll that follows.
        assert!((9..=10).contains(&mine), "{mine} heartbeats of {name}");
    }
    controller.stop().await;
}

#[tokio::test(start_paused = true)]
async fn each_heartbeat_is_one_status_per_refresh() {
    let sim = Sim::new(3).await;
    sim.depot.put("k");
    sim.external_secret("es", &extract(&["k"], "10m")).await;
    let controller = sim.start(&["--status-heartbeat", "each", "--no-leader-election"]);
    sim.until_ready().await;
    pass(30 * MINUTE).await;
    sim.count_from_here();
    pass(5 * HOUR).await;
    let (reads, writes) = (sim.depot.count("k"), sim.writes());
    assert!((29..=31).contains(&reads), "{reads} reads");
    let told = of(&writes, "externalsecrets").len();
    assert!((29..=31).contains(&told), "{told} statuses");
    assert_eq!(writes.len(), told);
    controller.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_restart_asks_nothing_that_is_not_due_and_writes_nothing() {
    let sim = Sim::new(4).await;
    forty(&sim).await;
    let controller = sim.start(QUIET);
    sim.until_ready().await;
    pass(15 * MINUTE).await;
    let last = |key: &str| {
        let calls = sim.depot.calls();
        let mine = calls.iter().filter(|call| call.key == key);
        mine.map(|call| call.at).max().unwrap()
    };
    let before: Vec<_> = (0..KEYS)
        .map(|number| last(&format!("k{number}")))
        .collect();
    for _ in 0..3 {
        sim.count_from_here();
        let controller = sim.start(QUIET);
        pass(20 * Duration::from_secs(1)).await;
        controller.kill().await;
    }
    controller.stop().await;
    sim.count_from_here();
    let controller = sim.start(QUIET);
    pass(HOUR).await;
    assert_eq!(sim.writes(), Vec::new());
    for (number, before) in before.iter().enumerate() {
        let key = format!("k{number}");
        let calls = sim.depot.calls();
        let mut mine = calls.iter().filter(|call| call.key == key);
        let first = mine.next().unwrap().at;
        assert!(first - *before >= 5 * MINUTE - MINUTE, "{key} came early");
        let count = sim.depot.count(&key);
        assert!((11..=13).contains(&count), "{count} reads of {key}");
    }
    controller.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_changed_key_is_one_call_and_one_write_per_user() {
    let sim = Sim::new(5).await;
    forty(&sim).await;
    let controller = sim.start(QUIET);
    sim.until_ready().await;
    pass(15 * MINUTE).await;
    sim.count_from_here();
    sim.depot.put("k3");
    pass(5 * MINUTE).await;
    assert_eq!(sim.depot.count("k3"), 1);
    let writes = sim.writes();
    let mut written: Vec<&str> = of(&writes, "secrets")
        .iter()
        .map(|write| write.name.as_str())
        .collect();
    written.sort_unstable();
    assert_eq!(written, ["es13", "es23", "es3", "es33"]);
    for name in written {
        assert_eq!(sim.data(name).await.unwrap(), depot::value("k3", 2));
    }
    controller.stop().await;
}

#[tokio::test(start_paused = true)]
async fn retry_after_holds_every_write_for_that_long() {
    let sim = Sim::new(6).await;
    forty(&sim).await;
    let push_back = FaultRule::new(Fault::TooManyRequests { retry_after: 20 });
    sim.kubebox
        .inject(push_back.verb(Verb::Create).resource("secrets").times(1));
    let controller = sim.start(QUIET);
    sim.until_ready().await;
    let writes = sim.writes();
    let refused: Vec<_> = writes.iter().filter(|w| w.code == Some(429)).collect();
    assert_eq!(refused.len(), 1);
    let until = refused[0].at + Duration::from_secs(20);
    // Those in flight at that instant are answered; nothing begins before the time is over.
    let early: Vec<_> = writes
        .iter()
        .filter(|write| write.at > refused[0].at && write.at < until)
        .collect();
    assert!(early.is_empty(), "{early:?}");
    let made = of(&writes, "secrets");
    let made = made.iter().filter(|write| write.code == Some(201)).count();
    assert_eq!(made, OBJECTS, "each created once");
    controller.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_created_once_value_is_drawn_once() {
    let sim = Sim::new(7).await;
    sim.depot.put("k");
    let mut spec = extract(&["k"], "5m");
    spec["refreshPolicy"] = json!("CreatedOnce");
    spec["target"] = json!({ "template": { "data": { "drawn": "{{ randAlphaNum 24 }}" } } });
    sim.external_secret("once", &spec).await;
    for round in 0..4 {
        let lost = FaultRule::new(Fault::LoseAnswer).verb(Verb::Create);
        sim.kubebox.inject(lost.resource("secrets").times(2));
        let controller = sim.start(QUIET);
        sim.until_ready().await;
        pass(HOUR).await;
        sim.depot.put("k");
        if round % 2 == 0 {
            controller.kill().await;
        } else {
            controller.stop().await;
        }
    }
    let writes = sim.writes();
    let wrote = of(&writes, "secrets");
    let creates = wrote.iter().filter(|w| w.verb == Verb::Create).count();
    assert_eq!(wrote.len(), creates, "nothing but creates: {wrote:?}");
    assert_eq!(sim.data("once").await.unwrap()["drawn"].len(), 24);
}

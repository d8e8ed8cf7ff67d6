//! Shell. Retries, broken and lagging watches, lost answers: what they cost and that nothing is
//! missed.

use std::time::Duration;

use kubebox::{Fault, FaultRule, RequestRecord, Verb};
use serde_json::json;
use tidegate_contract::ErrorKind;

use crate::support::depot::Mood;
use crate::support::{NS, QUIET, Sim, depot, eventually, extract, pass, path};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

async fn synced(seed: u64, objects: usize, interval: &str) -> Sim {
    let sim = Sim::new(seed).await;
    for number in 0..objects {
        let key = format!("k{number}");
        sim.depot.put(&key);
        sim.external_secret(&format!("es{number}"), &extract(&[&key], interval))
            .await;
    }
    sim
}

#[tokio::test(start_paused = true)]
async fn retries_of_a_key_grow_apart_and_end_at_once_when_it_is_well() {
    let sim = synced(21, 1, "5m").await;
    sim.depot.mood(Mood::failing(ErrorKind::Unavailable));
    let controller = sim.start(QUIET);
    pass(2 * HOUR).await;
    let calls = sim.depot.calls();
    let gaps: Vec<Duration> = calls.windows(2).map(|two| two[1].at - two[0].at).collect();
    assert!(gaps.iter().all(|gap| *gap >= SECOND / 2), "{gaps:?}");
    // Once they have grown they stay grown: never under half a minute after the tenth.
    assert!(
        gaps.iter().skip(10).all(|gap| *gap >= 30 * SECOND),
        "{gaps:?}"
    );
    assert!((20..=200).contains(&calls.len()), "{} calls", calls.len());
    let told = sim.writes();
    let told = told.iter().filter(|w| w.resource == "externalsecrets");
    assert_eq!(told.count(), 1, "the outage is told once");
    sim.depot.mood(Mood::WELL);
    pass(8 * MINUTE).await;
    assert_eq!(sim.data("es0").await.unwrap(), depot::value("k0", 1));
    controller.stop().await;
}

#[tokio::test(start_paused = true)]
async fn watches_that_break_every_minute_cost_no_call_and_no_write_and_miss_nothing() {
    let sim = synced(22, 10, "1h").await;
    let controller = sim.start(QUIET);
    sim.until_ready().await;
    pass(2 * HOUR).await;
    sim.count_from_here();
    sim.kubebox.drop_watches();
    let broken = FaultRule::new(Fault::DropWatch(MINUTE)).verb(Verb::Watch);
    sim.kubebox.inject(broken);
    pass(3 * HOUR).await;
    assert_eq!(sim.writes(), Vec::new());
    assert_eq!(sim.depot.calls().len(), 30, "three polls of ten keys");
    assert!(sim.kubebox.faults_struck()[0] >= 100, "watches broke");
    // What happens between two watches is seen.
    sim.depot.put("new");
    sim.kubebox.drop_watches();
    let spec = json!({ "spec": extract(&["new"], "1h") });
    sim.patch(&path(NS, "externalsecrets", "es0"), &spec).await;
    pass(2 * MINUTE).await;
    assert_eq!(sim.data("es0").await.unwrap(), depot::value("new", 1));
    controller.stop().await;
}

#[tokio::test(start_paused = true)]
async fn after_a_compaction_everything_is_listed_again_and_the_gone_is_let_go() {
    let sim = synced(23, 10, "10m").await;
    // Without an owner, so that no collector takes its Secret while the watch is away.
    sim.depot.put("gone");
    let mut spec = extract(&["gone"], "10m");
    spec["target"] = json!({ "creationPolicy": "Orphan" });
    sim.external_secret("gone", &spec).await;
    let controller = sim.start(QUIET);
    sim.until_ready().await;
    pass(HOUR).await;
    // No watch may begin while the objects go, so that only a new list can tell.
    let refused = FaultRule::new(Fault::Status(503)).verb(Verb::Watch);
    sim.kubebox.inject(refused.times(14));
    sim.kubebox.drop_watches();
    sim.delete(&path(NS, "externalsecrets", "gone")).await;
    sim.kubebox.compact();
    pass(3 * MINUTE).await;
    sim.count_from_here();
    pass(2 * HOUR).await;
    assert_eq!(sim.depot.count("gone"), 0, "still polled for nobody");
    assert_eq!(sim.depot.count("k4"), 12);
    assert_eq!(sim.writes(), Vec::new());
    assert_eq!(sim.data("gone").await.unwrap(), depot::value("gone", 1));
    controller.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_orphan_that_was_deleted_or_edited_is_made_whole_at_the_next_refresh() {
    let sim = synced(27, 10, "10m").await;
    let mut spec = extract(&["k1"], "10m");
    spec["target"] = json!({ "creationPolicy": "Orphan" });
    sim.external_secret("orphan", &spec).await;
    let controller = sim.start(QUIET);
    sim.until_ready().await;
    pass(HOUR).await;
    sim.delete(&path(NS, "secrets", "orphan")).await;
    pass(12 * MINUTE).await;
    assert_eq!(sim.data("orphan").await.unwrap(), depot::value("k1", 1));
    // Polls go on where nothing has to be mended.
    pass(HOUR).await;
    sim.count_from_here();
    pass(2 * HOUR).await;
    assert_eq!((sim.depot.count("k1"), sim.writes()), (12, Vec::new()));
    let theirs = json!({ "data": { "v": "dGhlaXJz" } });
    sim.patch(&path(NS, "secrets", "orphan"), &theirs).await;
    // The next start finds it so.
    controller.kill().await;
    let controller = sim.start(QUIET);
    pass(12 * MINUTE).await;
    assert_eq!(sim.data("orphan").await.unwrap(), depot::value("k1", 1));
    controller.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_is_collected_again_and_again_is_not_made_without_end() {
    let sim = synced(26, 10, "10m").await;
    let controller = sim.start(QUIET);
    sim.until_ready().await;
    pass(HOUR).await;
    // The collector takes each new Secret of the owner that is gone, of which nobody has told us.
    let refused = FaultRule::new(Fault::Status(503)).verb(Verb::Watch);
    sim.kubebox
        .inject(refused.resource("externalsecrets").times(14));
    sim.kubebox.drop_watches();
    sim.delete(&path(NS, "externalsecrets", "es3")).await;
    sim.count_from_here();
    pass(2 * HOUR).await;
    let writes = sim.writes();
    let made = |w: &&RequestRecord| w.verb == Verb::Create && w.resource == "secrets";
    let made = writes.iter().filter(made).count();
    assert!(
        (2..=12).contains(&made),
        "{made} Secrets for an owner that is gone"
    );
    assert_eq!(sim.data("es3").await, None, "collected with its owner");
    controller.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_lags_leads_to_no_second_write() {
    let sim = synced(24, 10, "1h").await;
    for resource in ["secrets", "externalsecrets"] {
        let lag = FaultRule::new(Fault::LagWatch(20 * SECOND)).verb(Verb::Watch);
        sim.kubebox.inject(lag.resource(resource));
    }
    let controller = sim.start(QUIET);
    sim.until_ready().await;
    pass(HOUR).await;
    let writes = sim.writes();
    let count = |resource: &str| writes.iter().filter(|w| w.resource == resource).count();
    assert_eq!((count("secrets"), count("externalsecrets")), (10, 10));
    assert!(sim.kubebox.faults_struck()[0] > 0, "no watch lagged");
    controller.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_got_lost_is_found_out_and_not_written_twice() {
    let sim = synced(25, 10, "1h").await;
    let lost = FaultRule::new(Fault::LoseAnswer).verb(Verb::Create);
    sim.kubebox.inject(lost.resource("secrets").times(5));
    let controller = sim.start(QUIET);
    sim.until_ready().await;
    pass(HOUR).await;
    let writes = sim.writes();
    let changed = writes
        .iter()
        .filter(|w| w.resource == "secrets" && (w.code.is_none() || w.code < Some(300)));
    assert_eq!(changed.count(), 10, "each made once: {writes:#?}");
    controller.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_object_deleted_while_it_is_looked_at_does_not_stay_subscribed() {
    let sim = synced(26, 2, "1m").await;
    let controller = sim.start(QUIET);
    sim.until_ready().await;
    // The answer takes as long as the look lasts; the object goes in the middle of it.
    sim.depot.mood(Mood {
        delay: 10 * SECOND,
        ..Mood::WELL
    });
    sim.depot.put("k0");
    let touch = json!({ "metadata": { "annotations": { "external-secrets.io/force-sync": "1" } } });
    sim.patch(&path(NS, "externalsecrets", "es0"), &touch).await;
    pass(5 * SECOND).await;
    sim.delete(&path(NS, "externalsecrets", "es0")).await;
    pass(30 * SECOND).await;
    sim.depot.mood(Mood::WELL);
    sim.count_from_here();
    pass(HOUR).await;
    assert_eq!(sim.depot.count("k0"), 0, "still polled for nobody");
    assert_eq!(sim.depot.count("k1"), 60);
    assert_eq!(sim.data("es0").await, None);
    assert_eq!(sim.writes(), Vec::new());
    controller.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_is_over_before_its_status_is_seen_does_not_stay() {
    let sim = synced(27, 5, "1m").await;
    let lag = FaultRule::new(Fault::LagWatch(30 * SECOND)).verb(Verb::Watch);
    sim.kubebox.inject(lag.resource("externalsecrets"));
    let controller = sim.start(QUIET);
    sim.until_ready().await;
    pass(5 * MINUTE).await;
    sim.depot.mood(Mood::failing(ErrorKind::Unavailable));
    let failed = || async { !sim.all_ready().await };
    eventually("a failure to be told", 5 * MINUTE, failed).await;
    // Well again while the watch still shows the good status from before.
    sim.depot.mood(Mood::WELL);
    pass(10 * MINUTE).await;
    assert!(sim.all_ready().await, "the late status stays");
    controller.stop().await;
}

//! Shell. Evidence of absence and the shrink guard: what may be removed, and when.

use std::time::Duration;

use kubebox::Verb;
use serde_json::json;
use tidegate_contract::ErrorKind;

use crate::support::depot::{Mood, Told};
use crate::support::{NS, QUIET, Sim, depot, eventually, extract, pass, path, ready};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

async fn delete_policy(sim: &Sim, name: &str, key: &str) {
    sim.depot.put(key);
    let mut spec = extract(&[key], "10m");
    spec["target"] = json!({ "deletionPolicy": "Delete" });
    sim.external_secret(name, &spec).await;
}

fn deletes(sim: &Sim) -> usize {
    let writes = sim.writes();
    writes.iter().filter(|w| w.verb == Verb::Delete).count()
}

#[tokio::test(start_paused = true)]
async fn one_absence_alone_is_looked_at_again_thirty_seconds_later() {
    let sim = Sim::new(11).await;
    delete_policy(&sim, "alone", "k").await;
    let controller = sim.start(QUIET);
    sim.until_ready().await;
    sim.depot.remove("k");
    sim.count_from_here();
    eventually("the Secret to go", HOUR, || async {
        sim.data("alone").await.is_none()
    })
    .await;
    let absent: Vec<_> = sim
        .depot
        .calls()
        .into_iter()
        .filter(|call| call.told == Told::Absent)
        .collect();
    assert_eq!(absent.len(), 2, "{absent:?}");
    let between = absent[1].at - absent[0].at;
    assert!(between >= Duration::from_secs(30), "{between:?}");
    assert!(between <= MINUTE, "{between:?}");
    assert_eq!(deletes(&sim), 1);
    controller.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_absence_that_does_not_last_removes_nothing() {
    let sim = Sim::new(12).await;
    delete_policy(&sim, "alone", "k").await;
    let controller = sim.start(QUIET);
    sim.until_ready().await;
    sim.depot.remove("k");
    sim.count_from_here();
    eventually("the first absence", HOUR, || async {
        !sim.depot.calls().is_empty()
    })
    .await;
    sim.depot.put("k");
    pass(2 * HOUR).await;
    assert_eq!(deletes(&sim), 0);
    assert_eq!(sim.data("alone").await.unwrap(), depot::value("k", 2));
    controller.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_neighbour_read_well_within_the_minute_is_evidence() {
    let sim = Sim::new(13).await;
    delete_policy(&sim, "gone", "k").await;
    sim.depot.put("well");
    sim.external_secret("well", &extract(&["well"], "20s"))
        .await;
    let controller = sim.start(QUIET);
    sim.until_ready().await;
    sim.depot.remove("k");
    sim.count_from_here();
    eventually("the Secret to go", HOUR, || async {
        sim.data("gone").await.is_none()
    })
    .await;
    assert_eq!(sim.depot.count("k"), 1);
    assert_eq!(deletes(&sim), 1);
    controller.stop().await;
}

#[tokio::test(start_paused = true)]
async fn no_failure_is_evidence_however_long_it_lasts() {
    let kinds = [
        ErrorKind::Unavailable,
        ErrorKind::Denied,
        ErrorKind::Unauthenticated,
        ErrorKind::Invalid,
        ErrorKind::Throttled {
            after: Some(Duration::from_secs(7)),
        },
    ];
    for (number, kind) in kinds.into_iter().enumerate() {
        let sim = Sim::new(14).await;
        delete_policy(&sim, "es", "k").await;
        delete_policy(&sim, "es2", "k2").await;
        let controller = sim.start(QUIET);
        sim.until_ready().await;
        // The key is really gone, and half or all of the answers fail.
        sim.depot.mood(Mood::failing(kind));
        sim.depot.remove("k");
        sim.count_from_here();
        pass(6 * HOUR).await;
        let writes = sim.writes();
        let secrets = writes.iter().filter(|w| w.resource == "secrets").count();
        assert_eq!(secrets, 0, "{number}: {kind:?} touched a Secret");
        assert!(writes.len() <= 8, "{kind:?} told {} times", writes.len());
        assert_eq!(sim.data("es").await.unwrap(), depot::value("k", 1));
        // Retries grow apart to a minute at least, or keep the distance that the backend asks for.
        let asked = sim.depot.calls().len();
        let apart = if let ErrorKind::Throttled { .. } = kind {
            7
        } else {
            60
        };
        let bound = 2 * (6 * 3600 / apart + 20);
        assert!(asked <= bound, "{kind:?}: {asked} calls");
        controller.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_mass_removal_is_held_for_hours_and_goes_when_it_is_released() {
    const OBJECTS: usize = 20;
    let sim = Sim::new(15).await;
    for number in 0..OBJECTS {
        delete_policy(&sim, &format!("es{number}"), &format!("k{number}")).await;
    }
    sim.depot.put("well");
    sim.external_secret("well", &extract(&["well"], "20s"))
        .await;
    let controller = sim.start(QUIET);
    sim.until_ready().await;
    for number in 0..OBJECTS {
        sim.depot.remove(&format!("k{number}"));
    }
    sim.count_from_here();
    pass(5 * HOUR).await;
    let gone = deletes(&sim);
    assert!((1..=4).contains(&gone), "{gone} removed of {OBJECTS}");
    let mut held = 0;
    for number in 0..OBJECTS {
        let object = path(NS, "externalsecrets", &format!("es{number}"));
        let (status, reason, message) = ready(&sim.get(&object).await.unwrap());
        if message.contains("the removal is held") {
            assert_eq!((&*status, &*reason), ("False", "SecretSyncedError"));
            held += 1;
        }
    }
    assert_eq!(held + gone, OBJECTS);
    let release = json!({ "metadata": { "annotations": { "tidegate.io/release-removals": "1" } } });
    sim.patch(&path(NS, "secretstores", "depot"), &release)
        .await;
    pass(HOUR).await;
    assert_eq!(deletes(&sim), OBJECTS, "each once");
    assert_eq!(sim.data("well").await.unwrap(), depot::value("well", 1));
    controller.stop().await;
}

//! Shell. The faults of the API server and the moods of the backend.

use std::time::Duration;

use kubebox::{Fault, FaultRule, Verb};
use tidegate_contract::ErrorKind;

use crate::support::Sim;
use crate::support::depot::Mood;
use crate::support::random::Random;

/// How often the backend's mood turns.
pub const TURNS: usize = 40;

/// Every fault that kubebox knows, each with its share.
pub fn rise(sim: &Sim) {
    let rule = |fault: Fault, share: f64| FaultRule::new(fault).probability(share);
    let second = Duration::from_secs(1);
    let conflict = rule(Fault::Conflict, 0.03);
    for rule in [
        conflict
            .verb(Verb::Update)
            .verb(Verb::Patch)
            .verb(Verb::Delete),
        rule(Fault::Expired, 0.05)
            .verb(Verb::Watch)
            .verb(Verb::List),
        rule(Fault::TooManyRequests { retry_after: 2 }, 0.02),
        rule(Fault::Status(500), 0.01),
        rule(Fault::Status(503), 0.01),
        rule(Fault::Latency(second * 2), 0.05),
        rule(Fault::Latency(second * 12), 0.005),
        rule(Fault::Reset, 0.02),
        rule(Fault::LoseAnswer, 0.03),
        rule(Fault::DropWatch(second * 90), 0.3).verb(Verb::Watch),
        rule(Fault::LagWatch(second * 3), 0.3).verb(Verb::Watch),
    ] {
        sim.kubebox.inject(rule);
    }
}

/// The backend's mood changes; half of the time it is well.
pub fn turn(sim: &Sim, random: &mut Random) {
    let after = Some(Duration::from_secs(5));
    let kinds = [
        ErrorKind::Unavailable,
        ErrorKind::Denied,
        ErrorKind::Unauthenticated,
        ErrorKind::Throttled { after },
        ErrorKind::Throttled { after: None },
        ErrorKind::Invalid,
    ];
    let mood = match random.below(6) {
        0 => Mood::failing(random.pick(&kinds)),
        1 | 2 => Mood {
            share: 0.3,
            ..Mood::failing(random.pick(&kinds))
        },
        3 => Mood {
            delay: Duration::from_secs(8),
            ..Mood::WELL
        },
        _ => Mood::WELL,
    };
    sim.depot.mood(mood);
}

/// Everything is well again.
pub fn settle(sim: &Sim) {
    let struck = sim.kubebox.faults_struck();
    assert!(
        struck.iter().all(|times| *times > 0),
        "idle faults: {struck:?}"
    );
    sim.kubebox.clear_faults();
    sim.depot.mood(Mood::WELL);
}

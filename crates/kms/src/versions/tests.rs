//! Pure. Versions under virtual time: nodes agree, nothing goes back.

use proptest::prelude::*;

use super::*;

const DELAY: Duration = Duration::from_secs(120);

fn version(number: u64, created: u64) -> KeyVersion {
    KeyVersion {
        created: Duration::from_secs(created),
        ordinal: number,
        name: number.to_string(),
        material: String::new(),
    }
}

fn proven(listed: &[KeyVersion]) -> Versions {
    let mut versions = Versions::new(DELAY);
    versions.observe(listed.to_vec());
    for version in listed {
        versions.proved(version);
    }
    versions
}

fn at(versions: &mut Versions, seconds: u64) -> Option<String> {
    versions
        .active(Duration::from_secs(seconds))
        .map(|version| version.name.clone())
}

#[test]
fn the_first_version_waits_for_nothing_and_later_ones_for_the_delay() {
    let mut versions = proven(&[version(1, 1000)]);
    assert_eq!(at(&mut versions, 1000).as_deref(), Some("1"));
    let mut versions = proven(&[version(1, 1000), version(2, 2000)]);
    assert_eq!(at(&mut versions, 2119).as_deref(), Some("1"));
    assert_eq!(at(&mut versions, 2120).as_deref(), Some("2"));
    // A clock that goes back takes nothing back.
    assert_eq!(at(&mut versions, 2119).as_deref(), Some("2"));
}

#[test]
fn nothing_is_told_of_a_version_before_it_is_proven() {
    let mut versions = Versions::new(DELAY);
    assert_eq!(versions.fault(), Some(Fault::None));
    versions.observe(vec![version(1, 0)]);
    assert_eq!(at(&mut versions, 500), None);
    assert_eq!(versions.to_prove(Duration::from_secs(500)), [version(1, 0)]);
    versions.proved(&version(1, 0));
    assert_eq!(at(&mut versions, 500).as_deref(), Some("1"));
    versions.observe(vec![version(1, 0), version(2, 600), version(3, 700)]);
    // Both that are coming are proven ahead, the newest first, so that the flip itself needs no
    // call.
    let ahead = [version(3, 700), version(2, 600)];
    assert_eq!(versions.to_prove(Duration::from_secs(610)), ahead);
    assert_eq!(
        at(&mut versions, 800).as_deref(),
        Some("1"),
        "2 is due but unproven"
    );
    versions.proved(&version(2, 600));
    assert_eq!(at(&mut versions, 800).as_deref(), Some("2"));
}

#[test]
fn older_versions_are_never_proven_again() {
    let versions = {
        let mut versions = Versions::new(DELAY);
        versions.observe(vec![version(1, 0), version(2, 10), version(3, 20)]);
        versions
    };
    assert_eq!(
        versions.to_prove(Duration::from_secs(1000)),
        [version(3, 20)]
    );
}

#[test]
fn a_restored_backup_does_not_go_back() {
    let mut versions = proven(&[version(1, 0), version(2, 100)]);
    assert_eq!(at(&mut versions, 1000).as_deref(), Some("2"));
    let gone = versions.observe(vec![version(1, 0)]);
    assert_eq!(gone, [version(2, 100)]);
    assert_eq!(at(&mut versions, 1001).as_deref(), Some("2"));
    assert_eq!(versions.fault(), Some(Fault::Gone("2".into())));
}

#[test]
fn a_key_made_again_is_not_taken_for_the_one_before() {
    let before = [version(1, 0), version(2, 100)];
    let mut versions = proven(&before);
    assert_eq!(at(&mut versions, 1000).as_deref(), Some("2"));
    for _ in 0..2 {
        versions.observe(vec![version(1, 2000)]);
        versions.proved(&version(1, 2000));
        assert_eq!(at(&mut versions, 3000).as_deref(), Some("2"));
        assert_eq!(versions.fault(), Some(Fault::Swapped("1".into())));
    }
    // Put back, it is the key it was; and who starts anew takes what there is.
    versions.observe(before.to_vec());
    assert_eq!(versions.fault(), None);
    let mut fresh = proven(&[version(1, 2000)]);
    assert_eq!(at(&mut fresh, 3000).as_deref(), Some("1"));
}

#[test]
fn a_version_that_is_withdrawn_makes_way_for_a_newer_one() {
    let mut versions = proven(&[version(1, 0)]);
    assert_eq!(at(&mut versions, 1000).as_deref(), Some("1"));
    versions.observe(vec![version(2, 1500)]);
    versions.proved(&version(2, 1500));
    assert_eq!(at(&mut versions, 1501).as_deref(), Some("2"));
    assert_eq!(versions.fault(), None);
}

#[test]
fn after_a_revocation_every_version_shows_again_that_it_works() {
    let mut versions = proven(&[version(1, 0)]);
    versions.disprove_all();
    assert_eq!(versions.to_prove(Duration::from_secs(9)), [version(1, 0)]);
}

#[test]
fn the_list_is_bounded_by_its_newest_part() {
    let mut versions = Versions::new(DELAY);
    versions.observe((0..1500).map(|number| version(number, number)).collect());
    assert_eq!(versions.listed().len(), MAX_VERSIONS);
    assert_eq!(versions.listed()[0].name, "1499");
}

/// One step of a history: time passes, a version is made, nodes look, a node restarts.
#[derive(Debug, Clone)]
enum Step {
    Pass(u64),
    Rotate,
    Recreate,
    Look(usize),
    Restart(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1..90u64).prop_map(Step::Pass),
        1 => Just(Step::Rotate),
        1 => Just(Step::Recreate),
        6 => (0..2usize).prop_map(Step::Look),
        1 => (0..2usize).prop_map(Step::Restart),
    ];
    proptest::collection::vec(step, 1..60)
}

proptest! {
    #[test]
    fn nodes_that_saw_the_same_agree_and_each_only_moves_on(history in steps()) {
        let mut now = 10_000;
        let mut service = vec![version(1, 10_000)];
        let mut nodes = [Versions::new(DELAY), Versions::new(DELAY)];
        let mut last: [Option<KeyVersion>; 2] = [None, None];
        for step in history {
            match step {
                Step::Pass(seconds) => now += seconds,
                Step::Rotate => {
                    let next = service.len() as u64 + 1;
                    service.push(version(next, now));
                }
                Step::Recreate => {
                    // Within one second, a key made again cannot be told from an older backup.
                    now += 1;
                    service = vec![version(1, now)];
                }
                Step::Look(node) => {
                    let looking = &mut nodes[node];
                    looking.observe(service.clone());
                    for version in looking.to_prove(Duration::from_secs(now)) {
                        looking.proved(&version);
                    }
                }
                Step::Restart(node) => {
                    nodes[node] = Versions::new(DELAY);
                    last[node] = None;
                }
            }
            let now = Duration::from_secs(now);
            let active = [0, 1].map(|node| nodes[node].active(now).cloned());
            for (node, active) in active.iter().enumerate() {
                if let (Some(before), Some(after)) = (&last[node], active) {
                    prop_assert!(order(after) >= order(before), "node {} went back", node);
                }
                last[node].clone_from(active);
            }
            let well = nodes.iter().all(|node| node.fault().is_none());
            let agree = nodes[0].listed() == nodes[1].listed() && well;
            if agree && nodes[0].to_prove(now).is_empty() && nodes[1].to_prove(now).is_empty() {
                prop_assert_eq!(&active[0], &active[1]);
            }
        }
    }
}

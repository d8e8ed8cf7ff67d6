//! Pure. The shrink guard, step by step and at random.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::outcome::Ready;
use crate::testing::env;
use crate::{Precondition, Removal};

fn key(name: usize) -> ObjectKey {
    ObjectKey::new("team", format!("app-{name}"))
}

fn removal(confirmed: bool) -> Change {
    let at = Precondition {
        name: "app".into(),
        uid: "u".into(),
        resource_version: "1".into(),
    };
    Change {
        action: if confirmed {
            Action::Delete(at)
        } else {
            Action::Nothing(Why::AbsenceUnconfirmed)
        },
        orphans: Vec::new(),
        ready: Ready::Deleted,
        missing: Vec::new(),
        removal: Some(Removal {
            keys: 1,
            whole: true,
            confirmed,
        }),
    }
}

fn good() -> Change {
    Change {
        action: Action::Nothing(Why::Equal),
        removal: None,
        ready: Ready::Synced,
        ..removal(true)
    }
}

fn later(minutes: u64) -> Env {
    let mut env = env();
    env.now += Duration::from_secs(60 * minutes);
    env
}

/// Whether the removal goes.
fn goes(
    guard: &mut ShrinkGuard,
    name: usize,
    baseline: usize,
    release: Option<&str>,
    minutes: u64,
) -> bool {
    let change = guard.judge(
        &key(name),
        removal(true),
        baseline,
        release,
        &later(minutes),
    );
    matches!(change.action, Action::Delete(_))
}

#[test]
fn a_fifth_may_go_and_no_more() {
    let mut guard = ShrinkGuard::new(None);
    let went = (0..10)
        .filter(|name| goes(&mut guard, *name, 20, None, 0))
        .count();
    assert_eq!(went, 4);
    assert_eq!(guard.pending(), 6);
}

#[test]
fn two_always_may() {
    let mut guard = ShrinkGuard::new(None);
    let went = (0..3)
        .map(|name| goes(&mut guard, name, 3, None, 0))
        .collect::<Vec<_>>();
    assert_eq!(went, [true, true, false]);
}

#[test]
fn absences_that_are_not_confirmed_yet_count() {
    let mut guard = ShrinkGuard::new(None);
    for name in 0..10 {
        let change = guard.judge(&key(name), removal(false), 20, None, &env());
        assert!(matches!(
            change.action,
            Action::Nothing(Why::AbsenceUnconfirmed)
        ));
    }
    assert!(
        !goes(&mut guard, 0, 20, None, 1),
        "all vanished together: not one goes"
    );
}

#[test]
fn what_is_held_says_how_to_let_it_go() {
    let mut guard = ShrinkGuard::new(None);
    (0..3).for_each(|name| {
        let _ = guard.judge(&key(name), removal(false), 3, None, &env());
    });
    let change = guard.judge(&key(0), removal(true), 3, None, &env());
    let Action::Refuse(error) = change.action else {
        panic!("not held");
    };
    assert_eq!(
        error.to_string(),
        "could not delete secret: the removal is held: more than 20% of the Secrets that the \
         store feeds would lose values; set the store's annotation tidegate.io/release-removals \
         to a new value to let them go"
    );
}

#[test]
fn a_new_annotation_value_releases_what_waits() {
    let mut guard = ShrinkGuard::new(Some("old"));
    let held = |guard: &mut ShrinkGuard, release| {
        (0..5)
            .filter(|name| !goes(guard, *name, 5, release, 0))
            .count()
    };
    assert_eq!(
        held(&mut guard, Some("old")),
        3,
        "a value that was there at the start is used"
    );
    assert_eq!(held(&mut guard, None), 3, "taking it away releases nothing");
    assert_eq!(held(&mut guard, Some("new")), 0);
}

#[test]
fn a_good_answer_withdraws() {
    let mut guard = ShrinkGuard::new(None);
    (0..5).for_each(|name| {
        let _ = guard.judge(&key(name), removal(false), 5, None, &env());
    });
    (0..4).for_each(|name| {
        let _ = guard.judge(&key(name), good(), 5, None, &env());
    });
    assert_eq!(guard.pending(), 1);
    assert!(goes(&mut guard, 4, 5, None, 0));
}

#[test]
fn the_look_that_finds_the_secret_gone_is_no_good_answer() {
    let mut guard = ShrinkGuard::default();
    for name in 0..2 {
        assert!(goes(&mut guard, name, 6, None, 0));
        let gone = Change {
            action: Action::Nothing(Why::AlreadyGone),
            removal: None,
            ..removal(true)
        };
        let _unchanged = guard.judge(&key(name), gone, 6, None, &later(0));
    }
    assert!(!goes(&mut guard, 2, 4, None, 0), "two went already");
}

#[test]
fn removals_spread_over_an_interval_count_together() {
    let mut guard = ShrinkGuard::new(None);
    let went = (0..60)
        .filter(|name| goes(&mut guard, *name, 60, None, *name as u64))
        .count();
    assert_eq!(went, 12);
    let mut guard = ShrinkGuard::new(None);
    let slow = (0..60)
        .filter(|name| goes(&mut guard, *name, 60, None, *name as u64 * 60))
        .count();
    assert_eq!(slow, 60, "one an hour is no flood");
}

proptest! {
    /// Whatever order things come in, no more than a fifth (or two) go within a window.
    #[test]
    fn never_more_than_a_fifth(
        steps in proptest::collection::vec((0usize..30, 0u8..3, 0u64..30), 1..200),
    ) {
        let baseline = 30;
        let mut guard = ShrinkGuard::new(None);
        let mut minutes = 0;
        let mut gone: BTreeMap<usize, u64> = BTreeMap::new();
        for (name, kind, pause) in steps {
            minutes += pause;
            if kind == 0 {
                let _ = guard.judge(&key(name), good(), baseline, None, &later(minutes));
                gone.remove(&name);
            } else if kind == 1 {
                let _ = guard.judge(&key(name), removal(false), baseline, None, &later(minutes));
            } else if goes(&mut guard, name, baseline, None, minutes) {
                gone.insert(name, minutes);
            }
            let recent = gone.values().filter(|at| minutes - **at <= 360).count();
            prop_assert!(recent <= baseline / 5, "{recent} within six hours");
        }
    }
}

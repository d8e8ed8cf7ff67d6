//! Pure. Evidence of absence.

use super::*;

fn absent(answer: &Answer) -> Option<bool> {
    failure(answer).absence.map(|absence| absence.confirmed)
}

/// `gone` is missing from the 100th second on, `back` only until the 120th.
fn world() -> World {
    World::new(|key, at| match (key, at.as_secs()) {
        ("gone", 100..) | ("blip", 100..120) => Err(ErrorKind::NotFound),
        ("down", 100..) => Err(ErrorKind::Denied),
        _ => Ok(key.to_owned()),
    })
}

#[test]
fn an_unconfirmed_absence_is_looked_at_again_after_thirty_seconds() {
    let mut world = world();
    world.pass(secs(100));
    let first = world.get("o", read("gone", Lane::Fresh));
    assert_eq!(absent(&first), Some(false));
    let started = world.made[0].at;
    assert_eq!(failure(&first).retry_at, started + secs(30));
    world.subscribe("o", vec![on(&source(), "gone", None)], 3600);
    world.pass(secs(27));
    assert_eq!(world.made.len(), 1);
    world.pass(secs(3));
    assert_eq!(world.made.len(), 2);
    assert_eq!(world.wakes(), [("o".to_owned(), Cause::Absent)]);
    let second = world.get("o", read("gone", Lane::Changed));
    assert_eq!((absent(&second), world.made.len()), (Some(true), 2));
}

#[test]
fn a_key_that_comes_back_in_time_was_never_absent() {
    let mut world = world();
    let _ = world.get("o", read("blip", Lane::Fresh));
    world.subscribe("o", vec![on(&source(), "blip", Some("blip"))], 3600);
    world.pass(secs(108));
    let forced = Read {
        not_before: Some(world.now),
        ..read("blip", Lane::Fresh)
    };
    assert_eq!(absent(&world.get("somebody", forced)), Some(false));
    assert_eq!(world.wakes(), [("o".to_owned(), Cause::Absent)]);
    world.read("o", vec![read("blip", Lane::Changed)]);
    world.pass(secs(40));
    assert_eq!(world.wakes(), [("o".to_owned(), Cause::Recovered)]);
    assert_eq!(text(&world.get("o", read("blip", Lane::Changed))), "blip");
}

#[test]
fn a_witness_confirms_at_once_and_so_does_one_in_the_same_answer() {
    let mut world = world();
    world.pass(secs(200));
    let _ = world.get("o", read("other", Lane::Fresh));
    assert_eq!(
        absent(&world.get("o", read("gone", Lane::Fresh))),
        Some(true)
    );
    let mut world = super::absence::world();
    world.pass(secs(200));
    let many = source_with("store", "vault", 20);
    let of = |key| Read {
        source: many.clone(),
        ..read(key, Lane::Fresh)
    };
    let run = world.read("o", vec![of("gone"), of("other")]);
    world.pass(secs(1));
    assert_eq!(
        (world.made.len(), absent(&world.done[&run][0])),
        (1, Some(true))
    );
}

#[test]
fn other_failures_are_no_evidence() {
    let mut world = world();
    world.pass(secs(200));
    for kind in [
        ErrorKind::Denied,
        ErrorKind::Unauthenticated,
        ErrorKind::Throttled { after: None },
        ErrorKind::Conflict,
        ErrorKind::Unavailable,
        ErrorKind::Invalid,
    ] {
        world.script = Box::new(move |_, _| Err(kind));
        let run = world.read("o", vec![read(kind.label(), Lane::Fresh)]);
        world.pass(secs(5));
        assert_eq!(absent(&world.done[&run][0]), None);
    }
    // Silence between two absences does not confirm, nor does it take evidence back.
    world.script = Box::new(|key, at| match at.as_secs() {
        300..310 => Err(ErrorKind::NotFound),
        310..340 if key == "k" => Err(ErrorKind::Invalid),
        _ => Err(ErrorKind::NotFound),
    });
    let forced = |world: &World| Read {
        not_before: Some(world.now),
        ..read("k", Lane::Fresh)
    };
    let at = world.now;
    world.pass(START + secs(301) - at);
    let answers: Vec<_> = (0..3)
        .map(|_| {
            let read = forced(&world);
            let answer = world.get("o", read);
            world.pass(secs(18));
            absent(&answer)
        })
        .collect();
    assert_eq!(answers, [Some(false), None, Some(true)]);
}

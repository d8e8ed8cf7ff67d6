//! Pure. Polling groups: who is woken, when, and what it costs.

use super::*;

/// A value that changes every `period` seconds.
fn changing(period: u64) -> impl FnMut(&str, Duration) -> Result<String, ErrorKind> {
    move |_, at| Ok((at.as_secs() / period).to_string())
}

fn subscribed(objects: usize, interval: u64) -> World {
    let mut world = World::plain();
    for n in 0..objects {
        let object = format!("o{n}");
        let answer = world.read(&object, vec![read("k", Lane::Bulk)]);
        world.turn();
        let _ = answer;
        world.subscribe(&object, vec![on(&source(), "k", Some("k"))], interval);
    }
    world.pass(secs(1));
    world
}

#[test]
fn the_same_value_wakes_nobody_and_refreshes_all() {
    let mut world = subscribed(100, 60);
    assert_eq!(world.made.len(), 1);
    world.pass(secs(3600));
    assert_eq!(world.wakes(), []);
    assert!(
        (60..=61).contains(&world.made.len()),
        "{}",
        world.made.len()
    );
    let last = world.made.last().unwrap().at;
    for n in 0..100 {
        assert_eq!(world.engine.refreshed_at(&format!("o{n}")), Some(last));
    }
    let due = world.engine.due_at("o7").unwrap();
    assert!(due > world.now && due <= world.now + secs(60), "{due:?}");
    assert_eq!(world.engine.due_at("nobody"), None);
    let stats = world.engine.stats(world.now);
    assert_eq!((stats.groups, stats.objects, stats.held), (1, 100, 0));
    assert_eq!(stats.same, stats.polls + 1);
}

#[test]
fn a_changed_value_reaches_a_thousand_objects_from_one_call() {
    let mut world = subscribed(1000, 60);
    world.script = Box::new(|_, _| Ok("new".into()));
    let before = world.made.len();
    while world.calls_since(before) == 0 {
        world.pass(secs(1));
    }
    world.pass(secs(1));
    let wakes = world.wakes();
    assert_eq!(wakes.len(), 1000);
    assert!(wakes.iter().all(|(_, cause)| *cause == Cause::Changed));
    for (object, _) in wakes {
        let run = world.read(&object, vec![read("k", Lane::Changed)]);
        assert_eq!(text(&world.done[&run][0]), "new");
        world.subscribe(&object, vec![on(&source(), "k", Some("new"))], 60);
    }
    assert_eq!(world.calls_since(before), 1);
    assert_eq!(world.engine.stats(world.now).held, 0);
    world.pass(secs(120));
    assert_eq!(world.wakes(), []);
}

#[test]
fn the_first_poll_after_a_restart_wakes_once_and_comes_at_its_turn() {
    let mut world = World::plain();
    for n in 0..50 {
        let mut key = on(&source(), "k", None);
        key.refreshed = Some(world.now - secs(3590));
        world.subscribe(&format!("o{n}"), vec![key], 3600);
    }
    assert_eq!(world.engine.refreshed_at("o1"), None);
    world.pass(secs(3600));
    assert_eq!(world.made.len(), 1);
    let wakes = world.wakes();
    assert_eq!(wakes.len(), 50);
    assert!(wakes.iter().all(|(_, cause)| *cause == Cause::FirstLook));
    world.pass(secs(7200));
    // Nobody came for it, so everybody is told again at the next poll.
    assert_eq!(world.wakes().len(), 50);
    assert!(world.engine.refreshed_at("o1").is_some());
}

#[test]
fn what_was_refreshed_just_before_a_restart_is_left_alone() {
    for n in 0..200 {
        let mut world = World::plain();
        let mut key = on(&source(), &format!("k{n}"), None);
        key.refreshed = Some(world.now - secs(10));
        world.subscribe("o", vec![key], 3600);
        world.pass(secs(1780));
        assert_eq!(world.made.len(), 0);
        world.pass(secs(3620));
        assert!((1..=2).contains(&world.made.len()));
    }
}

#[test]
fn subscribing_and_changing_intervals_costs_no_call() {
    let mut world = subscribed(1, 3600);
    for n in 0..500u64 {
        let interval = [3600, 1800, 7200, 5400][n as usize % 4];
        world.subscribe("o0", vec![on(&source(), "k", Some("k"))], interval);
        world.subscribe(
            &format!("other{n}"),
            vec![on(&source(), "k", None)],
            interval,
        );
        world.pass(Duration::from_millis(500));
        world.engine.unsubscribe(&format!("other{n}"), world.now);
    }
    assert_eq!(world.made.len(), 1);
    assert_eq!(world.wakes(), []);
    // Churn does not push the turn away either.
    for _ in 0..100 {
        world.pass(secs(60));
        world.subscribe("o0", vec![on(&source(), "k", Some("k"))], 3600);
    }
    assert!((2..=3).contains(&world.made.len()));
}

#[test]
fn an_old_or_unknown_fingerprint_is_noticed() {
    let mut world = World::new(changing(100));
    let _ = world.get("a", read("k", Lane::Bulk));
    world.pass(secs(100));
    let forced = Read {
        not_before: Some(world.now),
        ..read("k", Lane::Fresh)
    };
    let _ = world.get("b", forced);
    // What `a` has is not what is known by now.
    world.subscribe("a", vec![on(&source(), "k", Some("0"))], 60);
    world.subscribe("b", vec![on(&source(), "k", Some("1"))], 60);
    assert_eq!(world.wakes(), [("a".to_owned(), Cause::Changed)]);
    // Nothing known of the key any more: what the object has is the baseline.
    let mut world = World::plain();
    world.subscribe("a", vec![on(&source(), "k", Some("k"))], 60);
    world.pass(secs(120));
    assert_eq!((world.wakes(), !world.made.is_empty()), (vec![], true));
}

#[test]
fn whoever_was_told_of_a_failure_that_is_over_is_woken_at_once() {
    let absence = |confirmed| Some(crate::Absence { confirmed });
    let table = [
        (Ok("k"), Seen::Failure(None), Some(Cause::Recovered)),
        (Ok("k"), Seen::Nothing, None),
        (Ok("k"), Seen::Value(print_of("k")), None),
        (Ok("k"), Seen::Value(print_of("x")), Some(Cause::Changed)),
        (Err(ErrorKind::Denied), Seen::Failure(None), None),
        (Err(ErrorKind::Denied), Seen::Nothing, None),
        (
            Err(ErrorKind::Denied),
            Seen::Failure(absence(true)),
            Some(Cause::Failed),
        ),
        (
            Err(ErrorKind::Denied),
            Seen::Value(print_of("k")),
            Some(Cause::Failed),
        ),
        (
            Err(ErrorKind::NotFound),
            Seen::Failure(absence(false)),
            None,
        ),
        (
            Err(ErrorKind::NotFound),
            Seen::Failure(absence(true)),
            Some(Cause::Absent),
        ),
        (
            Err(ErrorKind::NotFound),
            Seen::Value(print_of("k")),
            Some(Cause::Absent),
        ),
    ];
    for (answer, seen, expected) in table {
        let mut world = World::new(move |_, _| answer.map(str::to_owned));
        let _ = world.get("somebody", read("k", Lane::Fresh));
        let mut key = on(&source(), "k", None);
        key.seen = seen;
        world.subscribe("o", vec![key], 3600);
        let causes: Vec<Cause> = world.wakes().into_iter().map(|(_, cause)| cause).collect();
        assert_eq!(causes, Vec::from_iter(expected), "{answer:?}, {seen:?}");
    }
}

#[test]
fn a_read_takes_the_place_of_a_turn_close_behind_it() {
    let mut world = subscribed(1, 60);
    let start = world.made.len();
    for _ in 0..100 {
        world.pass(secs(20));
        let forced = Read {
            not_before: Some(world.now),
            ..read("k", Lane::Fresh)
        };
        let _ = world.get("somebody", forced);
    }
    assert_eq!(world.calls_since(start), 100);
}

#[test]
fn a_key_at_two_intervals_is_polled_at_the_shorter_and_all_are_told() {
    let mut world = subscribed(1, 60);
    world.subscribe("slow", vec![on(&source(), "k", Some("k"))], 3600);
    world.script = Box::new(|_, _| Ok("new".into()));
    world.pass(secs(100));
    assert_eq!(world.wakes().len(), 2);
    let start = world.made.len();
    world.pass(secs(3600));
    assert_eq!(world.calls_since(start), 60);
    world.engine.unsubscribe("o0", world.now);
    let start = world.made.len();
    world.pass(secs(7200));
    assert!((1..=2).contains(&world.calls_since(start)));
}

#[test]
fn causes_coalesce_to_the_most_urgent_and_a_served_wake_is_not_given() {
    let mut world = World::new(|key, at| match (key, at.as_secs() < 100) {
        (key, true) => Ok(key.to_owned()),
        ("a", false) => Err(ErrorKind::Denied),
        _ => Ok("new".into()),
    });
    let both = |seen: [&str; 2]| {
        vec![
            on(&source(), "a", Some(seen[0])),
            on(&source(), "b", Some(seen[1])),
        ]
    };
    world.read("o", vec![read("a", Lane::Bulk), read("b", Lane::Bulk)]);
    world.pass(secs(1));
    world.subscribe("o", both(["a", "b"]), 60);
    world.subscribe("p", both(["a", "b"]), 60);
    world.pass(secs(200));
    assert_eq!(world.engine.refreshed_at("o"), None);
    world.read("p", vec![read("a", Lane::Bulk), read("b", Lane::Bulk)]);
    world.pass(secs(1));
    assert_eq!(world.wakes(), [("o".to_owned(), Cause::Changed)]);
}

#[test]
fn unsubscribed_objects_are_neither_polled_nor_woken() {
    let mut world = subscribed(2, 60);
    world.script = Box::new(changing(1));
    world.pass(secs(70));
    world.engine.unsubscribe("o0", world.now);
    assert_eq!(world.wakes().len(), 1);
    world.subscribe("o1", vec![], 60);
    let start = world.made.len();
    world.pass(secs(600));
    assert_eq!((world.calls_since(start), world.wakes()), (0, vec![]));
    let stats = world.engine.stats(world.now);
    assert_eq!((stats.objects, stats.groups, stats.held), (0, 0, 0));
    assert_eq!(world.engine.cells.len(), 0);
    assert!(world.engine.timers.is_empty());
}

#[test]
fn due_keys_of_one_source_ride_together_and_each_keeps_its_count() {
    let mut world = World::plain();
    let many = source_with("store", "vault", 20);
    for n in 0..250 {
        let key = format!("k{n}");
        world.subscribe(&format!("o{n}"), vec![on(&many, &key, Some(&key))], 60);
    }
    world.pass(secs(600));
    let (start, batches) = (world.made.len(), 100);
    world.pass(secs(60 * batches));
    let calls = world.calls_since(start);
    let keys: usize = world.made[start..].iter().map(|made| made.keys.len()).sum();
    assert!((24_990..=25_010).contains(&keys), "{keys} keys");
    assert!(calls <= 14 * batches as usize, "{calls} calls");
    assert_eq!(world.wakes(), []);
}

#[test]
fn two_thousand_keys_a_minute_are_level_through_the_whole_machine() {
    let mut world = World::plain();
    for n in 0..2000 {
        let key = format!("k{n}");
        world.subscribe(&format!("o{n}"), vec![on(&source(), &key, Some(&key))], 60);
    }
    world.pass(secs(180));
    let start = world.made.len();
    world.pass(secs(600));
    let calls = &world.made[start..];
    assert_eq!(calls.len(), 20_000);
    let mut seconds = BTreeMap::new();
    for made in calls {
        *seconds.entry(made.at.as_secs()).or_insert(0u32) += 1;
    }
    let peak = seconds.values().max().copied().unwrap_or(0);
    assert!(f64::from(peak) <= 1.3 * 2000.0 / 60.0, "{peak} in a second");
}

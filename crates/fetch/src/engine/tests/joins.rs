//! Pure. Joins, batches, what is held and for how long, cancelling.

use super::*;

/// Reads 1,000 objects on 250 keys, `spread` apart.
fn first_sync(keys_per_call: usize, spread: Duration) -> World {
    let mut world = World::plain();
    let source = source_with("store", "vault", keys_per_call);
    let mut runs = Vec::new();
    for n in 0..1000 {
        let key = RemoteKey::latest(format!("k{}", n % 250));
        let lane = Lane::Bulk;
        let (source, not_before) = (source.clone(), None);
        let read = Read {
            source,
            key,
            lane,
            not_before,
        };
        runs.push((n, world.read(&format!("o{n}"), vec![read])));
        world.pass(spread);
    }
    world.pass(secs(5));
    for (n, run) in runs {
        assert_eq!(text(&world.done[&run][0]), format!("k{}", n % 250));
    }
    world
}

#[test]
fn a_thousand_objects_on_250_keys_make_250_calls() {
    for spread in [0, 1, 25] {
        let world = first_sync(1, Duration::from_millis(spread));
        assert_eq!(world.made.len(), 250, "{spread} ms apart");
        assert!(world.most_in_flight <= 32);
        let stats = world.engine.stats(world.now);
        assert_eq!(stats.joins + stats.hits, 750);
        assert_eq!((stats.waiting, stats.calls, stats.keys), (0, 250, 250));
    }
}

#[test]
fn twenty_keys_a_call_make_thirteen_batches() {
    let world = first_sync(20, Duration::ZERO);
    assert_eq!(world.made.len(), 13);
    assert_eq!(
        world.made.iter().map(|made| made.keys.len()).sum::<usize>(),
        250
    );
    assert!(world.made.iter().all(|made| made.keys.len() <= 20));
}

#[test]
fn a_part_filled_batch_leaves_after_the_linger() {
    let mut world = World::plain();
    let many = source_with("store", "vault", 20);
    let read = Read {
        source: many,
        ..read("a", Lane::Fresh)
    };
    world.read("o", vec![read.clone()]);
    world.pass(Duration::from_millis(4));
    assert_eq!(world.made.len(), 0);
    let other = Read {
        key: RemoteKey::latest("b"),
        ..read
    };
    world.read("p", vec![other]);
    world.pass(Duration::from_millis(1));
    assert_eq!(world.made[0].keys, ["a", "b"]);
}

#[test]
fn an_answer_counts_only_when_its_call_started_late_enough() {
    let mut value = 0;
    let mut world = World::new(move |_, _| {
        value += 1;
        Ok(value.to_string())
    });
    let any = read("a", Lane::Bulk);
    let fresh = |world: &World| Read {
        not_before: Some(world.now),
        ..any.clone()
    };
    assert_eq!(text(&world.get("o", any.clone())), "1");
    assert_eq!(text(&world.get("o", any.clone())), "1");
    let now = fresh(&world);
    assert_eq!(text(&world.get("o", now)), "2");
    // Joining a call under way would give what was there before: the reader gets another call.
    world.read("first", vec![fresh(&world)]);
    world.pass(Duration::from_millis(2));
    let late = fresh(&world);
    let run = world.read("late", vec![late]);
    let joined = world.read("joined", vec![any]);
    world.pass(secs(1));
    assert_eq!(
        (text(&world.done[&joined][0]), text(&world.done[&run][0])),
        ("2".into(), "4".into())
    );
    // A time to come counts as now.
    let future = Read {
        not_before: Some(world.now + secs(999)),
        ..read("a", Lane::Fresh)
    };
    assert_eq!(text(&world.get("o", future)), "5");
}

#[test]
fn a_value_is_held_for_thirty_seconds() {
    let mut world = World::plain();
    let _ = world.get("o", read("a", Lane::Bulk));
    world.pass(secs(27));
    assert_eq!(world.engine.stats(world.now).held, 1);
    let _ = world.get("p", read("a", Lane::Bulk));
    assert_eq!(world.made.len(), 1);
    assert_eq!(world.engine.stats(world.now).held_bytes, 0);
    let _ = world.get("q", read("a", Lane::Bulk));
    assert_eq!(world.made.len(), 2);
}

#[test]
fn the_last_woken_subscriber_takes_the_value_with_it() {
    let mut world = World::plain();
    for object in ["a", "b"] {
        let _ = world.get(object, read("k", Lane::Bulk));
        world.subscribe(object, vec![on(&source(), "k", Some("k"))], 60);
    }
    world.script = Box::new(|_, _| Ok("new".into()));
    let before = world.made.len();
    while world.calls_since(before) == 0 {
        world.pass(secs(1));
    }
    world.pass(secs(1));
    assert_eq!(world.wakes().len(), 2);
    let changed = || vec![read("k", Lane::Changed)];
    let polled = world.made.len();
    world.read("a", changed());
    assert_eq!(world.engine.stats(world.now).held, 1);
    world.read("b", changed());
    let stats = world.engine.stats(world.now);
    assert_eq!((stats.held, stats.held_bytes), (0, 0));
    assert_eq!(world.made.len(), polled);
}

#[test]
fn held_bytes_are_bounded_and_the_oldest_go_first() {
    let mut small = settings();
    small.held_bytes = 100;
    let mut world = World::with(small, |_, _| Ok("x".repeat(30)));
    for key in ["a", "b", "c", "d"] {
        let _ = world.get("o", read(key, Lane::Bulk));
    }
    assert_eq!(world.engine.stats(world.now).held_bytes, 90);
    let _ = world.get("o", read("b", Lane::Bulk));
    assert_eq!(world.made.len(), 4);
    let _ = world.get("o", read("a", Lane::Bulk));
    assert_eq!(world.made.len(), 5);
}

#[test]
fn a_cancelled_reader_leaves_nothing_behind() {
    let mut world = World::plain();
    let gone = world.read("o", vec![read("a", Lane::Fresh), read("b", Lane::Fresh)]);
    let stays = world.read("p", vec![read("b", Lane::Bulk)]);
    world.engine.cancel(gone, world.now);
    world.pass(secs(1));
    assert_eq!(world.made.len(), 1);
    assert_eq!(text(&world.done[&stays][0]), "b");
    assert!(!world.done.contains_key(&gone));
    // Cancelled in flight: the call ends, its permit comes back, the value is dropped.
    let gone = world.read("o", vec![read("c", Lane::Fresh)]);
    world.turn();
    world.engine.cancel(gone, world.now);
    world.pass(secs(1));
    let stats = world.engine.stats(world.now);
    assert_eq!((stats.waiting, stats.endpoints[0].in_flight), (0, 0));
    assert_eq!(text(&world.get("q", read("c", Lane::Bulk))), "c");
    assert_eq!(world.made.len(), 3);
    world.pass(secs(300));
    assert_eq!(world.engine.cells.len(), 0);
    assert_eq!(world.engine.sources.len(), 0);
}

#[test]
fn an_answer_that_never_arrived_wakes_its_object_again() {
    let mut world = World::plain();
    world.subscribe("o", vec![on(&source(), "a", None)], 3600);
    let reads = || vec![read("a", Lane::Fresh)];
    for (is_late, woken) in [(true, 1), (false, 0)] {
        let run = world.read("o", reads());
        world.engine.step(world.now);
        let start = world.engine.take_starts().remove(0);
        let answer = world.answer("a");
        world
            .engine
            .finished(start.call, Some(vec![answer]), world.now);
        if is_late {
            world.engine.cancel(run, world.now);
        } else {
            world.collect();
        }
        assert_eq!(world.wakes().len(), woken);
        world.pass(secs(40));
    }
}

#[test]
fn a_fresh_read_overtakes_a_backlog_and_lifts_the_key_that_it_shares() {
    let mut slow = settings();
    slow.in_flight = 1;
    let mut world = World::with(slow, |key, _| Ok(key.to_owned()));
    for n in 0..200 {
        world.read(&format!("o{n}"), vec![read(&format!("k{n}"), Lane::Bulk)]);
    }
    world.turn();
    world.read("fresh", vec![read("k150", Lane::Fresh)]);
    world.read("fresh", vec![read("new", Lane::Fresh)]);
    world.pass(secs(5));
    let order: Vec<&str> = world
        .made
        .iter()
        .map(|made| made.keys[0].as_str())
        .collect();
    assert_eq!(order[..3], ["k0", "k150", "new"]);
    assert_eq!(world.calls_for("k150"), 1);
    assert_eq!(world.made.len(), 201);
}

#[test]
fn a_call_that_was_cut_off_is_made_again() {
    let mut world = World::plain();
    let run = world.read("o", vec![read("a", Lane::Fresh)]);
    world.turn();
    world.flying.clear();
    world.engine.cut_off(world.now);
    world.pass(secs(1));
    assert_eq!(
        (world.made.len(), text(&world.done[&run][0])),
        (2, "a".into())
    );
    assert_eq!(world.engine.stats(world.now).endpoints[0].in_flight, 0);
}

#[test]
fn the_end_answers_everybody_who_waits_or_comes_later() {
    let mut world = World::plain();
    let waits = world.read("o", vec![read("a", Lane::Fresh)]);
    world.turn();
    let ticket = world
        .engine
        .ticket(&source(), Lane::Fresh, world.now)
        .unwrap();
    world.engine.close(world.now);
    world.collect();
    assert_eq!(failure(&world.done[&waits][0]).kind, ErrorKind::Unavailable);
    assert_eq!(world.granted.len(), 1);
    assert!(world.granted[0].0 == ticket && world.granted[0].1.is_err());
    let late = world.get("o", read("b", Lane::Fresh));
    assert_eq!(failure(&late).kind, ErrorKind::Unavailable);
    assert!(
        world
            .engine
            .ticket(&source(), Lane::Fresh, world.now)
            .is_none()
    );
}

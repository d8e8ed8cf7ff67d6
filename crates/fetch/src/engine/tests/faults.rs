//! Pure. Outages, push-back, silence, denials: what is tried again, when, and who is told.

use super::*;

fn outage(from: u64, to: u64) -> impl FnMut(&str, Duration) -> Result<String, ErrorKind> {
    move |key, at| {
        if (from..to).contains(&at.as_secs()) {
            Err(ErrorKind::Unavailable)
        } else {
            Ok(key.to_owned())
        }
    }
}

/// 600 keys a minute, each of one object.
fn steady(script: impl FnMut(&str, Duration) -> Result<String, ErrorKind> + 'static) -> World {
    let mut world = World::new(script);
    for n in 0..600 {
        let key = format!("k{n}");
        world.subscribe(&format!("o{n}"), vec![on(&source(), &key, Some(&key))], 60);
    }
    world
}

/// Has every woken object look, as a controller would; counts looks by object.
fn look(world: &mut World, counts: &mut BTreeMap<(String, Cause), u32>) {
    for (object, cause) in world.wakes() {
        let key = object.replace('o', "k");
        let run = world.read(&object, vec![read(&key, Lane::Changed)]);
        world.pass(Duration::from_millis(50));
        let answer = world.done.remove(&run).expect("an answer").remove(0);
        let mut again = on(&source(), &key, None);
        again.seen = Seen::from(&answer);
        world.subscribe(&object, vec![again], 60);
        *counts.entry((object, cause)).or_insert(0) += 1;
    }
}

fn per_bucket(made: &[Made], width: u64) -> Vec<u32> {
    let mut buckets = BTreeMap::new();
    for call in made {
        *buckets
            .entry((call.at - START).as_secs() / width)
            .or_insert(0) += 1;
    }
    buckets.into_values().collect()
}

#[test]
fn an_outage_costs_a_probe_a_second_and_tells_each_object_once() {
    let mut world = steady(outage(300, 600));
    let mut counts = BTreeMap::new();
    for _ in 0..300 {
        world.pass(secs(1));
        look(&mut world, &mut counts);
    }
    assert!(counts.is_empty());
    for _ in 0..5 {
        world.pass(secs(1));
        look(&mut world, &mut counts);
    }
    let start = world.made.len();
    while world.now < START + secs(595) {
        world.pass(secs(1));
        look(&mut world, &mut counts);
    }
    let probes = world.calls_since(start);
    assert!((250..=290).contains(&probes), "{probes} probes");
    assert!(
        per_bucket(&world.made[start..], 1)
            .iter()
            .all(|calls| *calls <= 1)
    );
    assert_eq!(counts.len(), 600);
    assert!(
        counts
            .iter()
            .all(|((_, cause), n)| (*cause, *n) == (Cause::Failed, 1))
    );
    assert_eq!(
        world.engine.stats(world.now).endpoints[0].gate,
        crate::Gate::Open
    );

    counts.clear();
    let start = world.made.len();
    while world.now < START + secs(720) {
        world.pass(secs(1));
        look(&mut world, &mut counts);
    }
    assert_eq!(counts.len(), 600);
    assert!(
        counts
            .iter()
            .all(|((_, cause), n)| (*cause, *n) == (Cause::Recovered, 1))
    );
    let tens = per_bucket(&world.made[start..], 10);
    assert!(tens.iter().all(|calls| *calls <= 130), "{tens:?}");
    assert_eq!(
        world.engine.stats(world.now).endpoints[0].gate,
        crate::Gate::Closed
    );
}

#[test]
fn recovery_of_keys_that_are_polled_rarely_is_paced() {
    let mut world = World::new(outage(0, 1800));
    for n in 0..600 {
        let key = format!("k{n}");
        let object = format!("o{n}");
        world.subscribe(&object, vec![on(&source(), &key, None)], 1800);
    }
    world.pass(secs(1800));
    let start = world.made.len();
    world.pass(secs(300));
    // A third of a call a second by turns, and one a second in the lane of retries.
    let tens = per_bucket(&world.made[start..], 10);
    assert!(tens.iter().all(|calls| *calls <= 16), "{tens:?}");
    assert!(world.calls_since(start) >= 300);
}

#[test]
fn readers_during_an_outage_are_told_at_once_with_the_stable_reason() {
    let mut world = World::new(|_, _| Err(ErrorKind::Unavailable));
    for n in 0..5 {
        let _ = world.get("o", read(&format!("k{n}"), Lane::Fresh));
    }
    let calls = world.made.len();
    let answers: Vec<_> = (0..100)
        .map(|n| world.read("o", vec![read(&format!("x{n}"), Lane::Fresh)]))
        .collect();
    world.turn();
    assert!(world.calls_since(calls) <= 1);
    let told = answers
        .iter()
        .filter(|run| world.done.contains_key(*run))
        .count();
    assert!(told >= 99, "{told}");
    let failures: BTreeSet<_> = answers
        .iter()
        .filter_map(|run| Some(failure(&world.done.get(run)?[0]).public.to_string()))
        .collect();
    assert_eq!(failures.len(), 1);
}

#[test]
fn one_broken_connection_is_not_noticed() {
    let mut calls = 0;
    let mut world = World::new(move |key, _| {
        calls += 1;
        if calls == 1 {
            Err(ErrorKind::Unavailable)
        } else {
            Ok(key.to_owned())
        }
    });
    assert_eq!(text(&world.get("o", read("a", Lane::Fresh))), "a");
    assert_eq!(world.made.len(), 2);
    let waited = world.made[1].at - world.made[0].at;
    assert!((800..=1250).contains(&waited.as_millis()));
}

#[test]
fn a_rejected_login_is_tried_once_more() {
    let mut world = World::new(|_, _| Err(ErrorKind::Unauthenticated));
    let answer = world.get("o", read("a", Lane::Fresh));
    assert_eq!(failure(&answer).kind, ErrorKind::Unauthenticated);
    assert_eq!(world.made.len(), 2);
}

#[test]
fn denials_are_not_repeated_and_never_open_the_breaker() {
    for kind in [
        ErrorKind::Denied,
        ErrorKind::NotFound,
        ErrorKind::Invalid,
        ErrorKind::Conflict,
    ] {
        let mut world = World::new(move |_, _| Err(kind));
        for n in 0..50 {
            let answer = world.get("o", read(&format!("k{n}"), Lane::Fresh));
            assert_eq!(failure(&answer).kind, kind);
        }
        assert_eq!(world.made.len(), 50);
        assert_eq!(
            world.engine.stats(world.now).endpoints[0].gate,
            crate::Gate::Closed
        );
        // Asked again before the time that was told: no call.
        let again = world.get("p", read("k49", Lane::Fresh));
        assert_eq!(world.made.len(), 50);
        let until = failure(&again).retry_at - world.now;
        world.pass(until);
        let _ = world.get("p", read("k49", Lane::Retry));
        assert_eq!(world.made.len(), 51);
    }
}

#[test]
fn waits_grow_for_whoever_comes_back_by_himself() {
    let mut world = World::new(|_, _| Err(ErrorKind::Denied));
    let mut waits = Vec::new();
    for _ in 0..6 {
        let answer = world.get("o", read("a", Lane::Retry));
        let at = world.made.last().unwrap().at;
        waits.push((failure(&answer).retry_at - at).as_secs_f64() / 15.0);
        let until = failure(&answer).retry_at - world.now;
        world.pass(until);
    }
    for (wait, expected) in waits.iter().zip([1.0, 2.0, 4.0, 8.0, 16.0, 20.0]) {
        assert!((0.79..=1.21).contains(&(wait / expected)), "{waits:?}");
    }
}

#[test]
fn failing_groups_are_tried_again_and_wake_on_recovery_only() {
    let mut world = World::new(|key, at| match (key, at.as_secs()) {
        ("bad", 0..200) => Err(ErrorKind::Denied),
        (key, _) => Ok(key.to_owned()),
    });
    let answer = world.get("o", read("bad", Lane::Fresh));
    let mut failed = on(&source(), "bad", None);
    failed.seen = Seen::from(&answer);
    world.subscribe("o", vec![failed], 3600);
    // One that never looked is told once at the next try, then left alone too.
    world.subscribe("p", vec![on(&source(), "bad", None)], 3600);
    world.pass(secs(20));
    assert_eq!(world.wakes(), [("p".to_owned(), Cause::Failed)]);
    world.read("p", vec![read("bad", Lane::Changed)]);
    world.pass(secs(170));
    assert_eq!(world.wakes(), []);
    assert!((3..=5).contains(&world.made.len()), "{}", world.made.len());
    world.pass(secs(100));
    assert_eq!(
        world.wakes(),
        [
            ("o".to_owned(), Cause::Recovered),
            ("p".to_owned(), Cause::Recovered)
        ]
    );
}

#[test]
fn push_back_is_retried_unnoticed_and_a_long_one_is_told() {
    let mut calls = 0;
    let mut world = World::new(move |key, _| {
        calls += 1;
        match calls {
            1 | 2 => Err(ErrorKind::Throttled { after: None }),
            _ => Ok(key.to_owned()),
        }
    });
    let run = world.read("o", vec![read("a", Lane::Fresh)]);
    world.pass(secs(10));
    assert_eq!(text(&world.done[&run][0]), "a");
    assert_eq!(world.engine.stats(world.now).endpoints[0].throttled, 2);

    let after = Some(secs(60));
    let mut world = World::new(move |_, _| Err(ErrorKind::Throttled { after }));
    let run = world.read("o", vec![read("a", Lane::Fresh)]);
    world.pass(secs(1));
    assert_eq!(
        failure(&world.done[&run][0]).kind,
        ErrorKind::Throttled { after }
    );
    let _ = world.get("o", read("b", Lane::Fresh));
    world.pass(secs(56));
    assert_eq!(world.made.len(), 1);
    world.pass(secs(30));
    let _ = world.get("o", read("c", Lane::Fresh));
    assert_eq!(world.made.len(), 2);
}

#[test]
fn retry_after_delays_everybody_of_the_endpoint_and_nobody_else() {
    let after = Some(secs(5));
    let mut calls = 0;
    let mut world = World::new(move |key, _| {
        calls += 1;
        if calls == 1 {
            Err(ErrorKind::Throttled { after })
        } else {
            Ok(key.to_owned())
        }
    });
    world.read("o", vec![read("a", Lane::Fresh)]);
    world.pass(Duration::from_millis(100));
    world.read("o", vec![read("b", Lane::Fresh)]);
    let elsewhere = source_with("other", "elsewhere", 1);
    let other = Read {
        source: elsewhere,
        ..read("c", Lane::Fresh)
    };
    assert_eq!(text(&world.get("o", other)), "c");
    world.pass(secs(2));
    assert_eq!(world.made.len(), 2);
    world.pass(secs(3));
    assert_eq!(world.made.len(), 4);
    assert!(world.made[2].at >= world.made[0].at + secs(5));
}

#[test]
fn a_backend_that_never_answers_holds_up_only_itself() {
    let mut world = World::plain();
    let silent = source_with("silent", "silent", 1);
    world.latency = secs(100_000);
    for n in 0..100 {
        let read = Read {
            source: silent.clone(),
            ..read(&format!("s{n}"), Lane::Fresh)
        };
        world.read("o", vec![read]);
    }
    world.pass(secs(1));
    world.latency = Duration::from_millis(5);
    assert_eq!(world.flying.len(), 32);
    for n in 0..100 {
        let answer = world.get("p", read(&format!("k{n}"), Lane::Bulk));
        assert_eq!(text(&answer), format!("k{n}"));
    }
    assert_eq!(world.engine.stats(world.now).endpoints[0].in_flight, 32);
    // The shell's deadline ends the silent calls; the breaker spares the next ones.
    for (_, call) in std::mem::take(&mut world.flying).into_keys() {
        let late = Err(ProviderError::new(
            ErrorKind::Unavailable,
            "no answer within 30 s",
        ));
        world.engine.finished(call, Some(vec![late]), world.now);
    }
    world.latency = secs(30);
    let start = world.made.len();
    world.pass(secs(29));
    assert!(world.calls_since(start) <= 1);
    let stats = world.engine.stats(world.now);
    // The reader whose key became the probe waits for it.
    assert!(stats.waiting <= 1);
    assert_eq!(stats.endpoints[0].gate, crate::Gate::Open);
}

#[test]
fn an_answer_with_too_few_keys_fails_the_rest_and_says_so() {
    let mut world = World::plain();
    let many = source_with("store", "vault", 3);
    let of = |key| Read {
        source: many.clone(),
        ..read(key, Lane::Fresh)
    };
    let run = world.read("o", vec![of("a"), of("b"), of("c")]);
    world.turn();
    let ((_, call), _) = world.flying.pop_first().unwrap();
    let one = vec![world.answer("a")];
    world.engine.finished(call, Some(one), world.now);
    world.collect();
    let answers = &world.done[&run];
    assert_eq!(text(&answers[0]), "a");
    assert_eq!(failure(&answers[2]).kind, ErrorKind::Invalid);
    assert_eq!(
        &*failure(&answers[1]).public,
        "the provider gave 1 answers for 3 keys"
    );
}

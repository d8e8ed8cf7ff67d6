//! Pure. The queue's rules as tables: a script of calls, and what comes out.

#![cfg(test)]

use std::time::Duration;

use tidegate_queue::{LANES, Lane, Options, Queue, Reasons, Requeue, State};

type Key = (&'static str, &'static str);

/// Runs `script`, one call a word group between `;`, and gives what came out.
///
/// `fresh a/1` adds, `retry+5 a/1` adds for 5 s later, `+10` moves the clock, `next` and `next*3`
/// take, `done a/1` and `done a/1 refresh+60` end, `drop a/1` abandons, `forget a/1` forgets.
fn run(options: Options, script: &'static str) -> String {
    let mut queue: Queue<Key, Reasons> = Queue::new(options);
    let mut now = Duration::ZERO;
    let mut out: Vec<String> = Vec::new();
    for (number, call) in script.split(';').map(str::trim).enumerate() {
        let why = Reasons::one(number as u32);
        let words: Vec<&'static str> = call.split_whitespace().collect();
        match words[..] {
            ["done", name] => assert!(queue.done(&key(name), None, now), "{call}"),
            ["done", name, next] => {
                let (lane, after) = lane(next);
                let requeue = Requeue {
                    lane,
                    after,
                    reasons: why,
                };
                assert!(queue.done(&key(name), Some(requeue), now), "{call}");
            }
            ["drop", name] => queue.abandoned(&key(name), why, now),
            ["forget", name] => queue.forget(&key(name), now),
            [what, name] => {
                let (lane, after) = lane(what);
                queue.add_after(key(name), lane, after, why, now);
            }
            [next] if next.starts_with("next") => {
                let times = next.strip_prefix("next*").unwrap_or("1").parse().unwrap();
                for _ in 0..times {
                    out.push(queue.next(now).map_or("-".to_owned(), |work| {
                        let (lane, waited) = (work.lane.name(), work.waited.as_secs());
                        format!("{}/{}:{lane}@{waited}", work.key.0, work.key.1)
                    }));
                }
            }
            [step] => now += seconds(step),
            _ => panic!("what is {call}?"),
        }
    }
    out.join(" ")
}

fn key(name: &'static str) -> Key {
    name.split_once('/').unwrap()
}

fn seconds(text: &str) -> Duration {
    Duration::from_secs(text.trim_start_matches('+').parse().unwrap())
}

fn lane(what: &str) -> (Lane, Duration) {
    let (name, after) = what.split_once('+').unwrap_or((what, "0"));
    let lane = LANES.into_iter().find(|lane| lane.name() == name);
    (lane.unwrap(), seconds(after))
}

#[track_caller]
fn check(script: &'static str, expected: &str) {
    assert_eq!(run(Options::default(), script), expected, "{script}");
}

#[test]
fn takes_better_lanes_first() {
    check("next", "-");
    check(
        "refresh a/1; retry a/2; bulk a/3; changed a/4; fresh a/5; next*6",
        "a/5:fresh@0 a/4:changed@0 a/3:bulk@0 a/2:retry@0 a/1:refresh@0 -",
    );
    check(
        "refresh a/1; next; fresh a/2; next",
        "a/1:refresh@0 a/2:fresh@0",
    );
}

#[test]
fn takes_turns_between_namespaces_and_goes_in_order_within_one() {
    check(
        "bulk a/1; bulk a/2; bulk a/3; bulk b/1; bulk b/2; bulk c/1; next*7",
        "a/1:bulk@0 b/1:bulk@0 c/1:bulk@0 a/2:bulk@0 b/2:bulk@0 a/3:bulk@0 -",
    );
    // One that comes back stands behind those who wait.
    check(
        "retry a/1; retry a/2; next; retry b/1; retry b/2; next*3",
        "a/1:retry@0 a/2:retry@0 b/1:retry@0 b/2:retry@0",
    );
}

#[test]
fn merges_requests_for_one_key() {
    check("bulk a/1; bulk a/1; next*2", "a/1:bulk@0 -");
    check(
        "refresh a/1; bulk b/1; changed a/1; next*2",
        "a/1:changed@0 b/1:bulk@0",
    );
    check("changed a/1; refresh a/1; next*2", "a/1:changed@0 -");
    // A promoted key keeps its wait.
    check("refresh a/1; +5; changed a/1; +2; next", "a/1:changed@7");
    // What is asked for later is served by going now.
    check(
        "bulk a/1; changed+60 a/1; next; done a/1; +60; next",
        "a/1:bulk@0 -",
    );
}

#[test]
fn waits_for_due_times() {
    check("retry+5 a/1; next; +4; next; +1; next", "- - a/1:retry@0");
    check("retry+5 a/1; +9; next", "a/1:retry@4");
    check("refresh+60 a/1; refresh+10 a/1; +10; next", "a/1:refresh@0");
    check(
        "refresh+10 a/1; refresh+60 a/1; +10; next; +60; next",
        "a/1:refresh@0 -",
    );
    check("refresh+60 a/1; changed+90 a/1; +60; next", "a/1:changed@0");
    check(
        "refresh+60 a/1; +5; bulk a/1; next; done a/1; +90; next",
        "a/1:bulk@0 -",
    );
    check(
        "bulk+3 a/3; bulk+1 a/1; bulk+2 a/2; bulk+9 a/9; +3; next*4",
        "a/1:bulk@2 a/2:bulk@1 a/3:bulk@0 -",
    );
    // The lane decides among those that are due.
    check(
        "refresh+1 a/1; fresh+2 a/2; +5; next*2",
        "a/2:fresh@3 a/1:refresh@4",
    );
}

#[test]
fn works_on_a_key_once_at_a_time() {
    check(
        "bulk a/1; next; bulk a/1; next; done a/1; next*2",
        "a/1:bulk@0 - a/1:bulk@0 -",
    );
    check(
        "bulk a/1; next; refresh a/1; changed a/1; retry a/1; done a/1; next",
        "a/1:bulk@0 a/1:changed@0",
    );
    // Waiting counts from the request, not from the end of the work before.
    check(
        "bulk a/1; next; +3; bulk a/1; +4; done a/1; next",
        "a/1:bulk@0 a/1:bulk@4",
    );
    // Dirty beats the requeue; the earlier of due time and requeue wins.
    check(
        "bulk a/1; next; changed a/1; done a/1 refresh+60; next; done a/1; +60; next",
        "a/1:bulk@0 a/1:changed@0 -",
    );
    check(
        "bulk a/1; next; retry+5 a/1; done a/1 refresh+60; +5; next",
        "a/1:bulk@0 a/1:retry@0",
    );
    check(
        "bulk a/1; next; refresh+60 a/1; done a/1 retry+5; +5; next",
        "a/1:bulk@0 a/1:retry@0",
    );
    check("bulk a/1; next; done a/1; next", "a/1:bulk@0 -");
}

#[test]
fn brings_abandoned_keys_back_and_forgets_on_demand() {
    check(
        "bulk a/1; next; drop a/1; +9; next; +1; next",
        "a/1:bulk@0 - a/1:retry@0",
    );
    check(
        "bulk a/1; next; changed a/1; drop a/1; next",
        "a/1:bulk@0 a/1:changed@0",
    );
    check(
        "bulk a/1; forget a/1; next; bulk+5 a/1; forget a/1; +5; next",
        "- -",
    );
    check(
        "bulk a/1; next; bulk a/1; forget a/1; done a/1 retry+1; +1; next",
        "a/1:bulk@0 -",
    );
    check(
        "bulk a/1; next; forget a/1; bulk a/1; done a/1; next",
        "a/1:bulk@0 a/1:bulk@0",
    );
    check(
        "forget a/1; bulk a/2; bulk a/3; forget a/2; next*2",
        "a/3:bulk@0 -",
    );
}

#[test]
fn admits_few_of_a_namespace_to_fresh() {
    let options = || Options {
        fresh_backlog: 2,
        ..Options::default()
    };
    let check = |script, expected: &str| assert_eq!(run(options(), script), expected, "{script}");
    check(
        "fresh a/1; fresh a/2; fresh a/3; fresh b/1; next*4",
        "a/1:fresh@0 b/1:fresh@0 a/2:fresh@0 a/3:bulk@0",
    );
    check(
        "fresh a/1; fresh a/2; fresh a/3; next; fresh a/3; next*2",
        "a/1:fresh@0 a/2:fresh@0 a/3:fresh@0",
    );
    check(
        "fresh a/1; fresh a/2; changed a/3; fresh a/3; next*3",
        "a/1:fresh@0 a/2:fresh@0 a/3:changed@0",
    );
}

#[test]
fn bounds_keys_in_work() {
    let options = || Options {
        max_in_work: 3,
        max_in_work_per_namespace: 2,
        ..Options::default()
    };
    let check = |script, expected: &str| assert_eq!(run(options(), script), expected, "{script}");
    check(
        "bulk b/1; bulk b/2; bulk b/3; bulk b/4; next*4; done b/2; next*2",
        "b/1:bulk@0 b/2:bulk@0 - - b/3:bulk@0 -",
    );
    check(
        "fresh a/1; fresh a/2; fresh a/3; retry a/4; next*3; bulk b/1; bulk c/1; next*2; done a/1; next",
        "a/1:fresh@0 a/2:fresh@0 - b/1:bulk@0 - a/3:fresh@0",
    );
    check(
        "bulk a/1; bulk a/2; next*2; bulk a/3; forget a/3; bulk a/4; changed a/4; done a/1; next*2",
        "a/1:bulk@0 a/2:bulk@0 a/4:changed@0 -",
    );
}

#[test]
fn shares_turns_by_weight_exactly() {
    let mut queue: Queue<(u32, u32)> = Queue::new(Options {
        fresh_backlog: usize::MAX,
        max_in_work: usize::MAX,
        ..Options::default()
    });
    for (number, lane) in LANES.into_iter().enumerate() {
        for name in 0..1_000 {
            queue.add(
                (name % 7, 1_000 * number as u32 + name),
                lane,
                (),
                Duration::ZERO,
            );
        }
    }
    for _ in 0..10 {
        let mut taken = [0; LANES.len()];
        for _ in 0..91 {
            taken[queue.next(Duration::ZERO).unwrap().lane.index()] += 1;
        }
        assert_eq!(taken, [64, 16, 8, 2, 1]);
    }
}

#[test]
fn delays_a_neighbour_by_one_turn() {
    let mut queue: Queue<(&str, u32)> = Queue::new(Options::default());
    for name in 0..10_000 {
        queue.add(("noisy", name), Lane::Retry, (), Duration::ZERO);
    }
    assert_eq!(queue.next(Duration::ZERO).unwrap().key.0, "noisy");
    queue.add(("quiet", 1), Lane::Retry, (), Duration::ZERO);
    assert_eq!(queue.next(Duration::ZERO).unwrap().key.0, "noisy");
    assert_eq!(queue.next(Duration::ZERO).unwrap().key.0, "quiet");
}

#[test]
fn merges_reasons_until_the_key_goes() {
    let (spec, store, drift) = (Reasons::one(0), Reasons::one(1), Reasons::one(31));
    let mut queue: Queue<Key, Reasons> = Queue::new(Options::default());
    let now = Duration::ZERO;
    queue.add(("a", "1"), Lane::Bulk, spec, now);
    queue.add(("a", "1"), Lane::Bulk, drift, now);
    let work = queue.next(now).unwrap();
    assert_eq!(work.reasons, spec | drift);
    assert_eq!(format!("{:?}", work.reasons), "{0, 31}");
    queue.add(("a", "1"), Lane::Bulk, store, now);
    queue.done(&("a", "1"), None, now);
    assert_eq!(queue.next(now).unwrap().reasons, store);
    queue.add(("a", "1"), Lane::Bulk, store, now);
    queue.forget(&("a", "1"), now);
    queue.add(("a", "1"), Lane::Bulk, drift, now);
    queue.done(&("a", "1"), None, now);
    let reasons = queue.next(now).unwrap().reasons;
    assert!(reasons.contains(drift) && !reasons.contains(store) && !reasons.is_empty());
}

#[test]
fn tells_where_keys_stand() {
    let mut queue: Queue<Key> = Queue::new(Options::default());
    let at = Duration::from_secs;
    queue.add(("a", "1"), Lane::Changed, (), at(1));
    queue.add(("b", "1"), Lane::Changed, (), at(2));
    queue.add_after(("a", "2"), Lane::Refresh, at(60), (), at(2));
    assert_eq!(queue.wake_at(), Some(at(0)));
    assert_eq!(queue.next(at(3)).unwrap().key, ("a", "1"));
    queue.add_after(("a", "1"), Lane::Retry, at(5), (), at(3));
    let (lane, since) = (Lane::Changed, at(2));
    assert_eq!(
        queue.state(&("b", "1")),
        Some(State::Queued { lane, since })
    );
    let (lane, due) = (Lane::Refresh, at(62));
    assert_eq!(queue.state(&("a", "2")), Some(State::Delayed { lane, due }));
    let again = Some(at(8));
    assert_eq!(queue.state(&("a", "1")), Some(State::InWork { again }));
    assert_eq!(queue.state(&("a", "3")), None);
    let stats = queue.stats(at(10));
    let changed = stats.lane(Lane::Changed);
    assert_eq!((changed.depth, changed.oldest), (1, at(8)));
    assert_eq!((changed.entered, changed.taken), (2, 1));
    assert_eq!((stats.depth(), stats.delayed, stats.in_work), (1, 1, 1));
    assert!(!queue.done(&("b", "1"), None, at(10)));
    assert_eq!(queue.next(at(10)).unwrap().key, ("b", "1"));
    assert_eq!(queue.wake_at(), Some(at(62)));
}

#[test]
fn keeps_a_queued_key_in_160_bytes() {
    let mut queue: Queue<(u32, u32), Reasons> = Queue::new(Options::default());
    // A power of two and a bit: the worst moment of growth by doubling.
    let keys = (1 << 16) + 1;
    for name in 0..keys {
        queue.add(
            (name % 200, name),
            Lane::Bulk,
            Reasons::NONE,
            Duration::ZERO,
        );
    }
    let queued = queue.stats(Duration::ZERO).bytes / keys as usize;
    assert!(queued <= 160, "{queued} bytes a queued key");
    for name in 0..keys {
        let after = Duration::from_secs(u64::from(name));
        queue.add_after(
            (name % 200, keys + name),
            Lane::Bulk,
            after,
            Reasons::NONE,
            after,
        );
    }
    // Nothing is left of keys that are gone but the room that further ones will use.
    let full = queue.stats(Duration::ZERO).bytes;
    for name in 0..keys {
        for key in [(name % 200, name), (name % 200, keys + name)] {
            queue.forget(&key, Duration::ZERO);
        }
    }
    for name in 0..2 * keys {
        queue.add(
            (name % 200, name),
            Lane::Bulk,
            Reasons::NONE,
            Duration::ZERO,
        );
    }
    assert_eq!(queue.stats(Duration::ZERO).bytes, full);
}

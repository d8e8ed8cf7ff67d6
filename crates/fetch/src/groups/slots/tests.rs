//! Pure. Pacing over a virtual day: evenness, restarts, many clusters.

use super::*;

const DAY: u64 = 24 * 3600;

fn seeds(salt: u64, count: u64) -> impl Iterator<Item = (u32, u64)> {
    (0..count).map(move |i| (i as u32, mix(salt.wrapping_mul(0x1234_5678_9abc) ^ mix(i))))
}

fn ring(salt: u64, count: u64, interval: u64) -> Ring {
    let mut ring = Ring::new(Duration::from_secs(interval));
    for (id, seed) in seeds(salt, count) {
        ring.insert(id, seed);
    }
    ring.settle();
    ring
}

/// Counts the turns of every member over a day that starts at `start`, by buckets of a second.
fn day(ring: &Ring, start: u64, buckets: &mut [u32]) {
    for id in ring.members.keys() {
        let mut at = Duration::from_secs(start);
        while let Some(turn) = ring.next(*id, at) {
            let Some(bucket) = buckets.get_mut((turn.as_secs() - start) as usize) else {
                break;
            };
            *bucket += 1;
            at = turn + Duration::from_nanos(1);
        }
    }
}

fn peak_to_mean(seconds: &[u32], width: usize) -> f64 {
    let sums: Vec<u32> = seconds.windows(width).map(|w| w.iter().sum()).collect();
    let mean = seconds.iter().sum::<u32>() as f64 / seconds.len() as f64 * width as f64;
    f64::from(sums.iter().copied().max().unwrap_or(0)) / mean
}

#[test]
fn two_thousand_keys_a_minute_are_level_over_a_day() {
    for salt in 0..5 {
        let mut seconds = vec![0; DAY as usize];
        day(&ring(salt, 2000, 60), 1_700_000_017, &mut seconds);
        assert_eq!(seconds.iter().sum::<u32>(), 2000 * 1440);
        assert!(peak_to_mean(&seconds, 1) <= 1.3, "salt {salt}");
        assert!(peak_to_mean(&seconds, 10) <= 1.15, "salt {salt}");
    }
}

#[test]
fn sixty_clusters_started_at_once_are_level_together() {
    for count in [40, 500] {
        let mut seconds = vec![0; 3600];
        for salt in 0..60 {
            day(&ring(salt, count, 60), 1_700_000_000, &mut seconds);
        }
        assert!(peak_to_mean(&seconds, 1) <= 1.3);
        assert!(peak_to_mean(&seconds, 10) <= 1.15);
    }
}

#[test]
fn a_restart_finds_the_same_turns_in_whatever_order_members_come_back() {
    let first = ring(3, 1777, 60);
    let mut second = Ring::new(Duration::from_secs(60));
    let mut backwards: Vec<_> = seeds(3, 1777).collect();
    backwards.reverse();
    for (n, (id, seed)) in backwards.into_iter().enumerate() {
        second.insert(id, seed);
        if n % 100 == 0 {
            second.settle();
        }
    }
    for (id, seed) in seeds(99, 300) {
        second.insert(id + 100_000, seed);
    }
    second.settle();
    for (id, _) in seeds(99, 300) {
        second.remove(id + 100_000);
    }
    second.settle();
    let from = Duration::from_secs(1_700_000_000);
    for id in first.members.keys() {
        assert_eq!(first.next(*id, from), second.next(*id, from));
    }
}

#[test]
fn turns_are_an_interval_apart_to_the_nanosecond() {
    let ring = ring(1, 50, 90);
    for id in 0..50 {
        let start = ring.next(id, Duration::ZERO).unwrap();
        let mut at = start;
        for turn in 1..1000 {
            at = ring.next(id, at + Duration::from_nanos(1)).unwrap();
            assert_eq!(at, start + turn * Duration::from_secs(90));
        }
        assert_eq!(ring.next(id, at), Some(at));
    }
}

#[test]
fn a_newcomer_moves_hardly_anybody() {
    let mut ring = ring(5, 2000, 60);
    let moved: usize = seeds(77, 200)
        .map(|(id, seed)| {
            ring.insert(id + 5000, seed);
            let moved = ring.settle();
            moved.into_iter().filter(|id| *id < 5000).count()
        })
        .sum();
    assert!(moved <= 100, "{moved} moves for 200 newcomers");
}

#[test]
fn odd_intervals_and_single_members_have_turns() {
    for (count, interval) in [(1, 1), (3, 1), (1, 7), (4000, 3600), (10, 86_400)] {
        let ring = ring(2, count, interval);
        for id in 0..count as u32 {
            let turn = ring.next(id, Duration::from_secs(1000)).unwrap();
            assert!(turn >= Duration::from_secs(1000));
            assert!(turn < Duration::from_secs(1000 + interval));
        }
    }
}

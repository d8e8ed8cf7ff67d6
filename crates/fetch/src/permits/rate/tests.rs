//! Pure. The rate against a backend with a token bucket of its own.

use super::*;

/// A backend that takes `rate` calls a second and `burst` at once.
struct Bucket {
    rate: f64,
    burst: f64,
    tokens: f64,
    at: Duration,
}

impl Bucket {
    fn takes(&mut self, now: Duration) -> bool {
        let seconds = (now - self.at).as_secs_f64();
        self.at = now;
        self.tokens = (self.tokens + seconds * self.rate).min(self.burst);
        let takes = self.tokens >= 1.0;
        self.tokens -= f64::from(u8::from(takes));
        takes
    }
}

struct Run {
    answered: u32,
    pushed_back: u32,
}

/// Calls as fast as allowed for `seconds`, each answered after `latency`.
fn saturate(rate: &mut Rate, limit: f64, latency: Duration, seconds: u64) -> Run {
    let start = Duration::from_secs(1_700_000_000);
    let mut bucket = Bucket {
        rate: limit,
        burst: limit,
        tokens: limit,
        at: start,
    };
    let (mut now, end) = (start, start + Duration::from_secs(seconds));
    let mut flying: Vec<(Duration, Duration, bool)> = Vec::new();
    let mut run = Run {
        answered: 0,
        pushed_back: 0,
    };
    while now < end {
        flying.retain(|(started, lands, taken)| {
            if *lands > now {
                return true;
            }
            if *taken {
                rate.answered(*lands);
                run.answered += 1;
            } else {
                rate.push_back(*started, *lands, None);
                run.pushed_back += 1;
            }
            false
        });
        let ready = rate.ready_at(now);
        if ready <= now && flying.len() < 32 {
            rate.take();
            flying.push((now, now + latency, bucket.takes(now)));
            continue;
        }
        let lands = flying.iter().map(|f| f.1).min().unwrap_or(end);
        now = if flying.len() < 32 {
            ready.min(lands)
        } else {
            lands
        };
    }
    run
}

#[test]
fn a_limit_of_forty_a_second_is_used_and_hardly_ever_met() {
    let starts = [(50.0, 500.0), (400.0, 2000.0)];
    for (millis, (initial, most)) in [2, 20, 100]
        .into_iter()
        .flat_map(|m| starts.map(|s| (m, s)))
    {
        let mut rate = Rate::new(initial, most);
        let run = saturate(&mut rate, 40.0, Duration::from_millis(millis), 300);
        let calls = run.answered + run.pushed_back;
        let share = f64::from(run.pushed_back) / f64::from(calls);
        assert!(
            share <= 0.01,
            "{share} pushed back at {millis} ms from {initial}"
        );
        let goodput = f64::from(run.answered) / 300.0;
        assert!(goodput >= 36.0, "{goodput} a second at {millis} ms");
    }
}

#[test]
fn without_push_back_the_ceiling_is_reached_in_seconds() {
    let mut rate = Rate::new(50.0, 500.0);
    let run = saturate(&mut rate, 10_000.0, Duration::from_millis(5), 10);
    assert_eq!(run.pushed_back, 0);
    assert!((rate.current() - 500.0).abs() < 1.0);
    // The ceiling throughout would be 5,000; the ramp costs the rest.
    assert!((4200..=4700).contains(&run.answered), "{}", run.answered);
}

#[test]
fn a_quick_backend_is_approached_quickly_and_a_slow_one_slowly() {
    let after = |millis, seconds| {
        let mut rate = Rate::new(50.0, 10_000.0);
        let run = saturate(&mut rate, 1e6, Duration::from_millis(millis), seconds);
        (rate.current(), run.answered)
    };
    let (doubled, answered) = after(2, 1);
    let expected = 50.0 * 2f64.powf(f64::from(answered) / 50.0);
    assert!(
        answered > 70 && (doubled / expected - 1.0).abs() < 0.1,
        "{doubled} {expected}"
    );
    assert!((after(2, 3).0 - 10_000.0).abs() < 1.0);
    // Answers that take a second leave the calls in flight as the only bound.
    let (slow, _) = after(1000, 60);
    assert!(slow < 110.0, "{slow}");
}

#[test]
fn without_demand_the_rate_does_not_grow() {
    let mut rate = Rate::new(50.0, 500.0);
    for second in 0..100 {
        let now = Duration::from_secs(second);
        assert_eq!(rate.ready_at(now), now);
        rate.take();
        rate.answered(now);
    }
    assert!((rate.current() - 50.0).abs() < 1e-9);
}

#[test]
fn push_back_falls_to_seven_tenths_of_goodput_once() {
    let mut rate = Rate::new(500.0, 500.0);
    let at = |millis| Duration::from_secs(100) + Duration::from_millis(millis);
    for call in 0..200 {
        rate.ready_at(at(call * 10));
        rate.take();
        rate.answered(at(call * 10));
    }
    rate.push_back(at(1990), at(2000), None);
    let fallen = rate.current();
    assert!((fallen - 70.0).abs() < 9.0, "{fallen}");
    rate.push_back(at(1995), at(2001), None);
    assert!(rate.current() >= fallen);
}

#[test]
fn retry_after_is_kept() {
    let mut rate = Rate::new(50.0, 500.0);
    let now = Duration::from_secs(100);
    rate.push_back(now, now, Some(Duration::from_secs(7)));
    assert_eq!(rate.ready_at(now), now + Duration::from_secs(7));
    let later = now + Duration::from_secs(7);
    assert_eq!(rate.ready_at(later), later);
}

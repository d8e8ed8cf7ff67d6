//! Pure. The pace against servers of all sorts, in virtual time.

use proptest::prelude::*;

use super::*;

const MOST: u32 = 150;
const MS: Duration = Duration::from_millis(1);

/// What a run of touches and requests beside them came to.
#[derive(Debug, Default)]
struct Ran {
    /// When each touch started.
    touches: Vec<Duration>,
    /// Rate whenever a request beside a touch was learnt from, and whether that was slow.
    felt: Vec<(f64, bool)>,
    /// Idle requests.
    idle: usize,
    gentle: Option<Gentle>,
}

/// Runs until `count` objects are touched or `end` is reached. The latency of a request is given
/// by the rate of touches (zero in idle times), the time, and the request's number; touches take
/// twice as long.
fn run(
    most: u32,
    count: usize,
    end: Duration,
    latency: impl Fn(f64, Duration, u64) -> Duration,
) -> Ran {
    let mut gentle = Gentle::new(most);
    let mut ran = Ran::default();
    let (mut now, mut ask, mut send, mut number) =
        (Duration::ZERO, Duration::ZERO, Duration::ZERO, 0);
    // When touches in flight end, and the answer that is on its way: (end, idle, latency).
    let mut flying: Vec<Duration> = Vec::new();
    let mut answer: Option<(Duration, bool, Duration)> = None;
    while ran.touches.len() < count && now < end {
        flying.retain(|&ends| {
            let over = ends <= now;
            if over {
                gentle.ended();
            }
            !over
        });
        if let Some((ends, idle, took)) = answer.filter(|(ends, ..)| *ends <= now) {
            let before = gentle.felt();
            gentle.learn(idle, took);
            let after = gentle.felt();
            if after.1 > before.1 {
                ran.felt.push((gentle.rate(), after.0 > before.0));
            }
            ran.idle += usize::from(idle);
            answer = None;
            send = send.max(ends);
        }
        if now >= ask && flying.len() < 4 {
            match gentle.touch(now) {
                Slot::Go => {
                    ran.touches.push(now);
                    flying.push(now + latency(gentle.rate(), now, number) * 2);
                }
                Slot::Wait(time) => ask = now + time,
            }
        }
        if answer.is_none()
            && now >= send
            && let Some(between) = gentle.between()
        {
            let idle = gentle.is_idle(now);
            let rate = if idle { 0.0 } else { gentle.rate() };
            number += 1;
            let took = latency(rate, now, number);
            answer = Some((now + took, idle, took));
            send = now + between;
        }
        let coming = [answer.map_or(send, |(ends, ..)| ends), ask];
        let coming = coming.into_iter().chain(flying.iter().copied());
        now = coming
            .filter(|at| *at > now)
            .min()
            .unwrap_or(now)
            .max(now + MS);
    }
    ran.gentle = Some(gentle);
    ran
}

/// A number in 0..1 that looks random.
fn chance(seed: u64, number: u64) -> f64 {
    let mut x = seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (x ^ (x >> 31)) as f64 / u64::MAX as f64
}

/// 1 to 2 ms, and 3 to 5 for one request in twenty.
fn usual(seed: u64, number: u64) -> Duration {
    let more = if chance(seed ^ 1, number) < 0.05 {
        2.0
    } else {
        0.0
    };
    MS.mul_f64(1.0 + more + chance(seed, number))
}

#[test]
fn a_server_that_does_not_mind_has_50_000_in_ten_minutes() {
    let ran = run(MOST, 50_000, Duration::from_secs(3600), |_, _, n| {
        usual(1, n)
    });
    let took = *ran.touches.last().unwrap();
    assert_eq!(ran.touches.len(), 50_000);
    assert!(took < Duration::from_secs(8 * 60), "{took:?}");
}

#[test]
fn idle_latencies_are_looked_at_before_the_first_touch_and_again_in_pauses() {
    let ran = run(MOST, 5_000, Duration::from_secs(600), |_, _, n| usual(2, n));
    assert!(ran.touches[0] >= LISTENING * (FIRST as u32 - 1));
    let gaps = ran.touches.windows(2).filter(|two| two[1] - two[0] > CALM);
    let gaps = gaps.count();
    assert!((8..=14).contains(&gaps), "{gaps} pauses in about 50 s");
    assert!(ran.idle >= FIRST + gaps * AGAIN, "{}", ran.idle);
}

#[test]
fn a_server_that_answers_no_request_of_ours_is_still_rewritten_slowly() {
    let mut gentle = Gentle::new(MOST);
    let (mut now, mut went) = (Duration::ZERO, 0);
    while now < Duration::from_secs(120) {
        match gentle.touch(now) {
            Slot::Go => {
                went += 1;
                gentle.ended();
            }
            Slot::Wait(time) => {
                assert!(time <= Duration::from_secs(1));
                now += time;
            }
        }
    }
    assert!(went > 1000, "{went}");
    assert_eq!(gentle.idle_tail(), None);
    // Without an idle tail to compare with: no quicker than least.
    gentle.learn(false, MS);
    assert!(gentle.rate() <= LEAST);
}

/// What 100 a second become, the idle tail being 19.5 ms.
fn check(what: &str, learn: &dyn Fn(&mut Gentle), expected: f64) {
    let mut gentle = Gentle::new(100);
    gentle.rate = 100.0;
    gentle.idle = VecDeque::from([(1..=40).map(|i| MS * i / 2).collect()]);
    gentle.phase = Phase::Working {
        since: Duration::ZERO,
    };
    let tail = gentle.idle_tail();
    assert_eq!(tail, Some(MS * 39 / 2), "not the very slowest");
    gentle.judge();
    learn(&mut gentle);
    let rate = gentle.rate();
    assert!((rate - expected).abs() < 0.01, "{what}: {rate}");
}

#[test]
fn the_rate_falls_by_each_sort_of_trouble() {
    check("at twice the tail", &|one| one.learn(false, MS * 39), 100.0);
    check("above it", &|one| one.learn(false, MS * 40), 70.0);
    check("much above it", &|one| one.learn(false, MS * 120), 34.3);
    check("for ever", &|one| one.learn(false, MS * 100_000), LEAST);
    check("429", &Gentle::troubled, 50.0);
    let often = |one: &mut Gentle| (0..20).for_each(|_| one.troubled());
    check("429 again and again", &often, 1.0);
    let back = |one: &mut Gentle| {
        often(one);
        (0..330).for_each(|_| one.learn(false, MS));
    };
    // 324 rises by a hundredth, then slowly.
    check(
        "16 s after trouble",
        &back,
        1.01_f64.powi(324) * 1.0018_f64.powi(6),
    );
    check("an idle one", &|one| one.learn(true, MS * 1000), 100.0);
}

#[test]
fn what_pauses_share_is_not_our_doing() {
    let alone = |one: &mut Gentle| {
        one.learn(false, MS * 40);
        one.idle.push_back(vec![MS; AGAIN]);
        one.judge();
    };
    check("slow beside us, quick in the pause after", &alone, 70.0);
    let shared = |one: &mut Gentle| {
        one.learn(false, MS * 40);
        one.idle
            .push_back([vec![MS; AGAIN - 1], vec![MS * 90]].concat());
        one.judge();
    };
    check("slow in the pause too", &shared, 100.0);
    let credited = |one: &mut Gentle| {
        one.phase = Phase::Listening {
            since: Duration::ZERO,
            wanted: 1,
        };
        one.learn(true, MS * 40);
        one.phase = Phase::Working {
            since: Duration::ZERO,
        };
        (0..5).for_each(|_| one.learn(false, MS * 40));
    };
    check(
        "one slow in a pause pays for four, not for five",
        &credited,
        70.0,
    );
    let told = |one: &mut Gentle| {
        one.learn(false, MS * 40);
        one.troubled();
        one.idle.push_back(vec![MS * 90; AGAIN]);
        one.judge();
    };
    check("429 is never taken back", &told, 35.0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    /// By construction: whatever a server does, more than one request in 199 is slow only while
    /// the rate is at its least (and for the first few, which the rate's own range pays for).
    #[test]
    fn slow_requests_are_rare_or_the_rate_is_at_its_least(
        seed: u64, knee in 1.0_f64..300.0, steep in 0.001_f64..1.0,
    ) {
        let server = |rate: f64, _: Duration, number: u64| {
            // Beyond its knee, the share of slow answers grows with the rate.
            let share = ((rate - knee) / knee * steep).clamp(0.0, 1.0);
            let slow = chance(seed ^ 7, number) < share;
            usual(seed, number) * if slow { 20 } else { 1 }
        };
        let ran = run(MOST, usize::MAX, Duration::from_secs(300), server);
        let free = |rate: f64| rate > LEAST / FALL.powi(2);
        let slow = ran.felt.iter().filter(|(rate, slow)| *slow && free(*rate)).count() as f64;
        let all = ran.felt.len() as f64;
        let paid = (f64::from(MOST) / LEAST).ln() / (1.0 / FALL).ln();
        prop_assert!(slow <= all / 198.0 + paid + 1.0, "{slow} of {all}");
        // And a server that never minds below the most rate is used.
        if knee > f64::from(MOST) * 1.2 {
            prop_assert!(ran.touches.len() > 25_000, "{}", ran.touches.len());
        }
    }

    /// Never a burst: starts keep their distance, whatever came before.
    #[test]
    fn touches_keep_their_distance(seed: u64, most in 1_u32..400, waits in 0_u64..500) {
        let server = |_: f64, _: Duration, number: u64| {
            let stall = chance(seed, number) < 0.01;
            usual(seed, number) + MS * if stall { waits as u32 } else { 0 }
        };
        let ran = run(most, 2_000, Duration::from_secs(30), server);
        let least = Duration::from_secs_f64(1.0 / f64::from(most));
        for two in ran.touches.windows(2) {
            prop_assert!(two[1] - two[0] + Duration::from_nanos(10) >= least, "{two:?}");
        }
    }

    /// Other people's load, which is there in pauses too, hardly slows it down for long.
    #[test]
    fn others_are_told_from_us(seed: u64, every in 10_u64..60, long in 1_u64..10) {
        let server = |_: f64, now: Duration, number: u64| {
            let quiet = MS.mul_f64(1.0 + chance(seed, number));
            quiet * if now.as_secs() % every < long { 15 } else { 1 }
        };
        let ran = run(MOST, usize::MAX, Duration::from_secs(300), server);
        prop_assert!(ran.touches.len() > 300 * 60, "{}", ran.touches.len());
    }

    /// A server that minds us for a while (its other work grew) gets less, and later more again.
    #[test]
    fn it_comes_back(seed: u64) {
        let busy = Duration::from_secs(60)..Duration::from_secs(120);
        let server = |rate: f64, now: Duration, number: u64| {
            let minds = busy.contains(&now) && rate > 40.0 && chance(seed ^ 3, number) < 0.2;
            MS.mul_f64(1.0 + chance(seed, number)) * if minds { 15 } else { 1 }
        };
        let ran = run(MOST, usize::MAX, Duration::from_secs(300), server);
        let between = |from: u64, to: u64| {
            let range = Duration::from_secs(from)..Duration::from_secs(to);
            ran.touches.iter().filter(|at| range.contains(*at)).count()
        };
        prop_assert!(between(30, 60) > 2_500, "{}", between(30, 60));
        prop_assert!(between(80, 110) < 30 * 60, "{}", between(80, 110));
        prop_assert!(between(270, 300) > 2_500, "{}", between(270, 300));
    }
}

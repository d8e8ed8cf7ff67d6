//! Pure. Calls to several endpoints under virtual time.

use proptest::prelude::*;

use super::*;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn race(endpoints: usize, hedge: Option<u64>) -> Race {
    Race::new(
        (0..endpoints).collect(),
        ms(0),
        ms(1000),
        ms(2500),
        hedge.map(ms),
    )
}

fn ask(endpoint: usize, until: u64) -> Step {
    Step::Ask {
        endpoint,
        until: ms(until),
    }
}

#[test]
fn a_failed_endpoint_is_followed_by_the_next_and_then_by_a_second_round() {
    let mut race = race(2, None);
    assert_eq!(race.step(ms(0), || false), ask(0, 1000));
    assert_eq!(race.step(ms(1), || false), Step::Wait(ms(2500)));
    race.failed(WrapFault::Unavailable, ms(10));
    assert_eq!(race.step(ms(10), || false), ask(1, 1010));
    race.failed(WrapFault::Unavailable, ms(20));
    assert_eq!(race.step(ms(20), || false), Step::Wait(ms(120)));
    assert_eq!(race.step(ms(120), || false), ask(0, 1120));
    race.failed(WrapFault::Unavailable, ms(130));
    assert_eq!(race.step(ms(230), || false), ask(1, 1230));
    race.failed(WrapFault::Unavailable, ms(240));
    assert_eq!(race.step(ms(240), || false), Step::Over);
}

#[test]
fn what_is_said_of_the_key_holds_for_all_endpoints() {
    use WrapFault as F;
    for fault in [
        F::Denied,
        F::Unauthenticated,
        F::Disabled,
        F::Deleted,
        F::Corrupt,
        F::Invalid,
    ] {
        let mut race = race(3, None);
        assert_eq!(race.step(ms(0), || false), ask(0, 1000));
        race.failed(fault, ms(5));
        assert_eq!(race.step(ms(5), || true), Step::Over, "{fault:?}");
    }
}

#[test]
fn a_hedge_is_asked_beside_a_slow_endpoint_if_the_budget_grants_it() {
    let mut race = race(2, Some(50));
    assert_eq!(race.step(ms(0), || true), ask(0, 1000));
    assert_eq!(race.step(ms(10), || true), Step::Wait(ms(50)));
    assert_eq!(race.step(ms(50), || true), ask(1, 1050));
    assert_eq!(race.step(ms(51), || true), Step::Wait(ms(2500)));
    // The hedge fails: the first may still answer, so nothing is asked twice.
    race.failed(WrapFault::Unavailable, ms(60));
    assert_eq!(race.step(ms(60), || true), Step::Wait(ms(2500)));
    let mut poor = self::race(2, Some(50));
    assert_eq!(poor.step(ms(0), || false), ask(0, 1000));
    assert_eq!(poor.step(ms(50), || false), Step::Wait(ms(2500)));
    let mut alone = self::race(1, Some(50));
    assert_eq!(alone.step(ms(0), || true), ask(0, 1000));
    assert_eq!(alone.step(ms(50), || true), Step::Wait(ms(2500)));
}

#[test]
fn the_end_is_the_end() {
    let mut race = race(1, None);
    assert_eq!(race.step(ms(0), || false), ask(0, 1000));
    race.failed(WrapFault::Unavailable, ms(1000));
    assert_eq!(race.step(ms(1100), || false), ask(0, 2100));
    race.failed(WrapFault::Unavailable, ms(2499));
    assert_eq!(race.step(ms(2499), || false), Step::Over);
    let mut late = self::race(2, None);
    assert_eq!(late.step(ms(2500), || false), Step::Over);
    let mut none = self::race(0, None);
    assert_eq!(none.step(ms(0), || false), Step::Over);
}

proptest! {
    /// Whatever the endpoints do, the call ends in time and asks each at most twice.
    #[test]
    fn every_call_ends_in_time(
        endpoints in 1..4usize, hedge in proptest::option::of(20..400u64),
        events in proptest::collection::vec((1..700u64, any::<bool>()), 0..40),
    ) {
        let mut race = race(endpoints, hedge);
        let (mut now, mut asked, mut running) = (0, vec![0; endpoints], 0);
        let mut events = events.into_iter();
        for _ in 0..200 {
            match race.step(ms(now), || true) {
                Step::Ask { endpoint, until } => {
                    prop_assert!(until <= ms(2500) && until > ms(now));
                    asked[endpoint] += 1;
                    running += 1;
                }
                Step::Wait(until) => {
                    prop_assert!(until > ms(now) && until <= ms(2500));
                    match events.next() {
                        Some((pass, true)) if running > 0 => {
                            now = (now + pass).min(2500);
                            running -= 1;
                            race.failed(WrapFault::Unavailable, ms(now));
                        }
                        _ => now = u64::try_from(until.as_millis()).unwrap(),
                    }
                }
                Step::Over => break,
            }
        }
        prop_assert_eq!(race.step(ms(now), || true), Step::Over);
        prop_assert!(asked.iter().all(|times| *times <= ROUNDS), "{:?}", asked);
    }
}

//! Pure. A session under virtual time.

use super::*;

fn at(seconds: u64) -> Duration {
    Duration::from_secs(10_000 + seconds)
}

fn grant(token: &str, ttl: Option<u64>, renewable: bool) -> Grant {
    Grant {
        token: token.into(),
        ttl: ttl.map(Duration::from_secs),
        renewable,
        revocable: true,
    }
}

fn denied() -> ProviderError {
    ProviderError::new(ErrorKind::Denied, "no such role")
}

struct Bench {
    state: State,
    random: Random,
}

impl Bench {
    fn logged_in(token: &str, ttl: Option<u64>, renewable: bool) -> Self {
        let mut bench = Self {
            state: State::default(),
            random: Random::new(1),
        };
        bench.demand(0);
        bench.login(Ok(grant(token, ttl, renewable)), 0);
        bench
    }

    fn demand(&mut self, now: u64) -> String {
        match self.state.demand(at(now)) {
            Demand::Token(token) => String::from_utf8_lossy(token.expose()).into_owned(),
            Demand::Wait => "wait".into(),
            Demand::Failed(error) => error.kind().label().into(),
        }
    }

    fn login(&mut self, result: Result<Grant, ProviderError>, now: u64) {
        self.state.logged_in(result, at(now), &mut self.random);
    }

    fn renew(&mut self, used: &Grant, result: Result<Grant, ProviderError>, now: u64) {
        self.state.renewed(used, result, at(now), &mut self.random);
    }

    fn reject(&mut self, token: &str, now: u64) -> bool {
        self.state
            .rejected(&token.into(), at(now), &mut self.random)
    }

    fn upkeep(&self, now: u64) -> Upkeep {
        self.state.upkeep(at(now))
    }

    fn sleeps(&self, now: u64) -> bool {
        matches!(self.upkeep(now), Upkeep::Sleep(_))
    }
}

#[test]
fn a_token_is_handed_out_until_it_expires() {
    let mut bench = Bench::logged_in("a", Some(60), true);
    assert_eq!(
        (bench.demand(1), bench.demand(59)),
        ("a".into(), "a".into())
    );
    assert_eq!(bench.demand(60), "wait");
    assert_eq!(bench.upkeep(60), Upkeep::Login);
}

#[test]
fn renewal_is_due_around_two_thirds() {
    for seed in 0..50 {
        let mut state = State::default();
        state.logged_in(
            Ok(grant("a", Some(300), true)),
            at(0),
            &mut Random::new(seed),
        );
        state.demand(at(1));
        assert!(matches!(state.upkeep(at(189)), Upkeep::Sleep(Some(_))));
        assert_eq!(
            state.upkeep(at(211)),
            Upkeep::Renew(grant("a", Some(300), true))
        );
    }
}

#[test]
fn a_renewed_token_goes_on_and_one_at_its_end_is_replaced() {
    let mut bench = Bench::logged_in("a", Some(300), true);
    let first = grant("a", Some(300), true);
    bench.renew(&first, Ok(first.clone()), 200);
    assert_eq!(bench.demand(450), "a");
    assert!(bench.sleeps(380));
    // The maximum lifetime nears: the renewal gives less than a third.
    bench.renew(&first, Ok(grant("a", Some(90), true)), 400);
    assert_eq!(
        (bench.upkeep(400), bench.demand(480)),
        (Upkeep::Login, "a".into())
    );
    bench.login(Ok(grant("b", Some(300), true)), 401);
    assert_eq!(bench.demand(480), "b");
}

#[test]
fn a_token_that_cannot_be_renewed_is_replaced_at_the_same_point() {
    let bench = Bench::logged_in("a", Some(300), false);
    assert!(bench.sleeps(189));
    assert_eq!(bench.upkeep(211), Upkeep::Login);
    let mut bench = Bench::logged_in("a", Some(300), true);
    bench.renew(&grant("a", Some(300), true), Err(denied()), 211);
    assert_eq!(
        (bench.upkeep(211), bench.demand(212)),
        (Upkeep::Login, "a".into())
    );
}

#[test]
fn a_failed_replacement_leaves_the_old_token_and_is_backed_off() {
    let mut bench = Bench::logged_in("a", Some(300), false);
    bench.login(Err(denied()), 211);
    assert_eq!(bench.demand(212), "a");
    assert!(bench.sleeps(214));
    assert_eq!(bench.upkeep(218), Upkeep::Login);
    bench.login(Err(denied()), 218);
    assert_eq!(bench.demand(301), "wait");
}

#[test]
fn login_failures_are_shared_until_the_next_try_and_grow() {
    let mut bench = Bench::logged_in("a", Some(1), false);
    assert_eq!(bench.demand(2), "wait");
    bench.login(Err(denied()), 2);
    assert_eq!(
        (bench.demand(3), bench.demand(5)),
        ("denied".into(), "denied".into())
    );
    assert!(bench.sleeps(5));
    assert_eq!(bench.demand(9), "wait");
    bench.login(Err(denied()), 9);
    assert_eq!(
        (bench.demand(16), bench.demand(22)),
        ("denied".into(), "wait".into())
    );
    let throttled = ErrorKind::Throttled {
        after: Some(Duration::from_secs(90)),
    };
    bench.login(Err(ProviderError::new(throttled, "slow")), 22);
    assert_eq!(
        (bench.demand(111), bench.demand(113)),
        ("throttled".into(), "wait".into())
    );
}

#[test]
fn a_rejected_token_leads_to_one_login_and_fresh_rejections_back_off() {
    let mut bench = Bench::logged_in("a", Some(3600), true);
    assert!(bench.reject("a", 100));
    assert!(!bench.reject("a", 100));
    assert_eq!(bench.demand(100), "wait");
    bench.login(Ok(grant("b", Some(3600), true)), 100);
    assert!(!bench.reject("a", 101));
    assert_eq!(bench.demand(101), "b");
    // The new one is no good either: one more try, then a pause.
    assert!(bench.reject("b", 101));
    assert_eq!(bench.demand(101), "wait");
    bench.login(Ok(grant("c", Some(3600), true)), 101);
    assert!(bench.reject("c", 102));
    assert_eq!(bench.demand(102), "unauthenticated");
    assert_eq!(bench.demand(109), "wait");
}

#[test]
fn tokens_without_end_are_kept_and_unused_ones_lapse() {
    let mut bench = Bench::logged_in("a", None, false);
    assert_eq!(bench.upkeep(1_000_000), Upkeep::Sleep(None));
    assert_eq!(bench.demand(1_000_000), "a");
    let mut bench = Bench::logged_in("a", Some(7200), true);
    assert_eq!(bench.upkeep(5100), Upkeep::Sleep(None));
    assert_eq!(bench.demand(5100), "a");
    assert!(matches!(bench.upkeep(5101), Upkeep::Renew(_)));
}

#[test]
fn a_token_of_no_lifetime_does_not_log_in_for_every_call() {
    let mut bench = Bench::logged_in("a", Some(0), false);
    assert_eq!(bench.demand(0), "a");
    assert_eq!(bench.demand(1), "wait");
}

#[test]
fn the_end_gives_up_only_what_may_be_revoked() {
    let mut bench = Bench::logged_in("a", Some(60), true);
    assert_eq!(bench.state.end(at(59)), Some(grant("a", Some(60), true)));
    assert_eq!(bench.state.end(at(59)), None);
    let mut bench = Bench::logged_in("a", Some(60), true);
    assert_eq!(bench.state.end(at(60)), None);
    let mut bench = Bench::logged_in("a", Some(60), true);
    let given = Grant {
        revocable: false,
        ..grant("b", None, false)
    };
    bench.login(Ok(given), 1);
    assert_eq!(bench.state.end(at(2)), None);
}

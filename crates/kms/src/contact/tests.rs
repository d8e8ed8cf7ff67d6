//! Pure. The offline policy: what coasts, what stops, what purges.

use proptest::prelude::*;

use super::*;

fn options(policy: Policy) -> Options {
    Options {
        policy,
        grace: seconds(30),
        horizon: seconds(3600),
    }
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const THROTTLED: WrapFault = WrapFault::Throttled { after: None };

#[test]
fn an_outage_is_kept_quiet_then_told_then_ended_by_the_horizon() {
    let mut contact = Contact::new(options(Policy::Coast));
    contact.confirmed(seconds(1000));
    assert!(!contact.failed(WrapFault::Unavailable, "no connection", seconds(1010)));
    assert_eq!(contact.health(seconds(1040)), Health::Ok);
    let told = "no connection (since 1970-01-01T00:16:50Z)";
    assert_eq!(
        contact.health(seconds(1041)),
        Health::Unhealthy(told.into())
    );
    // The text does not change with time or with the outage's face: since stays.
    contact.failed(THROTTLED, "no connection", seconds(2000));
    assert_eq!(
        contact.health(seconds(4600)),
        Health::Unhealthy(told.into())
    );
    assert!(contact.may_use_kept(seconds(4600)));
    assert!(!contact.may_use_kept(seconds(4601)));
    let Health::Failed(fault, text) = contact.health(seconds(4601)) else {
        panic!("it coasts beyond the horizon");
    };
    assert_eq!(fault, THROTTLED);
    assert!(
        text.ends_with("longer than the revocation horizon"),
        "{text}"
    );
}

#[test]
fn strict_fails_after_the_grace_and_recovers_at_once() {
    let mut contact = Contact::new(options(Policy::Strict));
    contact.confirmed(seconds(0));
    contact.failed(WrapFault::Unavailable, "sealed", seconds(100));
    assert_eq!(contact.health(seconds(130)), Health::Ok);
    let text = "sealed (since 1970-01-01T00:01:40Z)".to_owned();
    let failed = Health::Failed(WrapFault::Unavailable, text);
    assert_eq!(contact.health(seconds(131)), failed);
    contact.confirmed(seconds(140));
    assert_eq!(contact.health(seconds(140)), Health::Ok);
}

#[test]
fn before_the_first_contact_there_is_nothing_to_coast_on() {
    for policy in [Policy::Strict, Policy::Coast] {
        let mut contact = Contact::new(options(policy));
        let fault = |contact: &Contact| match contact.health(seconds(1)) {
            Health::Failed(fault, _) => Some(fault),
            _ => None,
        };
        assert_eq!(fault(&contact), Some(WrapFault::Unavailable));
        contact.failed(WrapFault::Unavailable, "down", seconds(1));
        assert_eq!(fault(&contact), Some(WrapFault::Unavailable));
        assert!(!contact.may_use_kept(seconds(1)));
    }
}

#[test]
fn faults_that_are_no_outage_never_coast_and_revocations_purge() {
    use WrapFault as F;
    for fault in [
        F::Denied,
        F::Unauthenticated,
        F::Disabled,
        F::Deleted,
        F::Corrupt,
        F::Invalid,
    ] {
        let mut contact = Contact::new(options(Policy::Coast));
        contact.confirmed(seconds(0));
        assert_eq!(contact.failed(fault, "x", seconds(1)), fault.revokes());
        assert_eq!(contact.may_use_kept(seconds(1)), !fault.revokes());
        let Health::Failed(told, _) = contact.health(seconds(1)) else {
            panic!("{fault:?} coasts");
        };
        assert_eq!(told, fault);
    }
}

#[test]
fn an_outage_after_a_revocation_hides_nothing() {
    let mut contact = Contact::new(options(Policy::Coast));
    contact.confirmed(seconds(0));
    assert!(contact.failed(WrapFault::Disabled, "disabled", seconds(1)));
    assert!(!contact.failed(WrapFault::Unavailable, "cut", seconds(2)));
    assert!(contact.revoked() && !contact.may_use_kept(seconds(2)));
    assert!(matches!(
        contact.health(seconds(2)),
        Health::Failed(WrapFault::Disabled, _)
    ));
    contact.confirmed(seconds(3));
    assert!(!contact.revoked());
}

fn faults() -> impl Strategy<Value = Option<WrapFault>> {
    use WrapFault as F;
    proptest::sample::select(vec![
        None,
        Some(F::Unavailable),
        Some(THROTTLED),
        Some(F::Denied),
        Some(F::Deleted),
        Some(F::Corrupt),
    ])
}

proptest! {
    /// Whatever happens: kept values are used only with no revocation since the last confirmation
    /// and within the horizon, and a key id is told as good only then.
    #[test]
    fn nothing_kept_is_used_beyond_the_horizon_or_a_revocation(
        history in proptest::collection::vec((0..900u64, faults()), 1..40),
        strict in any::<bool>(),
    ) {
        let policy = if strict { Policy::Strict } else { Policy::Coast };
        let mut contact = Contact::new(options(policy));
        let (mut now, mut confirmed, mut revoked) = (0, None, false);
        for (pass, event) in history {
            now += pass;
            match event {
                None => {
                    contact.confirmed(seconds(now));
                    (confirmed, revoked) = (Some(now), false);
                }
                Some(fault) => {
                    let purge = contact.failed(fault, "x", seconds(now));
                    prop_assert_eq!(purge, fault.revokes());
                    revoked |= fault.revokes();
                }
            }
            let fresh = confirmed.is_some_and(|at| now - at <= 3600);
            prop_assert_eq!(contact.may_use_kept(seconds(now)), fresh && !revoked);
            if let Health::Ok | Health::Unhealthy(_) = contact.health(seconds(now)) {
                prop_assert!(confirmed.is_some() && !revoked);
                prop_assert!(fresh || !contact.in_trouble());
            }
        }
    }
}

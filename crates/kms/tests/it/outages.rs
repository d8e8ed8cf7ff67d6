//! Shell. What is served while the key service is away, and what a revocation ends.

use std::sync::Arc;
use std::time::Duration;

use tidegate_contract::WrapFault;
use tidegate_kms::contact::Policy;
use tidegate_kms::{KeyService, Refusal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::Code;

use crate::scripted::{Scripted, healthz, open, pass, probe, seed, service};

fn watch(service: &Arc<KeyService>) -> JoinHandle<()> {
    tokio::spawn(Arc::clone(service).watch(CancellationToken::new()))
}

fn code<T: std::fmt::Debug>(outcome: Result<T, Refusal>) -> Code {
    outcome.unwrap_err().code()
}

#[tokio::test(start_paused = true)]
async fn status_fails_until_the_key_is_proven_and_then_answers_from_memory() {
    let scripted = Scripted::new();
    let service = service(&[&scripted], |_| {});
    assert_eq!(code(healthz(&service)), Code::Unavailable);
    assert_eq!(code(probe(&service, 1).await), Code::Unavailable);
    service.look().await;
    let before = scripted.calls();
    assert_eq!(before, (1, 1), "one wrap and one unwrap prove it");
    for _ in 0..1000 {
        assert_eq!(healthz(&service).unwrap(), "ok");
    }
    assert_eq!(scripted.calls(), before);
}

#[tokio::test(start_paused = true)]
async fn an_api_server_costs_one_wrap_and_one_unwrap_per_seed() {
    let scripted = Scripted::new();
    let first = service(&[&scripted], |_| {});
    first.look().await;
    let wrapped = probe(&first, 7).await.unwrap();
    assert_eq!(scripted.calls(), (2, 1));
    // The seed that was just wrapped is known; another plugin process asks once.
    assert_eq!(open(&first, &wrapped).await.unwrap(), seed(7));
    assert_eq!(scripted.calls(), (2, 1));
    let second = service(&[&scripted], |_| {});
    second.look().await;
    for _ in 0..100 {
        assert_eq!(open(&second, &wrapped).await.unwrap(), seed(7));
    }
    assert_eq!(scripted.calls(), (3, 3), "its own proof, and one unwrap");
}

#[tokio::test(start_paused = true)]
async fn coasting_keeps_the_key_id_says_why_and_ends_at_the_horizon() {
    let scripted = Scripted::new();
    let service = service(&[&scripted], |options| {
        options.contact.horizon = Duration::from_secs(3600);
    });
    let _watch = watch(&service);
    pass(1).await;
    let wrapped = probe(&service, 1).await.unwrap();
    scripted.set(|script| script.fault = Some(WrapFault::Unavailable));
    pass(120).await;
    let text = healthz(&service).unwrap();
    assert!(text.starts_with("as scripted (since 1970-01-12T"), "{text}");
    pass(60).await;
    assert_eq!(
        healthz(&service).unwrap(),
        text,
        "the text does not change with time"
    );
    assert_eq!(open(&service, &wrapped).await.unwrap(), seed(1));
    assert_eq!(
        code(probe(&service, 2).await),
        Code::Unavailable,
        "no hierarchy, no new seed"
    );
    pass(3600).await;
    assert_eq!(code(healthz(&service)), Code::Unavailable);
    assert_eq!(code(open(&service, &wrapped).await), Code::Unavailable);
    scripted.set(|script| script.fault = None);
    pass(10).await;
    assert_eq!(healthz(&service).unwrap(), "ok");
    assert_eq!(open(&service, &wrapped).await.unwrap(), seed(1));
}

#[tokio::test(start_paused = true)]
async fn strict_fails_status_after_the_grace() {
    let scripted = Scripted::new();
    let service = service(&[&scripted], |options| {
        options.contact.policy = Policy::Strict
    });
    let _watch = watch(&service);
    pass(1).await;
    let wrapped = probe(&service, 1).await.unwrap();
    scripted.set(|script| script.fault = Some(WrapFault::Throttled { after: None }));
    pass(120).await;
    assert_eq!(code(healthz(&service)), Code::ResourceExhausted);
    assert_eq!(
        open(&service, &wrapped).await.unwrap(),
        seed(1),
        "reads go on"
    );
    scripted.set(|script| script.fault = None);
    pass(10).await;
    assert_eq!(healthz(&service).unwrap(), "ok");
}

#[tokio::test(start_paused = true)]
async fn a_revocation_purges_at_once_and_an_outage_after_it_hides_nothing() {
    let faults = [
        (WrapFault::Denied, Code::PermissionDenied),
        (WrapFault::Unauthenticated, Code::Unauthenticated),
        (WrapFault::Disabled, Code::FailedPrecondition),
        (WrapFault::Deleted, Code::FailedPrecondition),
    ];
    for (fault, expected) in faults {
        for hierarchy in [false, true] {
            let scripted = Scripted::new();
            let service = service(&[&scripted], |options| options.local_hierarchy = hierarchy);
            service.look().await;
            let wrapped = probe(&service, 1).await.unwrap();
            scripted.set(|script| script.fault = Some(fault));
            pass(61).await;
            service.look().await;
            assert_eq!(code(healthz(&service)), expected, "{fault:?}");
            assert_eq!(code(open(&service, &wrapped).await), expected, "{fault:?}");
            assert_eq!(code(probe(&service, 2).await), expected, "{fault:?}");
            scripted.set(|script| script.fault = Some(WrapFault::Unavailable));
            service.look().await;
            assert_eq!(code(healthz(&service)), expected, "{fault:?}");
            assert_eq!(
                code(open(&service, &wrapped).await),
                Code::Unavailable,
                "not from memory"
            );
            scripted.set(|script| script.fault = None);
            service.look().await;
            assert_eq!(healthz(&service).unwrap(), "ok");
            assert_eq!(open(&service, &wrapped).await.unwrap(), seed(1));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_meets_a_revocation_purges_before_the_next_look() {
    let scripted = Scripted::new();
    let service = service(&[&scripted], |_| {});
    service.look().await;
    let known = probe(&service, 1).await.unwrap();
    let mut other = known.clone();
    other.ciphertext.push(0);
    scripted.set(|script| script.unwrap_fault = Some(WrapFault::Denied));
    assert_eq!(open(&service, &known).await.unwrap(), seed(1));
    assert_eq!(code(open(&service, &other).await), Code::PermissionDenied);
    assert_eq!(code(open(&service, &known).await), Code::PermissionDenied);
}

#[tokio::test(start_paused = true)]
async fn what_was_asked_before_a_revocation_is_not_kept_after_it() {
    let scripted = Scripted::new();
    let first = service(&[&scripted], |_| {});
    first.look().await;
    let wrapped = probe(&first, 1).await.unwrap();
    let second = service(&[&scripted], |_| {});
    second.look().await;
    scripted.set(|script| script.takes = Duration::from_millis(800));
    let (slow, stored) = (Arc::clone(&second), wrapped.clone());
    let slow = tokio::spawn(async move { open(&slow, &stored).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    scripted.set(|script| {
        script.takes = Duration::ZERO;
        script.fault = Some(WrapFault::Disabled);
    });
    second.look().await;
    // Its answer was under way; it is given, for the key service gave it, and then forgotten.
    assert_eq!(slow.await.unwrap().unwrap(), seed(1));
    assert_eq!(
        code(open(&second, &wrapped).await),
        Code::FailedPrecondition
    );
}

/// The promise of the local hierarchy: an API server that restarts in an outage of half an hour
/// reads what it stored, takes a new seed and goes on, with no call to the key service.
#[tokio::test(start_paused = true)]
async fn an_api_server_restarts_in_an_outage_with_the_local_hierarchy() {
    let scripted = Scripted::new();
    let service = service(&[&scripted], |options| options.local_hierarchy = true);
    let _watch = watch(&service);
    pass(1).await;
    let before = probe(&service, 1).await.unwrap();
    scripted.set(|script| script.fault = Some(WrapFault::Unavailable));
    let mut stored = vec![(before, 1)];
    for minute in 0..30u8 {
        pass(60).await;
        let told = healthz(&service).unwrap();
        assert_ne!(told, "ok");
        let wrapped = probe(&service, minute + 2).await.unwrap();
        stored.push((wrapped, minute + 2));
        for (wrapped, byte) in &stored {
            assert_eq!(open(&service, wrapped).await.unwrap(), seed(*byte));
        }
    }
    let ids: std::collections::BTreeSet<_> = stored.iter().map(|(it, _)| &it.key_id).collect();
    assert_eq!(ids.len(), 1, "the key id never changed");
}

#[tokio::test(start_paused = true)]
async fn another_node_opens_what_the_hierarchy_of_one_wrapped() {
    let scripted = Scripted::new();
    let one = service(&[&scripted], |options| options.local_hierarchy = true);
    one.look().await;
    let wrapped: Vec<_> = [probe(&one, 1).await.unwrap(), probe(&one, 2).await.unwrap()].into();
    for hierarchy in [true, false] {
        let other = service(&[&scripted], |options| options.local_hierarchy = hierarchy);
        other.look().await;
        let unwraps = scripted.calls().1;
        assert_eq!(open(&other, &wrapped[0]).await.unwrap(), seed(1));
        assert_eq!(open(&other, &wrapped[1]).await.unwrap(), seed(2));
        let asked = scripted.calls().1 - unwraps;
        assert_eq!(
            asked,
            if hierarchy { 1 } else { 2 },
            "one per local key, not per seed"
        );
    }
}

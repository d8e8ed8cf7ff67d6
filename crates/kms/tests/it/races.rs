//! Shell. Several endpoints, slow ones, identical calls, and too many of them.

use std::sync::Arc;
use std::time::Duration;

use tidegate_contract::WrapFault;
use tokio::time::Instant;
use tonic::Code;

use crate::scripted::{Scripted, open, probe, seed, service, stored};

#[tokio::test(start_paused = true)]
async fn a_dead_endpoint_is_followed_by_the_next_and_then_left_alone() {
    let (dead, live) = (Scripted::new(), Scripted::new());
    dead.set(|script| script.fault = Some(WrapFault::Unavailable));
    let service = service(&[&dead, &live], |options| options.kept = 0);
    service.look().await;
    let wrapped = probe(&service, 1).await.unwrap();
    let before = dead.calls().1;
    for _ in 0..20 {
        assert_eq!(open(&service, &wrapped).await.unwrap(), seed(1));
    }
    assert_eq!(dead.calls().1, before, "its breaker is open");
}

#[tokio::test(start_paused = true)]
async fn what_one_endpoint_says_of_the_key_is_not_asked_of_another() {
    let (first, second) = (Scripted::new(), Scripted::new());
    let service = service(&[&first, &second], |_| {});
    service.look().await;
    let mut wrapped = probe(&service, 1).await.unwrap();
    *wrapped.ciphertext.first_mut().unwrap() ^= 1;
    let before = second.calls();
    assert_eq!(
        open(&service, &wrapped).await.unwrap_err().code(),
        Code::DataLoss
    );
    assert_eq!(second.calls(), before);
}

#[tokio::test(start_paused = true)]
async fn a_stalled_endpoint_is_hedged_long_before_its_deadline() {
    let (stalls, quick) = (Scripted::new(), Scripted::new());
    let service = service(&[&stalls, &quick], |options| options.kept = 0);
    service.look().await;
    let wrapped = probe(&service, 1).await.unwrap();
    stalls.set(|script| script.takes = Duration::from_secs(60));
    let began = Instant::now();
    assert_eq!(open(&service, &wrapped).await.unwrap(), seed(1));
    assert_eq!(began.elapsed(), Duration::from_millis(250));
    assert_eq!(quick.calls(), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_hanging_or_slow_service_is_answered_for_within_the_budget() {
    for takes in [Duration::from_millis(2900), Duration::from_secs(3600)] {
        let scripted = Scripted::new();
        let service = service(&[&scripted], |options| options.kept = 0);
        service.look().await;
        let wrapped = probe(&service, 1).await.unwrap();
        scripted.set(|script| script.takes = takes);
        for allowed in [None, Some(Duration::from_millis(300))] {
            let began = Instant::now();
            let end = service.end(allowed);
            let refusal = service.decrypt(stored(&wrapped), end).await.unwrap_err();
            let code = refusal.code();
            assert!(
                matches!(code, Code::Unavailable | Code::DeadlineExceeded),
                "{code:?}"
            );
            let budget = allowed.unwrap_or(Duration::from_millis(2500));
            assert!(began.elapsed() <= budget, "{:?}", began.elapsed());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn identical_decrypts_are_one_call() {
    let scripted = Scripted::new();
    let service = service(&[&scripted], |options| options.kept = 0);
    service.look().await;
    let wrapped = probe(&service, 1).await.unwrap();
    scripted.set(|script| script.takes = Duration::from_millis(100));
    let before = scripted.calls().1;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let (service, wrapped) = (Arc::clone(&service), wrapped.clone());
        tasks.spawn(async move { open(&service, &wrapped).await });
    }
    let mut opened = 0;
    while let Some(outcome) = tasks.join_next().await {
        opened += usize::from(outcome.unwrap() == Ok(seed(1)));
    }
    assert_eq!((opened, scripted.calls().1 - before), (200, 1));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_does_not_end_the_call_for_the_others() {
    let scripted = Scripted::new();
    let service = service(&[&scripted], |_| {});
    service.look().await;
    let mut wrapped = probe(&service, 1).await.unwrap();
    wrapped.annotations.insert("x.y".into(), Vec::new());
    scripted.set(|script| script.takes = Duration::from_millis(100));
    let (first, asked) = (Arc::clone(&service), wrapped.clone());
    let first = tokio::spawn(async move { open(&first, &asked).await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    first.abort();
    let before = scripted.calls().1;
    assert_eq!(open(&service, &wrapped).await.unwrap(), seed(1));
    assert_eq!(scripted.calls().1, before, "the call of the one who left");
}

#[tokio::test(start_paused = true)]
async fn more_calls_than_allowed_wait_and_then_say_so() {
    let scripted = Scripted::new();
    let service = service(&[&scripted], |options| {
        options.kept = 0;
        options.concurrency = 1;
    });
    service.look().await;
    let wrapped = probe(&service, 1).await.unwrap();
    scripted.set(|script| script.takes = Duration::from_millis(900));
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..8u8 {
        let (service, mut wrapped) = (Arc::clone(&service), wrapped.clone());
        wrapped.annotations.insert("x.y".into(), vec![number]);
        tasks.spawn(async move { open(&service, &wrapped).await });
    }
    let mut codes = Vec::new();
    while let Some(outcome) = tasks.join_next().await {
        codes.extend(outcome.unwrap().err().map(|refusal| refusal.code()));
    }
    // Three of 900 ms would not fit into 2.5 s.
    assert_eq!(codes.len(), 6, "{codes:?}");
    assert!(codes.contains(&Code::ResourceExhausted), "{codes:?}");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_unwraps_other_bytes_is_never_told_of() {
    let scripted = Scripted::new();
    scripted.set(|script| script.lies = true);
    let service = service(&[&scripted], |_| {});
    service.look().await;
    let refusal = probe(&service, 1).await.unwrap_err();
    assert_eq!(refusal.code(), Code::DataLoss);
}

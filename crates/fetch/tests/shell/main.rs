//! Shell. The handle and its background task on paused time, with a provider that counts.

mod backend;

use std::sync::atomic::Ordering;
use std::time::Duration;

use backend::{Bench, Scripted, UNIX, read, source, text};
use tidegate_contract::{ErrorKind, Find, Validation};
use tidegate_fetch::{Cause, FingerprintKey, Lane, Seen};
use tokio::task::JoinSet;

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn a_thousand_readers_of_250_keys_make_250_calls_within_the_limit() {
    for (keys_per_call, calls) in [(1, 250), (20, 13)] {
        let (bench, backend) = (Bench::new(), Scripted::new(keys_per_call));
        let answers = bench.readers(&backend, 1000, 250).join_all().await;
        assert_eq!(answers.len(), 1000);
        assert_eq!(backend.calls(), calls);
        assert!(
            backend
                .by_key
                .lock()
                .unwrap()
                .values()
                .all(|count| *count == 1)
        );
        assert!(backend.most_at_once.load(Ordering::SeqCst) <= 8);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn so_they_do_on_many_threads() {
    let (bench, backend) = (Bench::new(), Scripted::new(1));
    let answers = bench.readers(&backend, 3000, 100).join_all().await;
    assert!(answers.iter().all(|answers| answers[0].is_ok()));
    assert_eq!(backend.calls(), 100);
    let stats = bench.fetch.stats();
    assert_eq!((stats.waiting, stats.joins + stats.hits), (0, 2900));
}

#[tokio::test(start_paused = true)]
async fn dropped_readers_lose_nothing_and_leak_no_permit() {
    let (bench, backend) = (Bench::new(), Scripted::new(1));
    for round in 0..50 {
        let mut readers = bench.readers(&backend, 100, 20);
        tokio::time::sleep(Duration::from_millis(round)).await;
        readers.abort_all();
        while readers.join_next().await.is_some() {}
    }
    pass(1).await;
    let stats = bench.fetch.stats();
    assert_eq!((stats.waiting, stats.endpoints[0].in_flight), (0, 0));
    assert!(
        stats.endpoints[0]
            .queued
            .iter()
            .all(|(_, depth)| *depth == 0)
    );
    let answers = bench.readers(&backend, 100, 20).join_all().await;
    assert!(
        answers
            .iter()
            .all(|answers| text(&answers[0]).ends_with("=v1"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_silent_backend_is_given_up_and_delays_nobody_else() {
    let bench = Bench::new();
    let (silent, good) = (Scripted::new(1), Scripted::new(1));
    silent.silent.store(true, Ordering::SeqCst);
    let stuck = bench.readers(&silent, 200, 200);
    pass(1).await;
    let before = tokio::time::Instant::now();
    assert_eq!(bench.readers(&good, 200, 50).join_all().await.len(), 200);
    assert!(before.elapsed() < Duration::from_secs(1));
    for answers in stuck.join_all().await {
        let failure = answers[0].as_ref().expect_err("silence");
        assert_eq!(failure.kind, ErrorKind::Unavailable);
        assert_eq!(&*failure.public, "no answer within 30 s");
    }
    assert!(silent.most_at_once.load(Ordering::SeqCst) <= silent.calls());
    assert!(silent.calls() <= 8 + 8 + 2, "{}", silent.calls());
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_panics_fails_its_own_reads_only() {
    let bench = Bench::new();
    let (bad, good) = (Scripted::new(1), Scripted::new(1));
    bad.panics.store(true, Ordering::SeqCst);
    let failure = bench.run("o", read(&bad, "a")).await.expect_err("a panic");
    assert_eq!(failure.kind, ErrorKind::Invalid);
    assert_eq!(text(&bench.run("o", read(&good, "a")).await), "a=v1");
    assert_eq!(
        bench
            .fetch
            .stats()
            .endpoints
            .iter()
            .map(|e| e.in_flight)
            .sum::<usize>(),
        0
    );
}

#[tokio::test(start_paused = true)]
async fn a_background_task_that_was_cut_off_can_be_started_again() {
    let (mut bench, backend) = (Bench::new(), Scripted::new(1));
    let readers = bench.readers(&backend, 20, 20);
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert_eq!(bench.fetch.stats().endpoints[0].in_flight, 8);
    bench.drive.shutdown().await;
    assert_eq!(bench.fetch.stats().endpoints[0].in_flight, 0);
    let turns = bench.fetch.stats().turns;
    pass(60).await;
    assert_eq!(bench.fetch.stats().turns, turns);
    bench.drive();
    assert_eq!(readers.join_all().await.len(), 20);
    assert_eq!(backend.calls(), 28);
    pass(60).await;
    assert!(bench.fetch.stats().turns >= turns + 12);
}

#[tokio::test(start_paused = true)]
async fn a_rotation_wakes_every_object_from_one_call() {
    let (bench, backend) = (Bench::new(), Scripted::new(1));
    let answer = bench.run("o0", read(&backend, "k")).await;
    for n in 0..100 {
        bench.subscribe(&backend, &format!("o{n}"), "k", Seen::from(&answer));
    }
    pass(200).await;
    *backend.value.lock().unwrap() = "v2".into();
    let calls = backend.calls();
    for _ in 0..100 {
        let wake = bench.fetch.next_wake().await.expect("a wake");
        assert_eq!(wake.cause, Cause::Changed);
        let answer = bench.run(&wake.object, read(&backend, "k")).await;
        assert_eq!(text(&answer), "k=v2");
        bench.subscribe(&backend, &wake.object, "k", Seen::from(&answer));
    }
    assert_eq!(backend.calls(), calls + 1);
    assert_eq!(
        (bench.fetch.stats().held, bench.fetch.stats().held_bytes),
        (0, 0)
    );
    assert!(bench.fetch.refreshed_at("o7").is_some_and(|at| at > UNIX));
    let quiet = tokio::time::timeout(Duration::from_secs(300), bench.fetch.next_wake()).await;
    assert!(quiet.is_err());
}

#[tokio::test(start_paused = true)]
async fn several_listeners_share_the_wakes() {
    let (bench, backend) = (Bench::new(), Scripted::new(1));
    for n in 0..50 {
        bench.subscribe(&backend, &format!("o{n}"), &format!("k{n}"), Seen::Nothing);
    }
    let mut listeners = JoinSet::new();
    for _ in 0..5 {
        let fetch = bench.fetch.clone();
        listeners.spawn(async move {
            let mut heard = Vec::new();
            while let Some(wake) = fetch.next_wake().await {
                heard.push(wake.object);
            }
            heard
        });
    }
    pass(61).await;
    bench.stop.cancel();
    let mut heard: Vec<_> = listeners.join_all().await.into_iter().flatten().collect();
    heard.sort();
    heard.dedup();
    assert_eq!(heard.len(), 50);
}

#[tokio::test(start_paused = true)]
async fn the_end_answers_everybody() {
    let (mut bench, backend) = (Bench::new(), Scripted::new(1));
    backend.silent.store(true, Ordering::SeqCst);
    let readers = bench.readers(&backend, 30, 30);
    pass(1).await;
    bench.stop.cancel();
    while bench.drive.join_next().await.is_some() {}
    for answers in readers.join_all().await {
        let failure = answers[0].as_ref().expect_err("the end");
        assert_eq!(failure.kind, ErrorKind::Unavailable);
    }
    assert!(bench.run("late", read(&backend, "k")).await.is_err());
    assert_eq!(bench.fetch.next_wake().await, None);
    let late = bench.fetch.validate(&source(&backend), Lane::Fresh).await;
    assert_eq!(
        late.map_err(|error| error.kind()),
        Err(ErrorKind::Unavailable)
    );
}

#[tokio::test(start_paused = true)]
async fn validation_and_listing_stand_in_the_same_queue() {
    let (bench, backend) = (Bench::new(), Scripted::new(1));
    let store = source(&backend);
    // The first answer says that the token is over; the session logs in again, once.
    let answer = bench.fetch.validate(&store, Lane::Fresh).await;
    assert_eq!(answer.map_err(|error| error.kind()), Ok(Validation::Ready));
    assert_eq!(backend.validations.load(Ordering::SeqCst), 2);
    let listing = bench.fetch.list(&store, &Find::default(), Lane::Bulk).await;
    assert!(listing.is_ok_and(|listing| listing.complete));
    // With every permit taken a validation waits, and one that is given up leaves no trace.
    backend.silent.store(true, Ordering::SeqCst);
    let _stuck = bench.readers(&backend, 8, 8);
    pass(1).await;
    let waits = bench.fetch.validate(&store, Lane::Fresh);
    assert!(
        tokio::time::timeout(Duration::from_secs(5), waits)
            .await
            .is_err()
    );
    let stats = bench.fetch.stats();
    assert_eq!(
        (stats.endpoints[0].in_flight, stats.endpoints[0].queued[0].1),
        (8, 0)
    );
    assert_eq!(backend.validations.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn nothing_that_can_be_printed_shows_a_value() {
    let (bench, backend) = (Bench::new(), Scripted::new(1));
    *backend.value.lock().unwrap() = "M4RKER".into();
    let answer = bench.run("o", read(&backend, "k")).await;
    bench.subscribe(&backend, "o", "k", Seen::from(&answer));
    assert!(text(&answer).contains("M4RKER"));
    let stats = bench.fetch.stats();
    let seen = Seen::from(&answer);
    let key = FingerprintKey::new([9; 32]);
    let printed = format!("{answer:?} {stats:?} {:?} {seen:?} {key:?}", bench.fetch);
    assert!(!printed.contains("M4RKER"), "{printed}");
}

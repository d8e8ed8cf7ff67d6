//! Shell. The shared queue under paused time: who waits, who is woken, what a lost task leaves.

#![cfg(test)]

use std::time::Duration;

use tidegate_queue::{Lane, Options, Requeue, Ticket, WorkQueue};
use tokio::task::JoinSet;
use tokio::time::{Instant, advance, timeout};

type Key = (&'static str, u32);

fn queue(max_in_work: usize) -> WorkQueue<Key> {
    WorkQueue::new(Options {
        max_in_work,
        ..Options::default()
    })
}

fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

/// Nothing comes within the paused time of an hour.
async fn nothing(queue: &WorkQueue<Key>) {
    assert!(timeout(seconds(3600), queue.next()).await.is_err());
}

async fn next(queue: &WorkQueue<Key>) -> Ticket<Key> {
    queue.next().await.expect("the queue is open")
}

#[tokio::test(start_paused = true)]
async fn waits_for_the_due_time_and_for_an_earlier_one() {
    let queue = queue(10);
    let start = Instant::now();
    queue.add_after(("a", 1), Lane::Refresh, seconds(60), ());
    queue.add_after(("a", 2), Lane::Refresh, seconds(90), ());
    assert_eq!(next(&queue).await.work().key, ("a", 1));
    assert_eq!(start.elapsed().as_secs(), 60);
    let mut tasks = JoinSet::new();
    let shared = queue.clone();
    tasks.spawn(async move { next(&shared).await.work().key });
    tokio::task::yield_now().await;
    queue.add_after(("a", 3), Lane::Refresh, seconds(1), ());
    assert_eq!(tasks.join_next().await.unwrap().unwrap(), ("a", 3));
    assert_eq!(start.elapsed().as_secs(), 61);
}

#[tokio::test(start_paused = true)]
async fn hands_a_ticket_its_facts() {
    let queue = queue(10);
    queue.add(("a", 1), Lane::Retry, ());
    advance(seconds(3)).await;
    let ticket = next(&queue).await;
    assert_eq!(
        (ticket.work().lane, ticket.work().waited),
        (Lane::Retry, seconds(3))
    );
    let (lane, after) = (Lane::Refresh, seconds(60));
    ticket.done(Some(Requeue {
        lane,
        after,
        reasons: (),
    }));
    let start = Instant::now();
    next(&queue).await.done(None);
    assert_eq!(start.elapsed(), seconds(60));
    nothing(&queue).await;
}

#[tokio::test(start_paused = true)]
async fn waits_while_enough_is_in_work() {
    let queue = queue(2);
    for name in 1..=3 {
        queue.add(("a", name), Lane::Bulk, ());
    }
    let (first, second) = (next(&queue).await, next(&queue).await);
    nothing(&queue).await;
    let shared = queue.clone();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { next(&shared).await.work().key });
    tokio::task::yield_now().await;
    second.done(None);
    assert_eq!(tasks.join_next().await.unwrap().unwrap(), ("a", 3));
    drop(first);
}

#[tokio::test(start_paused = true)]
async fn brings_keys_of_lost_tasks_back() {
    let queue = queue(10);
    queue.add(("a", 1), Lane::Bulk, ());
    queue.add(("a", 2), Lane::Bulk, ());
    let mut tasks = JoinSet::new();
    let ticket = next(&queue).await;
    tasks.spawn(async move {
        let _ticket = ticket;
        panic!("a task that fails");
    });
    assert!(tasks.join_next().await.unwrap().unwrap_err().is_panic());
    let ticket = next(&queue).await;
    tasks.spawn(async move {
        let _ticket = ticket;
        std::future::pending::<()>().await;
    });
    tokio::task::yield_now().await;
    tasks.shutdown().await;
    assert_eq!(queue.stats().abandoned, 2);
    let start = Instant::now();
    for name in 1..=2 {
        let ticket = next(&queue).await;
        assert_eq!(
            (ticket.work().key, ticket.work().lane),
            (("a", name), Lane::Retry)
        );
        ticket.done(None);
    }
    assert_eq!(start.elapsed(), Options::default().abandoned_after);
    nothing(&queue).await;
}

#[tokio::test(start_paused = true)]
async fn serves_every_waiter_and_closes_for_all() {
    let queue = queue(100);
    let mut tasks = JoinSet::new();
    for _ in 0..10 {
        let queue = queue.clone();
        tasks.spawn(async move {
            let mut count = 0;
            while let Some(ticket) = queue.next().await {
                count += 1;
                ticket.done(None);
                tokio::task::yield_now().await;
            }
            count
        });
    }
    for name in 0..1_000 {
        queue.add(("a", name), Lane::Bulk, ());
        queue.add_after(("b", name), Lane::Bulk, seconds(u64::from(name % 7)), ());
    }
    tokio::time::sleep(seconds(10)).await;
    assert_eq!(queue.stats().lane(Lane::Bulk).taken, 2_000);
    queue.close();
    queue.close();
    let counts: Vec<i32> = tasks.join_all().await;
    assert_eq!(counts.iter().sum::<i32>(), 2_000);
    queue.add(("a", 1), Lane::Bulk, ());
    assert!(queue.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn passes_the_wait_on_when_a_waiter_gives_up() {
    let queue = queue(10);
    queue.add_after(("a", 1), Lane::Bulk, seconds(60), ());
    let mut tasks = JoinSet::new();
    let first = tasks.spawn({
        let queue = queue.clone();
        async move { next(&queue).await.work().key }
    });
    tokio::task::yield_now().await;
    tasks.spawn({
        let queue = queue.clone();
        async move { next(&queue).await.work().key }
    });
    tokio::task::yield_now().await;
    first.abort();
    assert!(tasks.join_next().await.unwrap().unwrap_err().is_cancelled());
    assert_eq!(tasks.join_next().await.unwrap().unwrap(), ("a", 1));
}

//! Shell. What the queue costs: a million keys in and out, and a million due times.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use tidegate_queue::{LANES, Lane, Options, Queue, Requeue};

type Key = (u32, u32);

const KEYS: u32 = 1_000_000;
const NAMESPACES: u32 = 200;

fn options() -> Options {
    Options {
        max_in_work: usize::MAX,
        max_in_work_per_namespace: usize::MAX,
        ..Options::default()
    }
}

fn key(number: u32) -> Key {
    (number % NAMESPACES, number)
}

/// Adds every key, then takes and ends every key.
fn through(mut queue: Queue<Key>) -> Queue<Key> {
    for number in 0..KEYS {
        let lane = LANES[number as usize % LANES.len()];
        queue.add(key(number), lane, (), Duration::ZERO);
    }
    while let Some(work) = queue.next(Duration::ZERO) {
        queue.done(&work.key, None, Duration::ZERO);
    }
    queue
}

/// Every key gets a due time within an hour, out of order; then the hour passes.
fn delayed(mut queue: Queue<Key>) -> Queue<Key> {
    for number in 0..KEYS {
        let due = Duration::from_micros(u64::from(number.wrapping_mul(2_654_435_761)));
        queue.add_after(key(number), Lane::Refresh, due, (), Duration::ZERO);
    }
    while let Some(due) = queue.wake_at() {
        if let Some(work) = queue.next(due) {
            queue.done(&work.key, None, due);
        }
    }
    queue
}

/// A queue as it stands in service: 10,000 keys that come, go and come back.
fn steady(queue: &mut Queue<Key>, now: &mut Duration) {
    *now += Duration::from_millis(6);
    while let Some(work) = queue.next(*now) {
        let requeue = Requeue {
            lane: Lane::Refresh,
            after: Duration::from_secs(60),
            reasons: (),
        };
        queue.done(&work.key, Some(requeue), *now);
    }
}

fn queue(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("queue");
    group
        .sample_size(10)
        .throughput(Throughput::Elements(u64::from(KEYS)));
    let empty = || Queue::new(options());
    group.bench_function("a million in and out", |bench| {
        bench.iter_batched(
            empty,
            |queue| black_box(through(queue)),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("a million due times", |bench| {
        bench.iter_batched(
            empty,
            |queue| black_box(delayed(queue)),
            BatchSize::PerIteration,
        );
    });
    group.throughput(Throughput::Elements(1)).sample_size(100);
    let (mut queue, mut now) = (empty(), Duration::ZERO);
    for number in 0..10_000 {
        let after = Duration::from_millis(u64::from(number) * 6);
        queue.add_after(key(number), Lane::Refresh, after, (), now);
    }
    group.bench_function("one refresh among 10,000", |bench| {
        bench.iter(|| steady(&mut queue, &mut now));
    });
    group.finish();
}

criterion_group!(benches, queue);
criterion_main!(benches);

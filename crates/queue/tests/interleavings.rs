//! Shell. Every order in which tasks can wait, give up, add, end and close: no wake-up is lost.

#![cfg(test)]

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use tidegate_queue::{Lane, Options, Ticket, WorkQueue};

type Next = Pin<Box<dyn Future<Output = Option<Ticket<(u8, u8)>>>>>;

/// What can happen in one step; a step runs to the task's next await point, as on one thread.
#[derive(Debug, Clone, Copy)]
enum Step {
    Wait(usize),
    GiveUp(usize),
    Run(usize),
    Add(u8),
    End,
    Close,
}

const STEPS: [Step; 10] = [
    Step::Wait(0),
    Step::Wait(1),
    Step::GiveUp(0),
    Step::GiveUp(1),
    Step::Run(0),
    Step::Run(1),
    Step::Add(1),
    Step::Add(2),
    Step::End,
    Step::Close,
];

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Waiter {
    future: Next,
    woken: Arc<Flag>,
}

struct World {
    queue: WorkQueue<(u8, u8)>,
    waiters: [Option<Waiter>; 2],
    tickets: Vec<Ticket<(u8, u8)>>,
    closed: bool,
}

impl World {
    fn new() -> Self {
        let options = Options {
            max_in_work: 1,
            ..Options::default()
        };
        Self {
            queue: WorkQueue::new(options),
            waiters: [None, None],
            tickets: Vec::new(),
            closed: false,
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Wait(who) if self.waiters[who].is_none() => {
                let queue = self.queue.clone();
                let future: Next = Box::pin(async move { queue.next().await });
                let woken = Arc::new(Flag(AtomicBool::new(true)));
                self.waiters[who] = Some(Waiter { future, woken });
                self.run(who);
            }
            Step::Wait(_) => {}
            Step::GiveUp(who) => self.waiters[who] = None,
            Step::Run(who) => self.run(who),
            Step::Add(name) => self.queue.add((0, name), Lane::Bulk, ()),
            Step::End => {
                if let Some(ticket) = self.tickets.pop() {
                    ticket.done(None);
                }
            }
            Step::Close => {
                self.queue.close();
                self.closed = true;
            }
        }
    }

    /// Polls a waiter, if it was woken.
    fn run(&mut self, who: usize) {
        let Some(waiter) = &mut self.waiters[who] else {
            return;
        };
        if !waiter.woken.0.swap(false, Ordering::Relaxed) {
            return;
        }
        let waker = Waker::from(Arc::clone(&waiter.woken));
        if let Poll::Ready(out) = waiter
            .future
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
        {
            self.waiters[who] = None;
            assert_eq!(out.is_none(), self.closed);
            self.tickets.extend(out);
            assert!(self.tickets.len() <= 1, "more in work than allowed");
        }
    }

    /// Lets woken tasks run until none is: then nobody may wait for what is there.
    fn settle(&mut self, trail: &[Step]) {
        for _ in 0..4 {
            self.run(0);
            self.run(1);
        }
        let waiting = self.waiters.iter().flatten().count();
        let stats = self.queue.stats();
        let ready = stats.depth() > 0 && stats.in_work == 0;
        assert!(waiting == 0 || !ready, "a wake-up was lost: {trail:?}");
        assert!(
            waiting == 0 || !self.closed,
            "waits on a closed queue: {trail:?}"
        );
    }
}

#[test]
fn no_order_of_steps_loses_a_wake_up() {
    const DEPTH: u32 = 5;
    // A ticket that is dropped asks for a due time, which needs tokio's clock; tokio's own clock
    // is not entered here, and none is needed: no key waits for a due time.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let _entered = runtime.enter();
    for number in 0..STEPS.len().pow(DEPTH) {
        let mut world = World::new();
        let mut rest = number;
        let mut trail = vec![Step::Wait(0), Step::Wait(1)];
        for _ in 0..DEPTH {
            trail.push(STEPS[rest % STEPS.len()]);
            rest /= STEPS.len();
        }
        for step in &trail {
            world.step(*step);
        }
        world.settle(&trail);
    }
}

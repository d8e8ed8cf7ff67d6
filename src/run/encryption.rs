//! Shell. `tidegate encryption`: brings clock, streams and the adaptive limit of writes.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use futures::future::BoxFuture;
use tidegate_encryption::commands::{Args, Env, run};
use tidegate_encryption::pace::{self, Ended, Pace};

use crate::clock::Clock;
use crate::patch::limit::Verdict;
use crate::patch::permits::{Class, Permit, Permits};

pub(super) fn main(args: Args) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return super::fail(1, &format!("no runtime: {error}")),
    };
    let clock = Clock::system();
    let most = args.most_writes();
    let paced = Paced {
        permits: Permits::new(most, clock),
        most,
    };
    let now = || clock.now();
    let (mut out, mut err) = (std::io::stdout(), std::io::stderr());
    let mut env = Env {
        now: &now,
        pace: &paced,
        terminal: err.is_terminal(),
        out: &mut out,
        err: &mut err,
    };
    match runtime.block_on(run(args, &mut env)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => super::fail(failure.code as u8, &failure.line),
    }
}

/// The controller's limit, for touches.
struct Paced {
    permits: Permits,
    most: usize,
}

impl Pace for Paced {
    fn acquire(&self) -> BoxFuture<'_, Box<dyn pace::Permit>> {
        Box::pin(async {
            let permit = self.permits.acquire(Class::BulkSecret).await;
            Box::new(Held(permit)) as Box<dyn pace::Permit>
        })
    }

    fn most(&self) -> usize {
        self.most
    }
}

struct Held(Permit);

impl pace::Permit for Held {
    fn ended(self: Box<Self>, how: Ended) {
        self.0.ended(match how {
            Ended::Answered => Verdict::Answered,
            Ended::Throttled(after) => Verdict::Throttled(after),
            Ended::Lost => Verdict::Lost,
        });
    }
}

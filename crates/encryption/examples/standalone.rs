//! Shell. The commands of `tidegate encryption` in a program of their own, without the controller.
//!
//! Writes are bounded in flight and no more; `tidegate` itself brings the controller's adaptive
//! limit, which also slows down when the API server does.

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use futures::future::BoxFuture;
use tidegate_encryption::commands::{Args, Env, run};
use tidegate_encryption::pace::{Ended, Pace, Permit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

#[derive(Parser)]
#[command(name = "encryption")]
struct Cli {
    #[command(flatten)]
    args: Args,
}

struct Bounded {
    permits: Arc<Semaphore>,
    most: usize,
}

struct Held(#[allow(dead_code, reason = "held until dropped")] Option<OwnedSemaphorePermit>);

impl Pace for Bounded {
    fn acquire(&self) -> BoxFuture<'_, Box<dyn Permit>> {
        Box::pin(async {
            let permit = Arc::clone(&self.permits).acquire_owned().await.ok();
            Box::new(Held(permit)) as Box<dyn Permit>
        })
    }

    fn most(&self) -> usize {
        self.most
    }
}

impl Permit for Held {
    fn ended(self: Box<Self>, _how: Ended) {}
}

fn main() -> ExitCode {
    let _already = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let args = Cli::parse().args;
    let most = args.most_writes();
    let pace = Bounded {
        permits: Arc::new(Semaphore::new(most)),
        most,
    };
    #[allow(clippy::disallowed_methods, reason = "the program's clock")]
    let now = jiff::Timestamp::now;
    let (mut out, mut err) = (std::io::stdout(), std::io::stderr());
    let mut env = Env {
        now: &now,
        pace: &pace,
        out: &mut out,
        err: &mut err,
        terminal: false,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(run(args, &mut env)),
        Err(_) => return ExitCode::FAILURE,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _closed = writeln!(std::io::stderr(), "tidegate: {}", failure.line);
            ExitCode::from(failure.code as u8)
        }
    }
}

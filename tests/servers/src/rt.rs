//! Shell. A runtime of the harness's own, so that tests may pause their clock or end theirs.
//!
//! A test under paused time would jump over every wait for a real server, and connections opened
//! in one test's runtime die with it while the next test still uses the same server. Requests
//! and waits therefore run here, on real time, for as long as the process lives.

use std::future::Future;
use std::sync::OnceLock;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use crate::error::ServerError;

/// Threads that drive the harness's requests; servers, not the harness, are the slow part.
const WORKERS: usize = 1;

/// Runs a future on the harness's runtime.
pub(crate) async fn detached<F>(future: F) -> Result<F::Output, ServerError>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    runtime()?
        .spawn(future)
        .await
        .map_err(|error| ServerError::Io {
            what: "run a task of the harness".to_owned(),
            source: error.into(),
        })
}

/// Starts a future on the harness's runtime; the caller keeps the handle, to end it.
pub(crate) fn spawn(
    future: impl Future<Output = ()> + Send + 'static,
) -> Result<JoinHandle<()>, ServerError> {
    Ok(runtime()?.spawn(future))
}

/// Waits on the real clock.
pub(crate) async fn sleep(duration: Duration) -> Result<(), ServerError> {
    detached(async move { tokio::time::sleep(duration).await }).await
}

/// Runs blocking work (a build, the end of a process) away from the caller's threads.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ServerError> + Send + 'static,
) -> Result<T, ServerError> {
    runtime()?
        .spawn_blocking(work)
        .await
        .map_err(|error| ServerError::Io {
            what: "run a task of the harness".to_owned(),
            source: error.into(),
        })?
}

fn runtime() -> Result<&'static Runtime, ServerError> {
    static RUNTIME: OnceLock<std::io::Result<Runtime>> = OnceLock::new();
    let made = RUNTIME.get_or_init(|| {
        Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .thread_name("testservers")
            .enable_all()
            .build()
    });
    made.as_ref().map_err(|error| ServerError::Io {
        what: "start the harness's runtime".to_owned(),
        source: error.kind().into(),
    })
}

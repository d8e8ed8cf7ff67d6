//! Shell. A controller in the test's own process, and the search for leaks when it ends.

use clap::Parser;
use tidegate::cli::{Cli, Command};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Servers, World, logs};

/// A controller in this process.
pub struct Controller {
    servers: &'static Servers,
    namespace: String,
    stop: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl Controller {
    pub(super) fn start(args: &[&str], world: &World) -> Self {
        let Command::Controller(args) = Cli::try_parse_from(args).unwrap().command else {
            panic!("not the controller's flags");
        };
        let stop = CancellationToken::new();
        let token = stop.clone();
        #[allow(clippy::disallowed_methods, reason = "the handle is kept and awaited")]
        let task = tokio::spawn(async move {
            tidegate::run::controller::run(*args, token).await.unwrap();
        });
        let (servers, namespace) = (world.servers, world.namespace.clone());
        Self {
            servers,
            namespace,
            stop,
            task: Some(task),
        }
    }

    /// Stops as SIGTERM does, waits until all is drained, and looks for values where none may be.
    pub async fn stop(mut self) {
        self.stop.cancel();
        self.task.take().unwrap().await.unwrap();
        logs::assert_no_leak();
        let admin = &self.servers.admin;
        for path in [
            format!("/api/v1/namespaces/{}/events", self.namespace),
            format!(
                "/apis/external-secrets.io/v1/namespaces/{}/externalsecrets",
                self.namespace
            ),
        ] {
            let text = admin.get(&path).await.unwrap().ok().unwrap()["items"].to_string();
            assert!(!text.contains(logs::MARKER), "a value in {path}");
        }
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

//! Shell. A controller in the test's own process, and the search for leaks when it ends.

use std::net::{SocketAddr, TcpListener};

use clap::Parser;
use tidegate::cli::{Cli, Command};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Servers, World, logs};

/// A controller in this process.
pub struct Controller {
    servers: &'static Servers,
    namespace: String,
    admin: SocketAddr,
    stop: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl Controller {
    pub(super) fn start(args: Vec<&str>, world: &World) -> Self {
        // Free a moment ago; the harness's own ports lie elsewhere.
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let admin = free.local_addr().unwrap();
        drop(free);
        let address = admin.to_string();
        let args = args.into_iter().chain(["--admin-addr", &address]);
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
            admin,
            stop,
            task: Some(task),
        }
    }

    /// Stops as SIGTERM does, waits until all is drained, and looks for values where none may be.
    pub async fn stop(mut self) {
        let (ready, metrics) = (self.ask("/readyz").await, self.ask("/metrics").await);
        assert!(ready.starts_with("HTTP/1.0 200"), "{ready}");
        assert!(metrics.contains("tidegate_external_secrets"), "{metrics}");
        assert!(!metrics.contains(logs::MARKER), "a value in the metrics");
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

    /// What the admin port answers, head and body.
    async fn ask(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.admin).await.unwrap();
        let request = format!("GET {path} HTTP/1.0\r\nhost: tidegate\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
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

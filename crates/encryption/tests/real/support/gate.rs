//! Shell. A way to the API server that closes after a number of messages: a command that is
//! killed there dies at the same point of its work on a slow machine as on a quick one.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tidegate_testservers::ADMIN;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use super::{Bed, write};

/// A forwarder of bytes, and a kubeconfig that leads through it.
pub struct Gate {
    left: AtomicI64,
    kubeconfig: PathBuf,
}

impl Gate {
    pub async fn open(bed: &Bed) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = bed.plane.url().trim_start_matches("https://").to_owned();
        let text = std::fs::read_to_string(bed.plane.kubeconfig_path(ADMIN).unwrap()).unwrap();
        assert!(text.contains(&server));
        let kubeconfig = bed.folder.path().join("through-the-gate.kubeconfig");
        write(&kubeconfig, &text.replace(&server, &address));
        let gate = Arc::new(Self {
            left: AtomicI64::new(0),
            kubeconfig,
        });
        let forward = Arc::clone(&gate);
        #[allow(clippy::disallowed_methods, reason = "ends with the test's runtime")]
        tokio::spawn(async move { forward.accept(listener, server).await });
        gate
    }

    /// The same words, with the kubeconfig that leads through here.
    pub fn lead(&self, mut words: Vec<String>) -> Vec<String> {
        let flag = words
            .iter()
            .position(|word| word == "--kubeconfig")
            .unwrap();
        words[flag + 1] = self.kubeconfig.display().to_string();
        words
    }

    /// Lets so many messages through from now on, over all connections.
    pub fn allow(&self, messages: i64) {
        self.left.store(messages, Ordering::SeqCst);
    }

    /// True once a message has been held.
    pub fn holds(&self) -> bool {
        self.left.load(Ordering::SeqCst) < 0
    }

    async fn accept(self: Arc<Self>, listener: TcpListener, server: String) {
        while let Ok((from, _)) = listener.accept().await {
            let Ok(to) = TcpStream::connect(&server).await else {
                continue;
            };
            let ((ask, mut answer_to), (mut answer, tell)) = (from.into_split(), to.into_split());
            let gate = Arc::clone(&self);
            #[allow(clippy::disallowed_methods, reason = "ends with its connection")]
            tokio::spawn(async move { gate.asks(ask, tell).await });
            #[allow(clippy::disallowed_methods, reason = "ends with its connection")]
            tokio::spawn(async move { tokio::io::copy(&mut answer, &mut answer_to).await });
        }
    }

    async fn asks(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = from.read(&mut buffer).await {
            if self.left.fetch_sub(1, Ordering::SeqCst) <= 0 {
                std::future::pending::<()>().await;
            }
            if to.write_all(&buffer[..read]).await.is_err() {
                break;
            }
        }
    }
}

//! Shell. The network between the plugin and Vault, which can be cut and slowed down.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Pass,
    /// Connections break, and new ones are closed at once.
    Cut,
    /// What is sent to Vault arrives this much later.
    Slow(Duration),
}

/// A relay on loopback; connections break when its mode changes.
pub struct Relay {
    pub url: String,
    mode: watch::Sender<Mode>,
}

impl Relay {
    pub async fn to(vault: &str) -> Self {
        let target = vault.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (mode, modes) = watch::channel(Mode::Pass);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(connection(stream, target.clone(), modes.clone()));
            }
        });
        Self { url, mode }
    }

    pub fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }
}

async fn connection(stream: TcpStream, target: String, mut modes: watch::Receiver<Mode>) {
    let mode = *modes.borrow_and_update();
    let delay = match mode {
        Mode::Cut => return,
        Mode::Pass => Duration::ZERO,
        Mode::Slow(delay) => delay,
    };
    let Ok(upstream) = TcpStream::connect(target).await else {
        return;
    };
    let ((from, to), (up_from, up_to)) = (stream.into_split(), upstream.into_split());
    tokio::select! {
        () = copy(from, up_to, delay) => {}
        () = copy(up_from, to, Duration::ZERO) => {}
        _ = modes.changed() => {}
    }
}

async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, delay: Duration) {
    let mut buffer = vec![0; 16 << 10];
    while let Ok(read) = from.read(&mut buffer).await {
        tokio::time::sleep(delay).await;
        if read == 0 || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

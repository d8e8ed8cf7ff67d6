//! Shell. A real Vault with a Transit key, behind a relay that times its answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tidegate_testservers::{Vault, VaultOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::report::Outcome;
use crate::subject::pin_beside_client;

const POLICY: &str = r#"
path "transit/encrypt/kms" { capabilities = ["update"] }
path "transit/decrypt/kms" { capabilities = ["update"] }
path "transit/keys/kms" { capabilities = ["read"] }
"#;

pub struct Transit {
    vault: Vault,
    token: String,
}

/// A relay to Vault: what passes it, and how long Vault takes.
pub struct Relay {
    pub url: String,
    timed: Arc<Timed>,
}

#[derive(Default)]
struct Timed {
    calls: AtomicUsize,
    waited: AtomicU64,
}

impl Transit {
    pub async fn start() -> Outcome<Self> {
        let vault = Vault::start(VaultOptions::default()).await?;
        let mount = json!({ "type": "transit" });
        vault.write("sys/mounts/transit", &mount).await?;
        let key = json!({ "type": "aes256-gcm96" });
        vault.write("transit/keys/kms", &key).await?;
        vault.policy("kms", POLICY).await?;
        let token = vault.token(&["kms"], "24h").await?;
        let pid = vault.pid().await.ok_or("Vault is down")?;
        pin_beside_client(pid)?;
        Ok(Self { vault, token })
    }

    pub fn token(&self) -> &str {
        &self.token
    }

    pub async fn relay(&self) -> Outcome<Relay> {
        let target = self.vault.addr().trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let timed = Arc::new(Timed::default());
        let counted = Arc::clone(&timed);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(connection(stream, target.clone(), Arc::clone(&counted)));
            }
        });
        Ok(Relay { url, timed })
    }
}

impl Relay {
    /// How long Vault has taken in all.
    pub fn waited(&self) -> Duration {
        Duration::from_nanos(self.timed.waited.load(Ordering::Relaxed))
    }

    /// What Vault was asked in all.
    pub fn calls(&self) -> usize {
        self.timed.calls.load(Ordering::Relaxed)
    }
}

/// Requests of one connection follow one another: a request's first bytes begin it, the first bytes
/// of the answer end it; what comes later counts against the plugin.
async fn connection(mut stream: TcpStream, target: String, timed: Arc<Timed>) {
    let Ok(mut vault) = TcpStream::connect(target).await else {
        return;
    };
    // Small messages must not wait for one another's acknowledgement.
    let _ = (stream.set_nodelay(true), vault.set_nodelay(true));
    let mut began: Option<Instant> = None;
    let (mut there, mut back) = (vec![0; 16 << 10], vec![0; 16 << 10]);
    loop {
        let written = tokio::select! {
            read = stream.read(&mut there) => match read {
                Ok(length) if length > 0 => {
                    began.get_or_insert_with(Instant::now);
                    vault.write_all(&there[..length]).await
                }
                _ => return,
            },
            read = vault.read(&mut back) => match read {
                Ok(length) if length > 0 => {
                    if let Some(began) = began.take() {
                        let took = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
                        timed.waited.fetch_add(took, Ordering::Relaxed);
                        timed.calls.fetch_add(1, Ordering::Relaxed);
                    }
                    stream.write_all(&back[..length]).await
                }
                _ => return,
            },
        };
        if written.is_err() {
            return;
        }
    }
}

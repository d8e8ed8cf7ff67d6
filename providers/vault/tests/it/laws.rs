//! Shell. The laws on KV version 1 and 2 of a real Vault that is sealed, stopped and throttled.

use std::sync::Arc;

use async_trait::async_trait;
use reqwest::Method;
use serde_json::json;
use tidegate_contract::laws::{Carries, Fault, Fixture, Provoked, check};
use tidegate_contract::{Find, RemoteKey, RemoteSecret};
use tidegate_provider_vault::{KvVersion, VaultProvider};
use tidegate_testservers::{Vault, VaultOptions};

use crate::hand;

const MOUNT: &str = "law";
const QUOTA: &str = "sys/quotas/rate-limit/law";

struct RealVault {
    vault: Vault,
    version: KvVersion,
}

impl RealVault {
    fn provider(&self, token: &str, mount: &str) -> VaultProvider {
        hand::provider(self.vault.addr(), hand::mount(mount, self.version), token)
    }

    /// Allows one request an hour and spends it.
    async fn throttle(&self) {
        let headers = json!({ "enable_rate_limit_response_headers": true });
        self.vault
            .write("sys/quotas/config", &headers)
            .await
            .unwrap();
        let quota = json!({ "rate": 1, "interval": "1h", "path": format!("{MOUNT}/") });
        self.vault.write(QUOTA, &quota).await.unwrap();
        let probe = format!("{MOUNT}/data/any");
        for _ in 0..3 {
            let answer = self.vault.send(Method::GET, &probe, None).await.unwrap();
            if answer.status == 429 {
                return;
            }
        }
        panic!("the quota does not take effect");
    }
}

#[async_trait]
impl Fixture for RealVault {
    fn carries(&self) -> Carries {
        Carries::Text
    }

    async fn store(&self, name: &str, value: &[u8]) -> RemoteKey {
        let data = json!({ "value": str::from_utf8(value).unwrap() });
        self.vault.put(MOUNT, name, &data).await.unwrap();
        RemoteKey::latest(name)
    }

    fn value(&self, answer: &RemoteSecret) -> Option<Vec<u8>> {
        let data = hand::json(answer)?;
        Some(data.get("value")?.as_str()?.as_bytes().to_vec())
    }

    fn find(&self, prefix: &str) -> Option<Find> {
        Some(Find {
            path: Some(prefix.to_owned()),
            ..Find::default()
        })
    }

    async fn provoke(&self, fault: Fault) -> Option<Provoked> {
        let root = self.vault.root_token();
        let mut key = RemoteKey::latest("law-faults/a");
        let provider = match fault {
            Fault::MissingKey => {
                key = RemoteKey::latest("law-faults/absent");
                self.provider(root, MOUNT)
            }
            // Version 1 of the engine has no versions.
            Fault::MissingVersion if self.version == KvVersion::V1 => return None,
            Fault::MissingVersion => {
                key = hand::at("law-faults/a", "99");
                self.provider(root, MOUNT)
            }
            Fault::UnmountedPath => self.provider(root, "nowhere"),
            Fault::WrongToken => self.provider("hvs.of-somebody-else", MOUNT),
            Fault::DeniedPolicy => {
                let token = self.vault.token(&["default"], "").await.unwrap();
                self.provider(&token, MOUNT)
            }
            Fault::Sealed => {
                self.vault.seal().await.unwrap();
                self.provider(root, MOUNT)
            }
            Fault::Unreachable => {
                self.vault.down().await.unwrap();
                self.provider(root, MOUNT)
            }
            Fault::Throttled => {
                self.throttle().await;
                self.provider(root, MOUNT)
            }
        };
        Some(Provoked {
            provider: Arc::new(provider),
            key,
        })
    }

    async fn mend(&self, fault: Fault) {
        match fault {
            Fault::Sealed => here(|| self.vault.unseal()).unwrap(),
            Fault::Unreachable => here(|| self.vault.up()).unwrap(),
            Fault::Throttled => {
                let gone = self.vault.send(Method::DELETE, QUOTA, None).await.unwrap();
                gone.ok().unwrap();
            }
            _ => {}
        }
    }
}

/// Waits for a future of the harness that cannot be sent to another thread.
fn here<F: Future>(make: impl FnOnce() -> F + Send) -> F::Output
where
    F::Output: Send,
{
    let wait = || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(make())
    };
    std::thread::scope(|scope| scope.spawn(wait).join().unwrap())
}

async fn the_laws_hold(version: KvVersion, number: u8, faults: &[Fault]) {
    let vault = Vault::start(VaultOptions::default()).await.unwrap();
    vault.enable_kv(MOUNT, number).await.unwrap();
    let real = RealVault { vault, version };
    let provider = real.provider(real.vault.root_token(), MOUNT);
    let checked = check(&provider, &real).await.unwrap();
    assert_eq!(checked.faults, faults);
    assert!(checked.listed);
    // At least: never polled, and waiting for the answer.
    assert!(checked.cancelled >= 2, "{checked:?}");
}

// On one thread nothing moves while a future is polled, so drops hit the same points each time.
#[tokio::test]
async fn the_laws_hold_on_version_1() {
    let all = Fault::ALL.into_iter();
    let faults: Vec<_> = all.filter(|it| *it != Fault::MissingVersion).collect();
    the_laws_hold(KvVersion::V1, 1, &faults).await;
}

#[tokio::test]
async fn the_laws_hold_on_version_2() {
    the_laws_hold(KvVersion::V2, 2, &Fault::ALL).await;
}

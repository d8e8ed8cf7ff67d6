//! Shell. The environment of the process: no variable changes what is asked, of whom, or by whom.

use std::process::Command;

use tidegate_contract::{Provider, RemoteKey};
use tidegate_provider_vault::KvVersion::V2;
use tidegate_provider_vault::{VaultConfig, VaultConnection, VaultProvider};

use crate::hand::{Tokens, mount};
use crate::loopback::{Loopback, Reply};

/// Set in the child alone: where the Vault of the store is.
const CHILD: &str = "TIDEGATE_TEST_VAULT";
const OBEYS: &str = "TIDEGATE_TEST_OBEYS_PROXY";

/// A process's environment is its own, so the child is this very test with another one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_environment_is_not_asked() {
    if let Ok(addr) = std::env::var(CHILD) {
        return read_once(&addr, std::env::var(OBEYS).is_ok()).await;
    }
    for (obeys, at_vault, at_proxy) in [(false, 1, 0), (true, 0, 1)] {
        let vault = Loopback::always(Reply::json(404, r#"{"errors":[]}"#)).await;
        let proxy = Loopback::always(Reply::json(502, "")).await;
        let mut child = Command::new(std::env::current_exe().unwrap());
        child
            .args(["--exact", "proxies::the_environment_is_not_asked"])
            .env(CHILD, &vault.addr)
            .env("VAULT_ADDR", &proxy.addr)
            .env("VAULT_TOKEN", "of-the-environment")
            .env("VAULT_NAMESPACE", "of-the-environment");
        for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"] {
            child.env(name, &proxy.addr);
        }
        for name in ["NO_PROXY", "no_proxy"] {
            child.env_remove(name);
        }
        if obeys {
            child.env(OBEYS, "1");
        }
        let output = tokio::task::spawn_blocking(move || child.output());
        let output = output.await.unwrap().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stdout)
        );
        assert_eq!(
            (vault.received().len(), proxy.received().len()),
            (at_vault, at_proxy)
        );
        for request in vault.received() {
            assert_eq!(request.header("x-vault-token"), None);
            assert_eq!(request.header("x-vault-namespace"), None);
        }
    }
}

async fn read_once(addr: &str, obeys: bool) {
    let config = VaultConfig {
        env_proxy: obeys,
        ..VaultConfig::new(addr)
    };
    let connection = VaultConnection::new(&config).unwrap();
    let asked = VaultProvider::new(connection, mount("kv", V2), Tokens::new(&[""]));
    assert!(asked.fetch(&[RemoteKey::latest("a")]).await[0].is_err());
}

//! Shell. A namespace on either API server, a controller of its own, and what tests ask of them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

mod controller;
#[macro_use]
pub mod fixtures;
pub mod logs;
pub mod manifests;
mod servers;

pub use controller::Controller;
pub use servers::{Asked, Fixture, Servers};

/// How long a test waits for something to become true, on a loaded machine.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// One test's corner of the cluster.
pub struct World {
    /// The shared servers.
    pub servers: &'static Servers,
    /// The namespace of the test.
    pub namespace: String,
}

impl World {
    /// A new namespace.
    pub async fn new(fixture: Fixture, name: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self::on(Servers::shared(fixture).await, format!("{name}-{number}")).await
    }

    /// An API server and a Vault of its own, for a controller that serves every namespace.
    pub async fn alone(fixture: Fixture, name: &str) -> Self {
        Self::on(Servers::own(fixture).await, name.to_owned()).await
    }

    async fn on(servers: &'static Servers, namespace: String) -> Self {
        let world = Self { servers, namespace };
        world.create_namespace(&world.namespace).await;
        world
    }

    /// A position in the API server's log of requests.
    pub fn mark(&self) -> u64 {
        self.servers.mark()
    }

    /// What the controller asked since a mark.
    pub async fn requests_since(&self, mark: u64) -> Vec<Asked> {
        self.servers.asked_since(mark).await
    }

    /// Creates a further namespace.
    pub async fn create_namespace(&self, name: &str) {
        let body = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
        self.servers
            .admin
            .post("/api/v1/namespaces", &body)
            .await
            .unwrap()
            .ok()
            .unwrap();
    }

    /// A token for Vault that may read everything under the test's own prefix of both mounts.
    pub async fn vault_token(&self) -> String {
        let vault = &self.servers.vault;
        let prefix = &self.namespace;
        let rule =
            |path: &str| format!("path \"{path}\" {{ capabilities = [\"read\", \"list\"] }}\n");
        let policy = rule(&format!("secret/data/{prefix}/*"))
            + &rule(&format!("secret/metadata/{prefix}/*"))
            + &rule(&format!("kv1/{prefix}/*"));
        vault.policy(prefix, &policy).await.unwrap();
        vault.token(&[prefix.as_str()], "24h").await.unwrap()
    }

    /// Stores a value in Vault under the test's prefix; the answer is the key to refer to.
    pub async fn put(&self, path: &str, data: &Value) -> String {
        let key = format!("{}/{path}", self.namespace);
        self.servers.vault.put("secret", &key, data).await.unwrap();
        key
    }

    /// Makes a SecretStore `vault` with a token of this test.
    pub async fn vault_store(&self) {
        let token = self.vault_token().await;
        self.secret("vault-token", &[("token", &token)]).await;
        let provider = self.vault_provider();
        self.store("vault", &provider).await;
    }

    /// The provider section of [`World::vault_store`].
    pub fn vault_provider(&self) -> Value {
        json!({ "vault": {
            "server": self.servers.vault.addr(),
            "path": "secret",
            "version": "v2",
            "auth": { "tokenSecretRef": { "name": "vault-token", "key": "token" } },
        }})
    }

    /// Makes or replaces a SecretStore.
    pub async fn store(&self, name: &str, provider: &Value) {
        let spec = json!({ "provider": provider });
        self.apply(
            "external-secrets.io/v1",
            "SecretStore",
            "secretstores",
            name,
            "spec",
            &spec,
        )
        .await;
    }

    /// Makes or replaces an ExternalSecret.
    pub async fn external_secret(&self, name: &str, spec: &Value) {
        let (version, kind) = ("external-secrets.io/v1", "ExternalSecret");
        self.apply(version, kind, "externalsecrets", name, "spec", spec)
            .await;
    }

    /// Makes a Secret by hand.
    pub async fn secret(&self, name: &str, data: &[(&str, &str)]) {
        let data: BTreeMap<&str, String> = data
            .iter()
            .map(|(key, value)| (*key, STANDARD.encode(value)))
            .collect();
        self.apply("v1", "Secret", "secrets", name, "data", &json!(data))
            .await;
    }

    async fn apply(&self, version: &str, kind: &str, plural: &str, name: &str, f: &str, v: &Value) {
        let folder = self.folder(version, plural);
        let mut body = json!({
            "apiVersion": version, "kind": kind, "metadata": { "name": name },
        });
        body[f] = v.clone();
        let admin = &self.servers.admin;
        let made = admin.post(&folder, &body).await.unwrap();
        if made.status != 409 {
            made.ok().unwrap();
            return;
        }
        let path = format!("{folder}/{name}");
        loop {
            let live = admin.get(&path).await.unwrap().ok().unwrap();
            body["metadata"] = live["metadata"].clone();
            let put = admin.put(&path, &body).await.unwrap();
            if put.status != 409 {
                put.ok().unwrap();
                return;
            }
        }
    }

    fn folder(&self, version: &str, plural: &str) -> String {
        let root = if version == "v1" {
            "/api/v1".into()
        } else {
            format!("/apis/{version}")
        };
        format!("{root}/namespaces/{}/{plural}", self.namespace)
    }

    /// Path of an object of this namespace.
    pub fn path(&self, plural: &str, name: &str) -> String {
        let version = if matches!(
            plural,
            "secrets" | "configmaps" | "events" | "serviceaccounts"
        ) {
            "v1"
        } else {
            "external-secrets.io/v1"
        };
        format!("{}/{name}", self.folder(version, plural))
    }

    /// Reads an object; none when it is not there.
    pub async fn get(&self, plural: &str, name: &str) -> Option<Value> {
        let answer = self
            .servers
            .admin
            .get(&self.path(plural, name))
            .await
            .unwrap();
        (answer.status != 404).then(|| answer.ok().unwrap())
    }

    /// Merge-patches an object.
    pub async fn patch(&self, plural: &str, name: &str, patch: &Value) -> Value {
        let path = self.path(plural, name);
        self.servers
            .admin
            .patch(&path, patch)
            .await
            .unwrap()
            .ok()
            .unwrap()
    }

    /// Deletes an object.
    pub async fn delete(&self, plural: &str, name: &str) {
        self.servers
            .admin
            .delete(&self.path(plural, name))
            .await
            .unwrap()
            .ok()
            .unwrap();
    }

    /// The decoded data of a Secret; none when there is no such Secret.
    pub async fn data(&self, name: &str) -> Option<BTreeMap<String, String>> {
        let secret = self.get("secrets", name).await?;
        let data = secret["data"].as_object().cloned().unwrap_or_default();
        let decode = |value: &Value| STANDARD.decode(value.as_str().unwrap()).unwrap();
        let text = |value: &Value| String::from_utf8(decode(value)).unwrap();
        Some(
            data.iter()
                .map(|(key, value)| (key.clone(), text(value)))
                .collect(),
        )
    }

    /// Waits until the Ready condition of an ExternalSecret has this status and reason; the answer
    /// is its message.
    pub async fn ready(&self, name: &str, status: &str, reason: &str) -> String {
        self.condition("externalsecrets", name, status, reason)
            .await
    }

    /// As [`World::ready`], for any kind.
    pub async fn condition(&self, plural: &str, name: &str, status: &str, reason: &str) -> String {
        let mut last = Value::Null;
        let wanted = async {
            loop {
                let object = self.get(plural, name).await.unwrap_or_default();
                let conditions = object["status"]["conditions"].as_array().cloned();
                let ready = conditions
                    .unwrap_or_default()
                    .into_iter()
                    .find(|c| c["type"] == "Ready");
                let ready = ready.unwrap_or_default();
                if ready["status"] == status && ready["reason"] == reason {
                    return ready["message"].as_str().unwrap_or_default().to_owned();
                }
                last = ready;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        match tokio::time::timeout(PATIENCE, wanted).await {
            Ok(message) => message,
            Err(_) => panic!("{plural} {name}: waited for {status} {reason}, have {last}"),
        }
    }

    /// Waits until a Secret holds exactly this.
    pub async fn holds(&self, name: &str, data: &[(&str, &str)]) {
        let wanted: BTreeMap<String, String> = data
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        eventually(
            &format!("Secret {name} to hold {:?}", wanted.keys()),
            || async { self.data(name).await.as_ref() == Some(&wanted) },
        )
        .await;
    }

    /// Waits until a Secret is gone.
    pub async fn gone(&self, name: &str) {
        eventually(&format!("Secret {name} to go"), || async {
            self.data(name).await.is_none()
        })
        .await;
    }

    /// The version of a Secret: it moves with every write.
    pub async fn version(&self, name: &str) -> String {
        let secret = self.get("secrets", name).await.unwrap();
        secret["metadata"]["resourceVersion"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Runs a controller for this namespace alone.
    pub fn controller(&self) -> Controller {
        self.controller_with(&["--namespace", &self.namespace])
    }

    /// Runs a controller with flags of its own and a Lease of its own.
    pub fn controller_with(&self, flags: &[&str]) -> Controller {
        let kubeconfig = self.servers.kubeconfig();
        let lease = [
            "--lease-namespace",
            "default",
            "--lease-name",
            &self.namespace,
        ];
        let mut args = vec!["tidegate", "controller", "--kubeconfig", &kubeconfig];
        args.extend(lease);
        args.extend(flags);
        Controller::start(args, self)
    }
}

/// Waits until `probe` says yes.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut probe: impl FnMut() -> F) {
    let wait = async {
        while !probe().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    assert!(
        tokio::time::timeout(PATIENCE, wait).await.is_ok(),
        "waited in vain for {what}"
    );
}

/// An ExternalSecret that takes whole values of the store `vault`.
pub fn extract(keys: &[&str]) -> Value {
    let entries: Vec<Value> = keys
        .iter()
        .map(|key| json!({ "extract": { "key": key } }))
        .collect();
    json!({
        "refreshInterval": "1s",
        "secretStoreRef": { "name": "vault" },
        "dataFrom": entries,
    })
}

/// An ExternalSecret that takes single properties of the store `vault`.
pub fn properties(entries: &[(&str, &str, &str)]) -> Value {
    let data: Vec<Value> = entries
        .iter()
        .map(|(secret_key, key, property)| {
            json!({
                "secretKey": secret_key,
                "remoteRef": { "key": key, "property": property },
            })
        })
        .collect();
    json!({ "refreshInterval": "1s", "secretStoreRef": { "name": "vault" }, "data": data })
}

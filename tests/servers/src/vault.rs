//! Shell. A Vault server with storage of its own, unsealed and audited.

use std::path::PathBuf;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::cache::{Cache, write};
use crate::ensure;
use crate::error::ServerError;
use crate::http::{Answer, Http, text};
use crate::pki;
use crate::port::Port;
use crate::process::Process;
use crate::rt;
use crate::scratch::Scratch;

mod audit;
mod auth;
mod lifecycle;

pub use audit::{AuditEntry, VaultRequestKind};
pub use auth::{AppRole, JwtRole, KubernetesRole};

/// What a Vault starts with.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct VaultOptions {
    /// Serve TLS under an authority of its own ([`Vault::ca_pem`]).
    pub tls: bool,
}

impl VaultOptions {
    /// Serves TLS under an authority of its own.
    #[must_use]
    pub fn tls(mut self) -> Self {
        self.tls = true;
        self
    }
}

/// A running Vault; it ends when it is dropped or when the process ends.
///
/// No development server: it keeps its data in files, so that an outage ([`Vault::down`],
/// [`Vault::up`]) loses nothing, and it can be sealed.
pub struct Vault {
    // The process first: fields drop in this order, and the folder must outlive it.
    process: Mutex<Option<Process>>,
    http: Http,
    addr: String,
    ca_pem: Option<String>,
    root_token: String,
    unseal_key: String,
    port: Port,
    scratch: Scratch,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault")
            .field("addr", &self.addr)
            .finish_non_exhaustive()
    }
}

/// Waits for Vault to finish what it begins in the background: 30 s in steps.
const STEP: std::time::Duration = std::time::Duration::from_millis(50);
const STEPS: u32 = 600;

impl Vault {
    /// Builds Vault if it is missing, starts, initialises and unseals it; audit is on, no engine
    /// is mounted.
    ///
    /// # Errors
    /// As [`ensure`], and [`ServerError::Start`] with the last lines of its log.
    pub async fn start(options: VaultOptions) -> Result<Self, ServerError> {
        ensure("vault").await?;
        let port = Port::reserve(Cache::of_user()?.root())?;
        let scratch = Scratch::new("vault")?;
        let scheme = if options.tls { "https" } else { "http" };
        let addr = format!("{scheme}://127.0.0.1:{}", port.number());
        let ca_pem = configure(&scratch, &addr, port.number(), options.tls)?;
        let mut vault = Self {
            process: Mutex::default(),
            http: Http::new(&addr, ca_pem.as_deref())?,
            ca_pem,
            addr,
            root_token: String::new(),
            unseal_key: String::new(),
            port,
            scratch,
        };
        vault.run().await?;
        let path = "/v1/sys/init";
        let keys = json!({ "secret_shares": 1, "secret_threshold": 1 });
        let keys = vault.http.put(path, &keys).await?.ok()?;
        vault.root_token = text(&keys, "/root_token", path, "the root token")?.to_owned();
        vault.unseal_key = text(&keys, "/keys_base64/0", path, "the unseal key")?.to_owned();
        vault.unseal().await?;
        let audit = vault.audit_log_path();
        let device = json!({ "type": "file", "options": { "file_path": audit, "mode": "0600" } });
        vault.write("sys/audit/file", &device).await?;
        Ok(vault)
    }

    /// Address, as `VAULT_ADDR` has it.
    #[must_use]
    pub fn addr(&self) -> &str {
        &self.addr
    }

    /// Port on loopback.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// The certificate authority, with [`VaultOptions::tls`].
    #[must_use]
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// The token that may do everything.
    #[must_use]
    pub fn root_token(&self) -> &str {
        &self.root_token
    }

    /// A client with a token, or without any.
    #[must_use]
    pub fn api(&self, token: Option<&str>) -> Http {
        match token {
            Some(token) => self.http.with_header("X-Vault-Token", token.to_owned()),
            None => self.http.clone(),
        }
    }

    /// Sends one request as root; `path` as in the documentation, without `/v1/`.
    ///
    /// # Errors
    /// As [`Http::send`].
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, ServerError> {
        self.api(Some(&self.root_token))
            .send(method, &format!("/v1/{path}"), body)
            .await
    }

    /// Writes as root and returns the answer's body.
    ///
    /// # Errors
    /// [`ServerError::Answer`] when Vault refuses.
    pub async fn write(&self, path: &str, body: &Value) -> Result<Value, ServerError> {
        self.send(Method::POST, path, Some(body)).await?.ok()
    }

    /// Reads as root and returns the answer's body.
    ///
    /// # Errors
    /// [`ServerError::Answer`] when Vault refuses or there is nothing.
    pub async fn read(&self, path: &str) -> Result<Value, ServerError> {
        self.send(Method::GET, path, None).await?.ok()
    }

    /// Mounts a key-value engine of version 1 or 2 and waits until it answers.
    ///
    /// # Errors
    /// [`ServerError::Answer`] when the path is taken.
    pub async fn enable_kv(&self, mount: &str, version: u8) -> Result<(), ServerError> {
        let engine = json!({ "type": "kv", "options": { "version": version.to_string() } });
        self.write(&format!("sys/mounts/{mount}"), &engine).await?;
        // A new mount of version 2 refuses requests while it upgrades itself.
        let probe = if version == 2 { "config" } else { "absent" };
        for _ in 0..STEPS {
            let answer = self
                .send(Method::GET, &format!("{mount}/{probe}"), None)
                .await?;
            if matches!(answer.status, 200 | 404) {
                return Ok(());
            }
            rt::sleep(STEP).await?;
        }
        Err(ServerError::Lacks {
            request: format!("mount {mount}"),
            what: "readiness",
        })
    }

    /// Writes a secret's data; on version 2 that makes a new version, whose number is returned.
    ///
    /// # Errors
    /// [`ServerError::Answer`] when Vault refuses.
    pub async fn put(&self, mount: &str, path: &str, data: &Value) -> Result<u64, ServerError> {
        if self.kv_version(mount).await? == 1 {
            self.write(&format!("{mount}/{path}"), data).await?;
            return Ok(0);
        }
        let body = json!({ "data": data });
        let answer = self.write(&format!("{mount}/data/{path}"), &body).await?;
        Ok(answer["data"]["version"].as_u64().unwrap_or_default())
    }

    /// Reads a secret's data, of either version of the engine; `None` when there is none.
    ///
    /// # Errors
    /// [`ServerError::Answer`] for any answer but 200 and 404.
    pub async fn get(&self, mount: &str, path: &str) -> Result<Option<Value>, ServerError> {
        let (path, pointer) = match self.kv_version(mount).await? {
            1 => (format!("{mount}/{path}"), "/data"),
            _ => (format!("{mount}/data/{path}"), "/data/data"),
        };
        let answer = self.send(Method::GET, &path, None).await?;
        if answer.status == 404 {
            return Ok(None);
        }
        Ok(answer.ok()?.pointer(pointer).cloned())
    }

    /// Deletes a secret; on version 2 its latest version, which leaves the metadata.
    ///
    /// # Errors
    /// [`ServerError::Answer`] when Vault refuses.
    pub async fn delete(&self, mount: &str, path: &str) -> Result<(), ServerError> {
        let path = match self.kv_version(mount).await? {
            1 => format!("{mount}/{path}"),
            _ => format!("{mount}/data/{path}"),
        };
        self.send(Method::DELETE, &path, None).await?.ok().map(drop)
    }

    /// Deletes a secret of a version 2 engine with all its versions and metadata.
    ///
    /// # Errors
    /// [`ServerError::Answer`] when Vault refuses.
    pub async fn destroy(&self, mount: &str, path: &str) -> Result<(), ServerError> {
        self.send(Method::DELETE, &format!("{mount}/metadata/{path}"), None)
            .await?
            .ok()
            .map(drop)
    }

    /// Makes or replaces a policy.
    ///
    /// # Errors
    /// [`ServerError::Answer`] when the text is no policy.
    pub async fn policy(&self, name: &str, hcl: &str) -> Result<(), ServerError> {
        let body = json!({ "policy": hcl });
        self.write(&format!("sys/policies/acl/{name}"), &body)
            .await
            .map(drop)
    }

    async fn kv_version(&self, mount: &str) -> Result<u64, ServerError> {
        let path = format!("sys/mounts/{mount}/tune");
        let tune = self.read(&path).await?;
        text(
            &tune,
            "/options/version",
            &path,
            "the version of a key-value engine",
        )?
        .parse()
        .map_err(|_| ServerError::Lacks {
            request: path,
            what: "a number as version",
        })
    }
}

/// Writes the configuration, and certificates with TLS; returns the authority.
fn configure(
    scratch: &Scratch,
    addr: &str,
    port: u16,
    tls: bool,
) -> Result<Option<String>, ServerError> {
    let mut listener = json!({ "address": format!("127.0.0.1:{port}"), "tls_disable": !tls });
    let mut ca_pem = None;
    if tls {
        let made = pki::server_certificate("vault")?;
        for (key, name, content) in [
            ("tls_cert_file", "vault.crt", &made.certificate_pem),
            ("tls_key_file", "vault.key", &made.key_pem),
        ] {
            let path: PathBuf = scratch.data(name);
            write(&path, content)?;
            listener[key] = json!(path);
        }
        ca_pem = Some(made.ca_pem);
    }
    let config = json!({
        "storage": { "file": { "path": scratch.data("storage") } },
        "listener": { "tcp": listener },
        "api_addr": addr,
        "disable_mlock": true,
        "ui": false,
        "log_level": "info",
    });
    write(&scratch.data("config.json"), &format!("{config:#}\n"))?;
    Ok(ca_pem)
}

//! Shell. A Kubernetes control plane: etcd, kube-apiserver, kube-controller-manager.

use std::path::{Path, PathBuf};

use serde_json::json;
use tokio::sync::Mutex;

use crate::audit::{ApiRequest, AuditLog};
use crate::cache::Cache;
use crate::error::ServerError;
use crate::http::{Http, text};
use crate::port::{Port, random_token};
use crate::process::Process;
use crate::scratch::Scratch;
use crate::{ensure, rt};

pub use another::ApiServer;

mod another;
mod files;
mod flags;
mod lifecycle;

/// The user who may do everything.
pub const ADMIN: &str = "admin";
/// The user that the controller under test is: in no group, so RBAC grants it what it gets.
pub const TIDEGATE: &str = "tidegate";
/// kube-controller-manager's own user, apart from the tests' so that counts stay clean.
const CONTROLLER_MANAGER: &str = "system:kube-controller-manager";

/// A user with a static token.
#[derive(Debug, Clone)]
pub struct User {
    /// Name, as RBAC and the audit log have it.
    pub name: String,
    /// Groups besides `system:authenticated`.
    pub groups: Vec<String>,
}

/// What a control plane starts with.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ControlPlaneOptions {
    /// Users besides [`ADMIN`] and [`TIDEGATE`].
    pub users: Vec<User>,
    /// Further flags of kube-apiserver, put after the harness's own.
    pub apiserver_args: Vec<String>,
    /// Controllers to run; without any, kube-controller-manager is not started. The default is
    /// garbage collection, namespace deletion and default service accounts.
    pub controllers: Vec<String>,
}

impl Default for ControlPlaneOptions {
    fn default() -> Self {
        let controllers = [
            "garbage-collector-controller",
            "namespace-controller",
            "serviceaccount-controller",
        ];
        Self {
            users: Vec::new(),
            apiserver_args: Vec::new(),
            controllers: controllers.map(str::to_owned).to_vec(),
        }
    }
}

impl ControlPlaneOptions {
    /// Adds a user.
    #[must_use]
    pub fn user(mut self, name: &str, groups: &[&str]) -> Self {
        let groups = groups.iter().map(|&group| group.to_owned()).collect();
        self.users.push(User {
            name: name.to_owned(),
            groups,
        });
        self
    }

    /// Adds a flag of kube-apiserver.
    #[must_use]
    pub fn apiserver_arg(mut self, flag: impl Into<String>) -> Self {
        self.apiserver_args.push(flag.into());
        self
    }

    /// Leaves out kube-controller-manager: no garbage collection, and namespaces never go.
    #[must_use]
    pub fn without_controllers(mut self) -> Self {
        self.controllers.clear();
        self
    }
}

/// A running control plane; it ends when it is dropped or when the process ends.
#[derive(Debug)]
pub struct ControlPlane {
    // Processes first: fields drop in this order, and the folder must outlive them.
    controller_manager: Mutex<Option<Process>>,
    apiserver: Mutex<Option<Process>>,
    etcd: Mutex<Option<Process>>,
    http: Http,
    files: files::Files,
    controllers: Vec<String>,
    extra: std::sync::Mutex<Vec<String>>,
    ports: Ports,
    audit: AuditLog,
    scratch: Scratch,
}

#[derive(Debug)]
struct Ports {
    apiserver: Port,
    etcd: Port,
    etcd_tls: Port,
    etcd_peer: Port,
}

impl ControlPlane {
    /// Builds what is missing, starts everything and waits until it is ready.
    ///
    /// # Errors
    /// As [`ensure`], and [`ServerError::Start`] with the last lines of the log of the server
    /// that did not come up.
    pub async fn start(options: ControlPlaneOptions) -> Result<Self, ServerError> {
        let etcd = ensure("etcd").await?;
        ensure("kube-apiserver").await?;
        let cache = Cache::of_user()?;
        let ports = Ports {
            apiserver: Port::reserve(cache.root())?,
            etcd: Port::reserve(cache.root())?,
            etcd_tls: Port::reserve(cache.root())?,
            etcd_peer: Port::reserve(cache.root())?,
        };
        let scratch = Scratch::new("control-plane")?;
        let url = format!("https://127.0.0.1:{}", ports.apiserver.number());
        let files = files::Files::write(&scratch, url, &options.users)?;
        let plane = Self {
            controller_manager: Mutex::default(),
            apiserver: Mutex::default(),
            etcd: Mutex::default(),
            http: Http::new(&files.url, Some(&files.ca_pem))?,
            files,
            controllers: options.controllers,
            extra: std::sync::Mutex::new(options.apiserver_args),
            audit: AuditLog::at(scratch.log("audit.jsonl")),
            ports,
            scratch,
        };
        plane.start_etcd(&etcd).await?;
        plane.start_apiserver().await?;
        plane.start_controller_manager().await?;
        Ok(plane)
    }

    /// Address of the API server.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.files.url
    }

    /// The certificate authority of the API server.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.files.ca_pem
    }

    /// Token of a user.
    ///
    /// # Errors
    /// [`ServerError::Usage`] for a user that the options did not name.
    pub fn token(&self, user: &str) -> Result<&str, ServerError> {
        self.files.token(user)
    }

    /// A kubeconfig for a user, as text.
    ///
    /// # Errors
    /// As [`ControlPlane::token`].
    pub fn kubeconfig(&self, user: &str) -> Result<String, ServerError> {
        Ok(self.files.kubeconfig(user, self.token(user)?))
    }

    /// A kubeconfig for a user, as a file that lives as long as the control plane.
    ///
    /// # Errors
    /// As [`ControlPlane::token`], and when the file cannot be written.
    pub fn kubeconfig_path(&self, user: &str) -> Result<PathBuf, ServerError> {
        self.files
            .kubeconfig_path(&self.scratch, user, self.token(user)?)
    }

    /// A client for a user, for what a test prepares and looks at.
    ///
    /// # Errors
    /// As [`ControlPlane::token`].
    pub fn api(&self, user: &str) -> Result<Http, ServerError> {
        let token = self.token(user)?;
        Ok(self
            .http
            .with_header("Authorization", format!("Bearer {token}")))
    }

    /// Address of etcd, without TLS.
    #[must_use]
    pub fn etcd_endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.etcd.number())
    }

    /// Issuer of service account tokens, and their default audience.
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.url()
    }

    /// Public key that service account tokens are signed with.
    #[must_use]
    pub fn service_account_public_key_pem(&self) -> &str {
        &self.files.service_account_public_key_pem
    }

    /// A token of a service account, by TokenRequest; no audience means the API server's own.
    ///
    /// # Errors
    /// When the account does not exist or the server refuses the lifetime (at least 600 s).
    pub async fn service_account_token(
        &self,
        namespace: &str,
        name: &str,
        audiences: &[&str],
        seconds: u32,
    ) -> Result<String, ServerError> {
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token");
        let request = json!({
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": { "audiences": audiences, "expirationSeconds": seconds },
        });
        let answer = self.api(ADMIN)?.post(&path, &request).await?.ok()?;
        Ok(text(&answer, "/status/token", &path, "a token")?.to_owned())
    }

    /// Where the API server's audit log is.
    #[must_use]
    pub fn audit_log_path(&self) -> &Path {
        self.audit.path()
    }

    /// The API server's audit log; read it with [`ControlPlane::requests_since`].
    #[must_use]
    pub fn audit(&self) -> &AuditLog {
        &self.audit
    }

    /// Requests since a mark of [`ControlPlane::audit`], all that were answered before this call.
    ///
    /// Asks for a marker and waits until the marker is in the log; the marker itself is left out.
    ///
    /// Caveat: the API server writes an entry when the request's handler returns, which for an
    /// answer of many kilobytes is shortly after the client has read it. The marker goes the same
    /// way and comes later, but nothing orders the two.
    ///
    /// # Errors
    /// When the API server is down, or the marker is not in the log within 10 s.
    pub async fn requests_since(&self, mark: u64) -> Result<Vec<ApiRequest>, ServerError> {
        let marker = format!("/version?marker={}", random_token()?);
        self.api(ADMIN)?.get(&marker).await?.ok()?;
        for _ in 0..FENCE_STEPS {
            let mut requests = self.audit.since(mark)?;
            if requests.iter().any(|request| request.uri == marker) {
                requests.retain(|request| !request.uri.starts_with("/version?marker="));
                return Ok(requests);
            }
            rt::sleep(FENCE_STEP).await?;
        }
        Err(ServerError::Lacks {
            request: marker,
            what: "an entry in the audit log",
        })
    }
}

const FENCE_STEP: std::time::Duration = std::time::Duration::from_millis(20);
const FENCE_STEPS: u32 = 500;

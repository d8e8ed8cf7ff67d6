//! Shell. The two API servers under every test body: a real control plane, and kubebox.

use std::sync::atomic::{AtomicU64, Ordering};

use kubebox::{Access, Kubebox, Options, RequestRecord};
use tempfile::TempDir;
use tidegate_testservers::{
    ADMIN, ApiRequest, ControlPlane, ControlPlaneOptions, Http, TIDEGATE, Vault, VaultOptions,
    shared,
};
use tokio::net::TcpListener;
use tokio::sync::OnceCell;

use super::{logs, manifests};

/// Which API server a test body runs against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fixture {
    /// kube-apiserver, etcd and kube-controller-manager.
    Real,
    /// The embedded API, over TLS on loopback.
    Boxed,
}

/// An API server with the CRDs in place, and a Vault.
pub struct Servers {
    /// The API server.
    pub api: ApiServer,
    /// Vault with KV version 2 under `secret` and version 1 under `kv1`.
    pub vault: &'static Vault,
    /// The API server as an administrator.
    pub admin: Http,
}

/// The API server behind a fixture.
pub enum ApiServer {
    /// A real one.
    Real(&'static ControlPlane),
    /// The embedded one.
    Boxed(Boxed),
}

/// An embedded API that serves on loopback.
pub struct Boxed {
    kubebox: Kubebox,
    access: Access,
    url: String,
    folder: TempDir,
}

/// A request of the controller, as the audit log or kubebox's own log tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`.
    pub verb: String,
    /// Plural name.
    pub resource: String,
    /// Namespace; empty for cluster-wide requests.
    pub namespace: String,
    /// Object name; empty for collections, and for objects that a create names in its body.
    pub name: String,
    /// Whether it could change something.
    pub mutates: bool,
}

impl Servers {
    /// The servers that all tests on a fixture share; kubebox is each test's own, being cheap.
    pub async fn shared(fixture: Fixture) -> &'static Self {
        static REAL: OnceCell<Servers> = OnceCell::const_new();
        prepare();
        match fixture {
            Fixture::Real => {
                let start = async { real(shared().await.unwrap(), vault().await).await };
                REAL.get_or_init(|| start).await
            }
            Fixture::Boxed => Box::leak(Box::new(boxed(vault().await).await)),
        }
    }

    /// Servers of a test's own, for a controller that serves every namespace.
    pub async fn own(fixture: Fixture) -> &'static Self {
        prepare();
        // They end with the process, as the shared ones do.
        let vault = Box::leak(Box::new(started_vault().await));
        let servers = match fixture {
            Fixture::Real => {
                let plane = ControlPlane::start(ControlPlaneOptions::default());
                real(Box::leak(Box::new(plane.await.unwrap())), vault).await
            }
            Fixture::Boxed => boxed(vault).await,
        };
        Box::leak(Box::new(servers))
    }

    /// The kubeconfig of the controller.
    pub fn kubeconfig(&self) -> String {
        let path = match &self.api {
            ApiServer::Real(plane) => plane.kubeconfig_path(TIDEGATE).unwrap(),
            ApiServer::Boxed(boxed) => boxed.folder.path().join("kubeconfig"),
        };
        path.to_str().unwrap().to_owned()
    }

    /// Address, certificate authority and a token that may review tokens.
    pub fn reviewer(&self) -> (String, String, String) {
        match &self.api {
            ApiServer::Real(plane) => {
                let (url, ca) = (plane.url().to_owned(), plane.ca_pem().to_owned());
                (url, ca, plane.token(ADMIN).unwrap().to_owned())
            }
            ApiServer::Boxed(boxed) => {
                let ca = boxed.access.certificate().to_owned();
                (boxed.url.clone(), ca, boxed.access.token().to_owned())
            }
        }
    }

    /// The real control plane, where a body needs what kubebox is not.
    pub fn plane(&self) -> &'static ControlPlane {
        match &self.api {
            ApiServer::Real(plane) => plane,
            ApiServer::Boxed(_) => panic!("this body runs on the real server alone"),
        }
    }

    /// A position in the log of requests.
    pub fn mark(&self) -> u64 {
        match &self.api {
            ApiServer::Real(plane) => plane.audit().mark().unwrap(),
            ApiServer::Boxed(boxed) => boxed.kubebox.requests().len().try_into().unwrap(),
        }
    }

    /// What the controller asked since `mark`.
    pub async fn asked_since(&self, mark: u64) -> Vec<Asked> {
        match &self.api {
            ApiServer::Real(plane) => {
                let requests = plane.requests_since(mark).await.unwrap();
                let ours = requests.into_iter().filter(|r| r.user == TIDEGATE);
                ours.map(from_audit).collect()
            }
            ApiServer::Boxed(boxed) => {
                let requests = boxed.kubebox.requests().into_iter();
                let new = requests.skip(mark.try_into().unwrap());
                // The harness names itself; the controller's client has no name.
                let ours = new.filter(|r| !r.user_agent.contains("testservers"));
                ours.map(from_box).collect()
            }
        }
    }
}

fn from_audit(request: ApiRequest) -> Asked {
    let mutates = request.mutates();
    Asked {
        verb: request.verb,
        resource: request.resource,
        namespace: request.namespace,
        name: request.name,
        mutates,
    }
}

fn from_box(request: RequestRecord) -> Asked {
    let mutates = request.is_write();
    Asked {
        verb: format!("{:?}", request.verb).to_lowercase(),
        resource: request.resource,
        namespace: request.namespace,
        name: request.name,
        mutates,
    }
}

fn prepare() {
    logs::capture();
    tidegate::run::install_crypto();
}

/// The Vault that tests share, each with a prefix of its own.
async fn vault() -> &'static Vault {
    static VAULT: OnceCell<Vault> = OnceCell::const_new();
    VAULT.get_or_init(started_vault).await
}

async fn started_vault() -> Vault {
    let vault = Vault::start(VaultOptions::default()).await.unwrap();
    vault.enable_kv("secret", 2).await.unwrap();
    vault.enable_kv("kv1", 1).await.unwrap();
    vault
}

async fn real(plane: &'static ControlPlane, vault: &'static Vault) -> Servers {
    let admin = plane.api(ADMIN).unwrap();
    manifests::install(&admin).await;
    // The garbage collector looks for new types every 30 s; a fresh one knows the CRDs at once.
    plane.restart_controller_manager().await.unwrap();
    Servers {
        api: ApiServer::Real(plane),
        vault,
        admin,
    }
}

async fn boxed(vault: &'static Vault) -> Servers {
    static SEED: AtomicU64 = AtomicU64::new(1);
    let seed = SEED.fetch_add(1, Ordering::Relaxed);
    let kubebox = Kubebox::new(Options {
        seed,
        ..Options::default()
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let access = Access::new(format!("boxed-{seed}-{}", std::process::id())).unwrap();
    let folder = tempfile::tempdir().unwrap();
    kubebox::write_kubeconfig(&folder.path().join("kubeconfig"), address, &access).unwrap();
    let (server, door) = (kubebox.clone(), access.clone());
    #[allow(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
    tokio::spawn(async move {
        let forever = std::future::pending();
        server.serve(listener, &door, forever).await.unwrap();
    });
    let url = format!("https://{address}");
    let admin = Http::bearer(&url, access.certificate(), access.token()).unwrap();
    manifests::install_crds(&admin).await;
    let boxed = Boxed {
        kubebox,
        access,
        url,
        folder,
    };
    Servers {
        api: ApiServer::Boxed(boxed),
        vault,
        admin,
    }
}

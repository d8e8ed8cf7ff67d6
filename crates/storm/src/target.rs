//! Shell. The API server under the storm: kubebox in this process, or a cluster by kubeconfig.

use std::net::SocketAddr;
use std::path::PathBuf;

use http::Method;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use kubebox::{Access, Kubebox, Options, write_kubeconfig};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::api;
use crate::link::Dialler;

/// Changes per resource that kubebox remembers: a rotation of all objects must not outrun nodes.
const HISTORY: usize = 200_000;
/// Requests that kubebox remembers; they are taken every second.
const REQUEST_LOG: usize = 200_000;

/// Which API server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Where {
    /// An embedded API in this process.
    Kubebox,
    /// A cluster.
    Cluster {
        /// Its kubeconfig.
        kubeconfig: PathBuf,
        /// The context within it.
        context: Option<String>,
    },
}

/// Why there is no API server to load.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// The kubeconfig cannot be used.
    #[error("--kubeconfig {path}: {why}")]
    Kubeconfig {
        /// The file.
        path: String,
        /// What is wrong.
        why: String,
    },
    /// The embedded API could not be started.
    #[error("the embedded API cannot be served: {0}")]
    Kubebox(#[from] std::io::Error),
    /// The API server refused or did not answer.
    #[error(transparent)]
    Api(#[from] api::ApiFailure),
}

/// A reachable API server.
#[derive(Debug)]
pub struct Target {
    kubebox: Option<Embedded>,
    dialler: Dialler,
    kubeconfig: PathBuf,
    context: Option<String>,
}

#[derive(Debug)]
struct Embedded {
    kubebox: Kubebox,
    stop: CancellationToken,
    _serving: JoinSet<std::io::Result<()>>,
    _folder: tempfile::TempDir,
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Target {
    /// Starts or reaches it.
    ///
    /// # Errors
    /// When the kubeconfig cannot be used or nothing answers behind it.
    pub async fn open(place: &Where, token: &str, seed: u64) -> Result<Self, TargetError> {
        let target = match place {
            Where::Kubebox => Self::embedded(token, seed).await?,
            Where::Cluster {
                kubeconfig,
                context,
            } => Self {
                kubebox: None,
                dialler: dialler(kubeconfig, context.as_deref()).await?,
                kubeconfig: kubeconfig.clone(),
                context: context.clone(),
            },
        };
        api::get(&target.admin()?, "/version").await?;
        Ok(target)
    }

    async fn embedded(token: &str, seed: u64) -> Result<Self, TargetError> {
        let kubebox = Kubebox::new(Options {
            seed,
            history: HISTORY,
            request_log: REQUEST_LOG,
            ..Options::default()
        });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address: SocketAddr = listener.local_addr()?;
        let access = Access::new(token)?;
        let folder = tempfile::tempdir()?;
        let kubeconfig = folder.path().join("kubeconfig");
        write_kubeconfig(&kubeconfig, address, &access)?;
        let stop = CancellationToken::new();
        let mut serving = JoinSet::new();
        let (served, stopped) = (kubebox.clone(), stop.clone().cancelled_owned());
        serving.spawn(async move { served.serve(listener, &access, stopped).await });
        let target = Self {
            dialler: dialler(&kubeconfig, None).await?,
            kubebox: Some(Embedded {
                kubebox,
                stop,
                _serving: serving,
                _folder: folder,
            }),
            kubeconfig,
            context: None,
        };
        let admin = target.admin()?;
        let crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        for crd in tidegate_api::crd::crds() {
            let body = serde_json::to_value(&crd).map_err(std::io::Error::other)?;
            api::call(&admin, Method::POST, crds, Some(&body)).await?;
        }
        Ok(target)
    }

    /// The embedded API, if it is one.
    #[must_use]
    pub fn kubebox(&self) -> Option<&Kubebox> {
        self.kubebox.as_ref().map(|embedded| &embedded.kubebox)
    }

    /// A client for what the load tester does itself: without a network, if the API is embedded.
    ///
    /// # Errors
    /// When the kubeconfig's credentials cannot be used.
    pub fn admin(&self) -> Result<Client, TargetError> {
        match &self.kubebox {
            Some(embedded) => Ok(Client::new(embedded.kubebox.clone(), "default")),
            None => self.outsider(),
        }
    }

    /// A client with a connection of its own, as another program would have.
    ///
    /// # Errors
    /// When the kubeconfig's credentials cannot be used.
    pub fn outsider(&self) -> Result<Client, TargetError> {
        self.dialler
            .client()
            .map_err(|error| wrong(&self.kubeconfig, &error))
    }

    /// Makes clients with connections of their own, wherever they are needed.
    #[must_use]
    pub fn dialler(&self) -> Dialler {
        self.dialler.clone()
    }

    /// The kubeconfig that a controller is given, and the context within it.
    #[must_use]
    pub fn kubeconfig(&self) -> (&PathBuf, Option<&str>) {
        (&self.kubeconfig, self.context.as_deref())
    }

    /// Says how the API server is called in reports.
    #[must_use]
    pub fn name(&self) -> &'static str {
        if self.kubebox.is_some() {
            "kubebox"
        } else {
            "cluster"
        }
    }
}

fn wrong(path: &std::path::Path, error: &dyn std::error::Error) -> TargetError {
    TargetError::Kubeconfig {
        path: path.display().to_string(),
        why: api::chain(error),
    }
}

/// Why a kubeconfig cannot be read, without a word of it: it may hold a token, and parsers quote
/// what they read.
#[must_use]
pub fn unreadable(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::ReadConfig(error, _) => error.to_string(),
        KubeconfigError::Parse(error) => {
            let line = error
                .location()
                .map(|place| format!(" (line {})", place.line()));
            format!("it is no kubeconfig{}", line.unwrap_or_default())
        }
        other => api::chain(other),
    }
}

async fn dialler(path: &PathBuf, context: Option<&str>) -> Result<Dialler, TargetError> {
    let file = Kubeconfig::read_from(path).map_err(|error| TargetError::Kubeconfig {
        path: path.display().to_string(),
        why: unreadable(&error),
    })?;
    let options = KubeConfigOptions {
        context: context.map(str::to_owned),
        ..KubeConfigOptions::default()
    };
    let config = Config::from_custom_kubeconfig(file, &options).await;
    let mut config = config.map_err(|error| wrong(path, &error))?;
    config.default_retry = false;
    // Bounds every wait for a server that accepts and says nothing.
    config.connect_timeout = Some(std::time::Duration::from_secs(10));
    Dialler::new(config).map_err(|error| wrong(path, &error))
}

/// What the API server answers about rights and resources before anything is made; `ceiling` says
/// whether its own rates will be measured.
///
/// # Errors
/// One sentence: which resource or which right is missing.
pub async fn preflight(client: &Client, ceiling: bool) -> Result<(), String> {
    let group = api::get(client, "/apis/external-secrets.io/v1").await;
    let served: Vec<String> = match group {
        Ok(list) => names(&list),
        Err(error) if error.code() == Some(404) => Vec::new(),
        Err(error) => return Err(error.to_string()),
    };
    for needed in ["externalsecrets", "clustersecretstores"] {
        if !served.iter().any(|name| name == needed) {
            return Err(format!(
                "the cluster serves no {needed} of external-secrets.io/v1; \
                 install them with: tidegate crds | kubectl apply --server-side -f -"
            ));
        }
    }
    let mut missing = Vec::new();
    let bare = ceiling.then_some(BARE);
    for (verb, group, name) in RIGHTS.into_iter().chain(bare) {
        let (resource, subresource) = name.split_once('/').unwrap_or((name, ""));
        let ask = serde_json::json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": { "resourceAttributes": { "verb": verb, "group": group,
                                              "resource": resource,
                                              "subresource": subresource } } });
        let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        let answer = api::post(client, path, &ask)
            .await
            .map_err(|e| e.to_string())?;
        if answer["status"]["allowed"] != true {
            missing.push(format!("{verb} {name}"));
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!(
        "the kubeconfig's user may not {}",
        missing.join(", ")
    ))
}

/// What the load tester does itself, cluster-wide.
const RIGHTS: [(&str, &str, &str); 18] = [
    ("create", "", "namespaces"),
    ("list", "", "namespaces"),
    ("delete", "", "namespaces"),
    ("create", "", "secrets"),
    ("get", "", "secrets"),
    ("list", "", "secrets"),
    ("watch", "", "secrets"),
    ("deletecollection", "", "secrets"),
    ("deletecollection", "", "events"),
    ("create", "external-secrets.io", "externalsecrets"),
    ("list", "external-secrets.io", "externalsecrets"),
    ("watch", "external-secrets.io", "externalsecrets"),
    ("delete", "external-secrets.io", "externalsecrets"),
    ("deletecollection", "external-secrets.io", "externalsecrets"),
    ("create", "external-secrets.io", "clustersecretstores"),
    ("list", "external-secrets.io", "clustersecretstores"),
    ("list", "external-secrets.io", "secretstores"),
    (
        "deletecollection",
        "external-secrets.io",
        "clustersecretstores",
    ),
];

/// What the bare loops write beside Secrets.
const BARE: (&str, &str, &str) = ("patch", "external-secrets.io", "externalsecrets/status");

fn names(list: &Value) -> Vec<String> {
    let resources = list["resources"].as_array().cloned().unwrap_or_default();
    let names = resources.iter().filter_map(|it| it["name"].as_str());
    names.map(str::to_owned).collect()
}

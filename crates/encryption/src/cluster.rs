//! Shell. The API servers: one client for each, what they serve, and touches that carry no data.

use std::path::PathBuf;
use std::time::Duration;

use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use kube::Config;
use kube::client::{Body, Client};
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::config::resource::split;
use crate::error::{Failure, chain};
use crate::metrics::{self, ServerMetrics};

mod names;
mod touch;

pub use names::{Names, Object, Served};
pub use touch::Touch;

/// Of one request.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The largest answer that is read: metrics of a large cluster have some megabytes.
const MAX_ANSWER: usize = 64 << 20;

/// How to reach the API servers.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Kubeconfig file; without it the usual ones.
    pub kubeconfig: Option<PathBuf>,
    /// Context within it.
    pub context: Option<String>,
    /// Address of each API server itself, past any load balancer; without any, the kubeconfig's.
    pub servers: Vec<String>,
}

/// A namespace that every cluster has.
const KUBE_SYSTEM: &str = "/api/v1/namespaces/kube-system";

/// One API server.
#[derive(Clone)]
pub struct Server {
    /// Its address.
    pub name: String,
    client: Client,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// All API servers that were named. Never empty.
#[derive(Debug, Clone)]
pub struct Cluster {
    servers: Vec<Server>,
}

/// Status and body of an answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Zeroizing<Vec<u8>>,
}

/// The parts of a `Status` that are told.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Refusal {
    pub(crate) message: String,
    pub(crate) reason: String,
    pub(crate) metadata: RefusalMetadata,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RefusalMetadata {
    #[serde(rename = "continue")]
    pub(crate) next: String,
}

/// The namespace `kube-system` as an API server shows it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KubeSystem {
    pub(crate) uid: String,
    pub(crate) resource_version: String,
}

impl Answer {
    pub(crate) fn refusal(&self) -> Refusal {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Status and the server's words, shortened.
    pub(crate) fn told(&self) -> String {
        let words: String = self.refusal().message.chars().take(300).collect();
        format!("{} {words}", self.status.as_u16())
    }
}

impl Cluster {
    /// Makes the clients; nothing is sent yet.
    ///
    /// # Errors
    /// For a kubeconfig that does not read and for addresses that are none.
    pub async fn connect(options: &Options) -> Result<Self, Failure> {
        let config = config(options).await?;
        let mut addresses = options.servers.clone();
        if addresses.is_empty() {
            addresses.push(config.cluster_url.to_string());
        }
        let mut servers = Vec::new();
        for address in addresses {
            let mut own = config.clone();
            let name = address.trim_end_matches('/').to_owned();
            own.cluster_url = name
                .parse()
                .map_err(|_| Failure::usage(format!("--server {name}: no URL")))?;
            let client = Client::try_from(own)
                .map_err(|error| Failure::usage(format!("{name}: {}", chain(&error))))?;
            servers.push(Server { name, client });
        }
        Ok(Self { servers })
    }

    /// Every server.
    #[must_use]
    pub fn servers(&self) -> &[Server] {
        &self.servers
    }

    /// The server that lists and touches go to.
    #[must_use]
    pub fn first(&self) -> &Server {
        &self.servers[0]
    }
}

/// A kubeconfig may hold a token, and parsers quote what they read.
fn unreadable(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::ReadConfig(error, _) => error.to_string(),
        KubeconfigError::Parse(error) => {
            let line = error
                .location()
                .map(|place| format!(" (line {})", place.line()));
            format!("it is no kubeconfig{}", line.unwrap_or_default())
        }
        other => chain(other),
    }
}

async fn config(options: &Options) -> Result<Config, Failure> {
    let wanted = KubeConfigOptions {
        context: options.context.clone(),
        ..KubeConfigOptions::default()
    };
    let mut config = match &options.kubeconfig {
        Some(path) => {
            let told =
                |words: String| Failure::usage(format!("--kubeconfig {}: {words}", path.display()));
            let file = Kubeconfig::read_from(path).map_err(|error| told(unreadable(&error)))?;
            Config::from_custom_kubeconfig(file, &wanted)
                .await
                .map_err(|error| told(chain(&error)))?
        }
        None if options.context.is_some() => Config::from_kubeconfig(&wanted)
            .await
            .map_err(|error| Failure::usage(format!("--context: {}", chain(&error))))?,
        None => Config::infer().await.map_err(|error| {
            let words = chain(&error);
            Failure::usage(format!(
                "no cluster is known, --kubeconfig names one: {words}"
            ))
        })?,
    };
    // Our own loops retry, bounded and paced; kube's would do so 15 times on top.
    config.default_retry = false;
    config.read_timeout = Some(TIMEOUT);
    Ok(config)
}

impl Server {
    /// Sends one request; any status is an answer.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&'static str, &str)],
        body: Vec<u8>,
    ) -> Result<Answer, String> {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request
            .body(Body::from(body))
            .map_err(|error| error.to_string())?;
        let exchange = async {
            let answer = self
                .client
                .send(request)
                .await
                .map_err(|error| chain(&error))?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, MAX_ANSWER).collect().await;
            let body = body.map_err(|error| error.to_string())?.to_bytes();
            let after = head.headers.get(http::header::RETRY_AFTER);
            let seconds = after.and_then(|value| value.to_str().ok()?.parse().ok());
            Ok(Answer {
                status: head.status,
                retry_after: seconds.map(|seconds: u64| Duration::from_secs(seconds.min(600))),
                body: Zeroizing::new(body.to_vec()),
            })
        };
        match tokio::time::timeout(TIMEOUT, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(format!("no answer within {} s", TIMEOUT.as_secs())),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Answer, Failure> {
        self.send(Method::GET, path, &[], Vec::new())
            .await
            .map_err(|words| Failure::unreachable(format!("{}: {words}", self.name)))
    }

    /// As [`Server::get`], for what must be there.
    pub(crate) async fn get_ok(&self, path: &str) -> Result<Answer, Failure> {
        let answer = self.get(path).await?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        let line = format!("{}: GET {path}: {}", self.name, answer.told());
        Err(Failure::unreachable(line))
    }

    /// What it tells of encryption.
    ///
    /// # Errors
    /// When it does not answer, or does not show its metrics to us.
    pub async fn metrics(&self) -> Result<ServerMetrics, Failure> {
        let answer = self.get_ok("/metrics").await?;
        Ok(metrics::read(&String::from_utf8_lossy(&answer.body)))
    }

    /// Its version, such as `v1.34.4`.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn version(&self) -> Result<String, Failure> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Version {
            git_version: String,
        }
        let answer = self.get_ok("/version").await?;
        let version: Version = self.decode(&answer)?;
        Ok(version.git_version)
    }

    /// Which cluster this is: the UID of `kube-system`.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn cluster_id(&self) -> Result<String, Failure> {
        Ok(self.kube_system().await?.uid)
    }

    /// What tells one cluster from another, and one etcd from another.
    pub(crate) async fn kube_system(&self) -> Result<KubeSystem, Failure> {
        #[derive(Deserialize)]
        struct Namespace {
            metadata: KubeSystem,
        }
        let answer = self.get_ok(KUBE_SYSTEM).await?;
        let namespace: Namespace = self.decode(&answer)?;
        Ok(namespace.metadata)
    }

    pub(crate) fn decode<T: for<'de> Deserialize<'de>>(
        &self,
        answer: &Answer,
    ) -> Result<T, Failure> {
        serde_json::from_slice(&answer.body).map_err(|error| {
            // Kind and place only: the words of a parser quote what they read.
            let place = format!("line {} column {}", error.line(), error.column());
            let line = format!("{}: an answer does not read ({place})", self.name);
            Failure::unreachable(line)
        })
    }

    /// Where a resource is served, and whether it is.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn find(&self, resource: &str) -> Result<Option<Served>, Failure> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Group {
            preferred_version: Version,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Version {
            group_version: String,
        }
        #[derive(Deserialize)]
        struct List {
            resources: Vec<Resource>,
        }
        #[derive(Deserialize)]
        struct Resource {
            name: String,
            namespaced: bool,
        }
        let (name, group) = split(resource);
        let base = if group.is_empty() {
            "/api/v1".to_owned()
        } else {
            let answer = self.get(&format!("/apis/{group}")).await?;
            if answer.status == StatusCode::NOT_FOUND {
                return Ok(None);
            }
            if !answer.status.is_success() {
                let line = format!("{}: group {group}: {}", self.name, answer.told());
                return Err(Failure::unreachable(line));
            }
            let group: Group = self.decode(&answer)?;
            format!("/apis/{}", group.preferred_version.group_version)
        };
        let answer = self.get_ok(&base).await?;
        let list: List = self.decode(&answer)?;
        let found = list.resources.into_iter().find(|one| one.name == name);
        Ok(found.map(|one| Served {
            base,
            plural: one.name,
            namespaced: one.namespaced,
        }))
    }
}

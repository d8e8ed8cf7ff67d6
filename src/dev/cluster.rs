//! Shell. The few requests that `dev` makes of its API: kinds, create, patch, delete.

use std::time::Duration;

use http::{Method, Request, header};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{Client, Discovery, ResourceExt};
use serde_json::{Value, json};

use super::wanted::{Id, Kinds, Served};

/// Who writes, in managedFields.
const MANAGER: &str = "tidegate-dev";
/// Tries of one write that meets a conflict or a server error.
const TRIES: u32 = 3;

/// The embedded API, as `dev` uses it.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
}

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// The API refused it, in its own words.
    #[error("{message}")]
    Refused {
        /// HTTP status.
        code: u16,
        /// The API's words.
        message: String,
    },
    /// It got no answer.
    #[error("the embedded API did not answer: {0}")]
    Unanswered(String),
}

impl ClusterError {
    fn code(&self) -> u16 {
        match self {
            Self::Refused { code, .. } => *code,
            Self::Unanswered(_) => 500,
        }
    }
}

impl From<kube::Error> for ClusterError {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::Refused {
                code: status.code,
                message: status.message,
            },
            other => Self::Unanswered(other.to_string()),
        }
    }
}

impl Cluster {
    /// Talks through `client`.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// Installs the definitions of what the controller serves.
    ///
    /// # Errors
    /// When the API refuses one.
    pub async fn install(&self) -> Result<(), ClusterError> {
        for crd in tidegate_api::crd::crds() {
            self.define(&crd).await?;
        }
        Ok(())
    }

    async fn define(&self, crd: &CustomResourceDefinition) -> Result<(), ClusterError> {
        let body = serde_json::to_value(crd)
            .map_err(|error| ClusterError::Unanswered(format!("{}: {error}", crd.name_any())))?;
        let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        self.send(Method::POST, path, Some(&body)).await.map(|_| ())
    }

    /// What is served now.
    ///
    /// # Errors
    /// When discovery fails.
    pub async fn kinds(&self) -> Result<Kinds, ClusterError> {
        let discovery = Discovery::new(self.client.clone()).run_aggregated().await?;
        let mut kinds = Kinds::new();
        for group in discovery.groups() {
            for version in group.versions() {
                for (resource, capabilities) in group.versioned_resources(version) {
                    // Reviews can be posted and not kept: nobody means them in a manifest.
                    if !capabilities.supports_operation("list") {
                        continue;
                    }
                    let namespaced = capabilities.scope == kube::discovery::Scope::Namespaced;
                    let plural = resource.plural;
                    let served = Served { plural, namespaced };
                    kinds.insert((resource.api_version, resource.kind), served);
                }
            }
        }
        Ok(kinds)
    }

    /// Makes an object say what `body` says: creates it, or patches what is there.
    ///
    /// # Errors
    /// The API's refusal, in its words.
    pub async fn apply(
        &self,
        path: &str,
        id: &Id,
        body: &Value,
        patch: &Value,
    ) -> Result<(), ClusterError> {
        let one = format!("{path}/{}", id.name);
        let mut tries = 0;
        loop {
            tries += 1;
            let patched = self.send(Method::PATCH, &one, Some(patch)).await;
            let made = match patched {
                Err(error) if error.code() == 404 => {
                    let mut body = body.clone();
                    if !id.namespace.is_empty() {
                        body["metadata"]["namespace"] = id.namespace.as_str().into();
                    }
                    self.send(Method::POST, path, Some(&body)).await
                }
                other => other,
            };
            match made {
                Err(error) if worth_another_try(error.code()) && tries < TRIES => {
                    tokio::time::sleep(Duration::from_millis(100) * tries).await;
                }
                other => return other.map(|_| ()),
            }
        }
    }

    /// Deletes an object; one that is gone already is deleted.
    ///
    /// # Errors
    /// The API's refusal, in its words.
    pub async fn delete(&self, path: &str, id: &Id) -> Result<(), ClusterError> {
        match self
            .send(Method::DELETE, &format!("{path}/{}", id.name), None)
            .await
        {
            Err(error) if error.code() != 404 => Err(error),
            _ => Ok(()),
        }
    }

    /// Makes a namespace unless it is there.
    ///
    /// # Errors
    /// The API's refusal, in its words.
    pub async fn namespace(&self, name: &str) -> Result<(), ClusterError> {
        let body = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
        match self
            .send(Method::POST, "/api/v1/namespaces", Some(&body))
            .await
        {
            Err(error) if error.code() != 409 => Err(error),
            _ => Ok(()),
        }
    }

    /// An object, or a list; none when it does not exist.
    ///
    /// # Errors
    /// The API's refusal, in its words.
    pub async fn get(&self, path: &str) -> Result<Option<Value>, ClusterError> {
        match self.send(Method::GET, path, None).await {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.code() == 404 => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, ClusterError> {
        // As kubectl does: what the schema does not know is refused and not dropped.
        let write = format!("{path}?fieldManager={MANAGER}&fieldValidation=Strict");
        let (uri, media) = match method {
            Method::PATCH => (&*write, "application/merge-patch+json"),
            Method::POST => (&*write, "application/json"),
            _ => (path, "application/json"),
        };
        let bytes = body.map_or_else(Vec::new, |body| body.to_string().into_bytes());
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header(header::CONTENT_TYPE, media)
            .body(bytes)
            .map_err(|error| ClusterError::Unanswered(error.to_string()))?;
        Ok(self.client.request::<Value>(request).await?)
    }
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cluster")
    }
}

fn worth_another_try(code: u16) -> bool {
    matches!(code, 409 | 429 | 500..)
}

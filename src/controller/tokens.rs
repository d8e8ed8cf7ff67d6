//! Shell. ServiceAccount tokens for logins: TokenRequest, or the pod's own token file.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::PostParams;
use kube::{Api, Client};
use tidegate_contract::{ErrorKind, JwtSource, ProviderError, SecretValue};

/// Asks the API server for a token of one ServiceAccount at each login.
pub struct ServiceAccountToken {
    client: Client,
    namespace: Arc<str>,
    name: Arc<str>,
    audiences: Vec<String>,
    seconds: i64,
}

impl ServiceAccountToken {
    /// Tokens of `namespace/name` that live for `seconds`; no audience means the API server's own.
    #[must_use]
    pub fn new(
        client: Client,
        namespace: Arc<str>,
        name: Arc<str>,
        audiences: Vec<String>,
        seconds: i64,
    ) -> Self {
        Self {
            client,
            namespace,
            name,
            audiences,
            seconds,
        }
    }

    fn refused(&self, error: &kube::Error) -> ProviderError {
        let account = format!("ServiceAccount {}/{}", self.namespace, self.name);
        match error {
            kube::Error::Api(status) if status.is_not_found() => {
                ProviderError::new(ErrorKind::Invalid, format!("{account} does not exist"))
            }
            kube::Error::Api(status) if status.is_forbidden() => ProviderError::new(
                ErrorKind::Denied,
                format!("no token for {account}: grant create on serviceaccounts/token"),
            ),
            kube::Error::Api(status) if status.is_invalid() => ProviderError::new(
                ErrorKind::Invalid,
                format!("no token for {account}: refused"),
            ),
            _ => ProviderError::new(
                ErrorKind::Unavailable,
                format!("no token for {account}: the API server did not answer"),
            ),
        }
    }
}

impl std::fmt::Debug for ServiceAccountToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ServiceAccountToken({}/{})", self.namespace, self.name)
    }
}

#[async_trait]
impl JwtSource for ServiceAccountToken {
    async fn jwt(&self) -> Result<SecretValue, ProviderError> {
        let api: Api<ServiceAccount> = Api::namespaced(self.client.clone(), &self.namespace);
        let request = TokenRequest {
            spec: Some(TokenRequestSpec {
                audiences: Some(self.audiences.clone()),
                expiration_seconds: Some(self.seconds),
                ..TokenRequestSpec::default()
            }),
            ..TokenRequest::default()
        };
        let answer = api
            .create_token_request(&self.name, &PostParams::default(), &request)
            .await;
        let status = answer
            .map_err(|error| self.refused(&error))?
            .status
            .unwrap_or_default();
        Ok(SecretValue::from(status.token.unwrap_or_default()))
    }
}

/// Reads the pod's own token, which the kubelet rotates, at each login.
#[derive(Debug)]
pub struct TokenFile(pub PathBuf);

impl TokenFile {
    /// Where the kubelet mounts the pod's ServiceAccount token.
    pub const DEFAULT: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";
}

#[async_trait]
impl JwtSource for TokenFile {
    async fn jwt(&self) -> Result<SecretValue, ProviderError> {
        let text = tokio::fs::read_to_string(&self.0).await.map_err(|error| {
            let text = "the controller's own ServiceAccount token cannot be read; \
                        name a serviceAccountRef or secretRef in the store";
            ProviderError::new(ErrorKind::Invalid, text).with_source(error)
        })?;
        Ok(SecretValue::new(text.trim().as_bytes().to_vec()))
    }
}

//! Shell. Logins, renewals and revocations; the session layer owns the token.

use std::fmt;

use async_trait::async_trait;
use tidegate_contract::{
    Authenticator, ErrorKind, Grant, JwtSource, ProviderError, SecretValue, TokenSource,
};

use crate::connection::{VaultConnection, namespace};
use crate::login::Login;

/// One identity's way to log in to one Vault.
#[derive(Debug)]
pub struct VaultAuthenticator {
    connection: VaultConnection,
    login: Login,
    namespace: Option<http::HeaderValue>,
}

impl VaultAuthenticator {
    /// Logs in by `login`; `login_namespace` (`auth.namespace`) takes the place of the
    /// connection's Vault namespace for the login alone.
    ///
    /// # Errors
    /// `Invalid` when the namespace cannot be sent.
    pub fn new(
        connection: VaultConnection,
        login: Login,
        login_namespace: Option<&str>,
    ) -> Result<Self, ProviderError> {
        Ok(Self {
            connection,
            login,
            namespace: namespace(login_namespace)?,
        })
    }
}

#[async_trait]
impl Authenticator for VaultAuthenticator {
    async fn login(&self) -> Result<Grant, ProviderError> {
        let _ = (&self.connection, &self.login, &self.namespace);
        Err(unbuilt())
    }

    async fn renew(&self, _grant: &Grant) -> Result<Grant, ProviderError> {
        Err(unbuilt())
    }

    async fn revoke(&self, _grant: &Grant) -> Result<(), ProviderError> {
        Err(unbuilt())
    }
}

fn unbuilt() -> ProviderError {
    ProviderError::new(ErrorKind::Unavailable, "logins to Vault are not built yet")
}

/// No login at all: calls carry no token.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoAuth;

#[async_trait]
impl TokenSource for NoAuth {
    async fn token(&self) -> Result<SecretValue, ProviderError> {
        Ok(SecretValue::new(Vec::new()))
    }

    async fn rejected(&self, _used: &SecretValue) {}
}

/// A JSON Web Token that was given to us, for logins with a `secretRef`.
#[derive(Clone)]
pub struct GivenJwt(pub SecretValue);

#[async_trait]
impl JwtSource for GivenJwt {
    async fn jwt(&self) -> Result<SecretValue, ProviderError> {
        Ok(self.0.clone())
    }
}

impl fmt::Debug for GivenJwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GivenJwt")
    }
}

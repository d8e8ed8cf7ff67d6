//! Shell. Logins, renewals and revocations; the session layer owns the token.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use http::HeaderValue;
use tidegate_contract::{
    Authenticator, ErrorKind, Grant, JwtSource, ProviderError, SecretValue, TokenSource,
};
use vaultrs::api::token::requests::{RenewTokenSelfRequest, RevokeTokenSelfRequest};

use crate::answer::{Answer, unreadable};
use crate::connection::{VaultConnection, namespace};
use crate::login::Login;
use crate::request::{AuthPart, LoginRequest};

/// One identity's way to log in to one Vault.
#[derive(Debug)]
pub struct VaultAuthenticator {
    connection: VaultConnection,
    login: Login,
    namespace: Option<HeaderValue>,
}

impl VaultAuthenticator {
    /// Logs in by `login`; `login_namespace` (`auth.namespace`) takes the place of the
    /// connection's Vault namespace for the login, and for the renewal and end of its token.
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

    /// The login's request, or the token that needs none.
    async fn request(&self) -> Result<Result<LoginRequest, SecretValue>, ProviderError> {
        let request = match &self.login {
            Login::Token(token) => return Ok(Err(token.clone())),
            Login::AppRole {
                path,
                role_id,
                secret_id,
            } => {
                let role_id = ("role_id", role_id.expose().trim_ascii());
                LoginRequest::new(path, None, &[role_id, ("secret_id", secret_id.expose())])
            }
            Login::Kubernetes { path, role, jwt } => {
                let jwt = jwt.jwt().await?;
                let jwt = ("jwt", jwt.expose().trim_ascii());
                LoginRequest::new(path, None, &[("role", role.as_bytes()), jwt])
            }
            Login::Jwt { path, role, jwt } => {
                let jwt = jwt.jwt().await?;
                let jwt = ("jwt", jwt.expose().trim_ascii());
                match role {
                    Some(role) => LoginRequest::new(path, None, &[("role", role.as_bytes()), jwt]),
                    None => LoginRequest::new(path, None, &[jwt]),
                }
            }
            Login::UserPass {
                path,
                username,
                password,
            }
            | Login::Ldap {
                path,
                username,
                password,
            } => LoginRequest::new(path, Some(username), &[("password", password.expose())]),
            Login::Cert { path, role } => match role {
                Some(role) => LoginRequest::new(path, None, &[("name", role.as_bytes())]),
                None => LoginRequest::new(path, None, &[]),
            },
        };
        request.map(Ok)
    }

    /// A login that Vault refuses: it does not know whom it is asked to trust. Both statuses say
    /// so, by method: 400 for AppRole, JWT and user names, 403 for Kubernetes.
    fn refused(&self, answer: &Answer) -> ProviderError {
        match answer.status {
            400 | 401 | 403 => ProviderError::new(
                ErrorKind::Unauthenticated,
                format!(
                    "Vault refuses the {} login (status {})",
                    self.login.method(),
                    answer.status
                ),
            ),
            _ => answer.failure(&format!("the {} login", self.login.method())),
        }
    }
}

#[async_trait]
impl Authenticator for VaultAuthenticator {
    async fn login(&self) -> Result<Grant, ProviderError> {
        let request = match self.request().await? {
            Ok(request) => request,
            Err(token) => return Ok(given(token)),
        };
        let answer = self
            .connection
            .ask(request, None, self.namespace.as_ref())
            .await?;
        if !answer.is_success() {
            return Err(self.refused(&answer));
        }
        grant(&answer)
    }

    async fn renew(&self, current: &Grant) -> Result<Grant, ProviderError> {
        let request = RenewTokenSelfRequest { increment: None };
        let answer = self
            .connection
            .ask(request, Some(&current.token), self.namespace.as_ref())
            .await?;
        match answer.status {
            _ if answer.is_success() => grant(&answer),
            401 | 403 => Err(ProviderError::new(
                ErrorKind::Unauthenticated,
                "Vault no longer knows the token",
            )),
            _ => Err(answer.failure("renewing the token")),
        }
    }

    async fn revoke(&self, grant: &Grant) -> Result<(), ProviderError> {
        if !grant.revocable {
            return Ok(());
        }
        let request = RevokeTokenSelfRequest {};
        let answer = self
            .connection
            .ask(request, Some(&grant.token), self.namespace.as_ref())
            .await?;
        match answer.status {
            // A token that Vault does not know has ended already.
            _ if answer.is_success() => Ok(()),
            401 | 403 => Ok(()),
            _ => Err(answer.failure("revoking the token")),
        }
    }
}

/// A token that was given to us belongs to whoever gave it: we neither prolong nor end it.
const fn given(token: SecretValue) -> Grant {
    Grant {
        token,
        ttl: None,
        renewable: false,
        revocable: false,
    }
}

/// What a login or a renewal gave.
fn grant(answer: &Answer) -> Result<Grant, ProviderError> {
    let empty = || {
        ProviderError::new(
            ErrorKind::Invalid,
            "Vault answered the login without a token (does it ask for a second factor?)",
        )
    };
    let auth = answer.envelope()?.auth.ok_or_else(empty)?;
    let auth: AuthPart<'_> =
        serde_json::from_str(auth.get()).map_err(|error| unreadable(&error))?;
    Ok(Grant {
        token: auth.token().ok_or_else(empty)?,
        ttl: (auth.lease_duration > 0).then(|| Duration::from_secs(auth.lease_duration)),
        renewable: auth.renewable,
        revocable: !auth.is_batch(),
    })
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

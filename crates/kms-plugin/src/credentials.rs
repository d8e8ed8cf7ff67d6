//! Shell. Logins whose credentials are files, read anew at each login.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tidegate_contract::{Authenticator, ErrorKind, Grant, ProviderError, SecretValue};
use tidegate_provider_vault::{GivenJwt, Login as VaultLogin, VaultAuthenticator, VaultConnection};

use crate::config::Login;

/// How long a token from a file counts before the file is read again.
const TOKEN_FILE: Duration = Duration::from_secs(30);
/// Bytes of a credential's file, at most.
const MAX_BYTES: u64 = 1 << 20;

/// Logs in to one Vault with what the files say now.
pub(crate) struct FileLogin {
    connection: VaultConnection,
    login: Login,
    namespace: Option<String>,
}

impl FileLogin {
    pub(crate) fn new(
        connection: VaultConnection,
        login: Login,
        namespace: Option<String>,
    ) -> Self {
        Self {
            connection,
            login,
            namespace,
        }
    }

    fn with(&self, login: VaultLogin) -> Result<VaultAuthenticator, ProviderError> {
        VaultAuthenticator::new(self.connection.clone(), login, self.namespace.as_deref())
    }

    async fn read(&self) -> Result<VaultLogin, ProviderError> {
        let or = |path: &Option<String>, default: &str| {
            path.clone().unwrap_or_else(|| default.to_owned())
        };
        Ok(match &self.login {
            Login::Token { file } => VaultLogin::Token(secret(file).await?),
            Login::Approle {
                path,
                role_id_file,
                secret_id_file,
            } => VaultLogin::AppRole {
                path: or(path, "approle"),
                role_id: secret(role_id_file).await?,
                secret_id: secret(secret_id_file).await?,
            },
            Login::Kubernetes {
                path,
                role,
                jwt_file,
            } => VaultLogin::Kubernetes {
                path: or(path, "kubernetes"),
                role: role.clone(),
                jwt: Arc::new(GivenJwt(secret(jwt_file).await?)),
            },
            Login::Jwt {
                path,
                role,
                jwt_file,
            } => VaultLogin::Jwt {
                path: or(path, "jwt"),
                role: role.clone(),
                jwt: Arc::new(GivenJwt(secret(jwt_file).await?)),
            },
            Login::Userpass {
                path,
                username,
                password_file,
            } => VaultLogin::UserPass {
                path: or(path, "userpass"),
                username: username.clone(),
                password: secret(password_file).await?,
            },
            Login::Ldap {
                path,
                username,
                password_file,
            } => VaultLogin::Ldap {
                path: or(path, "ldap"),
                username: username.clone(),
                password: secret(password_file).await?,
            },
            Login::Cert { path, role } => VaultLogin::Cert {
                path: or(path, "cert"),
                role: role.clone(),
            },
        })
    }
}

/// A credential from a file, without the white space around it.
pub(crate) async fn secret(path: &Path) -> Result<SecretValue, ProviderError> {
    let mut bytes = file(path).await?;
    bytes.truncate(bytes.trim_ascii_end().len());
    let blank = bytes.len() - bytes.trim_ascii_start().len();
    bytes.drain(..blank);
    Ok(SecretValue::new(bytes))
}

/// A file's bytes.
///
/// # Errors
/// `Unavailable` when it cannot be read: it may be about to be replaced.
pub(crate) async fn file(path: &Path) -> Result<Vec<u8>, ProviderError> {
    let failed = |what: String| {
        let text = format!("{} {what}", path.display());
        ProviderError::new(ErrorKind::Unavailable, text)
    };
    let length = tokio::fs::metadata(path).await.map(|it| it.len());
    let length = length.map_err(|error| failed(format!("cannot be read: {}", error.kind())))?;
    if length > MAX_BYTES {
        return Err(failed("is longer than 1 MiB".to_owned()));
    }
    let bytes = tokio::fs::read(path).await;
    bytes.map_err(|error| failed(format!("cannot be read: {}", error.kind())))
}

#[async_trait]
impl Authenticator for FileLogin {
    async fn login(&self) -> Result<Grant, ProviderError> {
        let mut grant = self.with(self.read().await?)?.login().await?;
        if matches!(self.login, Login::Token { .. }) {
            grant.ttl = Some(TOKEN_FILE);
        }
        Ok(grant)
    }

    async fn renew(&self, grant: &Grant) -> Result<Grant, ProviderError> {
        let login = VaultLogin::Token(grant.token.clone());
        self.with(login)?.renew(grant).await
    }

    async fn revoke(&self, grant: &Grant) -> Result<(), ProviderError> {
        let login = VaultLogin::Token(grant.token.clone());
        self.with(login)?.revoke(grant).await
    }
}

impl fmt::Debug for FileLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileLogin({:?})", self.login)
    }
}

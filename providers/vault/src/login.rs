//! Pure. The ways to log in to Vault, each as one request.

use std::fmt;
use std::sync::Arc;

use tidegate_contract::{JwtSource, SecretValue};

/// How one identity logs in. `path` is the mount of the method, without `auth/`.
#[derive(Clone)]
pub enum Login {
    /// A token that was given to us: used as it is, never renewed, never revoked.
    Token(SecretValue),
    /// AppRole.
    AppRole {
        /// Mount, `approle` by default.
        path: String,
        /// The role id; surrounding white space is dropped, as ESO does.
        role_id: SecretValue,
        /// The secret id.
        secret_id: SecretValue,
    },
    /// Kubernetes: a ServiceAccount's token against a role.
    Kubernetes {
        /// Mount, `kubernetes` by default.
        path: String,
        /// Role in Vault.
        role: String,
        /// Where the ServiceAccount's token comes from, asked at each login.
        jwt: Arc<dyn JwtSource>,
    },
    /// JWT or OIDC.
    Jwt {
        /// Mount, `jwt` by default.
        path: String,
        /// Role in Vault; `None` is the mount's default role.
        role: Option<String>,
        /// Where the token comes from, asked at each login.
        jwt: Arc<dyn JwtSource>,
    },
    /// User name and password.
    UserPass {
        /// Mount, `userpass` by default.
        path: String,
        /// The user.
        username: String,
        /// The password.
        password: SecretValue,
    },
    /// LDAP.
    Ldap {
        /// Mount, `ldap` by default.
        path: String,
        /// The user.
        username: String,
        /// The password.
        password: SecretValue,
    },
    /// TLS certificate: the one of the connection ([`crate::TlsConfig::client`]).
    Cert {
        /// Mount, `cert` by default.
        path: String,
        /// Role in Vault; `None` lets Vault choose by certificate.
        role: Option<String>,
    },
}

impl Login {
    /// The method's name, such as `appRole`; never a credential.
    #[must_use]
    pub const fn method(&self) -> &'static str {
        match self {
            Self::Token(_) => "token",
            Self::AppRole { .. } => "appRole",
            Self::Kubernetes { .. } => "kubernetes",
            Self::Jwt { .. } => "jwt",
            Self::UserPass { .. } => "userPass",
            Self::Ldap { .. } => "ldap",
            Self::Cert { .. } => "cert",
        }
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Login({})", self.method())
    }
}

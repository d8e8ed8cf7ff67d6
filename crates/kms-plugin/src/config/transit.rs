//! Pure. The configuration of a key in the Transit engine of Vault or OpenBao.

use std::path::PathBuf;

use serde::Deserialize;

use super::MAX_ENDPOINTS;

/// Transit of Vault or OpenBao.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Transit {
    pub(crate) endpoints: Vec<String>,
    #[serde(default)]
    pub(crate) namespace: Option<String>,
    #[serde(default = "default_mount")]
    pub(crate) mount: String,
    pub(crate) key: String,
    #[serde(default)]
    pub(crate) ca_file: Option<PathBuf>,
    #[serde(default)]
    pub(crate) client_cert_file: Option<PathBuf>,
    #[serde(default)]
    pub(crate) client_key_file: Option<PathBuf>,
    pub(crate) login: Login,
    #[serde(default)]
    pub(crate) login_namespace: Option<String>,
}

fn default_mount() -> String {
    "transit".to_owned()
}

/// How to log in; every credential is a file.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Login {
    #[serde(rename_all = "kebab-case")]
    Token { file: PathBuf },
    #[serde(rename_all = "kebab-case")]
    Approle {
        #[serde(default)]
        path: Option<String>,
        role_id_file: PathBuf,
        secret_id_file: PathBuf,
    },
    #[serde(rename_all = "kebab-case")]
    Kubernetes {
        #[serde(default)]
        path: Option<String>,
        role: String,
        jwt_file: PathBuf,
    },
    #[serde(rename_all = "kebab-case")]
    Jwt {
        #[serde(default)]
        path: Option<String>,
        #[serde(default)]
        role: Option<String>,
        jwt_file: PathBuf,
    },
    #[serde(rename_all = "kebab-case")]
    Userpass {
        #[serde(default)]
        path: Option<String>,
        username: String,
        password_file: PathBuf,
    },
    #[serde(rename_all = "kebab-case")]
    Ldap {
        #[serde(default)]
        path: Option<String>,
        username: String,
        password_file: PathBuf,
    },
    #[serde(rename_all = "kebab-case")]
    Cert {
        #[serde(default)]
        path: Option<String>,
        #[serde(default)]
        role: Option<String>,
    },
}

impl Transit {
    pub(super) fn check(&self) -> Result<(), String> {
        if self.endpoints.is_empty() || self.endpoints.len() > MAX_ENDPOINTS {
            return Err(format!(
                "transit.endpoints: name 1 to {MAX_ENDPOINTS} addresses"
            ));
        }
        if self.client_cert_file.is_some() != self.client_key_file.is_some() {
            return Err("transit: client-cert-file and client-key-file go together".to_owned());
        }
        if matches!(self.login, Login::Cert { .. }) && self.client_cert_file.is_none() {
            return Err("transit.login.cert: name client-cert-file and client-key-file".to_owned());
        }
        Ok(())
    }
}

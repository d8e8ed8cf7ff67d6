//! Pure. The configuration of a key in Azure Key Vault or a managed HSM.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// An RSA key in a vault.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Azure {
    /// The vault's address, such as `https://NAME.vault.azure.net`.
    pub(crate) vault: String,
    pub(crate) key: String,
    #[serde(default)]
    pub(crate) ca_file: Option<PathBuf>,
    /// What tokens are for, where the vault's address does not lie in the resource's domain.
    #[serde(default)]
    pub(crate) resource: Option<String>,
    pub(crate) login: AzureLogin,
}

/// How to log in; every credential is a file.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum AzureLogin {
    #[serde(rename_all = "kebab-case")]
    ClientSecret {
        tenant: String,
        client_id: String,
        secret_file: PathBuf,
        #[serde(default)]
        authority: Option<String>,
    },
    /// A token that the tenant trusts for this client, such as a ServiceAccount's.
    #[serde(rename_all = "kebab-case")]
    WorkloadIdentity {
        tenant: String,
        client_id: String,
        token_file: PathBuf,
        #[serde(default)]
        authority: Option<String>,
    },
    /// The identity of the machine, from its metadata service.
    #[serde(rename_all = "kebab-case")]
    ManagedIdentity {
        #[serde(default)]
        client_id: Option<String>,
        #[serde(default)]
        endpoint: Option<String>,
    },
}

impl Azure {
    /// The files that must be readable, and the fields that name them.
    pub(crate) fn files(&self) -> Vec<(&'static str, &Path)> {
        let credential = match &self.login {
            AzureLogin::ClientSecret { secret_file, .. } => {
                Some(("login.client-secret.secret-file", secret_file))
            }
            AzureLogin::WorkloadIdentity { token_file, .. } => {
                Some(("login.workload-identity.token-file", token_file))
            }
            AzureLogin::ManagedIdentity { .. } => None,
        };
        let trust = self.ca_file.as_ref().map(|path| ("ca-file", path));
        let files = trust.into_iter().chain(credential);
        files.map(|(field, path)| (field, path.as_path())).collect()
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let https = |field: &str, text: &str| {
            super::address(text).map_err(|why| format!("azure.{field}: {why}"))?;
            if text.starts_with("https://") {
                Ok(())
            } else {
                Err(format!("azure.{field}: {text:?} is not https"))
            }
        };
        https("vault", &self.vault)?;
        if let Some(resource) = &self.resource {
            https("resource", resource)?;
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if self.key.is_empty() || self.key.len() > 127 || !self.key.chars().all(allowed) {
            return Err("azure.key: use 1 to 127 letters, digits and -".to_owned());
        }
        match &self.login {
            AzureLogin::ClientSecret {
                tenant, authority, ..
            } => login("client-secret", tenant, authority.as_deref(), https),
            AzureLogin::WorkloadIdentity {
                tenant, authority, ..
            } => login("workload-identity", tenant, authority.as_deref(), https),
            // The metadata service of a machine is on its own link, without TLS.
            AzureLogin::ManagedIdentity { endpoint, .. } => match endpoint {
                Some(text) => super::address(text)
                    .map_err(|why| format!("azure.login.managed-identity.endpoint: {why}")),
                None => Ok(()),
            },
        }
    }
}

fn login(
    way: &str,
    tenant: &str,
    authority: Option<&str>,
    https: impl Fn(&str, &str) -> Result<(), String>,
) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    if tenant.is_empty() || !tenant.chars().all(allowed) {
        return Err(format!(
            "azure.login.{way}.tenant: no id or domain of a tenant"
        ));
    }
    match authority {
        Some(text) => https(&format!("login.{way}.authority"), text),
        None => Ok(()),
    }
}

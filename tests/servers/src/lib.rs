//! Shell. Real servers for the tests: built once per machine, started on loopback, gone with the
//! test process.
//!
//! [`ControlPlane`] is etcd, kube-apiserver and, if wanted, kube-controller-manager; [`Vault`] is
//! HashiCorp Vault; [`Moto`] is AWS as moto answers it, and [`KeyVault`] a test server in the place
//! of Azure Key Vault. The first use builds them into the user's cache ([`Cache`]), with one line
//! of progress per step on stderr; a missing toolchain is an error that names what to install.

mod apply;
mod audit;
mod cache;
mod control_plane;
mod error;
mod http;
mod keyvault;
mod moto;
mod pki;
mod port;
mod process;
mod recipe;
mod rt;
mod scratch;
mod shared;
mod vault;
mod web;

use std::path::PathBuf;

pub use audit::{ApiRequest, AuditLog};
pub use cache::{CACHE_VARIABLE, Cache};
pub use control_plane::{ADMIN, ApiServer, ControlPlane, ControlPlaneOptions, TIDEGATE, User};
pub use error::ServerError;
pub use http::{Answer, Http};
pub use keyvault::{KeyVault, KeyVaultOptions};
pub use moto::{Front, Moto};
pub use recipe::{KUBERNETES_VERSION, RECIPES, Recipe};
pub use shared::shared;
pub use vault::{
    AppRole, AuditEntry, JwtRole, KubernetesRole, Vault, VaultOptions, VaultRequestKind,
};

/// Makes sure that a server is built, without holding up the caller's threads.
///
/// # Errors
/// As [`Cache::ensure`], and [`ServerError::Unknown`] for a name without a recipe.
pub async fn ensure(name: &str) -> Result<PathBuf, ServerError> {
    let recipe = find(name)?;
    rt::blocking(move || Cache::of_user()?.ensure(recipe)).await
}

/// Finds a recipe by its name.
///
/// # Errors
/// [`ServerError::Unknown`], which lists the names there are.
pub fn find(name: &str) -> Result<&'static Recipe, ServerError> {
    recipe::find(name).ok_or_else(|| {
        let known = RECIPES
            .iter()
            .map(|recipe| recipe.name)
            .collect::<Vec<_>>()
            .join(", ");
        ServerError::Unknown {
            name: name.to_owned(),
            known,
        }
    })
}

//! Shell. One control plane for all tests of a test binary.

use tokio::sync::OnceCell;

use crate::control_plane::{ControlPlane, ControlPlaneOptions};
use crate::error::ServerError;

/// The control plane that all tests of this process share, with the default options; the first
/// caller starts it. Tests keep apart by namespace.
///
/// It ends with the process: its watchdogs kill the servers and remove the folder.
///
/// # Errors
/// As [`ControlPlane::start`]; the next caller tries again.
pub async fn shared() -> Result<&'static ControlPlane, ServerError> {
    static SHARED: OnceCell<ControlPlane> = OnceCell::const_new();
    SHARED
        .get_or_try_init(|| ControlPlane::start(ControlPlaneOptions::default()))
        .await
}

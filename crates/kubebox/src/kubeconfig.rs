//! Shell. The kubeconfig of a loopback server, written for its owner's eyes only.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::access::Access;

/// Renders a kubeconfig with one cluster, one user and one context named `kubebox`.
#[must_use]
pub fn kubeconfig(address: SocketAddr, access: &Access) -> String {
    let authority = STANDARD.encode(access.certificate());
    let token = access.token();
    format!(
        "apiVersion: v1\n\
         kind: Config\n\
         clusters:\n\
         - name: kubebox\n\
         \x20 cluster:\n\
         \x20   server: https://{address}\n\
         \x20   certificate-authority-data: {authority}\n\
         users:\n\
         - name: kubebox\n\
         \x20 user:\n\
         \x20   token: {token}\n\
         contexts:\n\
         - name: kubebox\n\
         \x20 context:\n\
         \x20   cluster: kubebox\n\
         \x20   user: kubebox\n\
         \x20   namespace: default\n\
         current-context: kubebox\n"
    )
}

/// Writes the kubeconfig with mode 0600, replacing what was there in one step.
///
/// # Errors
/// Fails when the folder cannot be written.
pub fn write_kubeconfig(path: &Path, address: SocketAddr, access: &Access) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    // A file left by a killed process of the same id would keep its own mode.
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)?;
    file.write_all(kubeconfig(address, access).as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}

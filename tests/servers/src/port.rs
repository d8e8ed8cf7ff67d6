//! Shell. Loopback ports that stay ours while a server is down.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use crate::cache::make_dir;
use crate::error::ServerError;

/// Below the usual range of outgoing connections (32768 and up), so that no client's socket can
/// take a port while its server restarts.
const FIRST: u16 = 15_000;
const COUNT: u16 = 15_000;

/// A port, reserved against every other process that uses the same cache.
#[derive(Debug)]
pub(crate) struct Port {
    number: u16,
    _reservation: File,
}

impl Port {
    /// Reserves a free port; the locks live in `root`.
    pub(crate) fn reserve(root: &Path) -> Result<Self, ServerError> {
        let dir = root.join("ports");
        make_dir(&dir)?;
        let start = u16::from_le_bytes(random()?) % COUNT;
        for step in 0..COUNT {
            let number = FIRST + (start + step) % COUNT;
            let path = dir.join(number.to_string());
            let file = File::create(&path)
                .map_err(ServerError::io(|| format!("write {}", path.display())))?;
            let free = || TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_ok();
            if file.try_lock().is_ok() && free() {
                return Ok(Self {
                    number,
                    _reservation: file,
                });
            }
        }
        Err(ServerError::Usage(format!(
            "no free port in {FIRST}..{}",
            FIRST + COUNT
        )))
    }

    pub(crate) fn number(&self) -> u16 {
        self.number
    }
}

/// Bytes that nobody can guess.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], ServerError> {
    let mut bytes = [0; N];
    rustls::crypto::aws_lc_rs::default_provider()
        .secure_random
        .fill(&mut bytes)
        .map_err(|_| ServerError::Usage("the system gave no random bytes".to_owned()))?;
    Ok(bytes)
}

/// A token of 128 random bits.
pub(crate) fn random_token() -> Result<String, ServerError> {
    Ok(random::<16>()?
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

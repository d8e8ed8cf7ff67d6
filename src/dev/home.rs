//! Shell. The private folder and the kubeconfig of one `dev`, removed when it ends.

use std::fs::{self, DirBuilder};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kubebox::{Access, write_kubeconfig};
use zeroize::Zeroizing;

use crate::entropy;

/// Where a `dev` keeps what only its user may see. Dropping it removes everything.
#[derive(Debug)]
pub struct Home {
    folder: Option<PathBuf>,
    config: PathBuf,
    /// The server that our kubeconfig names, once it is written.
    server: Option<SocketAddr>,
}

/// How long an earlier server on loopback may take to show that it lives.
const ALIVE: Duration = Duration::from_millis(200);

impl Home {
    /// Takes a fresh folder (0700), or just the file that the user names.
    ///
    /// # Errors
    /// When the folder cannot be made, or the file is somebody else's kubeconfig.
    pub fn new(file: Option<&Path>) -> io::Result<Self> {
        if let Some(file) = file {
            refuse_strange(file)?;
            return Ok(Self {
                folder: None,
                config: file.to_owned(),
                server: None,
            });
        }
        let name = format!("tidegate-dev-{}", hex(8)?.as_str());
        let folder = std::env::temp_dir().join(name);
        // `create` fails when it exists: nobody else's folder is ever taken.
        DirBuilder::new().mode(0o700).create(&folder)?;
        Ok(Self {
            config: folder.join("kubeconfig"),
            folder: Some(folder),
            server: None,
        })
    }

    /// Writes the kubeconfig, readable by its owner alone.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&mut self, address: SocketAddr, access: &Access) -> io::Result<()> {
        write_kubeconfig(&self.config, address, access)?;
        self.server = Some(address);
        Ok(())
    }

    /// The kubeconfig.
    #[must_use]
    pub fn config(&self) -> &Path {
        &self.config
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // Somebody may have written another one there since.
        if self.server.is_some() && self.server == server_of(&self.config) {
            let _gone_already = fs::remove_file(&self.config);
        }
        if let Some(folder) = &self.folder {
            // kubectl's caches lie elsewhere; whatever the user put here was put into ours.
            let _gone_already = fs::remove_dir_all(folder);
        }
    }
}

/// An existing file is replaced only when it is a kubeconfig of an embedded API and nothing else.
fn refuse_strange(file: &Path) -> io::Result<()> {
    let text = match fs::read_to_string(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    let ours = text.lines().any(|line| line == "current-context: kubebox")
        && text
            .lines()
            .filter(|line| line.starts_with("- name:"))
            .count()
            == 3;
    let text = if text.is_empty() {
        return Ok(());
    } else if !ours {
        "it exists and no earlier dev wrote it; name another file"
    } else if server_of(file).is_some_and(|at| TcpStream::connect_timeout(&at, ALIVE).is_ok()) {
        "another dev is using it; name another file"
    } else {
        return Ok(());
    };
    Err(io::Error::new(io::ErrorKind::AlreadyExists, text))
}

/// The server that a kubeconfig of an embedded API names.
fn server_of(file: &Path) -> Option<SocketAddr> {
    let text = fs::read_to_string(file).ok()?;
    let mut lines = text.lines().map(str::trim);
    lines.find_map(|line| line.strip_prefix("server: https://")?.parse().ok())
}

/// A token that nobody can guess.
///
/// # Errors
/// When the system gives no random numbers.
pub fn token() -> io::Result<Zeroizing<String>> {
    hex(32)
}

fn hex(bytes: usize) -> io::Result<Zeroizing<String>> {
    let random = entropy::bytes();
    let random = random.ok_or_else(|| io::Error::other("the system gives no random numbers"))?;
    let digits = random.iter().take(bytes).map(|byte| format!("{byte:02x}"));
    Ok(Zeroizing::new(digits.collect()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn two_homes_do_not_meet_and_leave_nothing() {
        let access = Access::new(token().unwrap().as_str()).unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        let mut homes = [Home::new(None).unwrap(), Home::new(None).unwrap()];
        let configs = homes.each_mut().map(|home| {
            home.write(address, &access).unwrap();
            home.config().to_owned()
        });
        assert_ne!(configs[0], configs[1]);
        for config in &configs {
            assert_eq!(
                (mode(config), mode(config.parent().unwrap())),
                (0o600, 0o700)
            );
        }
        drop(homes);
        for config in &configs {
            assert!(!config.parent().unwrap().exists());
        }
    }

    #[test]
    fn only_an_earlier_devs_file_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config");
        fs::write(
            &file,
            "apiVersion: v1\nkind: Config\ncurrent-context: prod\n",
        )
        .unwrap();
        let error = Home::new(Some(&file)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        fs::remove_file(&file).unwrap();
        let access = Access::new("t").unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        let mut home = Home::new(Some(&file)).unwrap();
        home.write(address, &access).unwrap();
        let mut again = Home::new(Some(&file)).unwrap();
        let other = SocketAddr::from(([127, 0, 0, 1], 2));
        again.write(other, &access).unwrap();
        drop(std::mem::replace(&mut home, again));
        assert!(file.exists(), "what another wrote is not removed");
        drop(home);
        assert!(!file.exists() && folder.path().exists());
    }
}

//! Shell. The private Unix socket: its folder, its mode, and what lies there from before.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// Bytes of a socket's path, at most, as Linux has it, with room for our temporary name.
const MAX_PATH: usize = 100;

/// Why a socket cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// An abstract socket has no file, so no mode: every process of the host could ask.
    #[error("an abstract socket is open to every process of this host: name a file")]
    Abstract,
    /// The path is relative or too long for the system.
    #[error("the socket {0:?} is not an absolute path of at most {MAX_PATH} bytes")]
    Path(PathBuf),
    /// The folder is open to others.
    #[error("the folder {folder:?} {problem}: {cure}")]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What is wrong with it.
        problem: String,
        /// What to do.
        cure: String,
    },
    /// Another process serves there.
    #[error("another process serves {0:?}: stop it first, or name another socket")]
    Live(PathBuf),
    /// Something that is no socket is in the way.
    #[error("{0:?} is there and is no socket: remove it, or name another socket")]
    NoSocket(PathBuf),
    /// The system refused.
    #[error("the socket {path:?} cannot be {what}: {source}")]
    System {
        /// The socket.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// A socket that listens. Dropping it removes the file, unless another process took it over.
#[derive(Debug)]
pub struct Socket {
    path: PathBuf,
    inode: u64,
    // Held as long as we serve: two starting processes cannot both find the socket stale.
    _lock: File,
}

impl Socket {
    /// Listens at `path` with `mode` (0600 or 0660).
    ///
    /// The folder must exist, belong to this user or root, and be closed to writes of others. A
    /// socket that nobody serves any more is replaced; one that is served is left alone.
    ///
    /// # Errors
    /// [`SocketError`], which says what to do.
    pub fn bind(path: &Path, mode: u32) -> Result<(Self, UnixListener), SocketError> {
        let name = path.file_name().and_then(|name| name.to_str());
        let folder = path.parent().filter(|_| path.is_absolute());
        let (Some(name), Some(folder)) = (name, folder) else {
            return Err(of_path(path));
        };
        if path.as_os_str().len() > MAX_PATH {
            return Err(of_path(path));
        }
        check_folder(folder)?;
        let lock = lock(path, folder, name)?;
        check_stale(path)?;
        // A socket appears under its name only when its mode is right and it listens.
        let temporary = folder.join(format!(".{name}.new"));
        let failed = |what| move |source| system(path, what, source);
        let _none_left = fs::remove_file(&temporary);
        let listener = UnixListener::bind(&temporary).map_err(failed("bound"))?;
        fs::set_permissions(&temporary, Permissions::from_mode(mode)).map_err(failed("closed"))?;
        listener.set_nonblocking(true).map_err(failed("used"))?;
        let inode = fs::metadata(&temporary).map_err(failed("read"))?.ino();
        fs::rename(&temporary, path).map_err(failed("named"))?;
        let socket = Self {
            path: path.to_owned(),
            inode,
            _lock: lock,
        };
        Ok((socket, listener))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let ours = fs::symlink_metadata(&self.path).is_ok_and(|it| it.ino() == self.inode);
        if ours {
            let _gone_already = fs::remove_file(&self.path);
        }
    }
}

fn of_path(path: &Path) -> SocketError {
    match path.to_str() {
        Some(text) if text.starts_with('@') || text.starts_with('\0') => SocketError::Abstract,
        _ => SocketError::Path(path.to_owned()),
    }
}

fn system(path: &Path, what: &'static str, source: io::Error) -> SocketError {
    SocketError::System {
        path: path.to_owned(),
        what,
        source,
    }
}

fn check_folder(folder: &Path) -> Result<(), SocketError> {
    let wrong = |problem: String, cure: String| SocketError::Folder {
        folder: folder.to_owned(),
        problem,
        cure,
    };
    let shown = folder.display();
    let metadata = fs::metadata(folder).map_err(|error| {
        let cure = format!("install -d -m 0700 {shown}");
        wrong(format!("cannot be read ({})", error.kind()), cure)
    })?;
    let own = rustix::process::geteuid().as_raw();
    if metadata.uid() != own && metadata.uid() != 0 {
        let cure = format!("chown root {shown}");
        return Err(wrong("belongs to another user".to_owned(), cure));
    }
    if metadata.mode() & 0o022 != 0 || metadata.mode() & 0o007 != 0 {
        let problem = format!("is open to others (mode {:04o})", metadata.mode() & 0o7777);
        return Err(wrong(problem, format!("chmod 0700 {shown}")));
    }
    Ok(())
}

/// Takes the lock beside the socket; whoever holds it serves.
fn lock(path: &Path, folder: &Path, name: &str) -> Result<File, SocketError> {
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(folder.join(format!(".{name}.lock")))
        .map_err(|source| system(path, "locked", source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(SocketError::Live(path.to_owned())),
        Err(fs::TryLockError::Error(source)) => Err(system(path, "locked", source)),
    }
}

/// Finds out whether anybody serves what lies at `path`.
fn check_stale(path: &Path) -> Result<(), SocketError> {
    let metadata = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(system(path, "read", source)),
        Ok(metadata) => metadata,
    };
    if !metadata.file_type().is_socket() {
        return Err(SocketError::NoSocket(path.to_owned()));
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(SocketError::Live(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
        Err(source) => Err(system(path, "asked", source)),
    }
}

#[cfg(test)]
mod tests;

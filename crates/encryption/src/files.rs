//! Shell. Files that hold keys: read with a bound, looked at, and written so that no reader ever
//! sees half of one.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::config::{Finding, MAX_BYTES};
use crate::error::Failure;

/// Reads a file that may hold keys.
///
/// # Errors
/// When it cannot be read, is no regular file, or is larger than [`MAX_BYTES`].
pub fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let failed = |error: std::io::Error| Failure::usage(format!("{}: {error}", path.display()));
    let file = OpenOptions::new()
        .read(true)
        // A named pipe would hold us up for ever.
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
        .open(path)
        .map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(Failure::usage(format!(
            "{}: no regular file",
            path.display()
        )));
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_BYTES + 1));
    let bound = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX) + 1;
    file.take(bound).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > MAX_BYTES {
        let line = format!("{}: larger than {MAX_BYTES} bytes", path.display());
        return Err(Failure::usage(line));
    }
    Ok(bytes)
}

/// As [`read`], with none for a file that does not exist.
///
/// # Errors
/// As [`read`].
pub fn read_if_any(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, Failure> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        _ => read(path).map(Some),
    }
}

/// Writes a file with mode 0600 in one step: at any instant, also after a crash, its path shows
/// the whole old content or the whole new one.
///
/// # Errors
/// When the folder cannot be written.
pub fn write(path: &Path, content: &[u8]) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::usage(format!("{} cannot be written: {error}", path.display()))
    };
    let folder = folder(path);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // One name, so that what a killed process left behind is found and goes: it may hold keys.
    let temporary = folder.join(format!(".{name}.new"));
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let written = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)
        .and_then(|mut file| {
            file.write_all(content)?;
            file.sync_all()?;
            fs::rename(&temporary, path)?;
            File::open(&folder)?.sync_all()
        });
    written.map_err(|error| {
        let _best_effort = fs::remove_file(&temporary);
        failed(error)
    })
}

fn folder(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Keeps a second process from working on the same file; it ends with the process.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Takes the lock beside a file.
///
/// # Errors
/// When another process holds it.
pub fn lock(path: &Path) -> Result<Lock, Failure> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = folder(path).join(format!(".{name}.lock"));
    let failed = |error: &dyn std::fmt::Display| {
        Failure::usage(format!("{} cannot be locked: {error}", beside.display()))
    };
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&beside)
        .map_err(|error| failed(&error))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock { _file: file }),
        Err(fs::TryLockError::WouldBlock) => Err(Failure::unsafe_now(format!(
            "another process works on {} now",
            path.display()
        ))),
        Err(fs::TryLockError::Error(error)) => Err(failed(&error)),
    }
}

/// Looks at a configuration's mode, owner and folder.
///
/// # Errors
/// When it cannot be looked at.
pub fn inspect(path: &Path) -> Result<Vec<Finding>, Failure> {
    let failed = |error: std::io::Error| Failure::usage(format!("{}: {error}", path.display()));
    let mut found = Vec::new();
    let mut warn = |words: String| found.push(Finding::warning("", words));
    let link = fs::symlink_metadata(path).map_err(failed)?;
    if link.is_symlink() {
        warn("a symbolic link: it must resolve inside the API server's mount too".to_owned());
    }
    let file = fs::metadata(path).map_err(failed)?;
    let mode = file.mode() & 0o777;
    if mode & 0o077 != 0 {
        warn(format!(
            "mode {mode:04o}: anyone it lets in has the keys; use 0600"
        ));
    }
    if file.uid() != 0 {
        warn(format!("owned by user {}: root should own it", file.uid()));
    }
    let folder = folder(path);
    let metadata = fs::metadata(&folder).map_err(failed)?;
    let mode = metadata.mode() & 0o7777;
    if mode & 0o022 != 0 && mode & 0o1000 == 0 {
        let folder = folder.display();
        warn(format!(
            "folder {folder} has mode {mode:04o}: others can put a file in its place"
        ));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_write_replaces_whole_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("enc.yaml");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let before = fs::metadata(&path).unwrap().ino();
        write(&path, b"new").unwrap();
        let after = fs::metadata(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(after.mode() & 0o777, 0o600);
        assert_ne!(after.ino(), before);
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            1,
            "nothing left behind"
        );
    }

    #[test]
    fn what_is_no_file_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        assert!(
            read(folder.path())
                .unwrap_err()
                .line
                .contains("no regular file")
        );
        let pipe = folder.path().join("pipe");
        let status = std::process::Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap();
        assert!(status.success());
        assert!(read(&pipe).unwrap_err().line.contains("no regular file"));
        let big = folder.path().join("big");
        fs::write(&big, vec![b' '; MAX_BYTES + 1]).unwrap();
        assert!(read(&big).unwrap_err().line.contains("larger"));
    }

    #[test]
    fn open_modes_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("enc.yaml");
        fs::write(&path, "x").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let words: Vec<String> = inspect(&path)
            .unwrap()
            .iter()
            .map(|f| f.words.clone())
            .collect();
        assert!(
            words.iter().any(|words| words.starts_with("mode 0640")),
            "{words:?}"
        );
        assert!(
            words.iter().any(|words| words.contains("mode 0777")),
            "{words:?}"
        );
    }

    #[test]
    fn only_one_process_works_on_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("enc.yaml");
        let held = lock(&path).unwrap();
        assert_eq!(lock(&path).unwrap_err().code, crate::error::Code::Unsafe);
        drop(held);
        lock(&path).unwrap();
    }
}

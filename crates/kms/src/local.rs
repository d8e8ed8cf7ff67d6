//! Shell. Keys in files, for tests and for edge nodes: no service, no network, no outage.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tidegate_contract::{KeyIdentity, KeyVersion, KeyWrapper, SecretValue, WrapError, WrapFault};
use zeroize::{Zeroize, Zeroizing};

use crate::seal;

/// Files that are read, at most.
const MAX_FILES: usize = 100;
/// Bytes of a key file, at most.
const MAX_BYTES: u64 = 4096;

/// A folder of key files. Each file is one version of the key:
///
/// - `<name>.key`: 32 raw bytes; its creation time is the file's modification time, which must be
///   kept when the file is copied to another node (`cp -p`, `rsync -t`).
/// - `<name>.json`: `{"created": "2026-11-01T00:00:00Z", "key": "<base64 of 32 bytes>"}`.
///
/// Files must belong to this user or root and be closed to everybody else (0600 or 0400). They are
/// read anew at each use, so a file that is removed is a key that is gone.
pub struct LocalKeys {
    folder: PathBuf,
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonKey {
    created: jiff::Timestamp,
    key: String,
}

struct Key {
    version: KeyVersion,
    bytes: Zeroizing<[u8; 32]>,
}

impl LocalKeys {
    /// Keys in `folder`; `name` tells this key from others in the key id and must be equal on all
    /// nodes.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>, name: impl Into<String>) -> Self {
        Self {
            folder: folder.into(),
            name: name.into(),
        }
    }

    fn read(&self) -> Result<Vec<Key>, WrapError> {
        private(&self.folder, 0o022)?;
        let entries =
            fs::read_dir(&self.folder).map_err(|error| unreadable(&self.folder, &error))?;
        let mut paths: Vec<PathBuf> = entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| matches!(extension(path), "key" | "json"))
            .collect();
        paths.sort_unstable();
        if paths.len() > MAX_FILES {
            let text = format!("there are more than {MAX_FILES} key files");
            return Err(WrapError::new(WrapFault::Invalid, text));
        }
        let keys: Vec<Key> = paths
            .iter()
            .map(|path| read_key(path))
            .collect::<Result<_, _>>()?;
        for pair in keys.windows(2) {
            if let [one, two] = pair
                && one.version.name == two.version.name
            {
                let text = format!("two files hold the key {:?}", one.version.name);
                return Err(WrapError::new(WrapFault::Invalid, text));
            }
        }
        Ok(keys)
    }

    fn key(&self, version: &str) -> Result<Key, WrapError> {
        let found = self
            .read()?
            .into_iter()
            .find(|key| key.version.name == version);
        found.ok_or_else(|| {
            WrapError::new(
                WrapFault::Deleted,
                format!("there is no key file {version:?}"),
            )
        })
    }
}

fn extension(path: &Path) -> &str {
    path.extension().and_then(|it| it.to_str()).unwrap_or("")
}

fn read_key(path: &Path) -> Result<Key, WrapError> {
    let invalid =
        |text: &str| WrapError::new(WrapFault::Invalid, format!("{}: {text}", path.display()));
    let metadata = private(path, 0o077)?;
    if !metadata.is_file() || metadata.len() > MAX_BYTES {
        return Err(invalid("is no key file"));
    }
    let content = Zeroizing::new(fs::read(path).map_err(|error| unreadable(path, &error))?);
    let mut bytes = Zeroizing::new([0; 32]);
    let created = if extension(path) == "json" {
        // A parser's text may quote the file, so only the position stays.
        let mut json: JsonKey = serde_json::from_slice(&content)
            .map_err(|error| invalid(&format!("is not a key in JSON (line {})", error.line())))?;
        let decoded = STANDARD.decode(&json.key).map(Zeroizing::new);
        json.key.zeroize();
        let decoded = decoded.map_err(|_| invalid("the key is not base64"))?;
        let whole = <&[u8; 32]>::try_from(decoded.as_slice());
        bytes.copy_from_slice(whole.map_err(|_| invalid("the key has not 32 bytes"))?);
        u64::try_from(json.created.as_second()).unwrap_or_default()
    } else {
        let whole = <&[u8; 32]>::try_from(content.as_slice());
        bytes.copy_from_slice(whole.map_err(|_| invalid("the key has not 32 bytes"))?);
        u64::try_from(metadata.mtime()).unwrap_or_default()
    };
    let name = path.file_stem().and_then(|stem| stem.to_str());
    let name = name
        .ok_or_else(|| invalid("the name is not text"))?
        .to_owned();
    let version = KeyVersion {
        created: Duration::from_secs(created),
        ordinal: 0,
        name,
        material: fingerprint(&bytes),
    };
    Ok(Key { version, bytes })
}

/// Tells two keys of one name apart without telling anything of them.
fn fingerprint(key: &[u8; 32]) -> String {
    let mut hash = Sha256::new();
    hash.update(b"tidegate-kms local key fingerprint\0");
    hash.update(key);
    URL_SAFE_NO_PAD.encode(&hash.finalize()[..16])
}

/// Checks owner and mode.
fn private(path: &Path, forbidden: u32) -> Result<fs::Metadata, WrapError> {
    let metadata = fs::symlink_metadata(path).and_then(|it| {
        // What a link points to is what counts; Kubernetes mounts files through links.
        if it.is_symlink() {
            fs::metadata(path)
        } else {
            Ok(it)
        }
    });
    let metadata = metadata.map_err(|error| unreadable(path, &error))?;
    let own = rustix::process::geteuid().as_raw();
    let shown = path.display();
    if metadata.uid() != own && metadata.uid() != 0 {
        let text = format!("{shown} belongs to another user: chown it to this one or to root");
        return Err(WrapError::new(WrapFault::Invalid, text));
    }
    if metadata.mode() & forbidden != 0 {
        let wanted = if metadata.is_dir() { "0700" } else { "0600" };
        let text = format!(
            "{shown} is open to others (mode {:04o}): chmod {wanted}",
            metadata.mode() & 0o7777
        );
        return Err(WrapError::new(WrapFault::Invalid, text));
    }
    Ok(metadata)
}

fn unreadable(path: &Path, error: &std::io::Error) -> WrapError {
    let fault = match error.kind() {
        std::io::ErrorKind::NotFound => WrapFault::Deleted,
        std::io::ErrorKind::PermissionDenied => WrapFault::Denied,
        _ => WrapFault::Unavailable,
    };
    WrapError::new(
        fault,
        format!("{} cannot be read: {}", path.display(), error.kind()),
    )
}

#[async_trait]
impl KeyWrapper for LocalKeys {
    fn identity(&self) -> KeyIdentity {
        KeyIdentity {
            kind: "local",
            authority: String::new(),
            key: self.name.clone(),
        }
    }

    async fn versions(&self) -> Result<Vec<KeyVersion>, WrapError> {
        let versions: Vec<_> = self.read()?.into_iter().map(|key| key.version).collect();
        if versions.is_empty() {
            let text = format!("there is no key file in {}", self.folder.display());
            return Err(WrapError::new(WrapFault::Deleted, text));
        }
        Ok(versions)
    }

    async fn wrap(
        &self,
        version: &str,
        plaintext: &SecretValue,
        context: &[u8],
    ) -> Result<Vec<u8>, WrapError> {
        seal::seal(&self.key(version)?.bytes, plaintext.expose(), context)
    }

    async fn unwrap(
        &self,
        version: &str,
        wrapped: &[u8],
        context: &[u8],
    ) -> Result<SecretValue, WrapError> {
        seal::open(&self.key(version)?.bytes, wrapped, context).map(SecretValue::new)
    }
}

impl fmt::Debug for LocalKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalKeys({:?})", self.folder)
    }
}

#[cfg(test)]
mod tests;

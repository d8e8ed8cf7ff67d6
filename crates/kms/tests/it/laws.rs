//! Shell. The laws of key services, on key files and on the scripted one, and that they can fail.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tidegate_contract::{KeyIdentity, KeyVersion, KeyWrapper, SecretValue, WrapError, WrapFault};
use tidegate_kms::{LocalKeys, laws};

use crate::scripted::{Scripted, version};

fn keys() -> (tempfile::TempDir, LocalKeys) {
    let folder = tempfile::tempdir().unwrap();
    let set = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    set(folder.path(), 0o700);
    for (name, byte) in [("one", 1), ("two", 2)] {
        let path = folder.path().join(format!("{name}.key"));
        std::fs::write(&path, [byte; 32]).unwrap();
        set(&path, 0o600);
    }
    let keys = LocalKeys::new(folder.path(), "laws");
    (folder, keys)
}

#[tokio::test]
async fn key_files_keep_the_laws() {
    let (folder, keys) = keys();
    laws::check(&keys).await.unwrap();
    let seed = SecretValue::from("a seed");
    let wrapped = keys.wrap("one", &seed, b"c").await.unwrap();
    std::fs::remove_file(folder.path().join("one.key")).unwrap();
    let gone = |fault| fault == WrapFault::Deleted;
    let calls = ["wrap", "unwrap"];
    laws::check_fault(&keys, &calls, "one", &wrapped, gone)
        .await
        .unwrap();
    let open = folder.path().join("two.key");
    std::fs::set_permissions(open, std::fs::Permissions::from_mode(0o644)).unwrap();
    let invalid = |fault| fault == WrapFault::Invalid;
    let calls = ["versions", "wrap", "unwrap"];
    laws::check_fault(&keys, &calls, "two", &wrapped, invalid)
        .await
        .unwrap();
}

/// A key service that breaks one law.
#[derive(Debug)]
struct Wrong(LocalKeys, Breach);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Breach {
    NoContext,
    AnyVersion,
    Constant,
    Quotes,
    CallsDamageAnOutage,
}

#[async_trait]
impl KeyWrapper for Wrong {
    fn identity(&self) -> KeyIdentity {
        self.0.identity()
    }

    async fn versions(&self) -> Result<Vec<KeyVersion>, WrapError> {
        self.0.versions().await
    }

    async fn wrap(&self, name: &str, seed: &SecretValue, c: &[u8]) -> Result<Vec<u8>, WrapError> {
        match self.1 {
            Breach::NoContext => self.0.wrap(name, seed, b"").await,
            Breach::AnyVersion => self.0.wrap("one", seed, c).await,
            Breach::Constant => Ok(seed.expose().iter().map(|byte| byte ^ 1).collect()),
            _ => self.0.wrap(name, seed, c).await,
        }
    }

    async fn unwrap(&self, name: &str, bytes: &[u8], c: &[u8]) -> Result<SecretValue, WrapError> {
        match self.1 {
            Breach::NoContext => self.0.unwrap(name, bytes, b"").await,
            Breach::AnyVersion => self.0.unwrap("one", bytes, c).await,
            Breach::Constant => Ok(SecretValue::new(
                bytes.iter().map(|byte| byte ^ 1).collect(),
            )),
            Breach::Quotes => self.0.unwrap(name, bytes, c).await.map_err(|error| {
                WrapError::new(error.fault(), format!("could not open {}", laws::MARKER))
            }),
            Breach::CallsDamageAnOutage => {
                let opened = self.0.unwrap(name, bytes, c).await;
                opened.map_err(|_| WrapError::new(WrapFault::Unavailable, "away"))
            }
        }
    }
}

#[tokio::test]
async fn each_breach_is_found() {
    for (breach, law) in [
        (Breach::NoContext, "for one context"),
        (Breach::AnyVersion, "a version that there is not"),
        (Breach::Constant, "two wraps of the same bytes"),
        (Breach::Quotes, "no plaintext"),
        (Breach::CallsDamageAnOutage, "corrupt in any other"),
    ] {
        let (_folder, keys) = keys();
        let broken = laws::check(&Wrong(keys, breach)).await.unwrap_err();
        assert!(broken.law.contains(law), "{breach:?}: {broken}");
    }
    let scripted = Scripted::new();
    scripted.set(|script| script.versions = vec![version(1, Duration::ZERO)]);
    let wrapper: Arc<dyn KeyWrapper> = scripted;
    let broken = laws::check(&*wrapper).await.unwrap_err();
    assert!(broken.law.contains("a creation time"), "{broken}");
}

//! Shell. Key files: what is read, what is refused, and what a removed file means.

use std::os::unix::fs::PermissionsExt;

use super::*;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        Self(folder)
    }

    fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    fn keys(&self) -> LocalKeys {
        LocalKeys::new(self.0.path(), "test")
    }
}

fn json(created: &str, key: u8) -> Vec<u8> {
    let key = STANDARD.encode([key; 32]);
    format!("{{\"created\": \"{created}\", \"key\": \"{key}\"}}").into_bytes()
}

async fn refused(folder: &Folder) -> (WrapFault, String) {
    let error = folder.keys().versions().await.unwrap_err();
    (error.fault(), error.public().to_owned())
}

#[tokio::test]
async fn files_of_both_forms_are_versions_and_what_one_wraps_it_unwraps() {
    let folder = Folder::new();
    folder.write("old.json", &json("2026-01-01T00:00:00Z", 1));
    folder.write("raw.key", &[2; 32]);
    folder.write("README", b"not a key");
    let keys = folder.keys();
    let mut versions = keys.versions().await.unwrap();
    versions.sort_by_key(|version| version.created);
    let names: Vec<_> = versions.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["old", "raw"]);
    assert_eq!(versions[0].created, Duration::from_secs(1_767_225_600));
    assert_ne!(versions[0].material, versions[1].material);
    let seed = SecretValue::from("a seed");
    let wrapped = keys.wrap("old", &seed, b"c").await.unwrap();
    assert_eq!(keys.unwrap("old", &wrapped, b"c").await.unwrap(), seed);
    let fault = async |version: &str, context: &[u8]| {
        keys.unwrap(version, &wrapped, context)
            .await
            .unwrap_err()
            .fault()
    };
    assert_eq!(fault("old", b"d").await, WrapFault::Corrupt);
    assert_eq!(fault("raw", b"c").await, WrapFault::Corrupt);
    assert_eq!(fault("absent", b"c").await, WrapFault::Deleted);
    fs::remove_file(folder.0.path().join("old.json")).unwrap();
    assert_eq!(fault("old", b"c").await, WrapFault::Deleted);
    assert_eq!(format!("{keys:?}").matches("seed").count(), 0);
}

#[tokio::test]
async fn files_that_are_open_to_others_are_refused() {
    let folder = Folder::new();
    let path = folder.write("a.key", &[1; 32]);
    for mode in [0o640, 0o604, 0o666] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let (fault, text) = refused(&folder).await;
        assert_eq!(fault, WrapFault::Invalid);
        assert!(
            text.ends_with("chmod 0600") && text.contains("a.key"),
            "{text}"
        );
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    folder.keys().versions().await.unwrap();
    fs::set_permissions(folder.0.path(), fs::Permissions::from_mode(0o777)).unwrap();
    assert!(refused(&folder).await.1.ends_with("chmod 0700"));
}

#[tokio::test]
async fn broken_files_are_named_and_never_quoted() {
    let marker = "hunter2hunter2";
    for (name, content) in [
        ("a.key", vec![1; 31]),
        ("a.key", Vec::new()),
        ("a.json", marker.as_bytes().to_vec()),
        (
            "a.json",
            format!("{{\"created\": \"{marker}\", \"key\": \"x\"}}").into_bytes(),
        ),
        (
            "a.json",
            format!("{{\"created\": \"2026-01-01T00:00:00Z\", \"key\": \"{marker}!\"}}")
                .into_bytes(),
        ),
        ("a.json", json("2026-01-01T00:00:00Z", 1).repeat(60)),
    ] {
        let folder = Folder::new();
        folder.write(name, &content);
        let (fault, text) = refused(&folder).await;
        assert_eq!(fault, WrapFault::Invalid, "{text}");
        assert!(text.contains(name) && !text.contains(marker), "{text}");
    }
    let folder = Folder::new();
    folder.write("a.key", &[1; 32]);
    folder.write("a.json", &json("2026-01-01T00:00:00Z", 1));
    assert!(refused(&folder).await.1.contains("two files hold the key"));
}

#[tokio::test]
async fn no_files_are_no_key() {
    let folder = Folder::new();
    assert_eq!(refused(&folder).await.0, WrapFault::Deleted);
    let keys = LocalKeys::new("/nonexistent/keys", "test");
    let error = keys.versions().await.unwrap_err();
    assert_eq!(error.fault(), WrapFault::Deleted);
}

//! Shell. Sockets that are stale, live, open to others, or no sockets at all.

use super::*;

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
    folder
}

fn error(path: &Path) -> String {
    Socket::bind(path, 0o600).unwrap_err().to_string()
}

#[test]
fn it_has_its_mode_and_goes_with_its_owner() {
    let folder = folder();
    let path = folder.path().join("kms.sock");
    let (socket, _listener) = Socket::bind(&path, 0o600).unwrap();
    let metadata = fs::metadata(socket.path()).unwrap();
    assert_eq!(metadata.mode() & 0o7777, 0o600);
    UnixStream::connect(&path).unwrap();
    drop(socket);
    assert!(!path.exists());
}

#[test]
fn a_stale_socket_is_replaced_and_a_live_one_is_refused() {
    let folder = folder();
    let path = folder.path().join("kms.sock");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "a socket that nobody serves");
    let (first, listener) = Socket::bind(&path, 0o600).unwrap();
    assert!(error(&path).contains("another process serves"));
    UnixStream::connect(&path).unwrap();
    // A process that was killed leaves its socket and no lock.
    drop((listener, first));
    let foreign = UnixListener::bind(&path).unwrap();
    assert!(error(&path).contains("another process serves"));
    drop(foreign);
    Socket::bind(&path, 0o600).unwrap();
}

#[test]
fn what_another_process_put_there_is_not_removed() {
    let folder = folder();
    let path = folder.path().join("kms.sock");
    let (socket, _listener) = Socket::bind(&path, 0o600).unwrap();
    fs::remove_file(&path).unwrap();
    let _other = UnixListener::bind(&path).unwrap();
    drop(socket);
    assert!(path.exists());
}

#[test]
fn open_folders_odd_paths_and_other_files_are_refused_with_the_cure() {
    let folder = folder();
    let path = folder.path().join("kms.sock");
    fs::write(&path, "").unwrap();
    assert!(error(&path).contains("is no socket"));
    fs::remove_file(&path).unwrap();
    for mode in [0o755, 0o770, 0o777, 0o1777] {
        fs::set_permissions(folder.path(), Permissions::from_mode(mode)).unwrap();
        let text = error(&path);
        assert!(text.contains("chmod 0700"), "{mode:o}: {text}");
    }
    fs::set_permissions(folder.path(), Permissions::from_mode(0o750)).unwrap();
    Socket::bind(&path, 0o660).unwrap();
    assert!(error(Path::new("@kms")).contains("abstract"));
    assert!(error(Path::new("kms.sock")).contains("absolute path"));
    assert!(error(&folder.path().join("x".repeat(120))).contains("absolute path"));
    let absent = folder.path().join("absent/kms.sock");
    assert!(error(&absent).contains("install -d -m 0700"));
}

//! Shell. `verify` opens KMS v2 values through the plugin's socket, and proves what is whole.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde_json::json;
use tidegate_kms::{Clock, Endpoint, KeyService, LocalKeys, Metrics, Options, Socket, server};
use tokio_util::sync::CancellationToken;

use crate::support::{Bed, Ran};

/// The plugin's library in this process, with one key file.
struct Plugin {
    socket: PathBuf,
    stop: CancellationToken,
    _folder: tempfile::TempDir,
}

impl Plugin {
    async fn start(folder: tempfile::TempDir) -> Self {
        let private = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        private(folder.path(), 0o700);
        let keys = folder.path().join("keys");
        std::fs::create_dir_all(&keys).unwrap();
        let key = keys.join("one.key");
        if !key.exists() {
            std::fs::write(&key, [1; 32]).unwrap();
            private(&key, 0o600);
        }
        let endpoint = Endpoint {
            name: "files".to_owned(),
            wrapper: std::sync::Arc::new(LocalKeys::new(keys, "verify")),
        };
        let (options, clock) = (Options::new("verify"), Clock::system());
        let service = KeyService::new(options, endpoint, Vec::new(), clock, Metrics::default());
        service.look().await;
        let path = folder.path().join("kms.sock");
        let (socket, listener) = Socket::bind(&path, 0o600).unwrap();
        let uids = [std::fs::metadata(&path).unwrap().uid()];
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        #[allow(clippy::disallowed_methods, reason = "ends with the test's runtime")]
        tokio::spawn(async move {
            let path = socket.path().to_owned();
            server::serve(service, listener, &path, &uids, stopped)
                .await
                .unwrap();
            drop(socket);
        });
        Self {
            socket: path,
            stop,
            _folder: folder,
        }
    }

    fn config(&self) -> String {
        let endpoint = format!("unix://{}", self.socket.display());
        let kms = json!({ "apiVersion": "v2", "name": "plugin", "endpoint": endpoint });
        json!({
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "EncryptionConfiguration",
            "resources": [{ "resources": ["secrets"], "providers": [{ "kms": kms }] }],
        })
        .to_string()
    }
}

/// Runs while the plugin of this process serves.
async fn run(bed: &Bed, more: &[&str]) -> Ran {
    let words = ["verify", "--resource", "secrets"].iter().chain(more);
    let words: Vec<String> = words
        .map(|word| (*word).to_owned())
        .chain(bed.all_flags())
        .collect();
    let run = move || crate::support::run(&words.iter().map(String::as_str).collect::<Vec<_>>());
    tokio::task::spawn_blocking(run).await.unwrap()
}

fn opened(ran: &Ran) -> (u64, u64) {
    let report = ran.json();
    let lines = report["counts"].as_array().unwrap().iter();
    lines.fold((0, 0), |(objects, opened), line| {
        let count = |name: &str| line[name].as_u64().unwrap();
        (objects + count("objects"), opened + count("opened"))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn kms_values_are_opened_through_the_plugin_on_request() {
    let plugin = Plugin::start(tempfile::tempdir().unwrap()).await;
    let bed = Bed::start(&plugin.config()).await;
    bed.secrets("s", 12).await;
    // A second seed: each start of an API server takes one.
    bed.plane.restart_apiserver().await.unwrap();
    bed.secrets("t", 8).await;
    let json = ["-o", "json"];
    assert_eq!(
        opened(&run(&bed, &json).await.ok()),
        (20, 0),
        "not asked for"
    );
    let open = ["-o", "json", "--open-kms"];
    assert_eq!(opened(&run(&bed, &open).await.ok()), (20, 20));

    // One was moved here from another name, and one has a seed that nobody wrapped.
    let stored = bed.stored().await;
    let value = &stored
        .iter()
        .find(|one| one.name == "s-00000")
        .unwrap()
        .value;
    bed.put("/registry/secrets/default/moved", value).await;
    let reference = b"ref.kms.tidegate.io";
    let at = value
        .windows(reference.len())
        .position(|it| it == reference)
        .unwrap();
    // In front of the annotations stands the wrapped seed, whose last bytes are its tag.
    let mut broken = value.clone();
    broken[at - 16] ^= 1;
    bed.put("/registry/secrets/default/broken", &broken).await;
    assert_eq!(
        opened(&run(&bed, &json).await.ok()),
        (22, 0),
        "the outside is well"
    );
    let ran = run(&bed, &["--open-kms"]).await.code(1);
    for line in [
        "does-not-open: secrets default/moved: does not open: wrong key, damaged",
        "does-not-open: secrets default/broken: its seed does not unwrap",
    ] {
        assert!(ran.out.contains(line), "{line}\n{}", ran.out);
    }

    // Without the plugin nothing is proven, and that is said.
    plugin.stop.cancel();
    let ran = run(&bed, &["--open-kms"]).await.code(3);
    assert!(
        ran.err.contains("the plugin of plugin does not unwrap"),
        "{}",
        ran.err
    );
    let flags = ["verify", "--open-kms", "--etcd", "http://127.0.0.1:1"];
    assert!(crate::support::run(&flags).code(2).err.contains("--config"));
}

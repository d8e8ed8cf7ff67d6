//! Shell. A real kube-apiserver that encrypts with key files: writes, restarts, rotation, faults.

use std::time::Duration;

use crate::plugin::{
    Folder, MARKER, Plugin, contains, control_plane, create, key_id, read, readyz, socket_is_there,
    stored, until, value,
};

const PREFIX: &[u8] = b"k8s:enc:kms:v2:tidegate:";
const AN_HOUR: Duration = Duration::from_secs(3600);

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_written_encrypted_and_read_after_every_restart() {
    let folder = Folder::new();
    folder.key("one", 1, AN_HOUR);
    let plugin = Plugin::local(&folder);
    let plane = control_plane(&folder).await;
    assert_eq!(create(&plane, "a").await.unwrap(), 201);
    let bytes = stored(&plane, "a").await;
    assert!(bytes.starts_with(PREFIX) && !contains(&bytes, MARKER));
    assert_eq!(read(&plane, "a").await, value("a"));
    assert_eq!(readyz(&plane).await, 200);

    plane.restart_apiserver().await.unwrap();
    assert_eq!(read(&plane, "a").await, value("a"));

    // The plugin is killed and comes back over its stale socket; nobody else can take it.
    plugin.kill();
    let plugin = Plugin::local(&folder);
    until("the socket is there", async || {
        socket_is_there(&folder.path("kms.sock"))
    })
    .await;
    let second = Plugin::local(&folder);
    until("a second one ends", async || {
        second.log().contains("another process serves")
    })
    .await;
    plane.restart_apiserver().await.unwrap();
    assert_eq!(read(&plane, "a").await, value("a"));
    assert_eq!(create(&plane, "b").await.unwrap(), 201);
    assert!(stored(&plane, "b").await.starts_with(PREFIX));

    // A new key, made long enough ago to be active as soon as it is seen.
    let before = key_id(&stored(&plane, "b").await);
    folder.key("two", 2, AN_HOUR / 2);
    until("the new key is used", async || {
        let name = "c";
        let _ = plane
            .api(tidegate_testservers::ADMIN)
            .unwrap()
            .delete(&format!("/api/v1/namespaces/default/secrets/{name}"))
            .await;
        create(&plane, name).await.unwrap() == 201 && key_id(&stored(&plane, name).await) != before
    })
    .await;
    for name in ["a", "b", "c"] {
        assert_eq!(read(&plane, name).await, value(name));
        assert!(!contains(&stored(&plane, name).await, MARKER));
    }
    // Nothing of the key or of a value is in the log.
    let log = plugin.log();
    assert!(!log.contains(MARKER) && !log.contains(&"\u{1}".repeat(8)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_is_absent_and_a_key_that_is_gone_lose_no_write() {
    let folder = Folder::new();
    folder.key("one", 1, AN_HOUR);
    let plugin = Plugin::local(&folder);
    let plane = control_plane(&folder).await;
    assert_eq!(create(&plane, "a").await.unwrap(), 201);

    // Absent: what is known is read and written within the seed's life; readiness turns red.
    plugin.kill();
    assert_eq!(read(&plane, "a").await, value("a"));
    assert_eq!(create(&plane, "b").await.unwrap(), 201);
    until("readiness turns red", async || readyz(&plane).await == 500).await;
    assert!(stored(&plane, "b").await.starts_with(PREFIX));

    // Back: green again, and everything is readable.
    let plugin = Plugin::local(&folder);
    until("readiness turns green", async || {
        readyz(&plane).await == 200
    })
    .await;
    for name in ["a", "b"] {
        assert_eq!(read(&plane, name).await, value(name));
    }

    // The key file is removed: Status fails with the reason, and nothing is written in the clear.
    std::fs::rename(folder.path("keys/one.key"), folder.path("one.key")).unwrap();
    until("readiness turns red", async || readyz(&plane).await == 500).await;
    assert!(
        plugin.log().contains("\"fault\":\"deleted\""),
        "{}",
        plugin.log()
    );
    for name in ["c", "d"] {
        let status = create(&plane, name).await.unwrap();
        assert!(status == 201 || status == 500, "{status}");
        if status == 201 {
            assert!(stored(&plane, name).await.starts_with(PREFIX));
        }
    }
    std::fs::rename(folder.path("one.key"), folder.path("keys/one.key")).unwrap();
    until("readiness turns green", async || {
        readyz(&plane).await == 200
    })
    .await;
    assert_eq!(read(&plane, "a").await, value("a"));
}

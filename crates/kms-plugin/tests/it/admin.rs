//! Shell. Several key services in one process, each with its own socket and health, and the admin
//! port that tells of all.

use std::path::Path;

use serde_json::json;
use tidegate_kms::proto::{
    DecryptRequest, DecryptResponse, EncryptRequest, EncryptResponse, StatusRequest, StatusResponse,
};

use crate::client::Client;
use crate::plugin::{Folder, Plugin, until};

async fn get(address: &str, path: &str) -> (u16, String) {
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]);
    let client = client.build().unwrap();
    let answer = client
        .get(format!("http://{address}{path}"))
        .send()
        .await
        .unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn status(socket: &Path) -> Option<StatusResponse> {
    let client = Client::connect(socket).await.ok()?;
    client.call("Status", &StatusRequest {}).await.ok()
}

/// Two services with key files, an admin port that is free, and its address.
async fn two() -> (Folder, Plugin, String) {
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let folder = Folder::new();
    let mut services = Vec::new();
    for (name, byte) in [("red", 1), ("blue", 2)] {
        std::fs::create_dir(folder.path(name)).unwrap();
        folder.key_in(
            name,
            "one",
            byte,
            std::time::SystemTime::UNIX_EPOCH + A_YEAR,
        );
        services.push(json!({
            "name": name, "socket": folder.path(&format!("{name}.sock")),
            "local": { "folder": folder.path(name) }, "grace": "1s",
        }));
    }
    // Free a moment ago: whoever else takes it makes the start fail, and it is tried again.
    for _ in 0..10 {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        drop(listener);
        let config = json!({ "admin": address, "services": services });
        let config = folder.write("kms.json", config.to_string());
        let mut plugin = Plugin::start(&folder, &["--config", config.to_str().unwrap()]);
        until("it serves or ends", async || {
            plugin.log().contains("\"serving\"") || plugin.log().contains("admin 127")
        })
        .await;
        if plugin.is_running() {
            return (folder, plugin, address);
        }
        folder.write("plugin.log", "");
    }
    panic!("no port is free");
}

const A_YEAR: std::time::Duration = std::time::Duration::from_secs(365 * 24 * 3600);

#[tokio::test]
async fn each_service_has_its_own_socket_key_and_health() {
    let (folder, plugin, address) = two().await;
    let [red, blue] = ["red", "blue"].map(|name| folder.path(&format!("{name}.sock")));
    until("both work", async || {
        get(&address, "/readyz").await.0 == 200
    })
    .await;
    let (_, text) = get(&address, "/readyz").await;
    assert_eq!(text, "red: ok\nblue: ok\n");
    assert_eq!(get(&address, "/livez").await.0, 200);
    assert_eq!(get(&address, "/").await.0, 404);
    let told = [status(&red).await.unwrap(), status(&blue).await.unwrap()];
    assert_ne!(told[0].key_id, told[1].key_id);

    // What one wraps the other does not open.
    let (from, to) = (
        Client::connect(&red).await.unwrap(),
        Client::connect(&blue).await.unwrap(),
    );
    let seed = EncryptRequest {
        plaintext: vec![7; 32],
        uid: "u".to_owned(),
    };
    let wrapped: EncryptResponse = from.call("Encrypt", &seed).await.unwrap();
    let stored = DecryptRequest {
        ciphertext: wrapped.ciphertext,
        uid: "u".to_owned(),
        key_id: wrapped.key_id,
        annotations: wrapped.annotations,
    };
    let refused = to
        .call::<DecryptResponse>("Decrypt", &stored)
        .await
        .unwrap_err();
    assert!(
        refused.to_string().contains("\"15\""),
        "DataLoss: {refused}"
    );
    let opened: DecryptResponse = from.call("Decrypt", &stored).await.unwrap();
    assert_eq!(opened.plaintext, [7; 32]);

    // One key is gone: its service alone fails, the process lives.
    std::fs::remove_file(folder.path("red/one.key")).unwrap();
    until("red fails", async || {
        get(&address, "/readyz").await.0 == 503
    })
    .await;
    let (_, text) = get(&address, "/readyz").await;
    assert!(text.starts_with("red: there is no key file"), "{text}");
    assert!(text.ends_with("\nblue: ok\n"), "{text}");
    assert_eq!(get(&address, "/livez").await.0, 200);
    assert!(status(&red).await.is_none());
    assert_eq!(status(&blue).await.unwrap().healthz, "ok");

    let (_, metrics) = get(&address, "/metrics").await;
    for line in [
        "tidegate_kms_healthy{service=\"red\"} 0",
        "tidegate_kms_healthy{service=\"blue\"} 1",
        "tidegate_kms_purges_total{service=\"red\"} 1",
        "tidegate_kms_requests_total{service=\"red\",method=\"encrypt\",code=\"OK\"} 1",
        "tidegate_kms_requests_total{service=\"blue\",method=\"decrypt\",code=\"DataLoss\"} 1",
        "tidegate_kms_memory_answers_total{service=\"red\"} 1",
    ] {
        assert!(metrics.lines().any(|it| it == line), "{line}\n{metrics}");
    }
    assert!(!plugin.log().contains("panicked"));
}

//! Shell. A cluster changes plugins: what vault-kubernetes-kms stored is read through this plugin
//! at the same name and socket.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use serde_json::json;
use tidegate_kms::proto::{
    DecryptRequest, DecryptResponse, EncryptRequest, EncryptResponse, StatusResponse,
};
use tidegate_testservers::Vault;
use tokio::net::UnixListener;

use crate::client::Client;
use crate::plugin::{
    Folder, MARKER, Plugin, contains, control_plane, create, read, stored, until, value,
};
use crate::transit::{plugin, vault};

/// The key id of the plugin before: its form is its own.
const FOREIGN: &str = "foreign-key-id";

/// What vault-kubernetes-kms stores, by its public description: Transit's text for the seed, with
/// no context, no annotations and a key id of its own.
async fn foreign(vault: &Vault, seed: &[u8]) -> EncryptResponse {
    let body = json!({ "plaintext": STANDARD.encode(seed) });
    let answer = vault.write("transit/encrypt/kms", &body).await.unwrap();
    EncryptResponse {
        ciphertext: answer["data"]["ciphertext"].as_str().unwrap().into(),
        key_id: FOREIGN.to_owned(),
        annotations: std::collections::HashMap::new(),
    }
}

/// Serves as the plugin before did: Status and Encrypt are enough for an API server to write.
async fn serve(socket: &Path, vault: Arc<Vault>) {
    let listener = UnixListener::bind(socket).unwrap();
    while let Ok((stream, _)) = listener.accept().await {
        let vault = Arc::clone(&vault);
        let answer = service_fn(move |request| {
            let vault = Arc::clone(&vault);
            async move { Ok::<_, Infallible>(answer(&vault, request).await) }
        });
        let io = TokioIo::new(stream);
        tokio::spawn(http2::Builder::new(TokioExecutor::new()).serve_connection(io, answer));
    }
}

async fn answer(vault: &Vault, request: Request<Incoming>) -> Response<BoxBody<Bytes, Infallible>> {
    let encrypts = request.uri().path().ends_with("/Encrypt");
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let message = if encrypts {
        let request = EncryptRequest::decode(&body[5..]).unwrap();
        foreign(vault, &request.plaintext).await.encode_to_vec()
    } else {
        let status = StatusResponse {
            version: "v2".to_owned(),
            healthz: "ok".to_owned(),
            key_id: FOREIGN.to_owned(),
        };
        status.encode_to_vec()
    };
    let mut frame = vec![0];
    frame.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend(message);
    let trailers = HeaderMap::from_iter([(
        hyper::header::HeaderName::from_static("grpc-status"),
        hyper::header::HeaderValue::from_static("0"),
    )]);
    let body = Full::new(Bytes::from(frame)).with_trailers(async { Some(Ok(trailers)) });
    let response = Response::builder().header("content-type", "application/grpc");
    response.body(body.boxed()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_changes_plugins_without_a_rewrite() {
    let (vault, folder) = (Arc::new(vault().await), Folder::new());
    let socket = folder.path("kms.sock");
    let before = {
        let (socket, vault) = (socket.clone(), Arc::clone(&vault));
        tokio::spawn(async move { serve(&socket, vault).await })
    };
    let plane = control_plane(&folder).await;
    crate::manifests::is_accepted(&plane).await;
    assert_eq!(create(&plane, "old").await.unwrap(), 201);
    let bytes = stored(&plane, "old").await;
    assert!(contains(&bytes, FOREIGN) && contains(&bytes, "vault:v1:"));
    assert!(!contains(&bytes, MARKER));

    // The one ends, the other begins at the same socket; the API server is a new process, which
    // has nothing in memory.
    before.abort();
    plane.stop_apiserver().await.unwrap();
    let _plugin: Plugin = plugin(&vault, &folder, &json!({})).await;
    plane.start_apiserver().await.unwrap();
    assert_eq!(read(&plane, "old").await, value("old"));
    assert_eq!(create(&plane, "new").await.unwrap(), 201);
    assert_eq!(read(&plane, "new").await, value("new"));
    let bytes = stored(&plane, "new").await;
    assert!(!contains(&bytes, FOREIGN) && contains(&bytes, "tg2."));
    // What is stale is stored anew at its next write, even one that changes nothing.
    let api = plane.api(tidegate_testservers::ADMIN).unwrap();
    let path = "/api/v1/namespaces/default/secrets/old";
    api.patch(path, &json!({})).await.unwrap().ok().unwrap();
    let bytes = stored(&plane, "old").await;
    assert!(!contains(&bytes, FOREIGN) && contains(&bytes, "tg2."));
    assert_eq!(read(&plane, "old").await, value("old"));
}

#[tokio::test]
async fn what_other_plugins_stored_is_opened_or_refused_by_its_form() {
    let (vault, folder) = (vault().await, Folder::new());
    let plugin = plugin(&vault, &folder, &json!({})).await;
    until("it works", async || {
        plugin.log().contains("the key service works")
    })
    .await;
    let client = Client::connect(&folder.path("kms.sock")).await.unwrap();
    let request = |stored: EncryptResponse| DecryptRequest {
        ciphertext: stored.ciphertext,
        uid: "u".to_owned(),
        key_id: stored.key_id,
        annotations: stored.annotations,
    };
    for number in 1..=2_u8 {
        let stored = request(foreign(&vault, &[number; 32]).await);
        let opened: DecryptResponse = client.call("Decrypt", &stored).await.unwrap();
        assert_eq!(opened.plaintext, [number; 32]);
        vault
            .write("transit/keys/kms/rotate", &json!({}))
            .await
            .unwrap();
    }
    let damaged = {
        let mut stored = request(foreign(&vault, &[7; 32]).await);
        let middle = stored.ciphertext.len() / 2;
        stored.ciphertext[middle] ^= 1;
        stored
    };
    let of_aws = DecryptRequest {
        ciphertext: b"1\x01\x02\x02".to_vec(),
        key_id: "arn:aws:kms:eu-west-1:111122223333:key/x".to_owned(),
        ..DecryptRequest::default()
    };
    let of_azure = DecryptRequest {
        ciphertext: b"AAAA".to_vec(),
        key_id: "00".repeat(32),
        annotations: [("version.azure.akv.io".to_owned(), b"1".to_vec())].into(),
        ..DecryptRequest::default()
    };
    let of_nobody = DecryptRequest {
        ciphertext: b"\x00\x01".to_vec(),
        key_id: "x".to_owned(),
        ..DecryptRequest::default()
    };
    for (stored, code, text) in [
        (damaged, 15, "did not make these bytes"),
        (of_aws, 3, "\"aws\""),
        (of_azure, 3, "\"azure\""),
        (of_nobody, 3, "no plugin that we know"),
    ] {
        let refused = client.call::<DecryptResponse>("Decrypt", &stored).await;
        let refused = refused.unwrap_err().to_string();
        assert!(
            refused.contains(&format!("\"grpc-status\": \"{code}\"")),
            "{refused}"
        );
        let refused = refused
            .replace("%20", " ")
            .replace("%22", "\"")
            .replace('\\', "");
        assert!(refused.contains(text), "{text}: {refused}");
    }
}

//! Shell. AWS KMS as moto answers it: a real kube-apiserver that restarts, a rotation, a key that
//! is disabled.

use serde_json::json;
use tidegate_testservers::Moto;

use crate::plugin::{
    Folder, MARKER, Plugin, contains, control_plane, create, key_id, stored, until,
    until_another_key, until_read,
};

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_writes_restarts_and_reads() {
    let (moto, folder) = (Moto::start().await.unwrap(), Folder::new());
    let arn = moto.key().await.unwrap();
    let credentials = "[default]\naws_access_key_id = AKID\naws_secret_access_key = s3cr3t-9d\n";
    let aws = json!({
        "key": arn,
        "endpoint": moto.endpoint(),
        "credentials": { "file": { "path": folder.write("credentials", credentials) } },
    });
    let plugin = Plugin::of_cloud(&folder, "aws", &aws, "info");
    let plane = control_plane(&folder).await;
    assert_eq!(create(&plane, "a").await.unwrap(), 201);
    let bytes = stored(&plane, "a").await;
    assert!(bytes.starts_with(b"k8s:enc:kms:v2:tidegate:") && !contains(&bytes, MARKER));
    let id = arn.rsplit('/').next().unwrap();
    assert!(contains(&bytes, &format!("1:aws:{id}")) && !contains(&bytes, &arn));

    plane.restart_apiserver().await.unwrap();
    until_read(&plane, "a").await;

    // A rotation becomes another key id, though the ARN stays what it is.
    let before = key_id(&bytes);
    moto.kms("RotateKeyOnDemand", &json!({ "KeyId": id }))
        .await
        .unwrap();
    until_another_key(&plane, &before).await;
    until_read(&plane, "a").await;

    moto.kms("DisableKey", &json!({ "KeyId": id }))
        .await
        .unwrap();
    until("the end is told", async || {
        plugin.log().contains("\"fault\":\"disabled\"")
    })
    .await;
    let log = plugin.log();
    assert!(log.contains("caches purged") && !log.contains(MARKER) && !log.contains("s3cr3t-9d"));
    assert!(!log.contains(&arn), "{log}");
}

#[tokio::test]
async fn no_level_of_the_log_shows_a_key_or_a_credential() {
    let (moto, folder) = (Moto::start().await.unwrap(), Folder::new());
    let credentials = "[default]\naws_access_key_id = AKID\naws_secret_access_key = s3cr3t-9d\n\
                       aws_session_token = t0k3n-7a\n";
    let aws = json!({
        "key": moto.key().await.unwrap(),
        "endpoint": moto.endpoint(),
        "credentials": { "file": { "path": folder.write("credentials", credentials) } },
    });
    let plugin = Plugin::of_cloud(&folder, "aws", &aws, "trace");
    until("the key works", async || {
        plugin.log().contains("the key service works")
    })
    .await;
    // What is wrapped is random; it travels under this name.
    let log = plugin.log();
    for word in [
        "Plaintext",
        "CiphertextBlob",
        "s3cr3t-9d",
        "t0k3n-7a",
        "Signature=",
    ] {
        assert!(!log.contains(word), "{word} is in the log");
    }
}

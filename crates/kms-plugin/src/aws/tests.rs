//! Shell. A key in moto: what is bound to what, what each failure means, which credentials sign.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tidegate_kms::{Annotations, Clock, Envelope, KeyService, Metrics, Options};
use tidegate_testservers::Moto;

use super::*;

mod identity;

const CONTEXT: &[u8] = b"tidegate-kms/1\0seed\0tg2.a";

/// A moto, and a folder for credentials.
struct Place {
    moto: Moto,
    folder: tempfile::TempDir,
}

impl Place {
    async fn new() -> Self {
        let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let place = Self {
            moto: Moto::start().await.unwrap(),
            folder: tempfile::tempdir().unwrap(),
        };
        place.sign_as("AKIDONE");
        place
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("credentials")
    }

    fn sign_as(&self, id: &str) {
        let text = format!("[kms]\naws_access_key_id = {id}\naws_secret_access_key = s3cr3t\n");
        // As every careful writer does: another file under the same name.
        let fresh = self.folder.path().join("fresh");
        std::fs::write(&fresh, text).unwrap();
        std::fs::rename(fresh, self.file()).unwrap();
    }

    /// The settings of `key`, with `extra` on top.
    fn aws(&self, key: &str, extra: &Value) -> Aws {
        let mut aws = json!({
            "key": key,
            "region": self.moto.region(),
            "endpoint": self.moto.endpoint(),
            "credentials": { "file": { "path": self.file(), "profile": "kms" } },
        });
        for (name, value) in extra.as_object().unwrap() {
            aws[name] = value.clone();
        }
        serde_json::from_value(aws).unwrap()
    }

    fn open(&self, key: &str, extra: &Value) -> Endpoint {
        let mut endpoints = endpoints(&self.aws(key, extra)).unwrap();
        endpoints.swap_remove(0)
    }
}

fn seed() -> SecretValue {
    SecretValue::new(vec![7; 32])
}

fn fault<T: fmt::Debug>(outcome: Result<T, WrapError>) -> WrapFault {
    outcome.unwrap_err().fault()
}

fn id_of(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap()
}

#[tokio::test]
async fn what_is_wrapped_opens_for_its_context_alone() {
    let place = Place::new().await;
    let arn = place.moto.key().await.unwrap();
    let alias = json!({ "AliasName": "alias/etcd", "TargetKeyId": id_of(&arn) });
    place.moto.kms("CreateAlias", &alias).await.unwrap();
    let by_arn = place.open(&arn, &json!({})).wrapper;
    let version = by_arn.versions().await.unwrap().remove(0);
    assert_eq!(version.name, id_of(&arn));
    let wrapped = by_arn.wrap(&version.name, &seed(), CONTEXT).await.unwrap();
    assert!(!wrapped.windows(32).any(|it| it == [7; 32]));

    // However the key is named, it is the same key; its version says which.
    for name in [arn.as_str(), id_of(&arn), "alias/etcd"] {
        let key = place.open(name, &json!({})).wrapper;
        assert_eq!(key.versions().await.unwrap()[0], version, "{name}");
        let opened = key.unwrap(&version.name, &wrapped, CONTEXT).await.unwrap();
        assert_eq!(opened, seed(), "{name}");
    }
    let other = by_arn.unwrap(&version.name, &wrapped, b"another").await;
    assert_eq!(fault(other), WrapFault::Corrupt);
    let mut changed = wrapped.clone();
    *changed.last_mut().unwrap() ^= 1;
    let changed = by_arn.unwrap(&version.name, &changed, CONTEXT).await;
    assert_eq!(fault(changed), WrapFault::Corrupt);

    // The user's own pairs bind as well.
    let bound = json!({ "encryption-context": { "cluster": "one" } });
    let bound = place.open(&arn, &bound).wrapper;
    let other = bound.unwrap(&version.name, &wrapped, CONTEXT).await;
    assert_eq!(fault(other), WrapFault::Corrupt);

    // Another key opens nothing. moto says it is denied, AWS that it is the wrong key.
    let another = place
        .open(&place.moto.key().await.unwrap(), &json!({}))
        .wrapper;
    assert!(another.unwrap("", &wrapped, CONTEXT).await.is_err());
    let shown = format!("{by_arn:?}");
    assert_eq!(shown, format!("AwsKey({} in eu-central-1)", id_of(&arn)));
}

#[tokio::test]
async fn every_rotation_is_a_version_and_all_of_them_open() {
    let place = Place::new().await;
    let arn = place.moto.key().await.unwrap();
    let key = place.open(&arn, &json!({})).wrapper;
    let before = key.versions().await.unwrap();
    let wrapped = key.wrap(&before[0].name, &seed(), CONTEXT).await.unwrap();
    let rotate = json!({ "KeyId": id_of(&arn) });
    place.moto.kms("RotateKeyOnDemand", &rotate).await.unwrap();
    let after = key.versions().await.unwrap();
    assert_eq!((before.len(), after.len()), (1, 2));
    assert_eq!(after[0], before[0]);
    let seconds = after[1].created.as_secs();
    assert_eq!(after[1].name, format!("{}@{seconds}", id_of(&arn)));
    assert!(after[1].created >= after[0].created);
    for version in &after {
        let opened = key.unwrap(&version.name, &wrapped, CONTEXT).await.unwrap();
        assert_eq!(opened, seed());
        key.wrap(&version.name, &seed(), CONTEXT).await.unwrap();
    }
    // A custom key store has no rotations: the key has its one version.
    let front = place.moto.front();
    let unsupported = "UnsupportedOperationException";
    front.refuse("ListKeyRotations", 400, unsupported, None);
    let fresh = place.open(&arn, &json!({})).wrapper;
    assert_eq!(fresh.versions().await.unwrap(), before);
    // An answer that knows less than one before is an old one: no rotation is undone.
    assert_eq!(key.versions().await.unwrap(), after);
    front.refuse("ListKeyRotations", 400, "AccessDeniedException", None);
    let blind = place
        .open(&arn, &json!({ "follow-rotation": false }))
        .wrapper;
    assert_eq!(blind.versions().await.unwrap(), before);
    let denied = key.versions().await.unwrap_err();
    assert_eq!(denied.fault(), WrapFault::Denied);
    assert!(
        denied
            .public()
            .starts_with("kms:ListKeyRotations with the AWS key "),
        "{denied}"
    );
}

#[tokio::test]
async fn states_of_the_key_are_told_apart() {
    let place = Place::new().await;
    let arn = place.moto.key().await.unwrap();
    let key = place.open(&arn, &json!({})).wrapper;
    let id = json!({ "KeyId": id_of(&arn) });
    place.moto.kms("DisableKey", &id).await.unwrap();
    let disabled = key.versions().await.unwrap_err();
    assert_eq!(disabled.fault(), WrapFault::Disabled);
    assert_eq!(
        disabled.public(),
        format!("the AWS key {} is Disabled", id_of(&arn))
    );
    place.moto.kms("EnableKey", &id).await.unwrap();
    assert!(key.versions().await.is_ok());

    // A wrap is refused with one code for all states: the key says which it is.
    place.moto.kms("ScheduleKeyDeletion", &id).await.unwrap();
    assert_eq!(fault(key.versions().await), WrapFault::Deleted);
    let front = place.moto.front();
    front.refuse("Encrypt", 400, "KMSInvalidStateException", None);
    let wrapped = key.wrap("", &seed(), CONTEXT).await;
    assert_eq!(fault(wrapped), WrapFault::Deleted);
    place.moto.kms("CancelKeyDeletion", &id).await.unwrap();
    place.moto.kms("EnableKey", &id).await.unwrap();
    assert_eq!(
        fault(key.wrap("", &seed(), CONTEXT).await),
        WrapFault::Unavailable
    );
    front.forward();

    let absent = arn.replace(id_of(&arn), "00000000-0000-0000-0000-000000000000");
    let absent = place.open(&absent, &json!({})).wrapper;
    assert_eq!(fault(absent.versions().await), WrapFault::Deleted);
    let spec = json!({ "KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT" });
    let made = place.moto.kms("CreateKey", &spec).await.unwrap();
    let rsa = made["KeyMetadata"]["Arn"].as_str().unwrap();
    let rsa = place
        .open(rsa, &json!({}))
        .wrapper
        .versions()
        .await
        .unwrap_err();
    assert_eq!(rsa.fault(), WrapFault::Invalid);
    assert!(
        rsa.public()
            .ends_with("is RSA_2048: make a SYMMETRIC_DEFAULT one"),
        "{rsa}"
    );
}

#[tokio::test]
async fn each_refusal_is_one_request_and_has_its_fault() {
    let place = Place::new().await;
    let arn = place.moto.key().await.unwrap();
    let key = place.open(&arn, &json!({})).wrapper;
    let front = place.moto.front();
    let mut asked = 0;
    let mut check = async |status: u16, code: &'static str, expected: WrapFault| {
        front.refuse("Encrypt", status, code, None);
        let error = key.wrap("", &seed(), CONTEXT).await.unwrap_err();
        assert_eq!(error.fault(), expected, "{error}");
        let shown = if code.is_empty() {
            format!("status {status}")
        } else {
            code.to_owned()
        };
        let text = format!("kms:Encrypt with the AWS key {}: {shown}", id_of(&arn));
        assert_eq!(error.public(), text);
        // The SDK repeats nothing: time and pauses are the caller's.
        asked += 1;
        assert_eq!(front.refused(), asked, "{code}");
    };
    check(
        400,
        "ThrottlingException",
        WrapFault::Throttled { after: None },
    )
    .await;
    check(429, "", WrapFault::Throttled { after: None }).await;
    check(400, "AccessDeniedException", WrapFault::Denied).await;
    check(400, "DisabledException", WrapFault::Disabled).await;
    check(400, "IncorrectKeyException", WrapFault::Corrupt).await;
    check(
        400,
        "UnrecognizedClientException",
        WrapFault::Unauthenticated,
    )
    .await;
    check(500, "KMSInternalException", WrapFault::Unavailable).await;
    check(503, "", WrapFault::Unavailable).await;
    assert_eq!(front.forwarded("Encrypt"), 0);

    // Nobody listens there: the port was ours a moment ago.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let key = place.open(&arn, &json!({ "endpoint": address })).wrapper;
    let lost = key.versions().await.unwrap_err();
    assert_eq!(lost.fault(), WrapFault::Unavailable);
    let text = format!(
        "kms:DescribeKey with the AWS key {}: no answer from 127.0.0.1",
        id_of(&arn)
    );
    assert_eq!(lost.public(), text);
}

#[tokio::test]
async fn what_aws_encryption_provider_stored_is_opened() {
    let place = Place::new().await;
    let arn = place.moto.key().await.unwrap();
    // As it calls AWS and stores the answer: its pairs as context, the byte 1 before the blob.
    let context = json!({ "cluster": "one" });
    let asked = json!({
        "KeyId": arn,
        "Plaintext": base64(&[7; 32]),
        "EncryptionContext": context,
    });
    let blob = place.moto.kms("Encrypt", &asked).await.unwrap();
    let blob = blob["CiphertextBlob"].as_str().unwrap();
    let mut ciphertext = b"1".to_vec();
    ciphertext.extend(unbase64(blob));
    let stored = Envelope {
        ciphertext,
        key_id: arn.clone(),
        annotations: Annotations::new(),
    };
    let service = |extra: &Value| {
        let (clock, metrics) = (Clock::system(), Metrics::default());
        let endpoint = place.open(&arn, extra);
        KeyService::new(Options::new("aws"), endpoint, vec![], clock, metrics)
    };
    let same = service(&json!({ "encryption-context": context }));
    assert_eq!(
        same.decrypt(stored.clone(), same.end(None)).await,
        Ok(seed())
    );
    let none = service(&json!({}));
    let refused = none.decrypt(stored, none.end(None)).await.unwrap_err();
    assert!(
        refused.text().ends_with(": InvalidCiphertextException"),
        "{}",
        refused.text()
    );
}

#[tokio::test]
async fn a_replica_is_the_same_key_in_another_region() {
    let place = Place::new().await;
    let made = place
        .moto
        .kms("CreateKey", &json!({ "MultiRegion": true }))
        .await
        .unwrap();
    let arn = made["KeyMetadata"]["Arn"].as_str().unwrap();
    let replicate = json!({ "KeyId": id_of(arn), "ReplicaRegion": "eu-west-1" });
    place.moto.kms("ReplicateKey", &replicate).await.unwrap();
    let replica = json!({ "region": "eu-west-1", "endpoint": place.moto.endpoint() });
    let aws = place.aws(arn, &json!({ "replicas": [replica] }));
    let endpoints = endpoints(&aws).unwrap();
    let [here, there] = endpoints.as_slice() else {
        panic!("two endpoints");
    };
    assert_eq!(
        (here.name.as_str(), there.name.as_str()),
        ("eu-central-1", "eu-west-1")
    );
    assert_eq!(here.wrapper.identity(), there.wrapper.identity());
    let versions = here.wrapper.versions().await.unwrap();
    assert_eq!(versions, there.wrapper.versions().await.unwrap());
    // It goes no further: moto cuts the ids of such keys and opens nothing they wrapped.
    for endpoint in [here, there] {
        let name = &versions[0].name;
        endpoint.wrapper.wrap(name, &seed(), CONTEXT).await.unwrap();
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn unbase64(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD
        .decode(text)
        .unwrap()
}

#[test]
fn files_are_named_with_their_fields() {
    let aws: Aws = serde_json::from_value(json!({
        "key": "alias/etcd", "region": "eu-central-1", "ca-file": "/ca",
        "credentials": { "web-identity": {
            "role-arn": "arn:aws:iam::1:role/a", "token-file": "/t",
        } },
    }))
    .unwrap();
    let expected = [
        ("ca-file", Path::new("/ca")),
        ("credentials.web-identity.token-file", Path::new("/t")),
    ];
    assert_eq!(aws.files(), expected);
}

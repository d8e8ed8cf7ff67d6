//! Shell. `verify` against what real API servers wrote, and against what nobody should have.

use crate::support::{Bed, MARKER, config, run};

#[tokio::test]
async fn every_cipher_of_a_real_api_server_is_opened_and_told() {
    let bed = Bed::start(&config(&[("aescbc", "c", 1)], true)).await;
    bed.secrets("cbc", 3).await;
    bed.change(&config(&[("aesgcm", "g", 2), ("aescbc", "c", 1)], true))
        .await;
    bed.secrets("gcm", 4).await;
    let three = [
        ("secretbox", "s", 3),
        ("aesgcm", "g", 2),
        ("aescbc", "c", 1),
    ];
    bed.change(&config(&three, true)).await;
    bed.secrets("box", 5).await;
    let report = bed
        .run(&["verify", "--resource", "secrets", "-o", "json"])
        .ok()
        .json();
    let count = |state: &str, by: &str| {
        let mut lines = report["counts"].as_array().unwrap().iter();
        let line = lines.find(|line| line["state"] == state && line["by"] == by);
        line.map(|line| {
            (
                line["objects"].as_u64().unwrap(),
                line["opened"].as_u64().unwrap(),
            )
        })
    };
    assert_eq!(count("stale", "aescbc:v1:c"), Some((3, 3)));
    assert_eq!(count("stale", "aesgcm:v1:g"), Some((4, 4)));
    assert_eq!(count("current", "secretbox:v1:s"), Some((5, 5)));
    assert_eq!(
        (report["failed"].as_u64(), report["stale"].as_u64()),
        (Some(0), Some(7))
    );
    bed.run(&["verify", "--resource", "secrets", "--fail-on-stale"])
        .code(1);
}

#[tokio::test]
async fn values_that_no_api_server_wrote_there_are_told_one_by_one() {
    let bed = Bed::start(&config(&[("aesgcm", "g", 2)], true)).await;
    bed.secrets("gcm", 4).await;
    // A moved value, a torn one, one in the clear, an unknown prefix, a lost key, a hostile name.
    let moved = bed
        .stored()
        .await
        .into_iter()
        .find(|one| one.name == "gcm-00000")
        .unwrap();
    bed.put("/registry/secrets/default/moved", &moved.value)
        .await;
    bed.put("/registry/secrets/default/torn", &moved.value[..40])
        .await;
    bed.put(
        "/registry/secrets/default/plain",
        format!("k8s\0{MARKER}").as_bytes(),
    )
    .await;
    bed.put(
        "/registry/secrets/default/odd",
        format!("k8s:enc:rot13:{MARKER}").as_bytes(),
    )
    .await;
    bed.put(
        "/registry/secrets/default/gone",
        b"k8s:enc:aesgcm:v1:lost:x",
    )
    .await;
    bed.put("/registry/secrets/default/a\x1b[2Jb", MARKER.as_bytes())
        .await;
    let ran = bed.run(&["verify", "--resource", "secrets"]).code(1);
    for line in [
        "does-not-open: secrets default/moved: does not open",
        "does-not-open: secrets default/torn",
        "plaintext: secrets default/plain: identity",
        "malformed: secrets default/odd: an encryption prefix that no provider",
        "unknown-key: secrets default/gone: no provider of the configuration reads it",
        "malformed: secrets default/a\\u{1b}[2Jb: neither encrypted",
    ] {
        assert!(ran.out.contains(line), "{line}\n{}", ran.out);
    }
    assert!(
        ran.err.contains("1 are in the clear and 5 cannot be read"),
        "{}",
        ran.err
    );
}

#[tokio::test]
async fn without_etcd_nothing_is_proven() {
    let bed = Bed::start(&config(&[("secretbox", "s", 3)], true)).await;
    bed.secrets("a", 2).await;
    let flags = bed.cluster_flags();
    let flags: Vec<&str> = ["verify"]
        .into_iter()
        .chain(flags.iter().map(String::as_str))
        .collect();
    let ran = run(&flags).code(1);
    assert!(ran.err.contains("not proven"), "{}", ran.err);
    assert!(ran.out.contains("k8s:enc:secretbox:v1:"), "{}", ran.out);
    // An etcd that is not there is no answer either.
    let ran = run(&["verify", "--etcd", "http://127.0.0.1:1"]).code(3);
    assert!(
        ran.err.starts_with("tidegate: etcd cannot be read"),
        "{}",
        ran.err
    );
}

#[tokio::test]
async fn etcd_is_read_with_client_certificates_and_not_without() {
    let bed = Bed::start(&config(&[("secretbox", "s", 3)], true)).await;
    bed.secrets("a", 2).await;
    let (url, [ca, cert, key]) = bed.plane.etcd_with_tls();
    let text = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let (ca, cert, key) = (text(&ca), text(&cert), text(&key));
    let base = ["verify", "--resource", "secrets", "--etcd", &url];
    let with = |more: &[&str]| run(&base.iter().chain(more).copied().collect::<Vec<_>>());
    let ran = with(&["--etcd-ca", &ca, "--etcd-cert", &cert, "--etcd-key", &key]).ok();
    assert!(ran.out.contains("secretbox:v1:s"), "{}", ran.out);
    for less in [
        &["--etcd-ca", &*ca][..],
        &["--etcd-cert", &cert, "--etcd-key", &key],
        &["--etcd-ca", &cert, "--etcd-cert", &cert, "--etcd-key", &key],
    ] {
        let ran = with(less).code(3);
        assert!(
            ran.err.starts_with("tidegate: etcd cannot be read"),
            "{}",
            ran.err
        );
    }
    with(&[
        "--etcd-ca",
        "/nonexistent",
        "--etcd-cert",
        &cert,
        "--etcd-key",
        &key,
    ])
    .code(2);
    with(&["--etcd-ca", &ca, "--etcd-cert", &cert]).code(2);
}

//! Pure. The outside of stored values: the documented forms, and whatever else may be in etcd.

use proptest::prelude::*;

use super::*;

/// A KMS v2 value, as an API server writes it.
fn kms(provider: &str, object: &EncryptedObject) -> Vec<u8> {
    let mut value = format!("k8s:enc:kms:v2:{provider}:").into_bytes();
    value.extend(object.encode_to_vec());
    value
}

fn object() -> EncryptedObject {
    EncryptedObject {
        data: vec![9; 100],
        key_id: "key-1".to_owned(),
        source: b"wrapped".to_vec(),
        annotations: [("version.example.com".to_owned(), b"marker".to_vec())].into(),
        source_type: 1,
    }
}

#[test]
fn the_documented_forms_are_told_apart() {
    let writer = |value: &[u8]| {
        Stored::read(value)
            .writer()
            .map(|writer| writer.to_string())
    };
    let check = |value: &[u8], expected: &str| {
        assert_eq!(writer(value).as_deref(), Some(expected));
    };
    check(b"k8s\0\n\x0c", "identity");
    check(b"{\"kind\":\"Secret\"}", "identity");
    check(b"k8s:enc:aescbc:v1:key1:xxxx", "aescbc:v1:key1");
    check(b"k8s:enc:aesgcm:v1:key1:", "aesgcm:v1:key1");
    check(b"k8s:enc:secretbox:v1:a b:\0\xff", "secretbox:v1:a b");
    check(b"k8s:enc:kms:v1:old:\0\x05wrapp", "kms:v1:old");
    check(&kms("vault", &object()), "kms:v2:vault");
}

#[test]
fn an_envelope_tells_its_key_and_its_seed_but_no_data() {
    let value = kms("vault", &object());
    let Stored::KmsV2 { provider, object } = Stored::read(&value) else {
        panic!("not read as KMS v2");
    };
    assert_eq!(provider, "vault");
    assert_eq!(
        (object.key_id.as_str(), object.bytes, object.derived),
        ("key-1", 100, true)
    );
    assert_eq!(object.seed.as_slice(), crate::sha256(b"wrapped"));
    assert_eq!(object.annotations, [("version.example.com".to_owned(), 6)]);
    assert!(!format!("{object:?}").contains("marker"));
}

#[test]
fn what_no_api_server_writes_is_malformed() {
    let check = |value: &[u8], why: Malformed| {
        assert_eq!(Stored::read(value), Stored::Malformed(why));
    };
    check(b"k8s:enc:", Malformed::Prefix);
    check(b"k8s:enc:rot13:v1:k:x", Malformed::Prefix);
    check(b"k8s:enc:aescbc:v2:k:x", Malformed::Prefix);
    check(b"k8s:enc:aescbc:v1:", Malformed::Name);
    check(b"k8s:enc:aescbc:v1::x", Malformed::Name);
    check(b"k8s:enc:aescbc:v1:\x1b[2J:x", Malformed::Name);
    check(b"k8s:enc:aescbc:v1:\xff\xfe:x", Malformed::Name);
    let long = format!("k8s:enc:aescbc:v1:{}:x", "k".repeat(5000));
    check(long.as_bytes(), Malformed::Name);
    check(b"k8s:enc:kms:v2:p:\xff\xff\xff", Malformed::Envelope);
    let bent = |bend: fn(&mut EncryptedObject)| {
        let mut object = object();
        bend(&mut object);
        check(&kms("p", &object), Malformed::Parts);
    };
    bent(|object| object.key_id.clear());
    bent(|object| object.key_id = "a\nb".to_owned());
    bent(|object| object.key_id = "k".repeat(1025));
    bent(|object| object.source.clear());
    bent(|object| object.source = vec![0; 1025]);
    bent(|object| object.data.truncate(59));
    bent(|object| object.source_type = 2);
    bent(|object| object.source_type = -1);
}

proptest! {
    #[test]
    fn any_bytes_are_read_and_none_are_shown(
        form in 0..5_usize,
        name in "[a-z]{0,8}:?",
        tail in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let head = ["", "k8s:enc:", "k8s:enc:kms:v2:", "k8s:enc:kms:v1:", "k8s:enc:aesgcm:v1:"];
        let mut value = head[form].as_bytes().to_vec();
        value.extend(name.as_bytes());
        value.extend(b"hunter2hunter2");
        value.extend(&tail);
        let stored = Stored::read(&value);
        if let Stored::Plain(_) | Stored::Malformed(_) = &stored {
            let shown = format!("{stored:?}");
            prop_assert!(!shown.contains("hunter2"));
        }
        let writer = stored.writer().map(|writer| writer.to_string()).unwrap_or_default();
        prop_assert!(!writer.chars().any(char::is_control));
    }

    #[test]
    fn a_bent_envelope_never_panics(at in 0..200_usize, to in any::<u8>(), cut in 0..200_usize) {
        let mut value = kms("p", &object());
        let at = at % value.len();
        value[at] = to;
        let _any = Stored::read(&value);
        let _any = Stored::read(&value[..cut.min(value.len())]);
    }
}

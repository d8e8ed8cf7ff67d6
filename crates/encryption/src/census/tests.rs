//! Pure. Each way an object can be stored, and what the census says of it.

use zeroize::Zeroizing;

use super::*;
use crate::config::make::{kms, local};
use crate::config::{Cipher, Provider};
use crate::open::tests::{AT, PLAIN, seal};

const KEY: [u8; 32] = [0x5a; 32];

fn secretbox(name: &str) -> Provider {
    local(
        Cipher::Secretbox,
        name.to_owned(),
        Zeroizing::new(KEY.to_vec()),
    )
}

fn config(providers: Vec<Provider>) -> Configuration {
    let resources = vec!["secrets".to_owned()];
    Configuration {
        rules: vec![Rule {
            resources,
            providers,
        }],
    }
}

fn value(name: &str, key: &[u8]) -> Vec<u8> {
    let mut value = format!("k8s:enc:secretbox:v1:{name}:").into_bytes();
    value.extend(seal(Cipher::Secretbox, key, AT, PLAIN));
    value
}

fn state(resource: &str, value: &[u8], expected: &Expected) -> State {
    judge(resource, AT, value, expected).state
}

#[test]
fn every_state_is_told() {
    let providers = vec![secretbox("new"), secretbox("old"), Provider::Identity];
    let expected = Expected::by(Some(config(providers)));
    let check = |value: &[u8], want| assert_eq!(state("secrets", value, &expected), want);
    check(&value("new", &KEY), State::Current);
    check(&value("old", &KEY), State::Stale);
    check(&value("gone", &KEY), State::Foreign);
    check(&value("new", &[1; 32]), State::Closed(Closed::Rejected));
    check(
        b"k8s:enc:secretbox:v1:new:short",
        State::Closed(Closed::Short),
    );
    check(PLAIN, State::Plain);
    check(b"{}", State::Plain);
    check(b"\0garbage", State::Unreadable);
    check(b"k8s:enc:what", State::Malformed(Malformed::Prefix));
    // A resource that no rule names is stored in the clear, and that is a finding too.
    assert_eq!(state("configmaps", PLAIN, &expected), State::PlainByRule);
    assert!(State::PlainByRule.fails() && !State::PlainByRule.rewritable());
    let blind = Expected::by(None);
    assert_eq!(
        state("secrets", &value("new", &KEY), &blind),
        State::Encrypted
    );
    assert_eq!(state("secrets", PLAIN, &blind), State::Plain);
}

#[test]
fn a_kms_value_under_an_older_key_id_is_stale() {
    let timeout = std::time::Duration::from_secs(3);
    let provider = kms("p".to_owned(), "unix:///kms.sock".to_owned(), timeout);
    let mut expected = Expected::by(Some(config(vec![provider])));
    // Field 1: 60 bytes of data; 2: key id "one"; 3: a wrapped seed; 5: type 1.
    let mut stored = b"k8s:enc:kms:v2:p:".to_vec();
    stored.extend([0x0a, 60]);
    stored.extend([9; 60]);
    stored.extend(b"\x12\x03one\x1a\x04seed\x28\x01");
    assert_eq!(state("secrets", &stored, &expected), State::Current);
    let hash = |id: &str| crate::config::hash(id.as_bytes());
    expected.key_ids.insert("p".to_owned(), vec![hash("two")]);
    assert_eq!(state("secrets", &stored, &expected), State::Stale);
    expected
        .key_ids
        .insert("p".to_owned(), vec![hash("two"), hash("one")]);
    assert_eq!(state("secrets", &stored, &expected), State::Current);
}

#[test]
fn counts_are_whole_and_lists_are_bounded() {
    let expected = Expected::by(Some(config(vec![secretbox("new"), Provider::Identity])));
    let mut census = Census::default();
    let current = value("new", &KEY);
    for i in 0..MAX_LISTED + 5 {
        let judged = judge("secrets", AT, PLAIN, &expected);
        census.add("secrets", &format!("ns/{i}"), PLAIN.len(), &judged);
    }
    let judged = judge("secrets", AT, &current, &expected);
    census.add("secrets", "ns/good", current.len(), &judged);
    assert_eq!(census.objects(), MAX_LISTED as u64 + 6);
    assert_eq!(census.count("plaintext"), MAX_LISTED as u64 + 5);
    assert_eq!((census.listed.len(), census.unlisted), (MAX_LISTED, 5));
    assert_eq!(
        (census.failed, census.rewritable),
        (MAX_LISTED as u64 + 5, MAX_LISTED as u64 + 5)
    );
    let opened: u64 = census.lines.values().map(|count| count.opened).sum();
    assert_eq!(opened, 1);
}

#[test]
fn hostile_names_of_keys_do_not_grow_the_counts_without_bound() {
    let mut census = Census::default();
    for i in 0..MAX_LINES + 100 {
        let value = format!("k8s:enc:aesgcm:v1:key{i}:x");
        let judged = judge("secrets", AT, value.as_bytes(), &Expected::by(None));
        census.add("secrets", "n", value.len(), &judged);
    }
    assert!(census.lines.len() <= MAX_LINES + 1);
    assert_eq!(census.objects(), MAX_LINES as u64 + 100);
}

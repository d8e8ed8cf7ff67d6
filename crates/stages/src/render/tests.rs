//! Pure. Tables of renderings: properties, extraction, decoding, faults, and what texts leak.

mod properties;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tidegate_contract::ErrorKind;

use super::*;
use crate::testing::*;

/// Stands in every remote value of a failing case; no text may have it.
const MARKER: &str = "MARKER-7f3a";

fn spec(store: &str, target: Value, entry: Value) -> Observed {
    let mut spec = json!({ "secretStoreRef": { "name": store }, "target": target });
    let list = if entry.get("secretKey").is_some() {
        "data"
    } else {
        "dataFrom"
    };
    spec[list] = json!([entry]);
    observed(spec)
}

fn single(store: &str, remote: Value) -> Observed {
    spec(
        store,
        json!({}),
        json!({ "secretKey": "out", "remoteRef": remote }),
    )
}

fn extract_of(store: &str, remote: Value) -> Observed {
    spec(store, json!({}), json!({ "extract": remote }))
}

fn text(data: &BTreeMap<String, SecretValue>) -> BTreeMap<String, String> {
    (data.iter())
        .map(|(key, value)| {
            (
                key.clone(),
                String::from_utf8_lossy(value.expose()).into_owned(),
            )
        })
        .collect()
}

fn desired(observed: &Observed, answer: Answer) -> Desired {
    match rendered(observed, vec![answer]).unwrap() {
        Rendered::Secret(desired) => desired,
        Rendered::Empty { .. } => panic!("empty"),
    }
}

fn check(observed: &Observed, value: &str, expected: Value) {
    let got = text(&desired(observed, answer(value)).data);
    assert_eq!(json!(got), expected, "{value}");
}

fn check_error(observed: &Observed, answer: Answer, expected: &str) {
    let error = rendered(observed, vec![answer]).unwrap_err();
    assert_eq!(error.to_string(), expected);
    assert!(!error.message().contains(MARKER));
}

#[test]
fn one_property_of_a_value() {
    for (property, value, expected) in [
        ("a", r#"{"a":"x"}"#, "x"),
        ("a.b", r#"{"a.b":"exact","a":{"b":"path"}}"#, "exact"),
        ("a.b", r#"{"a":{"b":"path"}}"#, "path"),
        ("a.1.b", r#"{"a":[0,{"b":"second"}]}"#, "second"),
        (r"a\.b.c", r#"{"a.b":{"c":"dot"}}"#, "dot"),
        ("a", r#"{"a":12345678901234567890}"#, "12345678901234567890"),
        ("a", r#"{"a":1.50}"#, "1.50"),
        ("a.b", r#"{"a":{"b":1.50}}"#, "1.5"),
        ("a", r#"{"a":true}"#, "true"),
        ("a", r#"{"a":null}"#, ""),
        (
            "a",
            r#"{"a":{"z":1, "b":"<&>"}}"#,
            r#"{"b":"\u003c\u0026\u003e","z":1}"#,
        ),
        (
            "a",
            r#"{"a":"\u00e9\ud83d\ude00\n\/\ud800"}"#,
            "é😀\n/\u{fffd}",
        ),
    ] {
        let remote = json!({ "key": "k", "property": property });
        check(&single("vault", remote), value, json!({ "out": expected }));
    }
    for (property, value, expected) in [
        ("a", r#"{"a":{"z":1, "b":"<"}}"#, r#"{"z":1, "b":"<"}"#),
        ("a.b", r#"{"a.b":"exact","a":{"b":"path"}}"#, "path"),
    ] {
        let remote = json!({ "key": "k", "property": property });
        check(&single("fake", remote), value, json!({ "out": expected }));
    }
}

#[test]
fn a_whole_value() {
    let whole = json!({ "key": "k" });
    let marshalled = r#"{"a":"\u003cb\u003e","n":1e3,"z":[1,{"q":"\u2028"}]}"#;
    let sent = "{\"z\":[1, {\"q\":\"\u{2028}\"}], \"n\":1e3, \"a\":\"<b>\"}";
    check(
        &single("vault", whole.clone()),
        sent,
        json!({ "out": marshalled }),
    );
    check(
        &single("fake", whole.clone()),
        "not json",
        json!({ "out": "not json" }),
    );
    let bytes = vec![0u8, 255, 128];
    let answer = Ok(RemoteSecret {
        value: SecretValue::new(bytes.clone()),
        version: None,
    });
    let got = desired(&single("fake", whole), answer);
    assert_eq!(got.data["out"].expose(), bytes);
}

#[test]
fn extraction_follows_the_provider() {
    let value = r#"{
        "s":"x", "n":1.50, "i":7, "b":true, "z":null, "o":{"b":[1.0], "a":"<"},
        "big":9007199254740993, "a b":"c"
    }"#;
    check(
        &extract_of("vault", json!({ "key": "k" })),
        value,
        json!({
            "s": "x", "n": "1.5", "i": "7", "b": "true", "z": "",
            "o": r#"{"a":"\u003c","b":[1]}"#, "big": "9007199254740993", "a_b": "c",
        }),
    );
    check(
        &extract_of(
            "fake",
            json!({ "key": "k", "conversionStrategy": "Unicode" }),
        ),
        value,
        json!({
            "s": "x", "n": "1.50", "i": "7", "b": "true", "z": "",
            "o": r#"{"b":[1.0], "a":"<"}"#, "big": "9007199254740993", "a_U0020_b": "c",
        }),
    );
    let nested = json!({ "key": "k", "property": "o" });
    check(
        &extract_of("vault", nested),
        value,
        json!({ "a": "<", "b": "[1]" }),
    );
}

#[test]
fn large_integers_keep_their_digits_and_the_rounded_ones_count_as_equal() {
    let got = desired(
        &extract_of("vault", json!({ "key": "k" })),
        answer(r#"{"big":9007199254740993,"in":{"big":9007199254740993},"small":7}"#),
    );
    assert_eq!(got.data["big"].expose(), b"9007199254740993");
    assert_eq!(
        json!(text(&got.legacy)),
        json!({ "big": "9007199254740992", "in": r#"{"big":9007199254740992}"# })
    );
}

#[test]
fn later_entries_win() {
    let observed = observed(json!({
        "data": [{ "secretKey": "a", "remoteRef": { "key": "k", "property": "p" } }],
        "dataFrom": [{ "extract": { "key": "one" } }, { "extract": { "key": "two" } }],
    }));
    let answers = vec![
        answer(r#"{"a":"1","b":"1","c":"1"}"#),
        answer(r#"{"a":"2","b":"2"}"#),
        answer(r#"{"p":"3"}"#),
    ];
    let Ok(Rendered::Secret(desired)) = rendered(&observed, answers) else {
        panic!("not rendered");
    };
    assert_eq!(
        json!(text(&desired.data)),
        json!({ "a": "3", "b": "2", "c": "1" })
    );
}

#[test]
fn faults_name_the_entry_and_nothing_of_the_value() {
    let lead =
        "could not get secret data from provider: error processing spec.data[0] (key: k), err: ";
    let extract = "could not get secret data from provider: \
                   error processing spec.dataFrom[0].extract, err: ";
    let whole = || single("vault", json!({ "key": "k" }));
    let property = |store| single(store, json!({ "key": "k", "property": "p" }));
    let all = |remote| extract_of("vault", remote);
    for (observed, value, expected) in [
        (
            property("vault"),
            format!(r#"{{"a":"{MARKER}"}}"#),
            format!("{lead}cannot find secret data for key: \"p\""),
        ),
        (
            property("vault"),
            format!("{MARKER} is not json"),
            format!("{lead}the value is not JSON (line 1, column 1)"),
        ),
        (
            whole(),
            format!("[\"{MARKER}\"]"),
            format!("{lead}the value is not a JSON object (line 1, column 0)"),
        ),
        (
            whole(),
            format!("{{\"a\": \"{MARKER}\"\n, oops}}"),
            format!("{lead}the value is not JSON (line 2, column 3)"),
        ),
        (
            all(json!({ "key": "k" })),
            format!(r#"{{"a b":"{MARKER}","a/b":"{MARKER}"}}"#),
            format!(
                "{extract}secret name collision during conversion: two keys become \"a_b\" (key: k)"
            ),
        ),
        (
            all(json!({ "key": "k", "decodingStrategy": "Base64" })),
            format!(r#"{{"a":"{MARKER}!"}}"#),
            format!(
                "{extract}key \"a\": the value is not base64 (decodingStrategy: Base64) (key: k)"
            ),
        ),
        (
            all(json!({ "key": "k", "nullBytePolicy": "Fail" })),
            format!(r#"{{"a":"{MARKER}\u0000"}}"#),
            format!(
                "{extract}the value of key \"a\" has a NUL byte (nullBytePolicy: Fail) (key: k)"
            ),
        ),
    ] {
        check_error(&observed, answer(&value), &expected);
    }
}

#[test]
fn nul_bytes_are_looked_for_in_what_was_decoded() {
    let remote =
        |policy| json!({ "key": "k", "decodingStrategy": "Base64", "nullBytePolicy": policy });
    check(
        &single("fake", remote("Ignore")),
        "AAE=",
        json!({ "out": "\u{0}\u{1}" }),
    );
    let error = rendered(&single("fake", remote("Fail")), vec![answer("AAE=")]);
    assert!(error.is_err());
}

#[test]
fn failures_of_the_backend_keep_their_kind() {
    for (kind, retry, label) in [
        (ErrorKind::Denied, Retry::Backoff, "denied"),
        (ErrorKind::Unavailable, Retry::Backoff, "unavailable"),
        (ErrorKind::Invalid, Retry::Backoff, "invalid"),
        (
            ErrorKind::Throttled {
                after: Some(std::time::Duration::from_secs(9)),
            },
            Retry::After(std::time::Duration::from_secs(9)),
            "throttled",
        ),
    ] {
        for policy in ["Retain", "Delete", "Merge"] {
            let observed = simple(json!({ "deletionPolicy": policy }));
            let error = rendered(&observed, vec![failure(kind, "no answer")]).unwrap_err();
            assert_eq!((error.retry, error.label), (retry, label));
            assert_eq!(
                error.to_string(),
                "could not get secret data from provider: \
                 error processing spec.data[0] (key: db), err: no answer"
            );
        }
    }
    let short = rendered(&simple(json!({})), Vec::new()).unwrap_err();
    assert_eq!(short.label, "unavailable");
}

#[test]
fn absence_is_what_the_deletion_policy_makes_of_it() {
    let word = |policy: &str, answer: Answer| {
        let observed = spec(
            "fake",
            json!({ "deletionPolicy": policy }),
            json!({ "secretKey": "out", "remoteRef": { "key": "k", "property": "p" } }),
        );
        match rendered(&observed, vec![answer]) {
            Ok(Rendered::Empty { missing }) => format!("empty {}", missing[0].confirmed),
            Ok(Rendered::Secret(desired)) => {
                format!(
                    "{} keys {}",
                    desired.data.len(),
                    desired.missing[0].position
                )
            }
            Err(error) => error.detail.to_string(),
        }
    };
    let lead = "error processing spec.data[0] (key: k), err: Secret does not exist";
    assert_eq!(word("Retain", absent(true)), lead);
    assert_eq!(word("Delete", absent(true)), "empty true");
    assert_eq!(word("Delete", absent(false)), "empty false");
    assert_eq!(word("Merge", absent(true)), "0 keys spec.data[0] (key=k)");
    // A property that a good answer lacks counts for `fake` alone, as it does for ESO.
    assert_eq!(word("Delete", answer("{}")), "empty true");
    assert_eq!(
        word("Retain", answer("{}")),
        format!("{lead}: no property \"p\"")
    );
}

#[test]
fn a_value_that_cannot_be_read_is_no_evidence_of_absence() {
    let observed = spec(
        "fake",
        json!({ "deletionPolicy": "Delete" }),
        json!({ "secretKey": "out", "remoteRef": { "key": "k", "property": "p" } }),
    );
    assert!(rendered(&observed, vec![answer("no json")]).is_err());
}

#[test]
fn what_the_api_server_would_refuse_is_said_before() {
    let big = "x".repeat(600_000);
    let two = extract_of("fake", json!({ "key": "k" }));
    check_error(
        &two,
        answer(&json!({ "a": big, "b": big }).to_string()),
        "could not update secret: the values are larger than 1 MiB together",
    );
    check_error(
        &two,
        answer(r#"{"é":"x"}"#),
        "could not update secret: \"é\" is no valid key of a Secret: \
         use letters, digits, '-', '_' or '.'",
    );
    let limit = json!({ "a": "x".repeat(1 << 20) }).to_string();
    assert!(rendered(&two, vec![answer(&limit)]).is_ok());
}

#[test]
fn deep_nesting_is_refused_and_does_not_overflow() {
    let deep = format!(r#"{{"a":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    let error = rendered(
        &extract_of("vault", json!({ "key": "k" })),
        vec![answer(&deep)],
    );
    let text = error.unwrap_err().to_string();
    assert!(text.contains("nested deeper than 256 levels"), "{text}");
}

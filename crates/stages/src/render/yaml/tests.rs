//! Pure. Tables of coercion to strings, and of what is refused.

use serde_json::json;

use super::*;

const MARKER: &str = "MARKER-7f3a";

#[test]
fn scalars_become_the_strings_that_eso_stores() {
    for (text, expected) in [
        ("word", "word"),
        ("yes", "true"),
        ("Y", "true"),
        ("n", "false"),
        ("OFF", "false"),
        ("yEs", "yEs"),
        ("'yes'", "yes"),
        ("\"1.10\"", "1.10"),
        ("", ""),
        ("~", ""),
        ("null", ""),
        ("12345678901234567", "12345678901234567"),
        ("1_000", "1000"),
        ("+7", "7"),
        ("-0x1F", "-31"),
        ("0b101", "5"),
        ("0o17", "15"),
        ("0755", "493"),
        ("089", "89"),
        ("0x", "0x"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("18446744073709551615", "18446744073709551615"),
        ("18446744073709551616", "1.8446744e+19"),
        ("1.10", "1.1"),
        ("3.14159265358979", "3.1415927"),
        ("1000000.0", "1e+06"),
        ("999999.0", "999999"),
        ("0.0001", "0.0001"),
        ("0.00001", "1e-05"),
        (".5", "0.5"),
        ("1e3", "1000"),
        ("1e400", "1e400"),
        ("1e39", "+Inf"),
        (".inf", "+Inf"),
        ("-.Inf", "-Inf"),
        (".nan", "NaN"),
        ("1.2.3", "1.2.3"),
        ("2026-11-23", "2026-11-23"),
        ("12:30:45", "12:30:45"),
        ("!!str 12", "12"),
        ("!!float 12", "12"),
        ("!!binary aGk=", "hi"),
        ("|\n  two\n  lines\n", "two\nlines\n"),
        (">-\n  two\n  lines\n", "two lines"),
    ] {
        let got = strings(format!("key: {text}").as_bytes()).unwrap();
        let expected = BTreeMap::from([("key".to_owned(), SecretValue::from(expected))]);
        assert_eq!(got, expected, "{text}");
    }
}

#[test]
fn maps_are_read_as_eso_does() {
    for (text, expected) in [
        ("", json!({})),
        ("# nothing\n", json!({})),
        ("null", json!({})),
        ("{}", json!({})),
        ("a: 1\na: 2\n", json!({ "a": "2" })),
        (
            "1: a\n0x10: b\nyes: c\n1.50: d\n.inf: e\n",
            json!({ "1": "a", "16": "b", "true": "c", "1.5": "d", ".inf": "e" }),
        ),
        ("a: &x v\nb: *x\n", json!({ "a": "v", "b": "v" })),
        ("&k a: 1\nb: *k\n", json!({ "a": "1", "b": "a" })),
        (
            "a: own\n<<: {a: merged, b: merged}\n",
            json!({ "a": "own", "b": "merged" }),
        ),
        (
            "<<: [{a: first}, {a: second, b: second}]",
            json!({ "a": "first", "b": "second" }),
        ),
        ("a: 1\n---\nb: 2\n", json!({ "a": "1" })),
        ("{\"a\": \"\\u00e9\"}", json!({ "a": "é" })),
    ] {
        let got: BTreeMap<String, String> = (strings(text.as_bytes()).unwrap().into_iter())
            .map(|(key, value)| (key, String::from_utf8(value.expose().to_vec()).unwrap()))
            .collect();
        assert_eq!(json!(got), expected, "{text}");
    }
}

#[test]
fn what_is_no_map_of_strings_is_refused_without_its_words() {
    let deep = format!("{MARKER}: {}{}", "[".repeat(100), "]".repeat(100));
    let anchors: String = (0..=MAX_ANCHORS)
        .map(|n| format!("{MARKER}{n}: &a{n} x\n"))
        .collect();
    let base: String = (0..2000).map(|n| format!("k{n}: 1, ")).collect();
    let merges = format!("<<: &a {{{base}}}\n{}", "<<: *a\n".repeat(2000));
    for (text, expected) in [
        (MARKER, "the result is no YAML map"),
        ("- MARKER-7f3a", "the result is no YAML map"),
        (
            "a: [MARKER-7f3a]",
            "the result has a map or list where a string is needed",
        ),
        (
            "a: {b: MARKER-7f3a}",
            "the result has a map or list where a string is needed",
        ),
        ("a: 1\nb: \"MARKER-7f3a", "the result is not YAML: line"),
        ("a: *MARKER-7f3a", "the result is not YAML: line 1"),
        (
            "a: !!int MARKER-7f3a",
            "line 1: value is not what its tag says",
        ),
        ("~: MARKER-7f3a", "line 1: key is null"),
        ("[MARKER-7f3a]: 1", "key is no scalar"),
        ("<<: MARKER-7f3a", "<< needs a map or a list of maps"),
        (&*deep, "nested too deeply"),
        (&*anchors, "too many anchors"),
        (&*merges, "the result is too large a YAML document"),
    ] {
        let error = strings(text.as_bytes()).unwrap_err();
        assert!(error.contains(expected), "{error} for {:.40}", text);
        assert!(!error.contains("MARKER"), "{error}");
    }
    let error = strings(b"a: \xff").unwrap_err();
    assert_eq!(error, "the result is not UTF-8");
}

//! Pure. Tables of rewrites: keys by expression and by template, merges with their policies.

use serde_json::json;

use super::super::Rendered;
use crate::testing::*;

const MARKER: &str = "MARKER-7f3a";

fn rewritten(
    store: &str,
    rewrites: &serde_json::Value,
    value: &str,
) -> Result<serde_json::Value, String> {
    let observed = observed(json!({
        "secretStoreRef": { "name": store },
        "dataFrom": [{ "extract": { "key": "k" }, "rewrite": rewrites }],
    }));
    match rendered(&observed, vec![answer(value)]) {
        Err(error) => Err(error.to_string()),
        Ok(Rendered::Secret(desired)) => Ok((desired.data.iter())
            .map(|(key, value)| (key.clone(), String::from_utf8_lossy(value.expose()).into()))
            .collect::<serde_json::Map<_, _>>()
            .into()),
        Ok(Rendered::Empty { .. }) => Ok(json!({})),
    }
}

#[test]
fn keys_are_rewritten_in_order() {
    let regexp =
        |source: &str, target: &str| json!({ "regexp": { "source": source, "target": target } });
    let transform = |text: &str| json!({ "transform": { "template": text } });
    for (rewrites, value, expected) in [
        (
            json!([regexp("^db-", "")]),
            r#"{"db-user":"u"}"#,
            json!({ "user": "u" }),
        ),
        (
            json!([regexp("(\\w+)/(?P<leaf>\\w+)", "${leaf}_$1")]),
            r#"{"a/b":"v"}"#,
            json!({ "b_a": "v" }),
        ),
        // The group named `1x` is not there, so nothing stands for it.
        (
            json!([regexp("(a)", "$1x")]),
            r#"{"ab":"v"}"#,
            json!({ "b": "v" }),
        ),
        // Go's classes are ASCII.
        (
            json!([
                regexp(r"\w+", "w"),
                regexp(r"\d", "d"),
                regexp("[^a-z]", "-")
            ]),
            r#"{"é1":"v","٣":"x"}"#,
            json!({ "-w": "v", "-": "x" }),
        ),
        // Keys are not converted once there is a rewrite.
        (
            json!([regexp("/", "."), transform("{{ .value | upper }}")]),
            r#"{"a/b":"v"}"#,
            json!({ "A.B": "v" }),
        ),
        (
            json!([transform("x-{{ .nothing }}")]),
            r#"{"a":"v"}"#,
            json!({ "x-_no_value_": "v" }),
        ),
        // An empty key is dropped.
        (
            json!([regexp("^a$", "")]),
            r#"{"a":"v","b":"w"}"#,
            json!({ "b": "w" }),
        ),
        // Two keys that become one: that of the last in order stays.
        (
            json!([regexp(".*", "k")]),
            r#"{"b":"2","a":"1"}"#,
            json!({ "k": "2" }),
        ),
    ] {
        let mut rewrites = rewrites;
        // The mark of a missing value is no valid key; another rewrite makes it one.
        rewrites.as_array_mut().unwrap().push(regexp("[<> ]", "_"));
        assert_eq!(
            rewritten("vault", &rewrites, value),
            Ok(expected),
            "{rewrites}"
        );
    }
}

#[test]
fn values_are_merged_by_their_policies() {
    let value = r#"{"a":"{\"x\":1,\"s\":\"a<b\"}","b":"{\"y\":{\"q\":[1.50,\"<\"]}}","c":"null"}"#;
    let twice = r#"{"a":"{\"x\":\"from a\"}","b":"{\"x\":\"from b\"}"}"#;
    for (merge, value, expected) in [
        (
            json!({}),
            value,
            json!({ "x": "1", "s": "a<b", "y": r#"{"q":[1.5,"\u003c"]}"# }),
        ),
        (
            json!({ "conflictPolicy": "Ignore" }),
            twice,
            json!({ "x": "from b" }),
        ),
        (
            json!({ "conflictPolicy": "Ignore", "priority": ["a"] }),
            twice,
            json!({ "x": "from a" }),
        ),
        (
            json!({ "conflictPolicy": "Ignore", "priority": ["b", "no", "a"],
                    "priorityPolicy": "IgnoreNotFound" }),
            twice,
            json!({ "x": "from a" }),
        ),
        (
            json!({ "strategy": "JSON", "into": "all" }),
            r#"{"a":"{\"z\":1,\"b\":\"<&>\"}"}"#,
            json!({ "a": "{\"z\":1,\"b\":\"<&>\"}", "all": "{\"b\":\"<&>\",\"z\":1}" }),
        ),
        (
            json!({ "strategy": "JSON", "into": "a" }),
            r#"{"a":"{\"big\":12345678901234567890}"}"#,
            json!({ "a": "{\"big\":12345678901234567890}" }),
        ),
    ] {
        let rewrites = json!([{ "merge": merge }]);
        assert_eq!(rewritten("fake", &rewrites, value), Ok(expected), "{merge}");
    }
}

#[test]
fn faults_name_the_rewrite_and_nothing_of_a_value() {
    let twice = format!(r#"{{"a":"{{\"x\":\"{MARKER}\"}}","b":"{{\"x\":\"{MARKER}\"}}"}}"#);
    let plain = format!(r#"{{"a":"{MARKER}"}}"#);
    for (rewrite, value, expected) in [
        (
            json!({ "regexp": { "source": "(", "target": "" } }),
            &plain,
            "rewrite[0].regexp: \"(\" is no regular expression",
        ),
        (
            json!({ "transform": { "template": "{{" } }),
            &plain,
            "rewrite[0].transform: template transform: line 1, column 2: \
             does not parse: unclosed action",
        ),
        (
            json!({ "transform": { "template": "{{ fail .value }}" } }),
            &plain,
            "rewrite[0].transform: template transform: line 1, column 3: function fail failed",
        ),
        (
            json!({ "merge": {} }),
            &plain,
            "rewrite[0].merge: key \"a\": the value is not JSON (line 1, column 1)",
        ),
        (
            json!({ "merge": {} }),
            &twice,
            "rewrite[0].merge: key \"x\" is in more than one value",
        ),
        (
            json!({ "merge": { "priority": ["no"] } }),
            &twice,
            "rewrite[0].merge: priority key \"no\" is not there",
        ),
        (
            json!({ "merge": { "strategy": "JSON" } }),
            &twice,
            "rewrite[0].merge: strategy JSON needs into",
        ),
        (
            json!({ "regexp": { "source": "a", "target": "a b" } }),
            &plain,
            "key \"a b\" has invalid characters: use rewrite or conversionStrategy",
        ),
    ] {
        let error = rewritten("fake", &json!([rewrite]), value).unwrap_err();
        let lead = "could not get secret data from provider: \
                    error processing spec.dataFrom[0].extract, err: ";
        assert_eq!(error, format!("{lead}{expected} (key: k)"));
        assert!(!error.contains(MARKER));
    }
}

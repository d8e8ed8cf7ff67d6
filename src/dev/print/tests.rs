//! Pure. Tests of the printed forms.

use super::*;

fn made(name: &str) -> Made {
    let metadata = json!({ "name": name, "namespace": "team", "uid": "u" });
    let secret = json!({ "metadata": metadata, "type": "Opaque",
                         "data": { "user": "YXBw", "password": "aHVudGVyMg==" } });
    Made {
        secret,
        by: json!({}),
    }
}

fn printed(output: Output, reveal: bool) -> String {
    secrets(&[made("a"), made("b")], output, reveal)
}

#[test]
fn yaml_is_one_document_per_secret() {
    let text = printed(Output::Yaml, true);
    let found: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
    assert_eq!(found.len(), 2, "{text}");
    assert_eq!(found[1]["metadata"]["name"], "b");
    assert_eq!(found[1]["data"]["password"], "aHVudGVyMg==");
}

#[test]
fn json_is_one_list() {
    let list: Value = serde_json::from_str(&printed(Output::Json, false)).unwrap();
    assert_eq!(list["kind"], "List");
    assert_eq!(list["items"][0]["data"]["user"], "<redacted, 3 bytes>");
    let none: Value = serde_json::from_str(&secrets(&[], Output::Json, false)).unwrap();
    assert_eq!(none["items"], json!([]));
}

#[test]
fn names_and_tables_are_lines() {
    assert_eq!(
        printed(Output::Name, false),
        "secret/team/a\nsecret/team/b\n"
    );
    let expected = "\
SECRET  TYPE    KEY       BYTES
team/a  Opaque  password  7
team/a  Opaque  user      3
team/b  Opaque  password  7
team/b  Opaque  user      3
";
    assert_eq!(printed(Output::Table, false), expected);
    assert!(printed(Output::Table, true).contains("aHVudGVyMg=="));
}

#[test]
fn no_form_shows_a_value_unless_asked() {
    for output in [Output::Yaml, Output::Json, Output::Table, Output::Name] {
        let text = printed(output, false);
        assert!(
            !text.contains("aHVudGVyMg") && !text.contains("hunter2"),
            "{text}"
        );
    }
}

//! Pure. Tests of reading files, as tables.

use super::*;

/// One line per document: `file:line kind namespace/name`, or the fault.
fn check(file: &str, text: &str, expected: &[&str]) {
    let told: Vec<String> = read(&file.into(), text)
        .into_iter()
        .map(|document| match document {
            Err(fault) => fault.to_string(),
            Ok(m) => {
                let namespace = m.namespace.unwrap_or_else(|| "-".to_owned());
                format!("{} {} {namespace}/{}", m.place, m.kind, m.name)
            }
        })
        .collect();
    assert_eq!(told, expected, "{text:?}");
}

#[test]
fn documents_are_found_with_their_lines() {
    let object = |name: &str| format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}}}\n");
    check("a.yaml", &object("one"), &["a.yaml:1 Secret -/one"]);
    let two = format!("# head\n---\n{}---\n\n{}", object("one"), object("two"));
    let told = [
        "a.yaml:3 Secret -/one",
        "a.yaml:8 (document 2) Secret -/two",
    ];
    check("a.yaml", &two, &told);
    check("a.yaml", &two.replace('\n', "\r\n"), &told);
    check(
        "a.yaml",
        &format!("\u{feff}{}", object("x")),
        &["a.yaml:1 Secret -/x"],
    );
    check("a.yaml", "", &[]);
    check("a.yaml", "# nothing\n---\n---\n...\n", &[]);
    let inline = "--- {apiVersion: v1, kind: Secret, metadata: {name: a, namespace: ns}}\n";
    check("a.yaml", inline, &["a.yaml:1 Secret ns/a"]);
}

#[test]
fn dashes_inside_a_block_belong_to_it() {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  pem: |\n    \
                -----BEGIN X-----\n    ---\n    end\n";
    check("a.yaml", text, &["a.yaml:1 ConfigMap -/a"]);
}

#[test]
fn lists_are_unfolded_and_json_is_a_stream() {
    let item = r#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"NAME"}}"#;
    let (one, two) = (item.replace("NAME", "a"), item.replace("NAME", "b"));
    let list = format!(r#"{{"apiVersion":"v1","kind":"List","items":[{one},{two}]}}"#);
    let both = ["l.json:1 Secret -/a", "l.json:1 Secret -/b"];
    check("l.json", &list, &both);
    check(
        "l.yaml",
        &list,
        &["l.yaml:1 Secret -/a", "l.yaml:1 Secret -/b"],
    );
    let told = ["s.json:1 Secret -/a", "s.json:3 (document 2) Secret -/b"];
    check("s.json", &format!("{one}\n\n{two}\n"), &told);
    let told = ["s.json:1 Secret -/a", "s.json:2:6: not JSON: expected `:`"];
    check("s.json", &format!("{one}\n{{\"x\" 1}}"), &told);
}

#[test]
fn a_broken_document_is_told_with_line_and_column_and_the_others_count() {
    let good = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n";
    let told = [
        "b.yaml:5:10: not YAML: mapping values are not allowed in this context; expected one \
         `key: value` per line; quote text that contains `: `",
        "b.yaml:6 (document 2) Secret -/a",
    ];
    let text = format!("# c\n---\nkind: Secret\nstringData:\n  password: s3cr3t: x\n---\n{good}");
    let told_first = told[0].replace(":5:10", ":5:19");
    check(
        "b.yaml",
        &text,
        &[&told_first, "b.yaml:7 (document 2) Secret -/a"],
    );
    let template = "kind: {{ .Values.kind }}\n";
    check(
        "b.yaml",
        template,
        &[
            "b.yaml:1:8: not YAML: expected string scalar; expected plain YAML: render templates \
           first, as in: helm template . | tidegate dev -",
        ],
    );
    let twice = "apiVersion: v1\nkind: A\nkind: B\n";
    let told = "b.yaml:3:1: not YAML: duplicate mapping key: kind; expected each key once";
    check("b.yaml", twice, &[told]);
}

#[test]
fn what_an_object_lacks_is_named() {
    let lacks = |text: &str, told: &str| check("c.yaml", text, &[&format!("c.yaml:1: {told}")]);
    lacks(
        "- a\n",
        "expected a mapping with apiVersion, kind and metadata, found a sequence",
    );
    lacks(
        "just text\n",
        "expected a mapping with apiVersion, kind and metadata, found text",
    );
    lacks("kind: A\n", "expected apiVersion, found none");
    lacks("apiVersion: v1\n", "expected kind, found none");
    lacks(
        "apiVersion: v1\nkind: A\n",
        "A: expected metadata.name, found none",
    );
    let number = "apiVersion: v1\nkind: A\nmetadata: {name: 12}\n";
    lacks(number, "A: expected text as metadata.name; quote it");
    let number = "apiVersion: v1\nkind: A\nmetadata: {name: x, namespace: 12}\n";
    lacks(number, "A: expected text as metadata.namespace; quote it");
}

#[test]
fn no_value_of_a_broken_secret_is_quoted() {
    let texts = [
        "stringData:\n  password: hunter2: x\n",
        "stringData:\n  password: \"hunter2\n",
        "stringData:\n  password: *hunter2\n",
        "stringData: [hunter2\n",
    ];
    for text in texts {
        for fault in read(&"d.yaml".into(), text) {
            let told = fault.unwrap_err().to_string();
            assert!(!told.contains("hunter2"), "{told}");
        }
    }
}

//! Shell. How `tidegate template` fails: codes, one clear line, and what the line holds back.

use super::{Files, MARKER, OBJECT, one_text, piped, template};

/// Runs one text over the marker; gives the code and what was told without and with --reveal.
fn failing(text: &str) -> (String, String) {
    let value = format!("v={MARKER}");
    let args = ["--source-templated-object", "-", "--value", &value];
    let hidden = piped(&args, &one_text(text));
    assert_eq!((hidden.code, hidden.out.as_str()), (Some(1), ""), "{text}");
    assert_eq!(hidden.told.lines().count(), 1, "{}", hidden.told);
    assert!(!hidden.told.contains(MARKER), "{}", hidden.told);
    let open = piped(&[&args[..], &["--reveal"]].concat(), &one_text(text));
    assert_eq!((open.code, open.out.as_str()), (Some(1), ""), "{text}");
    (hidden.told, open.told)
}

#[test]
fn errors_name_place_and_function_and_quote_on_request() {
    const AT: &str = "tidegate: ExternalSecret \"a\": spec.target.template.data[\"k\"]: ";
    let hint = " (--reveal shows Go's own text, which may quote values)\n";
    for (text, public, go) in [
        (
            "{{ fail .v }}",
            "template k: line 1, column 3: function fail failed",
            "template: k:1:3: executing \"k\" at <fail .v>: error calling fail: MARKER-51c9",
        ),
        (
            "\n{{ .v }} {{ .w }}",
            "template k: line 2, column 12: no entry for key \"w\"",
            "template: k:2:12: executing \"k\" at <.w>: map has no entry for key \"w\"",
        ),
        (
            "{{ toJSON .v }}",
            "template k: line 1, column 3: function \"toJSON\" is not defined",
            "template: k:1: function \"toJSON\" not defined",
        ),
        (
            "{{ if .v }}",
            "template k: line 1, column 11: does not parse: unexpected EOF",
            "template: k:1: unexpected EOF",
        ),
    ] {
        let (hidden, open) = failing(text);
        assert_eq!(hidden, format!("{AT}{public}{hint}"));
        assert_eq!(open, format!("{AT}{go}\n"));
    }
    let (hidden, _) = failing("{{ .w }}{{ .x }}");
    assert!(
        hidden.contains("of the keys it reads there are none for \"w\", \"x\""),
        "{hidden}"
    );
}

#[test]
fn wrong_usage_ends_with_one_clear_line_and_code_2() {
    let files = Files::new();
    let object = files.put("es.yaml", OBJECT);
    let broken = files.put("broken.yaml", &format!("a: [{MARKER}\n"));
    let list = files.put("list.yaml", "- a\n");
    let clear = files.put("clear.yaml", &format!("a: {MARKER}\n"));
    let source = ["--source-templated-object", &object];
    for (more, part) in [
        (
            &["--source-secret-data-file", "/nonexistent"][..],
            "/nonexistent: ",
        ),
        (
            &["--source-secret-data-file", &broken],
            "is not YAML, line ",
        ),
        (
            &["--source-secret-data-file", &clear],
            "key \"a\" is not base64",
        ),
        (&["--values-file", &list], "a map of keys is needed"),
        (
            &["--value", "user=a"],
            "give its file with --template-from-config-map",
        ),
        (&["--format", "raw", "--key", "k"], "add --reveal"),
    ] {
        let ran = template(&[&source[..], more].concat());
        assert_eq!(
            (ran.code, ran.out.as_str()),
            (Some(2), ""),
            "{more:?}: {}",
            ran.told
        );
        assert_eq!(ran.told.lines().count(), 1, "{}", ran.told);
        assert!(
            ran.told.starts_with("tidegate: ") && ran.told.contains(part),
            "{}",
            ran.told
        );
        assert!(!ran.told.contains(MARKER), "{}", ran.told);
    }
    let ran = template(&["--source-templated-object", &list]);
    assert!(ran.told.contains("has no ExternalSecret"), "{}", ran.told);
    for more in [
        &["--format", "raw"][..],
        &["--value", "novalue"],
        &["--now", "yesterday"],
        &["--template-left-delimiter", ""],
    ] {
        let ran = template(&[&source[..], more].concat());
        assert_eq!(ran.code, Some(2), "{more:?}: {}", ran.told);
    }
    assert_eq!(template(&[]).code, Some(2));
}

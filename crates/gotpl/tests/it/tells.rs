//! Shell. What a template tells of itself: keys, randomness, functions; and what errors hide.
use std::collections::BTreeSet;

use gotpl::{ExecErrorKind, KeysUsed, Options, Template, Value};

use crate::support::execute;

fn parsed(source: &str) -> Template {
    Template::parse("t", source, &Options::default()).unwrap()
}

fn check_keys(source: &str, expected: Option<&[&str]>) {
    let expected = match expected {
        None => KeysUsed::All,
        Some(keys) => KeysUsed::Only(keys.iter().map(|&key| key.into()).collect::<BTreeSet<_>>()),
    };
    assert_eq!(parsed(source).keys_used(), expected, "{source}");
}

#[test]
fn keys_are_told() {
    check_keys("plain", Some(&[]));
    check_keys("{{.a}} {{.b.c}} {{$.d}}", Some(&["a", "b", "d"]));
    check_keys(
        "{{index . \"x-y\"}} {{index $ \"z\" .w}}",
        Some(&["x-y", "z", "w"]),
    );
    check_keys(
        "{{if .a}}{{.b}}{{else}}{{.c}}{{end}}",
        Some(&["a", "b", "c"]),
    );
    check_keys(
        "{{with .a}}{{.x}}{{$.b}}{{else}}{{.c}}{{end}}",
        Some(&["a", "b", "c"]),
    );
    check_keys("{{range $k, $v := .l}}{{.x}}{{$v.y}}{{end}}", Some(&["l"]));
    check_keys(
        "{{define \"d\"}}{{.a}}{{end}}{{template \"d\" .}}",
        Some(&["a"]),
    );
    check_keys(
        "{{define \"d\"}}{{.a}}{{end}}{{template \"d\" .b}}",
        Some(&["b"]),
    );
    check_keys(
        "{{define \"d\"}}{{.a}}{{template \"d\" .}}{{end}}{{template \"d\" $}}",
        Some(&["a"]),
    );
    check_keys("{{(.).a}} {{($).b}}", Some(&["a", "b"]));
    check_keys("{{toJson .}}", None);
    check_keys("{{$x := .}}{{$x.a}}", None);
    check_keys("{{range $k, $v := .}}{{$k}}{{end}}", None);
    check_keys("{{index . .a}}", None);
    check_keys("{{with .a}}{{toJson $}}{{end}}", None);
    check_keys(
        "{{template \"d\" (dict \"r\" .)}}{{define \"d\"}}{{.r.a}}{{end}}",
        None,
    );
}

#[test]
fn randomness_and_time_are_told() {
    for (source, expected) in [
        ("{{.a | upper}}", false),
        ("{{now}}", true),
        (
            "{{if .a}}{{range .b}}{{print (randAlpha 3)}}{{end}}{{end}}",
            true,
        ),
        ("{{define \"d\"}}{{uuidv4}}{{end}}", true),
        ("{{(now).Year}}", true),
        ("{{toDate \"2006\" \"2020\"}}", false),
    ] {
        assert_eq!(parsed(source).uses_random_or_time(), expected, "{source}");
    }
}

#[test]
fn public_errors_hide_values() {
    const SECRET: &str = "hunter2";
    let data = Value::strings([("password", SECRET)]);
    for (source, kind) in [
        ("{{fail .password}}", ExecErrorKind::Function("fail".into())),
        (
            "{{mustFromJson .password}}",
            ExecErrorKind::Function("mustFromJson".into()),
        ),
        (
            "{{fail \"hunter2\"}}",
            ExecErrorKind::Function("fail".into()),
        ),
        ("{{.missing}}", ExecErrorKind::MissingKey("missing".into())),
        ("{{range .password}}{{end}}", ExecErrorKind::Value),
        (
            "{{urlParse (print \"::\" .password)}}",
            ExecErrorKind::Function("urlParse".into()),
        ),
        (
            "{{upper .password \"hunter2\"}}",
            ExecErrorKind::Arguments("upper".into()),
        ),
        ("{{template \"hunter2\"}}", ExecErrorKind::MissingTemplate),
    ] {
        let err = execute(&parsed(source), &data).unwrap_err();
        assert_eq!(*err.kind(), kind, "{source}");
        for shown in [err.public(), err.to_string(), format!("{err:?}")] {
            assert!(!shown.contains(SECRET), "{source}: {shown}");
            assert!(shown.starts_with("template t: line 1, column "), "{shown}");
        }
    }
    assert!(!format!("{data:?}").contains(SECRET));
}

fn check_parse(source: &str, public: &str, full: &str) {
    let err = Template::parse("t", source, &Options::default()).unwrap_err();
    assert_eq!(err.public(), format!("template t: {public}"), "{source}");
    assert_eq!(err.full(), format!("template: t:{full}"), "{source}");
    assert_eq!(format!("{err} {err:?}"), format!("{0} {0}", err.public()));
}

#[test]
fn mistakes_in_the_source_are_told_without_its_literals() {
    check_parse(
        "\n {{ toJSON .a }}",
        "line 2, column 4: function \"toJSON\" is not defined",
        "2: function \"toJSON\" not defined",
    );
    check_parse(
        "{{ if .a }}",
        "line 1, column 11: does not parse: unexpected EOF",
        "1: unexpected EOF",
    );
    check_parse(
        "{{ \"hunter2 }}",
        "line 1, column 14: does not parse: unterminated quoted string",
        "1: unterminated quoted string",
    );
    check_parse(
        "{{ .a \"hunter2\"\"hunter2\" }}",
        "line 1, column 15: does not parse: unexpected",
        "1: unexpected \"\\\"hunter2\\\"\" in operand",
    );
    check_parse(
        "{{ end }}",
        "line 1, column 7: does not parse: unexpected {{end}}",
        "1: unexpected {{end}}",
    );
    check_parse(
        "{{ $hunter2 }}",
        "line 1, column 3: does not parse: undefined variable",
        "1: undefined variable \"$hunter2\"",
    );
    let err = Template::parse("t", "{{hunter2}}", &Options::default()).unwrap_err();
    assert_eq!(err.function(), Some("hunter2"));
    assert_eq!(
        err.public_without_names(),
        "template t: line 1, column 2: a function is not defined"
    );
}

//! Shell. Tests of reading the API server's audit log.

use super::parse;

fn line(stage: &str, verb: &str, code: u16) -> String {
    format!(
        r#"{{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","stage":"{stage}",
        "requestURI":"/api/v1/namespaces/a/secrets/s","verb":"{verb}","userAgent":"t/1",
        "requestReceivedTimestamp":"2026-01-01T00:00:00.000001Z",
        "user":{{"username":"tidegate","groups":["system:authenticated"]}},
        "objectRef":{{"resource":"secrets","namespace":"a","name":"s","apiVersion":"v1"}},
        "responseStatus":{{"metadata":{{}},"code":{code}}}}}"#
    )
    .replace('\n', " ")
}

fn check(lines: &[String], expected: &[(&str, u16)]) {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let found = parse(&text).unwrap();
    let found: Vec<(&str, u16)> = found.iter().map(|r| (r.verb.as_str(), r.code)).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_watch_counts_once_when_it_begins() {
    check(
        &[
            line("ResponseStarted", "watch", 200),
            line("ResponseComplete", "get", 404),
            line("ResponseComplete", "watch", 200),
        ],
        &[("watch", 200), ("get", 404)],
    );
}

#[test]
fn a_watch_that_was_refused_counts() {
    check(&[line("ResponseComplete", "watch", 403)], &[("watch", 403)]);
}

#[test]
fn a_line_that_is_still_being_written_waits() {
    let whole = line("ResponseComplete", "create", 201);
    let text = format!("{whole}\n{}", &whole[..40]);
    assert_eq!(parse(&text).unwrap().len(), 1);
}

#[test]
fn a_whole_line_that_is_no_event_is_an_error() {
    assert!(parse("{}\n").is_err());
}

#[test]
fn a_request_carries_who_did_what_to_which_object() {
    let found = parse(&format!("{}\n", line("ResponseComplete", "patch", 200))).unwrap();
    let request = &found[0];
    assert!(request.mutates());
    let fields = [
        &request.user,
        &request.resource,
        &request.namespace,
        &request.name,
    ];
    assert_eq!(fields, ["tidegate", "secrets", "a", "s"]);
    assert_eq!(
        (request.group.as_str(), request.subresource.as_str()),
        ("", "")
    );
}

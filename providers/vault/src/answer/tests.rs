//! Pure. Statuses and bodies, and the kind of failure each means.

use super::*;

fn answer(status: u16, body: &str) -> Answer {
    Answer {
        status,
        retry_after: Some(Duration::from_secs(7)),
        body: Zeroizing::new(body.as_bytes().to_vec()),
    }
}

fn check(status: u16, body: &str, expected: ErrorKind) {
    let failure = answer(status, body).failure("reading \"a/b\"");
    assert_eq!(failure.kind(), expected, "{status} {body}");
}

#[test]
fn absence_needs_vaults_own_evidence() {
    const DELETED: &str = r#"{"data":{"data":null,"metadata":
        {"deletion_time":"2026-01-01T00:00:00Z","destroyed":false,"version":2}}}"#;
    const DESTROYED: &str = r#"{"data":{"data":null,"metadata":
        {"deletion_time":"","destroyed":true,"version":2}}}"#;
    const NOT_GONE: &str = r#"{"data":{"data":null,"metadata":
        {"deletion_time":"","destroyed":false,"version":2}}}"#;
    check(404, r#"{"errors":[]}"#, ErrorKind::NotFound);
    check(404, DELETED, ErrorKind::NotFound);
    check(404, DESTROYED, ErrorKind::NotFound);
    check(404, NOT_GONE, ErrorKind::Unavailable);
    check(404, r#"{"errors":["no handler"]}"#, ErrorKind::Invalid);
    check(
        404,
        r#"{"data":null,"warnings":["not versioned"]}"#,
        ErrorKind::Invalid,
    );
    check(
        404,
        r#"{"errors":[],"warnings":["odd"]}"#,
        ErrorKind::Invalid,
    );
    check(404, r#"{"errors":null}"#, ErrorKind::Unavailable);
    check(404, r#"{"errors":"none"}"#, ErrorKind::Unavailable);
    check(404, "{}", ErrorKind::Unavailable);
    check(404, "", ErrorKind::Unavailable);
    check(404, "<html>not found</html>", ErrorKind::Unavailable);
    check(404, r#"{"errors":[]"#, ErrorKind::Unavailable);
}

#[test]
fn a_plain_request_to_a_tls_port_is_named() {
    let failure = answer(400, "Client sent an HTTP request to an HTTPS server.\n").failure("it");
    assert_eq!(failure.kind(), ErrorKind::Invalid);
    assert!(failure.public().contains("http for https?"), "{failure}");
}

#[test]
fn statuses_have_one_kind_each() {
    let after = Some(Duration::from_secs(7));
    for (status, expected) in [
        (307, ErrorKind::Unavailable),
        (400, ErrorKind::Invalid),
        (401, ErrorKind::Unauthenticated),
        (403, ErrorKind::Denied),
        (405, ErrorKind::Invalid),
        (412, ErrorKind::Unavailable),
        (418, ErrorKind::Unavailable),
        (429, ErrorKind::Throttled { after }),
        (472, ErrorKind::Unavailable),
        (473, ErrorKind::Unavailable),
        (500, ErrorKind::Unavailable),
        (502, ErrorKind::Unavailable),
        (503, ErrorKind::Unavailable),
        (504, ErrorKind::Unavailable),
    ] {
        check(status, r#"{"errors":[]}"#, expected);
    }
}

#[test]
fn an_unreadable_body_is_named_by_its_fault_and_not_quoted() {
    for (body, fault) in [
        ("", "ends too early"),
        ("{\"data\":{\"k\":\"hunter2", "ends too early"),
        ("<hunter2>", "is not JSON"),
        ("\"hunter2\"", "has an unexpected shape"),
    ] {
        let answer = answer(200, body);
        let Err(error) = answer.envelope() else {
            panic!("{body} was read");
        };
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.public().contains(fault), "{body}: {error}");
        assert!(!error.full().contains("hunter2"), "{}", error.full());
    }
}

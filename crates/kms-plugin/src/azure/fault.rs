//! Pure. What an answer of Key Vault or of the token endpoint means, by its status and codes.

use std::time::Duration;

use serde::Deserialize;
use tidegate_contract::{ErrorKind, WrapFault};

/// The body of an error of Key Vault; its words are left alone.
#[derive(Deserialize)]
struct Body {
    error: Told,
}

#[derive(Default, Deserialize)]
struct Told {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    innererror: Option<Inner>,
}

#[derive(Deserialize)]
struct Inner {
    #[serde(default)]
    code: Option<String>,
}

/// The body of an error of the token endpoint.
#[derive(Deserialize)]
struct LoginBody {
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    error_codes: Vec<u64>,
}

/// What was asked, as far as it changes what an answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Versions,
    Wrap,
    Unwrap,
}

/// The fault of an answer, and the code to show.
pub(super) fn fault(
    asked: Asked,
    status: u16,
    body: &[u8],
    after: Option<Duration>,
) -> (WrapFault, String) {
    let told = serde_json::from_slice::<Body>(body).map(|it| it.error);
    let told = told.unwrap_or_default();
    let inner = told.innererror.and_then(|it| it.code);
    let fault = match (status, inner.as_deref()) {
        (403, Some("KeyDisabled" | "KeyExpired" | "KeyNotYetValid")) => WrapFault::Disabled,
        (403, _) => WrapFault::Denied,
        (401, _) => WrapFault::Unauthenticated,
        (404 | 410, _) => WrapFault::Deleted,
        (429, _) => WrapFault::Throttled { after },
        // The request itself is always of the same form: it is the wrapped bytes that are wrong.
        (400, _) if asked == Asked::Unwrap => WrapFault::Corrupt,
        // A conflict is a key that is being deleted or recovered.
        (409, _) => WrapFault::Deleted,
        (400 | 405 | 413 | 415, _) => WrapFault::Invalid,
        _ => WrapFault::Unavailable,
    };
    let code = inner.or(told.code).map(|it| word(&it));
    (fault, code.unwrap_or_else(|| format!("status {status}")))
}

/// The kind of an answer of a token endpoint, and the code to show.
pub(super) fn login(status: u16, body: &[u8], after: Option<Duration>) -> (ErrorKind, String) {
    let told = serde_json::from_slice::<LoginBody>(body).ok();
    let error = told.as_ref().and_then(|it| it.error.as_deref());
    let kind = match (status, error) {
        (429, _) => ErrorKind::Throttled { after },
        (400..=499, Some("invalid_scope" | "invalid_resource" | "unsupported_grant_type")) => {
            ErrorKind::Invalid
        }
        (400 | 401, _) => ErrorKind::Unauthenticated,
        (403, _) => ErrorKind::Denied,
        _ => ErrorKind::Unavailable,
    };
    let shown = match (error, told.as_ref().and_then(|it| it.error_codes.first())) {
        (Some(error), Some(number)) => format!("{} (AADSTS{number})", word(error)),
        (Some(error), None) => word(error),
        (None, _) => format!("status {status}"),
    };
    (kind, shown)
}

/// A code is a word; what is none is cut, for it came from outside.
fn word(code: &str) -> String {
    let allowed = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
    code.chars().filter(allowed).take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_come_from_statuses_and_codes() {
        let check = |asked: Asked, status: u16, body: &str, expected: WrapFault, code: &str| {
            let found = fault(asked, status, body.as_bytes(), None);
            assert_eq!(found, (expected, code.to_owned()), "{status} {body}");
        };
        use Asked::{Unwrap, Versions, Wrap};
        let inner = |code: &str| {
            format!(r#"{{"error":{{"code":"Forbidden","innererror":{{"code":"{code}"}}}}}}"#)
        };
        check(
            Wrap,
            403,
            &inner("KeyDisabled"),
            WrapFault::Disabled,
            "KeyDisabled",
        );
        check(
            Wrap,
            403,
            &inner("KeyExpired"),
            WrapFault::Disabled,
            "KeyExpired",
        );
        check(
            Wrap,
            403,
            &inner("ForbiddenByRbac"),
            WrapFault::Denied,
            "ForbiddenByRbac",
        );
        check(Wrap, 403, "<html>", WrapFault::Denied, "status 403");
        let plain = |code: &str| format!(r#"{{"error":{{"code":"{code}","message":"m"}}}}"#);
        check(
            Wrap,
            404,
            &plain("KeyNotFound"),
            WrapFault::Deleted,
            "KeyNotFound",
        );
        check(
            Wrap,
            401,
            &plain("Unauthorized"),
            WrapFault::Unauthenticated,
            "Unauthorized",
        );
        let throttled = WrapFault::Throttled { after: None };
        check(Wrap, 429, &plain("Throttled"), throttled, "Throttled");
        check(
            Unwrap,
            400,
            &plain("BadParameter"),
            WrapFault::Corrupt,
            "BadParameter",
        );
        check(
            Wrap,
            400,
            &plain("BadParameter"),
            WrapFault::Invalid,
            "BadParameter",
        );
        check(Versions, 400, "", WrapFault::Invalid, "status 400");
        check(Versions, 500, "", WrapFault::Unavailable, "status 500");
        check(Versions, 302, "", WrapFault::Unavailable, "status 302");
        // What is no code is not repeated.
        check(Wrap, 409, &plain("a b\\n<c>"), WrapFault::Deleted, "abc");
    }

    #[test]
    fn a_refused_login_is_no_outage() {
        let check = |status: u16, body: &str, expected: ErrorKind, shown: &str| {
            let found = login(status, body.as_bytes(), None);
            assert_eq!(found, (expected, shown.to_owned()), "{status} {body}");
        };
        let body = r#"{"error":"invalid_client","error_codes":[7000215],"trace_id":"t"}"#;
        let shown = "invalid_client (AADSTS7000215)";
        check(401, body, ErrorKind::Unauthenticated, shown);
        check(
            400,
            r#"{"error":"invalid_scope"}"#,
            ErrorKind::Invalid,
            "invalid_scope",
        );
        check(400, "", ErrorKind::Unauthenticated, "status 400");
        check(429, "", ErrorKind::Throttled { after: None }, "status 429");
        check(503, "", ErrorKind::Unavailable, "status 503");
    }
}

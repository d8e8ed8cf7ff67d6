//! Pure. What an error of AWS means, by its code and status.

use std::time::Duration;

use tidegate_contract::WrapFault;

/// The fault of an answer with this error code and HTTP status.
pub(super) fn fault(code: Option<&str>, status: u16, after: Option<Duration>) -> WrapFault {
    match code.unwrap_or_default() {
        "ThrottlingException"
        | "Throttling"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "LimitExceededException"
        | "SlowDown" => WrapFault::Throttled { after },
        "AccessDeniedException" | "AccessDenied" | "OptInRequired" => WrapFault::Denied,
        "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "IncompleteSignature"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "RequestExpired"
        | "InvalidIdentityToken"
        | "InvalidIdentityTokenException"
        | "IDPRejectedClaim"
        | "IDPRejectedClaimException"
        | "NotAuthorizedException" => WrapFault::Unauthenticated,
        "DisabledException" => WrapFault::Disabled,
        "NotFoundException" => WrapFault::Deleted,
        "InvalidCiphertextException" | "IncorrectKeyException" => WrapFault::Corrupt,
        "KMSInternalException"
        | "KMSInvalidStateException"
        | "KeyUnavailableException"
        | "DependencyTimeoutException"
        | "ServiceUnavailableException"
        | "InternalFailure"
        | "IDPCommunicationError"
        | "IDPCommunicationErrorException" => WrapFault::Unavailable,
        _ => by_status(status, after),
    }
}

const fn by_status(status: u16, after: Option<Duration>) -> WrapFault {
    match status {
        429 => WrapFault::Throttled { after },
        401 => WrapFault::Unauthenticated,
        403 => WrapFault::Denied,
        // A request that our own side got wrong; everything else is no answer at all.
        400 | 404 | 405 | 413 => WrapFault::Invalid,
        _ => WrapFault::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_count_before_statuses() {
        let check = |code: &str, status: u16, expected: WrapFault| {
            let code = Some(code).filter(|it| !it.is_empty());
            assert_eq!(fault(code, status, None), expected, "{code:?} {status}");
        };
        let throttled = WrapFault::Throttled { after: None };
        check("ThrottlingException", 400, throttled);
        check("", 429, throttled);
        check("AccessDeniedException", 400, WrapFault::Denied);
        check("", 403, WrapFault::Denied);
        check(
            "UnrecognizedClientException",
            400,
            WrapFault::Unauthenticated,
        );
        check("ExpiredTokenException", 400, WrapFault::Unauthenticated);
        check("InvalidSignatureException", 403, WrapFault::Unauthenticated);
        check("DisabledException", 400, WrapFault::Disabled);
        check("NotFoundException", 400, WrapFault::Deleted);
        check("InvalidCiphertextException", 400, WrapFault::Corrupt);
        check("IncorrectKeyException", 400, WrapFault::Corrupt);
        check("KMSInternalException", 500, WrapFault::Unavailable);
        check("DependencyTimeoutException", 503, WrapFault::Unavailable);
        check("ValidationException", 400, WrapFault::Invalid);
        check("InvalidKeyUsageException", 400, WrapFault::Invalid);
        // A front that is no AWS: its words count for nothing.
        check("", 502, WrapFault::Unavailable);
        check("", 302, WrapFault::Unavailable);
        check("NoSuchCode", 500, WrapFault::Unavailable);
    }
}

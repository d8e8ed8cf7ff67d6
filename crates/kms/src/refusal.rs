//! Pure. Why a call was not served, and the one place where that becomes a gRPC code.

use tidegate_contract::{WrapError, WrapFault};
use tonic::Code;

/// Why a call was not served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The key service said so, or did not answer.
    Key(WrapFault, String),
    /// The time the caller gave, or ours, is over.
    Deadline,
    /// Too many calls wait for the key service already.
    Busy,
}

impl Refusal {
    /// The gRPC code; it shows in the API server's metrics.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Deadline => Code::DeadlineExceeded,
            Self::Busy | Self::Key(WrapFault::Throttled { .. }, _) => Code::ResourceExhausted,
            Self::Key(fault, _) => match fault {
                WrapFault::Denied => Code::PermissionDenied,
                WrapFault::Unauthenticated => Code::Unauthenticated,
                WrapFault::Disabled | WrapFault::Deleted => Code::FailedPrecondition,
                WrapFault::Corrupt => Code::DataLoss,
                WrapFault::Invalid => Code::InvalidArgument,
                WrapFault::Unavailable | WrapFault::Throttled { .. } => Code::Unavailable,
            },
        }
    }

    /// The text for the API server's log and readiness.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Key(_, text) => text,
            Self::Deadline => "the key service did not answer in time",
            Self::Busy => "too many calls wait for the key service",
        }
    }

    /// What is wrong with the request itself.
    #[must_use]
    pub fn invalid(text: impl Into<String>) -> Self {
        Self::Key(WrapFault::Invalid, text.into())
    }
}

impl From<WrapError> for Refusal {
    fn from(error: WrapError) -> Self {
        Self::Key(error.fault(), error.public().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_has_the_code_that_names_its_cause() {
        let check = |fault: WrapFault, code: Code| {
            assert_eq!(Refusal::Key(fault, String::new()).code(), code, "{fault:?}");
        };
        check(WrapFault::Unavailable, Code::Unavailable);
        check(
            WrapFault::Throttled { after: None },
            Code::ResourceExhausted,
        );
        check(WrapFault::Denied, Code::PermissionDenied);
        check(WrapFault::Unauthenticated, Code::Unauthenticated);
        check(WrapFault::Disabled, Code::FailedPrecondition);
        check(WrapFault::Deleted, Code::FailedPrecondition);
        check(WrapFault::Corrupt, Code::DataLoss);
        check(WrapFault::Invalid, Code::InvalidArgument);
        assert_eq!(Refusal::Deadline.code(), Code::DeadlineExceeded);
        assert_eq!(Refusal::Busy.code(), Code::ResourceExhausted);
    }
}

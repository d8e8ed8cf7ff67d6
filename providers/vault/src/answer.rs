//! Pure. What an answer of Vault means: its status and the structure of its body, never wording.

use std::borrow::Cow;
use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use tidegate_contract::{ErrorKind, ProviderError};
use zeroize::Zeroizing;

/// An answer, read to its end. The body is overwritten on drop.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Zeroizing<Vec<u8>>,
}

/// The frame of Vault's answers; every part may be missing.
#[derive(Deserialize)]
pub(crate) struct Envelope<'a> {
    #[serde(borrow, default)]
    pub(crate) data: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) auth: Option<&'a RawValue>,
    #[serde(default)]
    errors: Option<Vec<IgnoredAny>>,
    #[serde(default)]
    warnings: Option<Vec<IgnoredAny>>,
}

/// Version 2's description of one version, beside its data.
#[derive(Deserialize, Default)]
pub(crate) struct VersionMetadata {
    #[serde(default)]
    pub(crate) version: Option<u64>,
    #[serde(default)]
    deletion_time: String,
    #[serde(default)]
    destroyed: bool,
}

impl VersionMetadata {
    /// True when Vault itself says that this version is gone.
    pub(crate) fn is_gone(&self) -> bool {
        self.destroyed || !self.deletion_time.is_empty()
    }
}

/// The payload of version 2.
#[derive(Deserialize)]
pub(crate) struct Versioned<'a> {
    #[serde(borrow, default)]
    pub(crate) data: Option<&'a RawValue>,
    #[serde(default)]
    pub(crate) metadata: Option<VersionMetadata>,
}

impl Answer {
    /// The body's frame.
    ///
    /// # Errors
    /// `Unavailable` when it is not JSON of the expected shape: something answered, and it tells
    /// nothing about the key.
    pub(crate) fn envelope(&self) -> Result<Envelope<'_>, ProviderError> {
        serde_json::from_slice(&self.body).map_err(|error| unreadable(&error))
    }

    /// True for a status of success.
    pub(crate) const fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }

    /// The failure that a status without success means; `what` says what was asked, such as
    /// `reading "app/db"`. Status 403 is `Denied` here: only a look at the token tells more.
    pub(crate) fn failure(&self, what: &str) -> ProviderError {
        let status = self.status;
        let (kind, text) = match status {
            404 => self.absence(what),
            400 if self.envelope().is_err() => (
                ErrorKind::Invalid,
                "something that is not Vault's API answered (status 400; http for https?)".into(),
            ),
            400 | 405 | 413 | 414 | 422 => (
                ErrorKind::Invalid,
                format!("Vault does not take the request: {what} (status {status})").into(),
            ),
            401 => (
                ErrorKind::Unauthenticated,
                "Vault, or a gateway before it, does not accept the token".into(),
            ),
            403 => (
                ErrorKind::Denied,
                format!("Vault denies {what} to this identity").into(),
            ),
            429 => (
                ErrorKind::Throttled {
                    after: self.retry_after,
                },
                "Vault asks to slow down".into(),
            ),
            // 412: this node has not seen a write yet; 472 and 473: a standby that does not serve.
            412 | 472 | 473 => (
                ErrorKind::Unavailable,
                format!("this node of Vault cannot answer now (status {status})").into(),
            ),
            503 => (
                ErrorKind::Unavailable,
                "Vault is sealed or unavailable (status 503)".into(),
            ),
            300..=399 => (
                ErrorKind::Unavailable,
                "Vault redirects to another address, which is not followed".into(),
            ),
            _ => (
                ErrorKind::Unavailable,
                format!("Vault failed {what} (status {status})").into(),
            ),
        };
        ProviderError::new(kind, text)
    }

    /// Status 404 has three meanings; only the first is evidence of absence: `errors` is there and
    /// empty, or version 2 describes a deleted version. An error text or a warning is a wrong
    /// path, such as one without a mount. Anything else was not said by Vault.
    fn absence(&self, what: &str) -> (ErrorKind, Cow<'static, str>) {
        let Ok(envelope) = self.envelope() else {
            return not_vault();
        };
        if let Some(metadata) = envelope.versioned().and_then(|it| it.metadata)
            && metadata.is_gone()
        {
            return (
                ErrorKind::NotFound,
                format!("Vault has no such secret: {what} (this version is deleted)").into(),
            );
        }
        match (&envelope.errors, &envelope.warnings) {
            (Some(errors), None) if errors.is_empty() => (
                ErrorKind::NotFound,
                format!("Vault has no such secret: {what}").into(),
            ),
            (Some(_), _) | (_, Some(_)) => (
                ErrorKind::Invalid,
                format!("Vault serves no such path: {what} (wrong mount or KV version?)").into(),
            ),
            (None, None) => not_vault(),
        }
    }
}

impl<'a> Envelope<'a> {
    /// The payload as version 2 has it, if it has that shape.
    pub(crate) fn versioned(&self) -> Option<Versioned<'a>> {
        self.data
            .and_then(|data| serde_json::from_str(data.get()).ok())
    }
}

fn not_vault() -> (ErrorKind, Cow<'static, str>) {
    (
        ErrorKind::Unavailable,
        "something that is not Vault answered (status 404)".into(),
    )
}

/// A body that is not what was asked for. The parser's text may quote it, so only the place stays.
pub(crate) fn unreadable(error: &serde_json::Error) -> ProviderError {
    let class = match error.classify() {
        serde_json::error::Category::Eof => "ends too early",
        serde_json::error::Category::Data => "has an unexpected shape",
        _ => "is not JSON",
    };
    ProviderError::new(
        ErrorKind::Unavailable,
        format!("the answer of Vault cannot be read: it {class}"),
    )
}

#[cfg(test)]
mod tests;

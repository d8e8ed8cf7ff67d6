//! Shell. Tells a denied path from an unknown token: Vault answers both with status 403.

use std::time::Duration;

use http::HeaderValue;
use tidegate_contract::{ErrorKind, ProviderError, SecretValue};
use tokio::sync::Mutex;
use tokio::time::Instant;
use vaultrs::api::token::requests::LookupTokenSelfRequest;

use crate::connection::VaultConnection;

/// How long an answer about a token holds: one question a minute, however many paths are denied.
const HOLDS: Duration = Duration::from_secs(60);

/// How long a token that replaced an unknown one is believed when it cannot be looked up either.
///
/// A policy may forbid a token to look at itself (the policy `default` allows it). Then a denied
/// path looks like an unknown token, and each poll of it would log in again; this is the least time
/// between two such logins. The price: of two tokens that really end within it, the second is
/// missed until it is over.
const BLIND: Duration = Duration::from_secs(10 * 60);

/// What is known of the tokens of one identity; bounded at one of each.
#[derive(Debug, Default)]
pub(crate) struct Probe {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The last token that was asked about, and what it turned out to be.
    verdict: Option<(SecretValue, ErrorKind, Instant)>,
    /// The last token that Vault did not know.
    unknown: Option<(SecretValue, Instant)>,
}

impl Probe {
    /// `Denied` or `Unauthenticated`: what a status 403 for `token` means. Callers that ask at
    /// once share one question.
    ///
    /// # Errors
    /// The failure of the question itself.
    pub(crate) async fn kind(
        &self,
        connection: &VaultConnection,
        token: &SecretValue,
        namespace: Option<&HeaderValue>,
    ) -> Result<ErrorKind, ProviderError> {
        if token.is_empty() {
            return Ok(ErrorKind::Unauthenticated);
        }
        let mut state = self.state.lock().await;
        if let Some((asked, kind, at)) = &state.verdict
            && asked == token
            && at.elapsed() < HOLDS
        {
            return Ok(*kind);
        }
        let answer = connection
            .ask(LookupTokenSelfRequest {}, Some(token), namespace)
            .await?;
        let kind = match answer.status {
            _ if answer.is_success() => ErrorKind::Denied,
            401 | 403 => state.without_evidence(token),
            _ => return Err(answer.failure("looking up the token")),
        };
        state.verdict = Some((token.clone(), kind, Instant::now()));
        Ok(kind)
    }
}

impl State {
    /// The token cannot be looked up: unknown, unless it has just replaced another one that could
    /// not be looked up either.
    fn without_evidence(&mut self, token: &SecretValue) -> ErrorKind {
        let now = Instant::now();
        let before = self.unknown.as_ref();
        if before.is_some_and(|(it, at)| it != token && now.duration_since(*at) < BLIND) {
            return ErrorKind::Denied;
        }
        self.unknown = Some((token.clone(), now));
        ErrorKind::Unauthenticated
    }
}

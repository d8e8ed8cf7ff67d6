//! Shell. One request to the API server: leadership, permit, deadline, and what came of it.

use std::fmt::Write;
use std::time::Duration;

use http::Request;
use http::header::RETRY_AFTER;
use kube::Client;
use kube::client::Body;
use kube::core::Status;
use serde::de::DeserializeOwned;

use super::DEADLINE;
use super::endings::Endings;
use super::limit::Verdict;
use super::permits::{Class, Permit, Permits};
use crate::clock::Clock;
use crate::lease::Leadership;

/// Attempts at one request when the server answers 429 or a dropped connection.
const ATTEMPTS: u32 = 4;

/// Why the API server did not do it. The texts are stable and free of values: the server's own
/// messages may quote what was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// 404.
    #[error("it does not exist")]
    NotFound,
    /// 409 AlreadyExists.
    #[error("it exists already")]
    AlreadyExists,
    /// 409.
    #[error("it changed meanwhile")]
    Conflict,
    /// 403, with the reason of the machinery (a quota, a policy, missing rights).
    #[error("forbidden ({0})")]
    Forbidden(&'static str),
    /// 400 or 422, with what is known of the field.
    #[error("refused as invalid{0}")]
    Invalid(String),
    /// 403 because the namespace is being deleted, or not sent because it is known to be.
    #[error("forbidden (the namespace is being deleted)")]
    Ending,
    /// 413.
    #[error("too large for the API server")]
    TooLarge,
    /// 429 to the last attempt.
    #[error("the API server pushes back")]
    Throttled,
    /// Another replica holds the Lease.
    #[error("this replica does not hold the Lease")]
    NotLeader,
    /// No answer, or one of the 5xx kind.
    #[error("the API server did not answer")]
    Unavailable,
}

/// Sends requests.
#[derive(Debug, Clone)]
pub struct Api {
    client: ClientDebug,
    permits: Permits,
    leadership: Leadership,
    endings: Endings,
    clock: Clock,
}

/// `kube::Client` has no `Debug`.
#[derive(Clone)]
struct ClientDebug(Client);

impl std::fmt::Debug for ClientDebug {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client")
    }
}

impl Api {
    /// Sends through `client`.
    #[must_use]
    pub fn new(client: Client, permits: Permits, leadership: Leadership, clock: Clock) -> Self {
        Self {
            client: ClientDebug(client),
            permits,
            leadership,
            endings: Endings::default(),
            clock,
        }
    }

    /// Namespaces that take nothing new.
    #[must_use]
    pub fn endings(&self) -> &Endings {
        &self.endings
    }

    /// The clock of permits and deadlines.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Sends a write that a namespace's end does not stop: a deletion, or what lets one go on. 429
    /// and dropped connections are tried again a few times.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub async fn send<T: DeserializeOwned>(
        &self,
        class: Class,
        request: Request<Vec<u8>>,
    ) -> Result<T, Refusal> {
        let may = || match self.leadership.may_write() {
            true => Ok(()),
            false => Err(Refusal::NotLeader),
        };
        self.attempt(class, request, may).await
    }

    /// Sends a write into a namespace as [`Api::send`] does, unless the namespace ends; asked when
    /// it has its permit, since it may have waited for that for long.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub async fn send_into<T: DeserializeOwned>(
        &self,
        namespace: &str,
        class: Class,
        request: Request<Vec<u8>>,
    ) -> Result<T, Refusal> {
        let may = || match (self.leadership.may_write(), self.endings.hold(namespace)) {
            (false, _) => Err(Refusal::NotLeader),
            (true, true) => Err(Refusal::Ending),
            (true, false) => Ok(()),
        };
        let answer = self.attempt(class, request, may).await;
        if matches!(answer, Err(Refusal::Ending)) {
            self.endings.begin(namespace);
        }
        answer
    }

    /// Sends a read, which needs no Lease.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub async fn read<T: DeserializeOwned>(
        &self,
        class: Class,
        request: Request<Vec<u8>>,
    ) -> Result<T, Refusal> {
        self.attempt(class, request, || Ok(())).await
    }

    async fn attempt<T: DeserializeOwned>(
        &self,
        class: Class,
        request: Request<Vec<u8>>,
        may: impl Fn() -> Result<(), Refusal>,
    ) -> Result<T, Refusal> {
        let mut last = Refusal::Unavailable;
        for round in 0..ATTEMPTS {
            if round > 0 {
                tokio::time::sleep(Duration::from_millis(100 << round)).await;
            }
            let permit = self.permits.acquire(class).await;
            may()?;
            let call = exchange::<T>(&self.client.0, request.clone());
            let answer = tokio::time::timeout(DEADLINE, call).await;
            match judge(answer, permit) {
                Err(refusal @ (Refusal::Throttled | Refusal::Unavailable)) => last = refusal,
                settled => return settled,
            }
        }
        Err(last)
    }
}

/// What came of one request: the error, and how long the server asks to stay away.
type Exchanged<T> = Result<T, (kube::Error, Option<Duration>)>;
type Timed<T> = Result<Exchanged<T>, tokio::time::error::Elapsed>;

/// Sends one request. `Client::request` would lose the header of a 429, and the API server's own
/// flow control says `Retry-After` there and nowhere else.
async fn exchange<T: DeserializeOwned>(client: &Client, request: Request<Vec<u8>>) -> Exchanged<T> {
    let unasked = |error| (error, None);
    let answer = client
        .send(request.map(Body::from))
        .await
        .map_err(unasked)?;
    let status = answer.status();
    let header = answer.headers().get(RETRY_AFTER);
    let after = header.and_then(|value| value.to_str().ok()?.parse().ok());
    let body = answer.into_body().collect_bytes().await.map_err(unasked)?;
    if status.is_success() {
        let parsed = serde_json::from_slice(&body).map_err(kube::Error::SerdeError);
        return parsed.map_err(unasked);
    }
    let told = serde_json::from_slice::<Status>(&body);
    let told = told.unwrap_or_else(|_| Status::failure("", "").with_code(status.as_u16()));
    let after = after
        .map(Duration::from_secs)
        .map(|after| after.min(LONGEST_AFTER));
    Err((kube::Error::Api(told.boxed()), after))
}

/// The longest `Retry-After` that is believed.
const LONGEST_AFTER: Duration = Duration::from_secs(60);

/// Tells the permit how it went, and the caller what it means.
fn judge<T>(answer: Timed<T>, permit: Permit) -> Result<T, Refusal> {
    let answer = match answer {
        Ok(answer) => answer,
        Err(_) => {
            permit.ended(Verdict::Lost);
            return Err(Refusal::Unavailable);
        }
    };
    let mut pause = None;
    let refusal = match answer {
        Ok(value) => {
            permit.ended(Verdict::Answered);
            return Ok(value);
        }
        Err((kube::Error::Api(status), after)) => {
            pause = after;
            of_status(&status)
        }
        Err((error, _)) => {
            tracing::debug!(error = kind_of(&error), "no answer from the API server");
            Refusal::Unavailable
        }
    };
    permit.ended(match refusal {
        Refusal::Throttled => Verdict::Throttled(pause),
        Refusal::Unavailable => Verdict::Lost,
        _ => Verdict::Answered,
    });
    Err(refusal)
}

fn of_status(status: &Status) -> Refusal {
    match status.code {
        404 => Refusal::NotFound,
        409 if status.reason == "AlreadyExists" => Refusal::AlreadyExists,
        409 => Refusal::Conflict,
        403 if status.message.contains("exceeded quota") => Refusal::Forbidden("quota exceeded"),
        403 if status.message.contains("is being terminated") => Refusal::Ending,
        403 => Refusal::Forbidden("missing rights or a policy"),
        413 => Refusal::TooLarge,
        429 => Refusal::Throttled,
        // The patch is guarded by resourceVersion: 422 on it means that it no longer fits.
        400 | 422 => Refusal::Invalid(fields(status)),
        _ => Refusal::Unavailable,
    }
}

/// The names of the refused fields; never the messages, which quote values.
fn fields(status: &Status) -> String {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let mut names: Vec<&str> = causes.map(|cause| cause.field.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names.retain(|name| !name.is_empty());
    if names.is_empty() {
        String::new()
    } else {
        format!(": {}", names.join(", "))
    }
}

/// A word for the kind of error; the error's own text may hold addresses.
fn kind_of(error: &kube::Error) -> &'static str {
    match error {
        kube::Error::HyperError(_) => "connection",
        kube::Error::Service(_) => "transport",
        kube::Error::SerdeError(_) => "undecodable answer",
        _ => "other",
    }
}

/// Encodes one part of a path or one value of a query.
#[must_use]
pub fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _infallible = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_paths_are_encoded() {
        assert_eq!(percent("a-b.c_d~e"), "a-b.c_d~e");
        assert_eq!(percent("x/y?z=%"), "x%2Fy%3Fz%3D%25");
    }
}

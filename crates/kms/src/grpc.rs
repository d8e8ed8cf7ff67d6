//! Shell. The three methods of the protocol, from HTTP/2 requests to the key service and back.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::HeaderMap;
use hyper::body::Incoming;
use tidegate_contract::SecretValue;
use tonic::body::Body;
use tonic::server::{Grpc, UnaryService};
use tonic::{Code, Request, Response, Status};
use tonic_prost::ProstCodec;

use crate::pin::Pin as Told;
use crate::proto::{
    DecryptRequest, DecryptResponse, EncryptRequest, EncryptResponse, SERVICE, StatusRequest,
    StatusResponse,
};
use crate::refusal::Refusal;
use crate::service::{Envelope, KeyService};

/// The largest message: the API server's limits leave 35 KiB for a Decrypt.
const MAX_MESSAGE: usize = 64 << 10;
/// The largest plaintext; a seed has 32 bytes.
const MAX_PLAINTEXT: usize = 1024;

/// One connection of an API server.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    service: Arc<KeyService>,
    told: Arc<Mutex<Told>>,
}

type Answering<T> = Pin<Box<dyn Future<Output = Result<Response<T>, Status>> + Send>>;

impl Connection {
    pub(crate) fn new(service: Arc<KeyService>) -> Self {
        Self {
            service,
            told: Arc::default(),
        }
    }

    /// Serves one request.
    pub(crate) async fn serve(
        self,
        request: http::Request<Incoming>,
    ) -> Result<http::Response<Body>, Infallible> {
        let began = tokio::time::Instant::now();
        let path = request.uri().path().strip_prefix('/').unwrap_or("");
        let method = path
            .strip_prefix(SERVICE)
            .and_then(|rest| rest.strip_prefix('/'));
        let allowed = timeout_of(request.headers());
        let (name, response) = match method {
            Some("Status") => ("status", unary(Asks(self.clone()), request).await),
            Some("Encrypt") => {
                let response = unary(Encrypts(self.clone(), allowed), request).await;
                ("encrypt", response)
            }
            Some("Decrypt") => {
                let response = unary(Decrypts(self.clone(), allowed), request).await;
                ("decrypt", response)
            }
            _ => {
                let status = Status::unimplemented("this socket serves KMS v2 alone");
                ("other", status.into_http())
            }
        };
        let code = Status::from_header_map(response.headers());
        let code = code.map_or(Code::Ok, |status| status.code());
        let metrics = self.service.metrics();
        metrics.served(self.service.name(), name, label(code), began.elapsed());
        Ok(response)
    }

    fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn unary<S>(service: S, request: http::Request<Incoming>) -> http::Response<Body>
where
    S: Handles,
{
    Grpc::new(ProstCodec::<S::Out, S::In>::default())
        .max_decoding_message_size(MAX_MESSAGE)
        .unary(Unary(service), request)
        .await
}

/// One method of the protocol.
trait Handles: Send + 'static {
    type In: prost::Message + Default + Send + 'static;
    type Out: prost::Message + Default + Send + 'static;

    fn handle(&self, request: Self::In) -> Answering<Self::Out>;
}

struct Unary<S>(S);

impl<S: Handles> UnaryService<S::In> for Unary<S> {
    type Response = S::Out;
    type Future = Answering<S::Out>;

    fn call(&mut self, request: Request<S::In>) -> Self::Future {
        self.0.handle(request.into_inner())
    }
}

struct Asks(Connection);
struct Encrypts(Connection, Option<Duration>);
struct Decrypts(Connection, Option<Duration>);

impl Handles for Asks {
    type In = StatusRequest;
    type Out = StatusResponse;

    fn handle(&self, _request: StatusRequest) -> Answering<StatusResponse> {
        let told = self.0.service.status(&mut self.0.told());
        let answer = told.map_err(|refusal| status(&refusal)).map(|told| {
            Response::new(StatusResponse {
                version: "v2".to_owned(),
                healthz: told.healthz,
                key_id: told.key_id,
            })
        });
        Box::pin(std::future::ready(answer))
    }
}

impl Handles for Encrypts {
    type In = EncryptRequest;
    type Out = EncryptResponse;

    fn handle(&self, mut request: EncryptRequest) -> Answering<EncryptResponse> {
        let plaintext = SecretValue::new(std::mem::take(&mut request.plaintext));
        let uid = std::mem::take(&mut request.uid);
        let Self(connection, allowed) = self;
        let service = Arc::clone(&connection.service);
        let (pin, end) = (connection.told().clone(), service.end(*allowed));
        Box::pin(async move {
            if plaintext.is_empty() || plaintext.len() > MAX_PLAINTEXT {
                return Err(Status::invalid_argument("a seed has 1 to 1024 bytes"));
            }
            let wrapped = service.encrypt(plaintext, &pin, end).await;
            let wrapped = wrapped.map_err(|refusal| refuse(&service, "Encrypt", &uid, &refusal))?;
            Ok(Response::new(EncryptResponse {
                ciphertext: wrapped.ciphertext,
                key_id: wrapped.key_id,
                annotations: wrapped.annotations,
            }))
        })
    }
}

impl Handles for Decrypts {
    type In = DecryptRequest;
    type Out = DecryptResponse;

    fn handle(&self, request: DecryptRequest) -> Answering<DecryptResponse> {
        let Self(connection, allowed) = self;
        let service = Arc::clone(&connection.service);
        let end = service.end(*allowed);
        Box::pin(async move {
            let stored = Envelope {
                ciphertext: request.ciphertext,
                key_id: request.key_id,
                annotations: request.annotations,
            };
            let uid = request.uid;
            let seed = service.decrypt(stored, end).await;
            let seed = seed.map_err(|refusal| refuse(&service, "Decrypt", &uid, &refusal))?;
            Ok(Response::new(DecryptResponse {
                plaintext: seed.expose().to_vec(),
            }))
        })
    }
}

fn status(refusal: &Refusal) -> Status {
    Status::new(refusal.code(), refusal.text())
}

/// Ties our log to the API server's by the uid, which is random and tells nothing.
fn refuse(service: &KeyService, call: &str, uid: &str, refusal: &Refusal) -> Status {
    let uid: String = uid.chars().take(36).collect();
    let code = label(refusal.code());
    let (service, why) = (service.name(), refusal.text());
    tracing::warn!(service, call, uid, code, why, "refused");
    status(refusal)
}

/// The time that the caller gives, as gRPC sends it: up to eight digits and a unit.
fn timeout_of(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u64 = digits.parse().ok().filter(|_| digits.len() <= 8)?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

/// The code's name, as gRPC's own metrics have it.
const fn label(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::DeadlineExceeded => "DeadlineExceeded",
        Code::ResourceExhausted => "ResourceExhausted",
        Code::PermissionDenied => "PermissionDenied",
        Code::Unauthenticated => "Unauthenticated",
        Code::FailedPrecondition => "FailedPrecondition",
        Code::DataLoss => "DataLoss",
        Code::InvalidArgument => "InvalidArgument",
        Code::Unavailable => "Unavailable",
        Code::Unimplemented => "Unimplemented",
        Code::OutOfRange => "OutOfRange",
        _ => "Other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_are_read_as_grpc_sends_them() {
        let check = |text: &str, expected: Option<Duration>| {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", text.parse().unwrap());
            assert_eq!(timeout_of(&headers), expected, "{text}");
        };
        check("2999965u", Some(Duration::from_micros(2_999_965)));
        check("3S", Some(Duration::from_secs(3)));
        check("100m", Some(Duration::from_millis(100)));
        check("1H", Some(Duration::from_secs(3600)));
        for wrong in ["", "3", "S", "-1S", "123456789S", "3s", "1é"] {
            let mut headers = HeaderMap::new();
            headers.insert(
                "grpc-timeout",
                http::HeaderValue::from_bytes(wrong.as_bytes()).unwrap(),
            );
            assert_eq!(timeout_of(&headers), None, "{wrong}");
        }
    }
}

//! Shell. The admin port: `/livez` (this process alone), `/readyz`, `/metrics`.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;
use crate::pin::Pin;
use crate::service::KeyService;

/// Connections at once.
const CONNECTIONS: usize = 32;
/// How long a client may take for its headers.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a connection may last in all.
const LIFE: Duration = Duration::from_secs(60);

/// Listens for the admin port.
///
/// # Errors
/// When the address is taken or not ours.
pub async fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// Serves the admin port until `stop`.
pub async fn serve(
    listener: TcpListener,
    services: Vec<Arc<KeyService>>,
    metrics: Metrics,
    stop: CancellationToken,
) {
    let services: Arc<[Arc<KeyService>]> = services.into();
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let Ok(permit) = Arc::clone(&room).try_acquire_owned() else {
            continue;
        };
        let (services, metrics) = (Arc::clone(&services), metrics.clone());
        #[allow(
            clippy::disallowed_methods,
            reason = "a connection holds one of a bounded number of permits and ends by its deadline"
        )]
        let _detached = tokio::spawn(async move {
            let answer = service_fn(move |request: Request<Incoming>| {
                let response = answer(request.uri().path(), &services, &metrics);
                std::future::ready(Ok::<_, Infallible>(response))
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(PATIENCE)
                .max_buf_size(16 << 10)
                .serve_connection(TokioIo::new(stream), answer);
            // A client that breaks off or stays too long has no answer to miss.
            let _ = tokio::time::timeout(LIFE, connection).await;
            drop(permit);
        });
    }
}

fn answer(path: &str, services: &[Arc<KeyService>], metrics: &Metrics) -> Response<Full<Bytes>> {
    let (status, text) = match path {
        "/livez" => (StatusCode::OK, "ok\n".to_owned()),
        "/readyz" => readiness(services),
        "/metrics" => match metrics.text() {
            Ok(text) => (StatusCode::OK, text),
            Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, String::new()),
        },
        _ => (
            StatusCode::NOT_FOUND,
            "here are /livez, /readyz and /metrics\n".to_owned(),
        ),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let text = http::HeaderValue::from_static("text/plain; charset=utf-8");
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, text);
    response
}

/// Ready when every key service has a key id to tell; one line for each.
fn readiness(services: &[Arc<KeyService>]) -> (StatusCode, String) {
    let mut status = StatusCode::OK;
    let mut text = String::new();
    for service in services {
        let told = service.status(&mut Pin::default());
        let line = match &told {
            Ok(told) => told.healthz.as_str(),
            Err(refusal) => {
                status = StatusCode::SERVICE_UNAVAILABLE;
                refusal.text()
            }
        };
        text.push_str(&format!("{}: {line}\n", service.name()));
    }
    (status, text)
}

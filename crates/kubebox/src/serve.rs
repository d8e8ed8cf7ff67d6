//! Shell. The loopback server: TLS and a bearer token, HTTP/1.1 and HTTP/2.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use tower::Service;

use crate::access::Access;
use crate::body::{Body, Reset};
use crate::kubebox::Kubebox;

/// Connections served at once; a further one waits to be accepted.
const MAX_CONNECTIONS: usize = 16_384;
/// Longest wait for a client's half of the TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

impl Kubebox {
    /// Serves the API until `shutdown` resolves; every request must carry the bearer token.
    ///
    /// # Errors
    /// Fails when the listener is bound to anything but loopback, or its address is unknown.
    pub async fn serve(
        &self,
        listener: TcpListener,
        access: &Access,
        shutdown: impl Future<Output = ()> + Send,
    ) -> io::Result<()> {
        if !listener.local_addr()?.ip().is_loopback() {
            let text = "the embedded API listens on loopback only";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let expected: Arc<str> = format!("Bearer {}", access.token()).into();
        let tls = access.acceptor();
        let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let tasks = TaskTracker::new();
        let stop = tokio_util::sync::CancellationToken::new();
        tokio::pin!(shutdown);
        loop {
            let Ok(place) = Arc::clone(&room).acquire_owned().await else {
                break;
            };
            let stream = tokio::select! {
                () = &mut shutdown => break,
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => stream,
                    // The peer is gone, or the process is out of descriptors for the moment.
                    Err(_) => {
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        continue;
                    }
                },
            };
            let (kubebox, expected, stop) = (self.clone(), Arc::clone(&expected), stop.clone());
            let tls = tls.clone();
            tasks.spawn(async move {
                let handshake = tokio::time::timeout(HANDSHAKE, tls.accept(stream));
                let Ok(Ok(stream)) = handshake.await else {
                    return;
                };
                let service = service_fn(move |request| {
                    checked(kubebox.clone(), Arc::clone(&expected), request)
                });
                let builder = Builder::new(TokioExecutor::new());
                let connection = builder.serve_connection(TokioIo::new(stream), service);
                tokio::select! {
                    // An error here is the client's or a fault rule's; neither is ours to report.
                    _ = connection => {}
                    () = stop.cancelled() => {}
                }
                drop(place);
            });
        }
        stop.cancel();
        tasks.close();
        tasks.wait().await;
        Ok(())
    }
}

async fn checked(
    mut kubebox: Kubebox,
    expected: Arc<str>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Reset> {
    let sent = request
        .headers()
        .get(AUTHORIZATION)
        .map(|v| v.as_bytes())
        .unwrap_or_default();
    if !same(sent, expected.as_bytes()) {
        return Ok(Kubebox::unauthorized());
    }
    kubebox.call(request).await
}

/// Compares in a time that does not depend on where the texts differ.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |all, (x, y)| all | (x ^ y)) == 0
}

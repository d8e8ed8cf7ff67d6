//! Shell. Serves one key service at one socket: who may connect, how many at once, and the end.

use std::os::unix::net::UnixListener as Listener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::grpc::Connection;
use crate::inspect::Inspected;
use crate::preface;
use crate::service::KeyService;

/// Connections at once; an API server holds one.
const CONNECTIONS: usize = 16;
/// Requests of one connection at once.
const STREAMS: u32 = 256;
/// Bytes of the headers of one request.
const HEADERS: u32 = 16 << 10;
/// The pause after a failed accept: it fails when there are no file descriptors left.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);
/// How long calls in flight may take at the end: a call's whole time.
const DRAIN: Duration = Duration::from_secs(3);

/// Serves `service` at `listener` until `stop`; only processes of `uids` are let in.
///
/// # Errors
/// When the listener cannot be used.
pub async fn serve(
    service: Arc<KeyService>,
    listener: Listener,
    socket: &Path,
    uids: &[u32],
    stop: CancellationToken,
) -> std::io::Result<()> {
    let listener = UnixListener::from_std(listener)?;
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let tasks = TaskTracker::new();
    let shown = socket.display().to_string();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::error!(service = service.name(), %error, "a connection failed");
                tokio::time::sleep(ACCEPT_AGAIN).await;
                continue;
            }
        };
        if !admitted(&service, &stream, uids) {
            continue;
        }
        let Ok(permit) = Arc::clone(&room).try_acquire_owned() else {
            tracing::warn!(
                service = service.name(),
                "too many connections: one is refused"
            );
            continue;
        };
        let connection = handle(Arc::clone(&service), stream, shown.clone(), stop.clone());
        tasks.spawn(async move {
            connection.await;
            drop(permit);
        });
    }
    drop(listener);
    tasks.close();
    // Whoever is not done by then is dropped with the runtime.
    let _ = tokio::time::timeout(DRAIN, tasks.wait()).await;
    Ok(())
}

/// The socket's mode keeps others out already; this holds also where the mode was changed.
fn admitted(service: &KeyService, stream: &UnixStream, uids: &[u32]) -> bool {
    let uid = stream.peer_cred().map(|peer| peer.uid());
    match uid {
        Ok(uid) if uids.contains(&uid) => true,
        Ok(uid) => {
            tracing::warn!(
                service = service.name(),
                uid,
                "a process of this user is refused: name the user in `allowed-uids` if it should \
                 be let in"
            );
            false
        }
        Err(error) => {
            tracing::warn!(service = service.name(), %error, "a peer without a user is refused");
            false
        }
    }
}

async fn handle(
    service: Arc<KeyService>,
    stream: UnixStream,
    socket: String,
    stop: CancellationToken,
) {
    let name = service.name().to_owned();
    let io = Inspected::new(stream, move |authority| {
        let advice = preface::advice(authority, &socket);
        tracing::error!(service = name, "{advice}");
    });
    let connection = Connection::new(Arc::clone(&service));
    let serve = service_fn(move |request| connection.clone().serve(request));
    let mut http = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEADERS)
        .serve_connection(TokioIo::new(io), serve);
    let mut http = std::pin::Pin::new(&mut http);
    let ended = tokio::select! {
        ended = http.as_mut() => ended,
        () = stop.cancelled() => {
            http.as_mut().graceful_shutdown();
            http.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(service = service.name(), %error, "a connection ended");
    }
}

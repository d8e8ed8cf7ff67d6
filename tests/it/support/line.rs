//! Shell. The line from one process to the embedded API: it names the process, counts its writes in
//! flight, and delivers them even when the process is gone.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use http::header::USER_AGENT;
use http::{HeaderValue, Method, Request, Response};
use kube::client::Body;
use kubebox::{Kubebox, Reset};
use tower::Service;

use super::tape::{Tape, text};

/// Writes in flight, now and at most, of all processes together.
#[derive(Debug, Clone, Default)]
pub struct Flights {
    now: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Flights {
    /// The most there were at once.
    pub fn most(&self) -> usize {
        self.most.load(Ordering::Relaxed)
    }

    /// Those there are now.
    pub fn now(&self) -> usize {
        self.now.load(Ordering::Relaxed)
    }

    fn begin(&self) -> Flight {
        let now = self.now.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(now, Ordering::Relaxed);
        Flight(Arc::clone(&self.now))
    }
}

struct Flight(Arc<AtomicUsize>);

impl Drop for Flight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A service under one `kube::Client`.
#[derive(Clone)]
pub struct Line {
    kubebox: Kubebox,
    name: HeaderValue,
    flights: Flights,
    tape: Tape,
}

impl Line {
    pub fn new(kubebox: &Kubebox, name: &str, flights: &Flights, tape: &Tape) -> Self {
        Self {
            kubebox: kubebox.clone(),
            name: HeaderValue::from_str(name).unwrap(),
            flights: flights.clone(),
            tape: tape.clone(),
        }
    }
}

type Answer = Result<Response<kubebox::Body>, Reset>;

impl Service<Request<Body>> for Line {
    type Response = Response<kubebox::Body>;
    type Error = Reset;
    type Future = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Reset>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        request.headers_mut().insert(USER_AGENT, self.name.clone());
        // The Lease has a way of its own: it must not wait behind the writes that it permits.
        let counted = request.method() != Method::GET && !request.uri().path().contains("/leases");
        let flight = counted.then(|| self.flights.begin());
        let answer = self.answer(request);
        let Some(flight) = flight else { return answer };
        // What is sent is sent: a write arrives even when its process is killed meanwhile.
        #[allow(clippy::disallowed_methods, reason = "it must outlive its caller")]
        let sent = tokio::spawn(async move {
            let _flight = flight;
            answer.await
        });
        Box::pin(async move { sent.await.unwrap_or(Err(Reset)) })
    }
}

impl Line {
    fn answer(&mut self, request: Request<Body>) -> <Self as Service<Request<Body>>>::Future {
        if !self.tape.is_running() {
            return self.kubebox.call(request);
        }
        let (mut kubebox, tape, name) =
            (self.kubebox.clone(), self.tape.clone(), self.name.clone());
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let what = format!("{name:?} {} {}", parts.method, parts.uri);
            let body = body.collect_bytes().await.unwrap();
            tape.note(|| format!("{what} {}", text(&body)));
            let answer = kubebox
                .call(Request::from_parts(parts, Body::from(body)))
                .await;
            let code = answer.as_ref().map_or(0, |answer| answer.status().as_u16());
            tape.note(|| format!("{what} -> {code}"));
            answer
        })
    }
}

//! Shell. Benchmark: the same requests of the same client to kubebox and to a real API server.
//!
//! `cargo bench -p kubebox --bench beside` prints one table: kubebox in the process, kubebox over
//! TLS, and kube-apiserver with etcd; each alone, then with 32 requests in flight.

use std::error::Error;
use std::io::Write;
use std::time::Duration;

use futures::StreamExt;
use http::Request;
use kube::Client;
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use kubebox::{Access, Kubebox, Options, kubeconfig};
use serde_json::{Value, json};
use tidegate_testservers::{ADMIN, ControlPlane, ControlPlaneOptions};
use tokio::time::Instant;

type Outcome<T> = Result<T, Box<dyn Error>>;

const SECRETS: &str = "/api/v1/namespaces/default/secrets";
/// Requests of each kind that are measured.
const REQUESTS: usize = 2000;
/// Requests in flight at once.
const FLIGHTS: [usize; 2] = [1, 32];
/// The kinds, in the order in which they need each other.
const KINDS: [&str; 4] = ["create", "patch", "get", "delete"];

async fn client(text: &str) -> Outcome<Client> {
    let options = KubeConfigOptions::default();
    let parsed = Kubeconfig::from_yaml(text)?;
    let config = Config::from_custom_kubeconfig(parsed, &options).await?;
    Ok(Client::try_from(config)?)
}

fn request(kind: &str, name: &str) -> Outcome<Request<Vec<u8>>> {
    let value = "dmFsdWVz".repeat(8);
    let path = format!("{SECRETS}/{name}");
    let (method, path, media, body) = match kind {
        "create" => {
            let meta = json!({ "name": name, "labels": { "app": "bench" } });
            let data = json!({ "user": value, "password": value });
            let body = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": meta,
                               "type": "Opaque", "data": data });
            ("POST", SECRETS.to_owned(), "application/json", body)
        }
        "patch" => {
            let body = json!({ "data": { "user": "bmV3" } });
            ("PATCH", path, "application/merge-patch+json", body)
        }
        "get" => ("GET", path, "application/json", Value::Null),
        _ => ("DELETE", path, "application/json", Value::Null),
    };
    let body = match body {
        Value::Null => Vec::new(),
        body => body.to_string().into_bytes(),
    };
    let request = Request::builder().method(method).uri(path);
    Ok(request.header("content-type", media).body(body)?)
}

/// Sends all requests of a kind; gives the whole time and the time of each.
async fn measure(
    client: &Client,
    kind: &str,
    flights: usize,
) -> Outcome<(Duration, Vec<Duration>)> {
    let send = |number: usize| async move {
        let request = request(kind, &format!("s{flights}-{number}"))?;
        let sent = Instant::now();
        client.request::<Value>(request).await?;
        Outcome::Ok(sent.elapsed())
    };
    let began = Instant::now();
    let sent: Vec<Outcome<Duration>> = futures::stream::iter((0..REQUESTS).map(send))
        .buffer_unordered(flights)
        .collect()
        .await;
    let whole = began.elapsed();
    let mut times = sent.into_iter().collect::<Outcome<Vec<Duration>>>()?;
    times.sort_unstable();
    Ok((whole, times))
}

async fn table(out: &mut impl Write, server: &str, client: &Client) -> Outcome<()> {
    for flights in FLIGHTS {
        for kind in KINDS {
            let (whole, times) = measure(client, kind, flights).await?;
            let rate = REQUESTS as f64 / whole.as_secs_f64();
            let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e3;
            let (median, late) = (at(50), at(99));
            writeln!(
                out,
                "{server:<24} {kind:<8} {flights:>9} {rate:>10.0} {median:>9.2} {late:>9.2}"
            )?;
        }
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Outcome<()> {
    // `cargo test --benches` asks for a run without figures; it would need the real server.
    if std::env::args().any(|arg| arg == "--test") {
        return Ok(());
    }
    let mut out = std::io::stdout();
    writeln!(
        out,
        "{:<24} {:<8} {:>9} {:>10} {:>9} {:>9}",
        "server", "request", "in flight", "per second", "p50 ms", "p99 ms"
    )?;
    let kubebox = Kubebox::new(Options::default());
    let inside = Client::new(kubebox, "default");
    table(&mut out, "kubebox, in process", &inside).await?;

    let kubebox = Kubebox::new(Options::default());
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let access = Access::new("bench".repeat(8))?;
    let text = kubeconfig(listener.local_addr()?, &access);
    let over_tls = client(&text).await?;
    tokio::select! {
        ended = kubebox.serve(listener, &access, std::future::pending()) => ended?,
        done = table(&mut out, "kubebox, TLS", &over_tls) => done?,
    }

    let plane = ControlPlane::start(ControlPlaneOptions::default().without_controllers()).await?;
    let real = client(&plane.kubeconfig(ADMIN)?).await?;
    table(&mut out, "kube-apiserver and etcd", &real).await
}

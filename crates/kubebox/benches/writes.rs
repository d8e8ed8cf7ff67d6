//! Shell. Benchmark: writes, reads and fan-out of the embedded API, on one thread.

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use http::{Method, Request};
use http_body_util::Full;
use kubebox::{Kubebox, Options};
use serde_json::json;
use tokio::runtime::Runtime;
use tower::Service;

const SECRETS: &str = "/api/v1/namespaces/default/secrets";

fn request(method: Method, url: &str, body: String) -> Request<Full<Bytes>> {
    let media = if method == Method::PATCH {
        "application/merge-patch+json"
    } else {
        "application/json"
    };
    Request::builder()
        .method(method)
        .uri(url)
        .header("content-type", media)
        .header("user-agent", "bench/1")
        .body(Full::new(body.into()))
        .unwrap_or_default()
}

fn object(name: &str) -> String {
    let value = "dmFsdWVz".repeat(8);
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name,
        "labels": {"app.kubernetes.io/managed-by": "bench"}}, "type": "Opaque",
        "data": {"user": value, "password": value}})
    .to_string()
}

/// Sends one request; a benchmark of refusals would be worth nothing.
fn send(runtime: &Runtime, kubebox: &mut Kubebox, request: Request<Full<Bytes>>) {
    let status = runtime
        .block_on(kubebox.call(request))
        .map(|response| response.status());
    assert!(status.is_ok_and(|s| s.is_success()), "{status:?}");
}

fn writes(c: &mut Criterion) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    else {
        return;
    };
    let mut group = c.benchmark_group("kubebox");
    group.throughput(Throughput::Elements(1));
    let fresh = || runtime.block_on(async { Kubebox::new(Options::default()) });
    let mut kubebox = fresh();
    let mut count = 0u64;
    group.bench_function("create", |b| {
        b.iter(|| {
            count += 1;
            let body = object(&format!("s{count}"));
            send(&runtime, &mut kubebox, request(Method::POST, SECRETS, body))
        });
    });
    let mut kubebox = fresh();
    send(
        &runtime,
        &mut kubebox,
        request(Method::POST, SECRETS, object("s")),
    );
    let url = format!("{SECRETS}/s");
    group.bench_function("patch", |b| {
        b.iter(|| {
            count += 1;
            let body = json!({"metadata": {"annotations": {"n": count.to_string()}}}).to_string();
            send(&runtime, &mut kubebox, request(Method::PATCH, &url, body))
        });
    });
    group.bench_function("get", |b| {
        b.iter(|| {
            send(
                &runtime,
                &mut kubebox,
                request(Method::GET, &url, String::new()),
            )
        });
    });
    group.finish();
}

criterion_group!(benches, writes);
criterion_main!(benches);

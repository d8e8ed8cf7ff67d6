//! Shell. Measures scale: 100,000 Secrets, then 10,000 watches that all hear of 100 writes.
//!
//! Fails when that takes more than 2 GiB of memory.

use std::io::{self, Write};

use bytes::Bytes;
use futures::stream::{FuturesUnordered, StreamExt};
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use kubebox::{Body, Kubebox, Options};
use serde_json::json;
use tokio::time::Instant;
use tower::Service;

const OBJECTS: usize = 100_000;
const NAMESPACES: usize = 100;
const WATCHES: usize = 10_000;
const WRITES: usize = 100;
const MOST_MIB: u64 = 2048;

async fn send(kubebox: &mut Kubebox, method: Method, url: &str, body: String) -> io::Result<Body> {
    let request = Request::builder()
        .method(method)
        .uri(url)
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(body)))
        .map_err(io::Error::other)?;
    let response = kubebox.call(request).await.map_err(io::Error::other)?;
    if response.status().is_success() {
        return Ok(response.into_body());
    }
    Err(io::Error::other(format!("{url}: {}", response.status())))
}

fn secret(name: &str) -> String {
    let value = "dmFsdWVz".repeat(8);
    json!({"metadata": {"name": name, "labels": {"app": "scale"}}, "type": "Opaque",
        "data": {"user": value, "password": value}})
    .to_string()
}

/// Resident memory of this process in MiB, by the kernel's account.
fn resident() -> io::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find_map(|l| l.strip_prefix("VmRSS:"))
        .unwrap_or_default();
    let kib: u64 = line
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .map_err(io::Error::other)?;
    Ok(kib / 1024)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    let mut kubebox = Kubebox::new(Options {
        request_log: 0,
        ..Options::default()
    });
    for n in 0..NAMESPACES {
        let body = json!({"metadata": {"name": format!("n{n}")}}).to_string();
        send(&mut kubebox, Method::POST, "/api/v1/namespaces", body).await?;
    }
    let start = Instant::now();
    for i in 0..OBJECTS {
        let url = format!("/api/v1/namespaces/n{}/secrets", i % NAMESPACES);
        send(&mut kubebox, Method::POST, &url, secret(&format!("s{i}"))).await?;
    }
    let rate = OBJECTS as f64 / start.elapsed().as_secs_f64();
    writeln!(
        out,
        "{OBJECTS} creates: {rate:.0}/s, {} MiB resident",
        resident()?
    )?;
    let version = kubebox.resource_version();
    let mut watches = Vec::with_capacity(WATCHES);
    for i in 0..WATCHES {
        let namespace = i % NAMESPACES;
        let url =
            format!("/api/v1/namespaces/n{namespace}/secrets?watch=true&resourceVersion={version}");
        watches.push(send(&mut kubebox, Method::GET, &url, String::new()).await?);
    }
    writeln!(out, "{WATCHES} watches: {} MiB resident", resident()?)?;
    let start = Instant::now();
    let mut hearing: FuturesUnordered<_> = watches.iter_mut().map(BodyExt::frame).collect();
    let mut writer = kubebox.clone();
    let write = async {
        for i in 0..WRITES {
            let url = format!("/api/v1/namespaces/n{i}/secrets");
            send(&mut writer, Method::POST, &url, secret("news")).await?;
        }
        io::Result::Ok(())
    };
    let hear = async {
        let mut heard = 0;
        while let Some(frame) = hearing.next().await {
            heard += usize::from(matches!(frame, Some(Ok(_))));
        }
        heard
    };
    let (written, heard) = tokio::join!(write, hear);
    written?;
    let time = start.elapsed().as_millis();
    if resident()? > MOST_MIB || heard != WATCHES {
        return Err(io::Error::other(
            "more than 2 GiB, or a watch that heard nothing",
        ));
    }
    writeln!(
        out,
        "{WRITES} writes heard by {heard} watches in {time} ms, {} MiB",
        resident()?
    )
}

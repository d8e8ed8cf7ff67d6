//! Shell. A rewrite of many Secrets beside an unrelated client: 2,000 in the tests,
//! `TIDEGATE_REWRITE_SECRETS=50000` for the figures of ARCHITECTURE.md.

use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::support::{Bed, config, tidegate, wait};

const OLD: (&str, &str, u8) = ("aescbc", "old", 1);
const NEW: (&str, &str, u8) = ("secretbox", "new", 2);

/// Latencies of GETs of one ConfigMap, 20 a second, until told to stop.
async fn watch(bed: &Bed, stop: &AtomicBool) -> Vec<Duration> {
    let api = bed.admin();
    let mut latencies = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        #[allow(
            clippy::disallowed_methods,
            reason = "a latency on the machine's clock"
        )]
        let began = Instant::now();
        let path = "/api/v1/namespaces/default/configmaps/unrelated";
        api.get(path).await.unwrap().ok().unwrap();
        latencies.push(began.elapsed());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    latencies
}

fn p99(mut latencies: Vec<Duration>) -> Duration {
    latencies.sort_unstable();
    latencies[(latencies.len() * 99 / 100).min(latencies.len() - 1)]
}

#[tokio::test]
async fn a_crowd_is_rewritten_whole_in_bounded_memory() {
    let count = std::env::var("TIDEGATE_REWRITE_SECRETS");
    let count: usize = count
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(2000);
    let bed = &Bed::start(&config(&[OLD], false)).await;
    bed.secrets("s", count).await;
    let map = serde_json::json!({ "metadata": { "name": "unrelated" } });
    let maps = "/api/v1/namespaces/default/configmaps";
    bed.admin().post(maps, &map).await.unwrap().ok().unwrap();
    bed.change(&config(&[NEW, OLD], false)).await;

    let stop = &AtomicBool::new(false);
    let quiet = async {
        tokio::time::sleep(Duration::from_secs(10)).await;
        stop.store(true, Ordering::Relaxed);
    };
    let (before, ()) = futures::join!(watch(bed, stop), quiet);
    stop.store(false, Ordering::Relaxed);

    let flags = bed.all_flags();
    let words = ["rewrite", "--resource", "secrets"];
    let words: Vec<&str> = words
        .into_iter()
        .chain(flags.iter().map(String::as_str))
        .collect();
    let child = tidegate(&words)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = child.id();
    #[allow(clippy::disallowed_methods, reason = "a figure on the machine's clock")]
    let began = Instant::now();
    let rewrite = async {
        let peak = tokio::task::spawn_blocking(move || peak_kib(pid));
        let ran = tokio::task::spawn_blocking(move || wait(child).ok())
            .await
            .unwrap();
        stop.store(true, Ordering::Relaxed);
        (ran, peak.await.unwrap(), began.elapsed())
    };
    let (during, (ran, peak, took)) = futures::join!(watch(bed, stop), rewrite);
    assert!(ran.err.contains("/s"), "progress is told: {}", ran.err);
    let stored = bed.stored().await;
    assert_eq!(stored.len(), count);
    assert!(
        stored
            .iter()
            .all(|one| one.begins("k8s:enc:secretbox:v1:new:"))
    );
    println!(
        "{count} Secrets rewritten in {took:.1?} ({:.0}/s), peak memory {peak} KiB; unrelated GET \
         p99 {:.1?} before, {:.1?} during",
        count as f64 / took.as_secs_f64(),
        p99(before),
        p99(during),
    );
    assert!(peak < 128 * 1024, "{peak} KiB");
}

/// The largest resident memory of a process until it ends.
fn peak_kib(pid: u32) -> u64 {
    let mut peak = 0;
    while let Ok(status) = std::fs::read_to_string(format!("/proc/{pid}/status")) {
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let Some(line) = line else { break };
        let kib = line.trim().trim_end_matches(" kB").parse().unwrap_or(0);
        peak = peak.max(kib);
        std::thread::sleep(Duration::from_millis(20));
    }
    peak
}

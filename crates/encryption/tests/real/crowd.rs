//! Shell. A rewrite of many Secrets beside an unrelated client: 500 in the tests. For the figures
//! of ARCHITECTURE.md `TIDEGATE_REWRITE_SECRETS=50000`; with `TIDEGATE_REWRITE_WINDOW=40` the
//! rewrite is killed after so many seconds again and again, and goes on after as long an idle
//! time, so that what else the machine does meets both; `TIDEGATE_REWRITE_FLAGS` adds flags.
//! `TIDEGATE_REWRITE_CALM` is a command that keeps the machine calm for each pair of such times,
//! from its first line until its input is closed.

use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::support::{Bed, Ran, config, tidegate, wait};

const OLD: (&str, &str, u8) = ("aescbc", "old", 1);
const NEW: (&str, &str, u8) = ("secretbox", "new", 2);
/// The start of a window that is not measured: the one before fades, the rewrite finds its pace.
const SKIPPED: Duration = Duration::from_secs(8);

fn number(name: &str, otherwise: u64) -> u64 {
    let text = std::env::var(name).ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[allow(clippy::disallowed_methods, reason = "figures on the machine's clock")]
fn now() -> Instant {
    Instant::now()
}

/// Latencies of GETs of one ConfigMap, 20 a second, until told to stop, without those of the
/// time that is skipped.
async fn watch(bed: &Bed, stop: &AtomicBool, skipped: Duration, into: &mut Vec<Duration>) {
    let (api, start) = (bed.admin(), now());
    stop.store(false, Ordering::Relaxed);
    while !stop.load(Ordering::Relaxed) {
        let began = now();
        let path = "/api/v1/namespaces/default/configmaps/unrelated";
        api.get(path).await.unwrap().ok().unwrap();
        if began >= start + skipped {
            into.push(began.elapsed());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// `p50 1.2 ms, p99 3.4 ms of 500`, and the p99.
fn shown(latencies: &mut [Duration]) -> (String, f64) {
    latencies.sort_unstable();
    let at = |percent: usize| {
        let rank = latencies.len() * percent / 100;
        let latency = latencies.get(rank.min(latencies.len().saturating_sub(1)));
        latency.map_or(0.0, |latency| latency.as_secs_f64() * 1000.0)
    };
    let (half, tail) = (at(50), at(99));
    let text = format!("p50 {half:.1} ms, p99 {tail:.1} ms of {}", latencies.len());
    (text, tail)
}

/// Starts the command that keeps the machine calm, and waits for its first line.
fn calm() -> Option<Child> {
    use std::io::BufRead as _;
    let words = std::env::var("TIDEGATE_REWRITE_CALM").ok()?;
    let mut command = Command::new("sh");
    let command = command.args(["-c", &words]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let out = child.stdout.as_mut().unwrap();
    std::io::BufReader::new(out).read_line(&mut line).unwrap();
    Some(child)
}

async fn idle(bed: &Bed, time: Duration, skipped: Duration, into: &mut Vec<Duration>) {
    let stop = &AtomicBool::new(false);
    let end = async {
        tokio::time::sleep(time).await;
        stop.store(true, Ordering::Relaxed);
    };
    futures::join!(watch(bed, stop, skipped, into), end);
}

/// Waits for a rewrite, and kills it after `most`; none when it was killed.
async fn ended(mut child: Child, most: Duration, peak: &AtomicU64) -> Option<Ran> {
    let began = now();
    while child.try_wait().unwrap().is_none() {
        peak.fetch_max(peak_kib(child.id()), Ordering::Relaxed);
        if began.elapsed() > most {
            child.kill().unwrap();
            wait(child);
            return None;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Some(wait(child).ok())
}

fn start(bed: &Bed, checkpoint: &str) -> Child {
    let flags = bed.all_flags();
    let more = std::env::var("TIDEGATE_REWRITE_FLAGS").unwrap_or_default();
    let words = [
        "rewrite",
        "--resource",
        "secrets",
        "--checkpoint",
        checkpoint,
    ];
    let words = words.into_iter().chain(flags.iter().map(String::as_str));
    let words: Vec<&str> = words.chain(more.split_whitespace()).collect();
    let mut command = tidegate(&words);
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// A cluster with so many Secrets under an old key, and one ConfigMap.
async fn crowd(count: usize) -> Bed {
    let bed = Bed::start(&config(&[OLD], false)).await;
    bed.secrets("s", count).await;
    let map = serde_json::json!({ "metadata": { "name": "unrelated" } });
    let maps = "/api/v1/namespaces/default/configmaps";
    bed.admin().post(maps, &map).await.unwrap().ok().unwrap();
    bed.change(&config(&[NEW, OLD], false)).await;
    bed
}

#[tokio::test]
async fn a_crowd_is_rewritten_whole_in_bounded_memory() {
    let count = number("TIDEGATE_REWRITE_SECRETS", 500) as usize;
    let window = Duration::from_secs(number("TIDEGATE_REWRITE_WINDOW", 3600));
    let quiet = window.min(Duration::from_secs(number("TIDEGATE_REWRITE_IDLE", 1)));
    let skipped = if count > 500 { SKIPPED } else { Duration::ZERO };
    let bed = &crowd(count).await;
    let checkpoint = bed.folder.path().join("checkpoint.json");
    let checkpoint = checkpoint.to_str().unwrap();
    let (mut before, mut during) = (Vec::new(), Vec::new());
    let (stop, peak) = (&AtomicBool::new(false), &AtomicU64::new(0));
    let (mut took, mut runs) = (Duration::ZERO, 0);
    let mark = bed.plane.audit().mark().unwrap();
    let ran = loop {
        let calm = calm();
        idle(bed, quiet, skipped.min(quiet / 4), &mut before).await;
        let (began, child) = (now(), start(bed, checkpoint));
        runs += 1;
        let rewrite = async {
            let ran = ended(child, window, peak).await;
            stop.store(true, Ordering::Relaxed);
            ran
        };
        let skipped = skipped.min(window / 4);
        let (ran, ()) = futures::join!(rewrite, watch(bed, stop, skipped, &mut during));
        took += began.elapsed();
        let _over = calm.map(|mut calm| {
            drop(calm.stdin.take());
            calm.wait()
        });
        if let Some(ran) = ran {
            break ran;
        }
        let (idle, beside) = (shown(&mut before).0, shown(&mut during).0);
        println!("so far: idle {idle}; beside the rewrite {beside}; after {took:.1?}");
    };
    if skipped > Duration::ZERO && runs == 1 {
        idle(bed, quiet, skipped.min(quiet / 4), &mut before).await;
    }
    assert!(ran.err.contains("/s"), "progress is told: {}", ran.err);
    let felt = ran.err.lines().find(|line| line.contains("small requests"));
    let stored = bed.stored().await;
    assert_eq!(stored.len(), count);
    assert!(
        stored
            .iter()
            .all(|one| one.begins("k8s:enc:secretbox:v1:new:"))
    );
    let ((idle, low), (beside, high)) = (shown(&mut before), shown(&mut during));
    println!(
        "{count} Secrets rewritten in {took:.1?} ({:.0}/s, {runs} runs), peak memory {} KiB; \
         unrelated GET: idle {idle}; beside the rewrite {beside}; ratio of p99 {:.2}\n{}",
        count as f64 / took.as_secs_f64(),
        peak.load(Ordering::Relaxed),
        high / low,
        felt.unwrap_or("nothing was felt"),
    );
    assert!(peak.load(Ordering::Relaxed) < 128 * 1024);
    if runs == 1 && std::env::var("TIDEGATE_REWRITE_FLAGS").is_err() {
        let requests = bed.plane.requests_since(mark).await.unwrap();
        let touches = requests.iter().filter(|one| one.verb == "patch").count();
        assert_eq!(touches, count, "one touch each");
    }
}

/// The largest resident memory of a process so far.
fn peak_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let text = line.map(|line| line.trim().trim_end_matches(" kB").to_owned());
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}

//! Shell. Benchmark: the plugin's figures, each with its target, on key files and on a real Vault.
//!
//! `cargo bench -p tidegate-kms-plugin --bench figures`. For the rate the plugin runs on one core
//! and the client on the other. Where one call follows the other, both are on one core and Vault
//! has the other, since a wake-up across cores can cost more than a whole call.
//! Times inside the plugin are what the client waits less what the key service took, so the way
//! there and back counts against the plugin.

#![allow(
    clippy::disallowed_methods,
    reason = "a benchmark measures real time, and its tasks end with it"
)]

use std::time::{Duration, Instant};

use tidegate_kms::proto::{
    DecryptRequest, DecryptResponse, EncryptRequest, EncryptResponse, StatusRequest, StatusResponse,
};
use tokio::task::JoinSet;

use client::Client;
use report::{Outcome, Report, half, p99};
use subject::Subject;
use vault::Transit;

#[path = "figures/client.rs"]
mod client;
#[path = "figures/report.rs"]
mod report;
#[path = "figures/subject.rs"]
mod subject;
#[path = "figures/vault.rs"]
mod vault;

const MILLISECOND: Duration = Duration::from_millis(1);
/// Starts that are timed.
const STARTS: usize = 20;
/// Status calls that are timed.
const STATUSES: usize = 20_000;
/// Encrypt and Decrypt calls that are timed.
const CALLS: usize = 2_000;
/// Distinct seeds in the unwrap cache.
const SEEDS: usize = 1_000;
/// Decrypts of the throughput run, and how many are in flight.
const DECRYPTS: usize = 200_000;
const IN_FLIGHT: usize = 64;

fn main() -> Outcome<()> {
    // The client's core; threads of the harness's servers inherit nothing of it.
    let servers = tokio::runtime::Runtime::new()?;
    let transit = servers.block_on(Transit::start())?;
    subject::pin_client()?;
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build()?;
    runtime.block_on(async {
        let mut report = Report::default();
        starts(&mut report).await?;
        subject::pin_client_to_plugin()?;
        local(&mut report).await?;
        through_transit(&transit, &mut report).await?;
        subject::pin_client()?;
        from_memory(&transit, &mut report).await?;
        report.print()
    })
}

async fn starts(report: &mut Report) -> Outcome<()> {
    let mut slowest = Duration::ZERO;
    for _ in 0..STARTS {
        let began = Instant::now();
        let _subject = Subject::local().await?;
        slowest = slowest.max(began.elapsed());
    }
    let what = format!("start to the first key id, slowest of {STARTS}");
    report.time("files", &what, slowest, Duration::from_millis(100));
    Ok(())
}

async fn local(report: &mut Report) -> Outcome<()> {
    let subject = Subject::local().await?;
    let client = subject.client().await?;
    statuses("files", &client, report).await?;
    let (mut encrypts, mut decrypts) = (Vec::new(), Vec::new());
    for number in 0..CALLS {
        let began = Instant::now();
        let wrapped = encrypt(&client, number).await?;
        encrypts.push(began.elapsed());
        let began = Instant::now();
        decrypt(&client, &wrapped).await?;
        decrypts.push(began.elapsed());
    }
    latency("files", "Encrypt", &mut encrypts, report);
    latency("files", "Decrypt", &mut decrypts, report);
    Ok(())
}

async fn statuses(of: &str, client: &Client, report: &mut Report) -> Outcome<()> {
    let mut times = Vec::with_capacity(STATUSES);
    for _ in 0..STATUSES {
        let began = Instant::now();
        let told: StatusResponse = client.call("Status", &StatusRequest {}).await?;
        times.push(began.elapsed());
        if told.healthz != "ok" {
            return Err(format!("not well: {}", told.healthz).into());
        }
    }
    latency(of, "Status", &mut times, report);
    Ok(())
}

/// Nothing is kept in memory here, so each call waits for Vault.
async fn through_transit(transit: &Transit, report: &mut Report) -> Outcome<()> {
    let relay = transit.relay().await?;
    let subject = Subject::transit(&relay.url, transit.token(), 0).await?;
    let client = subject.client().await?;
    statuses("Transit", &client, report).await?;
    let (mut encrypts, mut decrypts) = (Vec::new(), Vec::new());
    for number in 0..CALLS {
        let (began, waited) = (Instant::now(), relay.waited());
        let wrapped = encrypt(&client, number).await?;
        encrypts.push(began.elapsed().saturating_sub(relay.waited() - waited));
        let (began, waited) = (Instant::now(), relay.waited());
        decrypt(&client, &wrapped).await?;
        decrypts.push(began.elapsed().saturating_sub(relay.waited() - waited));
    }
    if relay.calls() < 2 * CALLS {
        return Err("Vault was not asked each time".into());
    }
    latency(
        "Transit",
        "Encrypt less Vault's time",
        &mut encrypts,
        report,
    );
    latency(
        "Transit",
        "Decrypt less Vault's time",
        &mut decrypts,
        report,
    );
    Ok(())
}

async fn from_memory(transit: &Transit, report: &mut Report) -> Outcome<()> {
    let relay = transit.relay().await?;
    let subject = Subject::transit(&relay.url, transit.token(), SEEDS).await?;
    let client = subject.client().await?;
    let mut stored = Vec::with_capacity(SEEDS);
    for number in 0..SEEDS {
        stored.push(encrypt(&client, number).await?);
    }
    let asked = relay.calls();
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for task in 0..IN_FLIGHT {
        let (client, stored) = (client.clone(), stored.clone());
        tasks.spawn(async move {
            for number in 0..DECRYPTS / IN_FLIGHT {
                let index = (task + number * 7) % stored.len();
                if decrypt(&client, &stored[index]).await.is_err() {
                    return false;
                }
            }
            true
        });
    }
    let good = tasks.join_all().await.into_iter().all(|good| good);
    let rate = DECRYPTS as f64 / began.elapsed().as_secs_f64();
    // A look in the background lists the versions now and then.
    if !good || relay.calls() > asked + 10 {
        return Err("not all were answered from memory".into());
    }
    report.at_least("Transit", "Decrypt from memory, per second", rate, 20_000.0);
    let (peak, now) = subject.memory()?;
    let what = format!("memory in MiB with {SEEDS} seeds, peak ({now:.1} at rest)");
    report.at_most("Transit", &what, peak, 16.0);
    Ok(())
}

fn latency(of: &str, what: &str, times: &mut [Duration], report: &mut Report) {
    let what = format!("{what}, p99; {}", half(times));
    report.time(of, &what, p99(times), MILLISECOND);
}

async fn encrypt(client: &Client, number: usize) -> Outcome<DecryptRequest> {
    let mut plaintext = vec![7; 32];
    plaintext[..8].copy_from_slice(&u64::try_from(number)?.to_be_bytes());
    let request = EncryptRequest {
        plaintext,
        uid: "bench".to_owned(),
    };
    let wrapped: EncryptResponse = client.call("Encrypt", &request).await?;
    Ok(DecryptRequest {
        ciphertext: wrapped.ciphertext,
        uid: "bench".to_owned(),
        key_id: wrapped.key_id,
        annotations: wrapped.annotations,
    })
}

async fn decrypt(client: &Client, stored: &DecryptRequest) -> Outcome<()> {
    let opened: DecryptResponse = client.call("Decrypt", stored).await?;
    if opened.plaintext.len() == 32 {
        Ok(())
    } else {
        Err("another seed came back".into())
    }
}

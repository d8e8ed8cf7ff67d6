//! Shell. Benchmark: the memory of the controller's process at 0, half of and all objects.
//!
//! `cargo bench --bench memory [-- --objects 10000 --quiet 60]`. Each size is a first sync by a
//! fresh process, read when all is Ready and after a quiet time, and then a restart.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

use storm::{Batch, Outcome, Storm, print};

#[path = "../tests/cluster/support/manifests.rs"]
#[allow(
    clippy::unwrap_used,
    reason = "a file of the tests, where it is allowed"
)]
mod manifests;
#[path = "support/storm.rs"]
mod storm;

/// The peak at all objects, at most.
const TARGET_MIB: f64 = 96.0;

/// `/proc/PID` at one moment, in MiB and counts.
struct Memory {
    peak: f64,
    resident: f64,
    heap: f64,
    file: f64,
    threads: f64,
    sockets: usize,
}

/// A controller as users run it.
struct Process {
    child: Child,
    port: u16,
}

fn main() -> Outcome<()> {
    storm::main(bench)
}

async fn bench() -> Outcome<()> {
    let objects = storm::number("--objects", 10_000)?;
    let quiet = Duration::from_secs(storm::number("--quiet", 60)?.try_into()?);
    let storm = Storm::start(objects).await?;
    print(&format!(
        "memory of `tidegate controller`, {}\n\n",
        storm::conditions()?
    ))?;
    print("objects  when                   peak MiB  RSS MiB  heap  file  threads  sockets\n")?;
    let empty = size(&storm, 0, quiet).await?;
    size(&storm, objects / 2, quiet).await?;
    let full = size(&storm, objects, quiet).await?;
    let per_object = |of: f64, base: f64| {
        let count = u32::try_from(objects).map_or(f64::INFINITY, f64::from);
        (of - base) * 1024.0 / count.max(1.0)
    };
    let held = if full.peak <= TARGET_MIB {
        "holds"
    } else {
        "MISSED"
    };
    print(&format!(
        "\nan object costs {:.2} KiB at rest and {:.2} KiB at the peak\n\
         peak at {objects} objects {:.1} MiB: target at most {TARGET_MIB} MiB: {held}\n",
        per_object(full.heap, empty.heap),
        per_object(full.peak, empty.peak),
        full.peak,
    ))
}

/// One size: a first sync, a quiet time, and a restart with everything in place. The answer is
/// what stays after the quiet time of the first sync.
async fn size(storm: &Storm, objects: usize, quiet: Duration) -> Outcome<Memory> {
    let batch = storm.batch(&format!("size{objects}"), objects).await?;
    let process = Process::start(storm, &format!("size{objects}")).await?;
    let mut progress = storm.progress()?;
    process.wait_until_ready().await?;
    storm.all_ready(&batch, &mut progress).await?;
    process.row(objects, "first sync, all Ready")?;
    tokio::time::sleep(quiet).await;
    let rest = process.row(objects, "after a quiet time")?;
    print(&process.sizes().await?)?;
    process.stop().await?;
    restart(storm, &batch, quiet / 4).await?;
    storm.remove(batch).await?;
    Ok(rest)
}

async fn restart(storm: &Storm, batch: &Batch, quiet: Duration) -> Outcome<()> {
    let objects = batch.objects.len();
    let process = Process::start(storm, &format!("restart{objects}")).await?;
    process.wait_until_ready().await?;
    tokio::time::sleep(quiet).await;
    process.row(objects, "restart, all in sync")?;
    process.stop().await
}

impl Process {
    async fn start(storm: &Storm, lease: &str) -> Outcome<Self> {
        let port = TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port();
        let flags = storm.flags(lease, &format!("127.0.0.1:{port}"))?;
        let child = Command::new(env!("CARGO_BIN_EXE_tidegate"))
            .args(flags)
            .args(["--log-level", "warn"])
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        Ok(Self { child, port })
    }

    async fn get(&self, path: &str) -> Outcome<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }

    async fn wait_until_ready(&self) -> Outcome<()> {
        let ready = async {
            loop {
                let answer = self.get("/readyz").await.unwrap_or_default();
                if answer.starts_with("HTTP/1.1 200") {
                    return;
                }
                tokio::time::sleep(storm::TICK).await;
            }
        };
        Ok(tokio::time::timeout(Duration::from_secs(120), ready).await?)
    }

    /// The sizes that the controller tells of itself, in one line.
    async fn sizes(&self) -> Outcome<String> {
        let text = self.get("/metrics").await?;
        let mut sums: BTreeMap<&str, f64> = BTreeMap::new();
        let lines = text.lines().filter(|line| line.starts_with("tidegate_"));
        for (series, value) in lines.filter_map(|line| line.rsplit_once(' ')) {
            let name = series.split('{').next().unwrap_or(series);
            *sums.entry(name).or_default() += value.parse().unwrap_or(0.0);
        }
        let told = sums.iter().filter(|(_, sum)| **sum != 0.0);
        let told: Vec<String> = told.map(|(name, sum)| format!("{name}={sum}")).collect();
        let series = text.lines().filter(|line| !line.starts_with('#')).count();
        Ok(format!(
            "         {series} metric series; {}\n",
            told.join(" ")
        ))
    }

    fn row(&self, objects: usize, when: &str) -> Outcome<Memory> {
        let memory = Memory::of(self.child.id().ok_or("the controller ended")?)?;
        let Memory {
            peak,
            resident,
            heap,
            file,
            threads,
            sockets,
        } = &memory;
        print(&format!(
            "{objects:>7}  {when:<22} {peak:>8.1} {resident:>8.1} {heap:>5.1} {file:>5.1} \
             {threads:>8} {sockets:>8}\n"
        ))?;
        Ok(memory)
    }

    async fn stop(mut self) -> Outcome<()> {
        let pid = self.child.id().ok_or("the controller ended")?.to_string();
        Command::new("kill").args(["-TERM", &pid]).status().await?;
        let ended = tokio::time::timeout(Duration::from_secs(30), self.child.wait()).await??;
        match ended.success() {
            true => Ok(()),
            false => Err(format!("the controller ended with {ended}").into()),
        }
    }
}

impl Memory {
    fn of(pid: u32) -> Outcome<Self> {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let number = |name: &str| -> Outcome<f64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let value = line.and_then(|line| line.split_whitespace().next());
            Ok(value.ok_or("a field of /proc is missing")?.parse()?)
        };
        let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd"))?;
        let targets = descriptors.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
        Ok(Self {
            peak: number("VmHWM:")? / 1024.0,
            resident: number("VmRSS:")? / 1024.0,
            heap: number("RssAnon:")? / 1024.0,
            file: number("RssFile:")? / 1024.0,
            threads: number("Threads:")?,
            sockets: targets
                .filter(|t| t.to_string_lossy().starts_with("socket:"))
                .count(),
        })
    }
}

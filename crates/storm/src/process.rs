//! Shell. Processor time and memory of a process, by the kernel's account.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Clock ticks of `/proc/<pid>/stat` a second: fixed at 100 for user space on Linux.
const TICKS: u64 = 100;

/// A process beside the controller whose usage is noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Server {
    /// kube-apiserver.
    Apiserver,
    /// etcd.
    Etcd,
    /// The load tester itself, and with it the embedded API, the backend and the nodes.
    Storm,
}

impl Server {
    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Apiserver => "apiserver",
            Self::Etcd => "etcd",
            Self::Storm => "storm",
        }
    }
}

/// What one process has used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Processor time since it began.
    pub cpu: Duration,
    /// Bytes resident now.
    pub resident: u64,
    /// Most bytes that were ever resident.
    pub peak: u64,
}

/// How a process went on between two looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Strain {
    /// Processor time in cores; absent at the first look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<f64>,
    /// Resident bytes.
    pub memory: u64,
}

/// A process that is looked at again and again.
#[derive(Debug)]
pub struct Followed {
    pid: u32,
    before: Option<(Duration, Usage)>,
}

impl Followed {
    /// Follows a process.
    #[must_use]
    pub fn new(pid: u32) -> Self {
        Self { pid, before: None }
    }

    /// Its id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Looks at it; `None` when it is gone.
    pub fn look(&mut self, now: Duration) -> Option<Strain> {
        let usage = usage(self.pid);
        let before = std::mem::replace(&mut self.before, usage.map(|usage| (now, usage)));
        let usage = usage?;
        let cpu = before.and_then(|(then, before)| {
            let passed = now.saturating_sub(then).as_secs_f64();
            let used = usage.cpu.saturating_sub(before.cpu).as_secs_f64();
            (passed > 0.0).then(|| used / passed)
        });
        Some(Strain {
            cpu,
            memory: usage.resident,
        })
    }
}

/// Reads the usage of a process; `None` when it is gone or the system has no `/proc`.
#[must_use]
pub fn usage(pid: u32) -> Option<Usage> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    parse(&stat, &status)
}

fn parse(stat: &str, status: &str) -> Option<Usage> {
    // The name stands in parentheses and may contain anything, spaces and parentheses too.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let user: u64 = fields.nth(11)?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    let kib = |name: &str| -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().trim_end_matches(" kB").parse().ok()
    };
    Some(Usage {
        cpu: Duration::from_millis((user + system) * 1000 / TICKS),
        resident: kib("VmRSS:")? * 1024,
        peak: kib("VmHWM:")? * 1024,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_lines_are_read() {
        let stat = "42 (a b) c) S 1 42 42 0 -1 4194560 900 0 3 0 250 50 0 0 20 0 4 0 100 1 2";
        let status = "Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        let expected = Usage {
            cpu: Duration::from_secs(3),
            resident: 1 << 20,
            peak: 2 << 20,
        };
        assert_eq!(parse(stat, status), Some(expected));
        assert_eq!(parse("nothing", status), None);
        assert!(usage(std::process::id()).is_some_and(|usage| usage.resident > 0));
    }
}

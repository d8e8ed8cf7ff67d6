//! Shell. Processor time and memory of a process, by the kernel's account.

use std::time::Duration;

/// Clock ticks of `/proc/<pid>/stat` a second: fixed at 100 for user space on Linux.
const TICKS: u64 = 100;

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

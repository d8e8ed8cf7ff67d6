//! Shell. CPU seconds of this process and of the servers that it started, from `/proc`.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{read_dir, read_to_string};

use crate::storm::Outcome;

/// Clock ticks in a second: what Linux shows to programs on every architecture.
const TICKS: f64 = 100.0;

/// CPU seconds by program, from some moment on.
#[derive(Debug, Clone, Default)]
pub struct Cpu(BTreeMap<String, f64>);

impl Cpu {
    /// CPU seconds so far: this process as `itself`, its descendants by name.
    pub fn now() -> Outcome<Self> {
        let me = std::process::id();
        let processes: BTreeMap<u32, Stat> = read_dir("/proc")?
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            // One that ended meanwhile is left out.
            .filter_map(|pid: u32| Some((pid, Stat::of(pid)?)))
            .collect();
        let mut seconds = BTreeMap::new();
        for (pid, stat) in &processes {
            let name = if *pid == me {
                "itself"
            } else if is_ours(&processes, stat, me) {
                &stat.name
            } else {
                continue;
            };
            *seconds.entry(name.to_owned()).or_default() += stat.seconds;
        }
        Ok(Self(seconds))
    }

    /// What was used since `before`.
    pub fn since(&self, before: &Self) -> Self {
        let used = self.0.iter().map(|(name, seconds)| {
            let before = before.0.get(name).copied().unwrap_or_default();
            (name.clone(), (seconds - before).max(0.0))
        });
        Self(used.collect())
    }
}

impl fmt::Display for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let used = self.0.iter().filter(|(_, seconds)| **seconds >= 0.02);
        let used: Vec<String> = used.map(|(name, s)| format!("{name} {s:.2}")).collect();
        write!(f, "CPU s: {}", used.join(", "))
    }
}

struct Stat {
    name: String,
    parent: u32,
    seconds: f64,
}

impl Stat {
    fn of(pid: u32) -> Option<Self> {
        let text = read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name stands in parentheses and may hold any character.
        let (front, rest) = text.rsplit_once(')')?;
        let rest: Vec<&str> = rest.split_whitespace().collect();
        let ticks = |field: usize| rest.get(field)?.parse::<f64>().ok();
        Some(Self {
            name: front.split_once('(')?.1.to_owned(),
            parent: rest.get(1)?.parse().ok()?,
            seconds: (ticks(11)? + ticks(12)?) / TICKS,
        })
    }
}

fn is_ours(processes: &BTreeMap<u32, Stat>, stat: &Stat, me: u32) -> bool {
    let mut parent = stat.parent;
    while let Some(next) = processes.get(&parent) {
        if parent == me {
            return true;
        }
        parent = next.parent;
    }
    false
}

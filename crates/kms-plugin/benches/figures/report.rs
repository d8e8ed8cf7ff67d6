//! Pure. Figures with their targets, as lines of text.

use std::error::Error;
use std::io::Write;
use std::time::Duration;

pub type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Lines to print when all is measured.
#[derive(Default)]
pub struct Report(Vec<String>);

/// The time that half of the calls do not exceed, as text.
pub fn half(times: &mut [Duration]) -> String {
    times.sort_unstable();
    let half = times.get(times.len() / 2).copied().unwrap_or_default();
    format!("half: {:.3}", half.as_secs_f64() * 1000.0)
}

/// The time that 99 of 100 calls do not exceed.
pub fn p99(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    let index = times.len() * 99 / 100;
    times.get(index).copied().unwrap_or_default()
}

impl Report {
    pub fn time(&mut self, of: &str, what: &str, measured: Duration, most: Duration) {
        let [measured, most] = [measured, most].map(|time| time.as_secs_f64() * 1000.0);
        self.line(
            of,
            &format!("{what} (ms)"),
            "<=",
            most,
            measured,
            measured <= most,
        );
    }

    pub fn at_most(&mut self, of: &str, what: &str, measured: f64, most: f64) {
        self.line(of, what, "<=", most, measured, measured <= most);
    }

    pub fn at_least(&mut self, of: &str, what: &str, measured: f64, least: f64) {
        self.line(of, what, ">=", least, measured, measured >= least);
    }

    fn line(&mut self, of: &str, what: &str, sign: &str, target: f64, measured: f64, holds: bool) {
        let word = if holds { "holds" } else { "MISSED" };
        self.0.push(format!(
            "{of:<9}{what:<58}{sign} {target:>8.1}{measured:>12.3}  {word}"
        ));
    }

    pub fn print(&self) -> Outcome<()> {
        let mut out = std::io::stdout().lock();
        writeln!(
            out,
            "\n{:<9}{:<58}{:>11}{:>12}",
            "key", "figure", "target", "measured"
        )?;
        for line in &self.0 {
            writeln!(out, "{line}")?;
        }
        Ok(())
    }
}

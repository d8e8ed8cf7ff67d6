//! Shell. Drives both servers with the same steps, compares, and shrinks what fails.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::future::Future;
use std::time::Duration;

use kube::Client;
use serde_json::Value;

use super::known::{Difference, KNOWN, Pair, differences};
use super::side::{Answer, Side};
use super::step::{Call, Step};

/// How often each known difference was met, and how many answers there were by code.
#[derive(Debug, Default)]
pub struct Tally {
    pub known: BTreeMap<&'static str, usize>,
    pub codes: BTreeMap<u16, usize>,
    pub events: usize,
}

/// A step that differed in no known way.
#[derive(Debug)]
pub struct Failure {
    /// Index of the step; the number of steps when it is about the run as a whole.
    pub step: usize,
    pub report: String,
}

pub struct Run<'a> {
    prefix: &'a str,
    real: Side,
    ours: Side,
    opened: BTreeMap<usize, Call>,
    pub tally: Tally,
    /// Retries of a read that a lagging cache may have answered.
    patience: usize,
    /// Goes on after failures and keeps them, for a survey.
    pub failures: Vec<Failure>,
}

impl<'a> Run<'a> {
    pub fn new(real: Client, ours: Client, prefix: &'a str) -> Self {
        Self {
            prefix,
            real: Side::new(real, prefix),
            ours: Side::new(ours, prefix),
            opened: BTreeMap::new(),
            tally: Tally::default(),
            failures: Vec::new(),
            patience: 100,
        }
    }

    /// Runs the steps until the first failures, at most `most` of them.
    pub async fn steps(&mut self, steps: &[Step], most: usize) {
        for (at, step) in steps.iter().enumerate() {
            let report = match step {
                Step::Call(call) => self.call(call).await,
                Step::Open(id, call) => self.open(*id, call).await,
                Step::Close(id) => self.close(*id).await,
            };
            if let Some(report) = report {
                let report = format!("step {at}: {step}\n{report}");
                self.failures.push(Failure { step: at, report });
                self.patience = 5;
                if self.failures.len() >= most {
                    return;
                }
            }
        }
        let (real, ours) = (self.real.labels.order(), self.ours.labels.order());
        if real != ours {
            let at = real.iter().zip(&ours).position(|(a, b)| a != b);
            let report = format!("resourceVersions in another order, from {at:?} on");
            let step = steps.len();
            self.failures.push(Failure { step, report });
        }
    }

    async fn call(&mut self, call: &Call) -> Option<String> {
        let (mut real, ours) = tokio::join!(self.real.send(call), self.ours.send(call));
        let mut report = self.compare(call, &real, &ours);
        // A cache may lag behind on the real server; 5 s is more than it ever does.
        for _ in 0..self.patience {
            if report.is_err() && call.may_lag() {
                tokio::time::sleep(Duration::from_millis(50)).await;
                real = self.real.send(call).await;
                report = self.compare(call, &real, &ours);
            }
        }
        self.real.learn(call, &real);
        self.ours.learn(call, &ours);
        *self.tally.codes.entry(real.code).or_default() += 1;
        report.err()
    }

    /// Compares two answers; only an agreement is remembered in the labels.
    fn compare(&mut self, call: &Call, real: &Answer, ours: &Answer) -> Result<(), String> {
        let (mut left, mut right) = (self.real.labels.clone(), self.ours.labels.clone());
        let real = left.answer(real, self.prefix);
        let ours = right.answer(ours, self.prefix);
        let verdict = self.judge(call, &real, &ours);
        if verdict.is_ok() || !call.may_lag() {
            self.real.labels = left;
            self.ours.labels = right;
        }
        verdict
    }

    fn judge(&mut self, call: &Call, real: &Value, ours: &Value) -> Result<(), String> {
        let pair = Pair { call, real, ours };
        let mut unknown = Vec::new();
        let mut met = Vec::new();
        for difference in differences(real, ours) {
            match KNOWN
                .iter()
                .find(|known| (known.covers)(&pair, &difference))
            {
                Some(known) => met.push(known.name),
                None => unknown.push(difference),
            }
        }
        if unknown.is_empty() {
            met.dedup();
            for name in met {
                *self.tally.known.entry(name).or_default() += 1;
            }
            return Ok(());
        }
        Err(describe(&unknown))
    }

    async fn open(&mut self, id: usize, call: &Call) -> Option<String> {
        let (real, ours) = tokio::join!(self.real.open(id, call), self.ours.open(id, call));
        self.opened.insert(id, call.clone());
        match (real, ours) {
            (None, None) => None,
            (Some(real), Some(ours)) => self.compare(call, &real, &ours).err(),
            (real, ours) => {
                self.real.close(id);
                self.ours.close(id);
                Some(format!("real: {real:?}\nours: {ours:?}"))
            }
        }
    }

    /// Waits until the real server has given as many events as kubebox, which has none under way.
    async fn close(&mut self, id: usize) -> Option<String> {
        if !self.real.watching(id) || !self.ours.watching(id) {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
        for _ in 0..5 * self.patience {
            if self.real.heard(id).len() >= self.ours.heard(id).len() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let list = |side: &mut Side, prefix: &str| -> Vec<Value> {
            let heard = side.heard(id);
            let seen = heard.iter().filter_map(|e| side.labels.event(e, prefix));
            seen.collect()
        };
        let real = list(&mut self.real, self.prefix);
        let ours = list(&mut self.ours, self.prefix);
        self.real.close(id);
        self.ours.close(id);
        self.tally.events += real.len();
        let call = self.opened.remove(&id)?;
        if self
            .judge(&call, &real.clone().into(), &ours.clone().into())
            .is_ok()
        {
            return None;
        }
        let brief = |events: &[Value]| -> String {
            let names = events.iter().map(|e| {
                let meta = &e["object"]["metadata"];
                format!("{} {} {}", e["type"], meta["name"], meta["resourceVersion"])
            });
            names.collect::<Vec<_>>().join(", ")
        };
        let mut report = String::new();
        if real.len() == ours.len() {
            report = describe(&differences(&real.clone().into(), &ours.clone().into()));
        }
        Some(format!(
            "real: {}\nours: {}\n{report}",
            brief(&real),
            brief(&ours)
        ))
    }
}

/// Takes steps away as long as the last one still fails; `again` runs a sequence from nothing.
///
/// Chunks are halved from half of the steps to single ones; `tries` bounds the runs.
pub async fn shrink<F: Future<Output = bool>>(
    steps: &[Step],
    mut tries: usize,
    mut again: impl FnMut(Vec<Step>) -> F,
) -> Vec<Step> {
    let mut kept = steps.to_vec();
    let mut chunk = kept.len() / 2;
    while chunk > 0 {
        let mut at = 0;
        while at + 1 < kept.len() && tries > 0 {
            let end = (at + chunk).min(kept.len() - 1);
            let mut fewer = kept[..at].to_vec();
            fewer.extend_from_slice(&kept[end..]);
            tries -= 1;
            if again(fewer.clone()).await {
                kept = fewer;
            } else {
                at += chunk;
            }
        }
        chunk /= 2;
    }
    kept
}

fn describe(unknown: &[Difference]) -> String {
    let mut text = String::new();
    for Difference { at, real, ours } in unknown {
        let _ = writeln!(
            text,
            "  {at}\n    real: {real:.1500}\n    ours: {ours:.1500}"
        );
    }
    text
}

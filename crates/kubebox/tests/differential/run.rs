//! Shell. Drives both servers with the same steps, compares, and shrinks what fails.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::future::Future;
use std::time::Duration;

use kube::Client;
use serde_json::Value;

use super::barrier::barrier;
use super::known::{Difference, KNOWN, Pair, differences};
use super::side::{Answer, Side};
use super::step::{Call, Step};
use super::tally::Tally;

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
    tally: &'a mut Tally,
    /// Retries of a read that a lagging cache may have answered.
    patience: usize,
    /// Code of the last answer.
    last: u16,
    /// Goes on after failures and keeps them, for a survey.
    pub failures: Vec<Failure>,
}

impl<'a> Run<'a> {
    pub fn new(real: Client, ours: Client, prefix: &'a str, tally: &'a mut Tally) -> Self {
        Self {
            prefix,
            real: Side::new(real, prefix),
            ours: Side::new(ours, prefix),
            opened: BTreeMap::new(),
            tally,
            failures: Vec::new(),
            patience: 100,
            last: 0,
        }
    }

    /// Runs the steps until the first failures, at most `most` of them.
    pub async fn steps(&mut self, steps: &[Step], most: usize) {
        for (at, step) in steps.iter().enumerate() {
            self.tally.steps += 1;
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
        self.tally.count(call, real.code);
        self.last = real.code;
        report.err()
    }

    /// Compares two answers; only an agreement is remembered in the labels.
    fn compare(&mut self, call: &Call, real: &Answer, ours: &Answer) -> Result<(), String> {
        let (mut left, mut right) = (self.real.labels.clone(), self.ours.labels.clone());
        let real = left.answer(call, real, self.prefix);
        let ours = right.answer(call, ours, self.prefix);
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
            (None, None) => {
                self.tally.count(call, 200);
                None
            }
            (Some(real), Some(ours)) => {
                self.tally.count(call, real.code);
                self.compare(call, &real, &ours).err()
            }
            (real, ours) => {
                self.real.close(id);
                self.ours.close(id);
                Some(format!("real: {real:?}\nours: {ours:?}"))
            }
        }
    }

    /// Waits until both servers have given everything that came before, and compares it.
    async fn close(&mut self, id: usize) -> Option<String> {
        if !self.real.watching(id) || !self.ours.watching(id) {
            return None;
        }
        let call = self.opened.remove(&id)?;
        let barrier = barrier(id, &call);
        let mut passes = None;
        if let Some(barrier) = &barrier {
            if let Some(report) = self.call(&barrier.create).await {
                return Some(format!("{}\n{report}", barrier.create));
            }
            passes = (self.last == 201).then_some(barrier);
        }
        self.settle(id, passes.map(|b| b.name.as_str())).await;
        let differs = self.compare_watches(id, &call);
        let delete = passes.and_then(|b| b.delete.as_ref());
        match (differs, delete) {
            (None, Some(delete)) => self.call(delete).await,
            (differs, _) => differs,
        }
    }

    /// Waits until both servers have shown the object that stands for the end; where there can be
    /// none, for as many events as kubebox has given, which has none under way.
    async fn settle(&mut self, id: usize, name: Option<&str>) {
        for _ in 0..60 * self.patience {
            let done = match name {
                Some(name) => self.real.showed(id, name) && self.ours.showed(id, name),
                None => self.real.heard(id).len() >= self.ours.heard(id).len(),
            };
            if done {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        match name {
            Some(_) => self.tally.watches += 1,
            None => self.tally.watches_by_count += 1,
        }
    }

    fn compare_watches(&mut self, id: usize, call: &Call) -> Option<String> {
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
        if self
            .judge(call, &real.clone().into(), &ours.clone().into())
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

//! Pure. The report of a run: `report.json` as types.

use serde::{Deserialize, Serialize};

use crate::figures::Figures;
use crate::phase::Phase;
use crate::process::{Server, Strain};

/// The version of this shape; readers refuse others.
pub const SCHEMA: u32 = 1;

/// Everything that a run measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// What was run, and on what.
    pub setup: Setup,
    /// The phases, in the order they ran.
    pub phases: Vec<PhaseReport>,
    /// What was seen in each second.
    pub seconds: Vec<Second>,
    /// What the API server takes at each number of writes in flight; empty when not measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub curve: Vec<Point>,
    /// The API server's own ceiling, by bare loops of the same run; absent when not measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ceiling: Option<Figures>,
    /// Things a reader must know: phases left out, sources that were missing, interruptions.
    pub notes: Vec<String>,
}

/// What was run, and on what.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Setup {
    /// Name of the run.
    pub run: String,
    /// When it began, in RFC 3339.
    pub began: String,
    /// Version of the load tester.
    pub version: String,
    /// The controller, as a user would name it.
    pub controller: String,
    /// The API server: `kubebox`, or `cluster`.
    pub api: String,
    /// Where the values came from: `storm`, or the provider of a real store.
    #[serde(default)]
    pub backend: String,
    /// ExternalSecrets.
    pub objects: usize,
    /// Namespaces.
    pub namespaces: usize,
    /// Remote keys.
    pub keys: usize,
    /// Objects that share one key.
    pub shared: usize,
    /// Nodes.
    pub nodes: usize,
    /// Secrets that each mounts.
    pub mounts: usize,
    /// Refresh interval in seconds.
    pub refresh: u64,
    /// Processor cores that everything shares.
    pub cores: usize,
}

/// One phase.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PhaseReport {
    /// Which.
    pub phase: Phase,
    /// Second of the run in which it began.
    pub from: f64,
    /// Second of the run in which it ended.
    pub to: f64,
    /// What it measured.
    pub figures: Figures,
}

/// One second of the run. Counts are of that second; states are at its end.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Second {
    /// Seconds since the run began.
    pub at: f64,
    /// Objects whose Secret has the value wanted.
    pub secrets: usize,
    /// Objects that are Ready.
    pub ready: usize,
    /// Mounts whose node has seen the value wanted.
    pub mounts: usize,
    /// The controller's requests, by `verb resource`.
    pub requests: std::collections::BTreeMap<String, u32>,
    /// Calls to the backend.
    pub backend: u32,
    /// Of these, answered with push-back.
    pub throttled: u32,
    /// The controller's processor time, in cores; absent when its process is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<f64>,
    /// The controller's resident memory in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// Other processes that were followed, such as the API server's.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub servers: std::collections::BTreeMap<Server, Strain>,
    /// An unrelated client's median latency in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<f64>,
    /// An unrelated client's longest latency in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slowest: Option<f64>,
}

/// One bare loop: so many writes in flight, and what they did to an unrelated client.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Point {
    /// What was written.
    pub what: Written,
    /// Writes in flight.
    pub width: usize,
    /// Writes a second.
    pub rate: f64,
    /// The unrelated client's 99th percentile in seconds; absent without a sample.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unrelated: Option<f64>,
    /// Samples behind it.
    pub samples: usize,
}

/// What a bare loop writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Written {
    /// New Secrets.
    Secrets,
    /// Statuses of ExternalSecrets.
    Statuses,
}

/// Why a text is no report.
#[derive(Debug, thiserror::Error)]
pub enum NoReport {
    /// It is no JSON of this shape.
    #[error("no report of a storm: {0}")]
    Shape(#[from] serde_json::Error),
    /// It is of another version.
    #[error("a report of schema {0}; this program reads {SCHEMA}")]
    Schema(u32),
}

impl Report {
    /// Reads `report.json`.
    ///
    /// # Errors
    /// When the text is no report of this version.
    pub fn parse(text: &[u8]) -> Result<Self, NoReport> {
        #[derive(Deserialize)]
        struct Head {
            schema: u32,
        }
        let head: Head = serde_json::from_slice(text)?;
        if head.schema != SCHEMA {
            return Err(NoReport::Schema(head.schema));
        }
        Ok(serde_json::from_slice(text)?)
    }

    /// Writes `report.json`, readable and with a line break at its end.
    ///
    /// # Errors
    /// Never for a report made by this program: its numbers are finite.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// The figures of a phase.
    #[must_use]
    pub fn phase(&self, phase: Phase) -> Option<&PhaseReport> {
        self.phases.iter().find(|it| it.phase == phase)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::figures::Unit;

    pub(crate) fn report_with(phase: Phase, figure: &str, value: f64, unit: Unit) -> Report {
        let mut figures = Figures::default();
        figures.set(figure, value, unit);
        let second = |at: f64, secrets| Second {
            at,
            secrets,
            ready: secrets / 2,
            requests: [("create secrets".to_owned(), 3)].into(),
            ..Second::default()
        };
        Report {
            schema: SCHEMA,
            setup: Setup {
                run: "r".into(),
                ..Setup::default()
            },
            phases: vec![PhaseReport {
                phase,
                from: 1.0,
                to: 2.0,
                figures,
            }],
            seconds: vec![second(1.0, 5), second(2.0, 10)],
            curve: Vec::new(),
            ceiling: None,
            notes: Vec::new(),
        }
    }

    #[test]
    fn a_report_is_read_as_it_was_written() {
        let report = report_with(Phase::Steady, "x.p50", 0.5, Unit::Seconds);
        let text = report.to_json().unwrap();
        assert_eq!(Report::parse(text.as_bytes()).unwrap(), report);
        assert!(text.ends_with("}\n"));
    }

    #[test]
    fn other_texts_are_refused() {
        let told = |text: &str| Report::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(told("{}").starts_with("no report of a storm"));
        assert!(told("[").starts_with("no report of a storm"));
        assert_eq!(
            told("{\"schema\": 7}"),
            "a report of schema 7; this program reads 1"
        );
    }
}

//! Shell. A load tester for controllers of ExternalSecrets: nodes, a backend, faults, a report.

pub mod budget;
pub mod compare;
pub mod figures;
pub mod load;
pub mod page;
pub mod phase;
pub mod plot;
pub mod report;

//! Shell. A load tester for controllers of ExternalSecrets: nodes, a backend, faults, a report.
//!
//! [`storm`] runs one load against one controller and gives a [`report::Report`]. The pure parts
//! ([`load`], [`figures`], [`budget`], [`compare`], [`plot`], [`page`]) know no clock and no
//! network.

pub mod api;
pub mod backend;
pub mod bare;
pub mod board;
pub mod budget;
pub mod collect;
pub mod compare;
pub mod controller;
pub mod figures;
pub mod follow;
pub mod growth;
pub mod ledger;
pub mod link;
pub mod load;
mod measure;
pub mod nodes;
mod options;
pub mod page;
pub mod phase;
mod phases;
pub mod plot;
pub mod probe;
pub mod process;
pub mod report;
mod run;
pub mod screen;
pub mod setup;
pub mod store;
pub mod target;
pub mod witness;

pub use options::{Options, StormError};
pub use run::storm;

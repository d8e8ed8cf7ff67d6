//! Shell. The definitions: as generated, as Kubernetes demands, as ESO's users know them.

#![cfg(test)]

#[path = "crds/admission.rs"]
mod admission;
#[path = "crds/conformance.rs"]
mod conformance;
#[path = "crds/generated.rs"]
mod generated;
#[path = "crds/schema.rs"]
mod schema;
#[path = "crds/structural.rs"]
mod structural;

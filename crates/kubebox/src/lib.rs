//! Shell. An in-memory Kubernetes API: a tower service under a client, or a loopback server.
//!
//! [`Kubebox`] is a [`tower::Service`] for HTTP requests, so `kube::Client::new(kubebox,
//! "default")` talks to it without a network, under paused tokio time if a test wishes; or
//! [`Kubebox::serve`] binds it to loopback behind TLS and a bearer token, so that kubectl works.
//!
//! It is no Kubernetes: nothing runs. What it serves it serves as a real 1.34 API server does,
//! with the same codes, reasons and words; what it does not serve it refuses in one clear line.
//!
//! # What is served
//! - Namespaces, Secrets, ConfigMaps, ServiceAccounts (and their `token`), Events (core and
//!   events.k8s.io, one store), Leases, CustomResourceDefinitions and whatever these define;
//!   access, rules, subject and token reviews.
//! - get, list (limit, continue, `resourceVersion`, `resourceVersionMatch`), watch (bookmarks,
//!   `sendInitialEvents`, timeouts, 410), create, update, JSON, merge and (built-in kinds)
//!   strategic merge patch, delete, deletecollection, `status`, dry run, `fieldValidation`,
//!   label and field selectors, `PartialObjectMetadata`, tables.
//! - Structural schemas: pruning, defaulting, validation, CEL (feature `cel`, on by default, by
//!   the `kube-cel` crate), ratcheting.
//! - managedFields of every write; finalizers; garbage collection; namespace life cycle.
//! - Discovery (plain and aggregated), OpenAPI v2 (JSON; empty in protobuf) and v3.
//! - Request bodies in JSON, or in protobuf for the built-in kinds; answers are JSON.
//!
//! # Known differences from a real server
//! `tests/differential` drives this API and kube-apiserver 1.34.4 with the same random requests and
//! fails on every difference that it does not know by one of these names; `tests/kubectl_both` does
//! the same with a session of kubectl. The order in which causes of one 422 stand is not compared.
//!
//! | name | a real server | here |
//! |---|---|---|
//! | `rbac` | authorizes each request | one token may do everything; reviews answer yes |
//! | `apply` | server-side apply | 415 |
//! | `media-types` | names YAML, protobuf and apply patches among what it takes | names JSON |
//! | `protobuf-answers` | protobuf on request | JSON, or 406 when only protobuf is accepted |
//! | `yaml-bodies` | YAML bodies and answers | 415, 406 |
//! | `go-decoder-words` | type errors quote Go types | same code and shape, other type |
//! | `go-values` | unchangeable fields of an event are quoted as Go structs | as JSON |
//! | `descriptions` | its own texts describe columns and fields of built-in kinds | our own |
//! | `openapi-v2-protobuf` | all definitions | none, so kubectl leaves validation to the server |
//! | `patch-quotes` | a patch with an undecodable outcome quotes the whole object | leaves it out |
//! | `parse-quotes` | broken bodies are quoted in errors | position only |
//! | `review-tracking` | reviews carry managedFields | none |
//! | `established-later` | a CRD is established some writes later | at once, in the first write |
//! | `crd-lint` | many more rules for CRD schemas | names, scope, versions, root type |
//! | `conversion-webhook` | converts between versions | 422 when a CRD asks for one |
//! | `read-defaults` | new defaults appear when old objects are read | when they are next written |
//! | `scale` | `scale` subresource of CRDs | 404 |
//! | `any-of-best` | errors of the branch with most checks met | of that with fewest errors |
//! | `cel-gaps` | all of CEL | what `kube-cel` cannot evaluate refuses the object |
//! | `cel-cost` | rules have cost limits | none |
//! | `collector-at-once` | collection and namespace deletion take a while | in the same request |
//! | `owner-cycles` | breaks the wait of objects that block each other's deletion | they wait |
//! | `one-transaction-per-delete` | `deletecollection` deletes in parallel | in order of names |
//! | `namespace-conditions` | a terminating namespace has conditions | phase only |
//! | `future-watch` | a watch from the future waits for it, then fails | waits |
//! | `gzip` | compresses large answers on request | never compresses |
//! | `audit-flow` | audit, priority and fairness, admission webhooks | none |
//! | `secret-key-pair` | warns when a TLS Secret's key does not fit | does not look |
//! | `token-signature` | RS256 tokens with published keys | HS256, checked by TokenReview only |
//!
//! # Bounds
//! History per resource ([`Options::history`]), requests on record ([`Options::request_log`]), body
//! size (3 MiB), operations of one JSON patch (10,000), connections (16,384), bytes that one poll
//! of a watch encodes (256 KiB). Objects themselves are bounded by memory only. Secret data is held
//! in plain memory, as in etcd without encryption: this API is for trying and testing.

mod access;
mod bell;
mod body;
mod clock;
mod engine;
mod fault;
mod kubebox;
mod kubeconfig;
mod options;
mod record;
mod serve;
mod service;
mod stream;

pub use access::Access;
pub use body::{Body, Reset};
pub use clock::{Clock, TokioClock};
pub use engine::Verb;
pub use fault::{Fault, FaultRule};
pub use kubebox::Kubebox;
pub use kubeconfig::{kubeconfig, write_kubeconfig};
pub use options::Options;
pub use record::RequestRecord;

//! Pure. Counts what a run has compared, by kind of step, and says where it is too little.

use std::collections::BTreeMap;
use std::fmt;

use super::step::Call;

/// How many answers of one kind were compared.
#[derive(Clone, Copy, Debug, Default)]
pub struct Count {
    pub done: usize,
    pub refused: usize,
}

/// How often each known difference was met, and how many answers there were of each kind.
#[derive(Debug, Default)]
pub struct Tally {
    pub steps: usize,
    pub known: BTreeMap<&'static str, usize>,
    pub codes: BTreeMap<u16, usize>,
    pub kinds: BTreeMap<&'static str, Count>,
    /// Watches whose whole history was compared up to an event that both servers had to show.
    pub watches: usize,
    /// Watches that no such event can reach: compared when as many events have come.
    pub watches_by_count: usize,
    pub events: usize,
}

/// The least that CI's sequences must compare: kind of step, answers, refusals.
const FLOORS: &[(&str, usize, usize)] = &[
    ("create", 465, 535),
    ("create: generateName", 40, 25),
    ("get", 115, 100),
    ("list", 210, 105),
    ("list: continue", 40, 25),
    ("list: field selector", 20, 50),
    ("list: label selector", 75, 50),
    ("list: limit", 60, 30),
    ("list: at a resourceVersion", 25, 40),
    ("put", 170, 315),
    ("patch: json", 85, 195),
    ("patch: merge", 190, 330),
    ("patch: strategic", 50, 185),
    ("patch: of an unknown type", 0, 5),
    ("status", 75, 170),
    ("finalize", 20, 20),
    ("delete", 205, 150),
    ("delete: preconditions", 45, 70),
    ("delete: propagation", 35, 40),
    ("deletecollection", 25, 15),
    ("watch", 55, 25),
    ("watch: initial events", 15, 0),
    ("watch: from a resourceVersion", 30, 10),
    ("as a table", 65, 100),
    ("as metadata", 65, 110),
    ("dry run", 75, 180),
    ("fieldValidation: Strict", 75, 160),
    ("fieldValidation: Warn", 40, 85),
    ("fieldValidation: Ignore", 45, 85),
];

/// The kinds that a request counts for.
fn kinds(call: &Call) -> Vec<&'static str> {
    let given = |key: &str| !call.param(key).is_empty();
    let mut kinds = Vec::new();
    let status = call.path.ends_with("/status");
    kinds.push(match (call.method, call.content) {
        _ if call.path.ends_with("/finalize") => "finalize",
        _ if status => "status",
        ("POST", _) => "create",
        ("PUT", _) => "put",
        ("PATCH", "application/json-patch+json") => "patch: json",
        ("PATCH", "application/merge-patch+json") => "patch: merge",
        ("PATCH", "application/strategic-merge-patch+json") => "patch: strategic",
        ("PATCH", _) => "patch: of an unknown type",
        ("DELETE", _) if call.is_collection() => "deletecollection",
        ("DELETE", _) => "delete",
        ("GET", _) if given("watch") => "watch",
        ("GET", _) if call.is_collection() => "list",
        _ => "get",
    });
    let body = call.body.to_string();
    let collection = call.is_collection();
    let mut also = |yes: bool, kind: &'static str| {
        if yes {
            kinds.push(kind);
        }
    };
    also(call.accept.contains("as=Table"), "as a table");
    also(call.accept.contains("as=Partial"), "as metadata");
    also(given("dryRun") || body.contains("\"dryRun\""), "dry run");
    match call.param("fieldValidation") {
        "Strict" => also(true, "fieldValidation: Strict"),
        "Warn" => also(true, "fieldValidation: Warn"),
        "Ignore" => also(true, "fieldValidation: Ignore"),
        _ => {}
    }
    let post = call.method == "POST";
    also(
        post && body.contains("generateName"),
        "create: generateName",
    );
    let delete = call.method == "DELETE";
    also(
        delete && body.contains("preconditions"),
        "delete: preconditions",
    );
    let policy = given("propagationPolicy") || body.contains("propagationPolicy");
    also(delete && policy, "delete: propagation");
    if given("watch") {
        also(given("sendInitialEvents"), "watch: initial events");
        also(given("resourceVersion"), "watch: from a resourceVersion");
    } else if call.method == "GET" && collection {
        also(given("continue"), "list: continue");
        also(given("limit"), "list: limit");
        also(given("labelSelector"), "list: label selector");
        also(given("fieldSelector"), "list: field selector");
        also(given("resourceVersion"), "list: at a resourceVersion");
    }
    kinds
}

impl Tally {
    pub fn count(&mut self, call: &Call, code: u16) {
        *self.codes.entry(code).or_default() += 1;
        for kind in kinds(call) {
            let count = self.kinds.entry(kind).or_default();
            if code < 400 {
                count.done += 1;
            } else {
                count.refused += 1;
            }
        }
    }

    /// What CI's sequences should have compared, and have not.
    pub fn shortfalls(&self) -> Vec<String> {
        let mut out = Vec::new();
        for (kind, done, refused) in FLOORS {
            let count = self.kinds.get(kind).copied().unwrap_or_default();
            if count.done < *done || count.refused < *refused {
                out.push(format!("{kind}: {count:?}, not {done} and {refused}"));
            }
        }
        for code in [200, 201, 400, 403, 404, 405, 406, 409, 415, 422] {
            if !self.codes.contains_key(&code) {
                out.push(format!("no answer {code}"));
            }
        }
        out
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} steps compared", self.steps)?;
        for (kind, count) in &self.kinds {
            let Count { done, refused } = count;
            writeln!(f, "  {kind:<32} {done:>5} answered {refused:>5} refused")?;
        }
        writeln!(
            f,
            "  watches: {} in full, {} by count, {} events",
            self.watches, self.watches_by_count, self.events
        )?;
        writeln!(f, "  answers by code: {:?}", self.codes)?;
        writeln!(f, "  known differences met: {:?}", self.known)
    }
}

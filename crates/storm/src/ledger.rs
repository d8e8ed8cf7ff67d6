//! Pure. The controller's requests to the API server, counted by sort and second.

use std::collections::{BTreeMap, HashSet};

use serde::Deserialize;

use crate::api::AGENT;

/// One request as kubebox or an audit log tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request<'a> {
    /// `get`, `list`, `watch`, `create`, …
    pub verb: &'a str,
    /// Plural; empty for documents.
    pub resource: &'a str,
    /// Subresource or empty.
    pub subresource: &'a str,
    /// Namespace or empty.
    pub namespace: &'a str,
    /// The client's name.
    pub agent: &'a str,
    /// Status of the answer; 0 when the connection broke.
    pub code: u16,
}

/// Sums by sort.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// By `verb resource[/subresource]`.
    pub sorts: BTreeMap<String, usize>,
    /// Writes of Secrets, ExternalSecrets and events.
    pub mutating: usize,
    /// Gets and lists, but those of the Lease: they go on at one pace whatever the load.
    pub reading: usize,
    /// Requests about the Lease.
    pub leases: usize,
    /// Successful writes of Secrets.
    pub secrets: usize,
    /// Successful writes of statuses.
    pub statuses: usize,
    /// Answers with 429.
    pub pushed_back: usize,
    /// Writes into namespaces that are being deleted.
    pub too_late: usize,
}

impl Counts {
    /// What was counted since an earlier state.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let mut sorts = self.sorts.clone();
        for (sort, count) in &before.sorts {
            if let Some(now) = sorts.get_mut(sort) {
                *now -= count;
            }
        }
        sorts.retain(|_, count| *count > 0);
        Self {
            sorts,
            mutating: self.mutating - before.mutating,
            reading: self.reading - before.reading,
            leases: self.leases - before.leases,
            secrets: self.secrets - before.secrets,
            statuses: self.statuses - before.statuses,
            pushed_back: self.pushed_back - before.pushed_back,
            too_late: self.too_late - before.too_late,
        }
    }
}

/// All requests of a run that the controller sent.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    counts: Counts,
    /// Of the second that is being counted.
    second: BTreeMap<String, u32>,
    /// Only this user's requests count, when it is named.
    user: Option<String>,
    deleted: HashSet<String>,
}

impl Ledger {
    /// Counts the requests of one user, or of everybody but the load tester and the control plane.
    #[must_use]
    pub fn new(user: Option<String>) -> Self {
        Self {
            user,
            ..Self::default()
        }
    }

    /// Sums so far.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// From now on, writes into these namespaces come too late.
    pub fn deleted(&mut self, namespaces: impl IntoIterator<Item = String>) {
        self.deleted.extend(namespaces);
    }

    /// Takes what was counted since the last call.
    pub fn take_second(&mut self) -> BTreeMap<String, u32> {
        std::mem::take(&mut self.second)
    }

    /// Counts one request of the controller; our own are left out.
    pub fn count(&mut self, request: &Request<'_>) {
        if request.agent.starts_with(AGENT) || request.resource.is_empty() {
            return;
        }
        let Request {
            verb,
            resource,
            subresource,
            ..
        } = request;
        let sort = if subresource.is_empty() {
            format!("{verb} {resource}")
        } else {
            format!("{verb} {resource}/{subresource}")
        };
        *self.second.entry(sort.clone()).or_default() += 1;
        let counts = &mut self.counts;
        *counts.sorts.entry(sort).or_default() += 1;
        counts.pushed_back += usize::from(request.code == 429);
        if *resource == "leases" {
            counts.leases += 1;
            return;
        }
        if matches!(*verb, "get" | "list") {
            counts.reading += 1;
        }
        if matches!(*verb, "get" | "list" | "watch") {
            return;
        }
        if matches!(*resource, "secrets" | "externalsecrets" | "events") {
            counts.mutating += 1;
            counts.too_late += usize::from(self.deleted.contains(request.namespace));
        }
        let done = (200..300).contains(&request.code);
        match (*resource, *subresource) {
            ("secrets", "") if done => counts.secrets += 1,
            ("externalsecrets", "status") if done => counts.statuses += 1,
            _ => {}
        }
    }

    /// Counts one line of an audit log; half lines and other events are left out.
    pub fn audit(&mut self, line: &[u8]) {
        let Ok(event) = serde_json::from_slice::<Event>(line) else {
            return;
        };
        // A watch counts when it begins, everything else when it ends.
        let wanted = if event.verb == "watch" {
            "ResponseStarted"
        } else {
            "ResponseComplete"
        };
        let theirs = match &self.user {
            Some(user) => *user == event.user.username,
            None => {
                !event.user.username.starts_with("system:kube-")
                    && !event.user.username.starts_with("system:apiserver")
            }
        };
        if event.stage != wanted || !theirs {
            return;
        }
        self.count(&Request {
            verb: &event.verb,
            resource: &event.object_ref.resource,
            subresource: &event.object_ref.subresource,
            namespace: &event.object_ref.namespace,
            agent: &event.user_agent,
            code: event.response_status.code,
        });
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    #[serde(default)]
    stage: String,
    #[serde(default)]
    verb: String,
    #[serde(default)]
    user: User,
    #[serde(default)]
    user_agent: String,
    #[serde(default)]
    object_ref: ObjectRef,
    #[serde(default)]
    response_status: ResponseStatus,
}

#[derive(Default, Deserialize)]
struct User {
    #[serde(default)]
    username: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ObjectRef {
    resource: String,
    namespace: String,
    subresource: String,
}

#[derive(Default, Deserialize)]
struct ResponseStatus {
    #[serde(default)]
    code: u16,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request<'a>(verb: &'a str, resource: &'a str, subresource: &'a str) -> Request<'a> {
        Request {
            verb,
            resource,
            subresource,
            namespace: "n",
            agent: "controller/1",
            code: 200,
        }
    }

    #[test]
    fn requests_are_sorted_and_ours_left_out() {
        let mut ledger = Ledger::new(None);
        for (verb, resource, subresource) in [
            ("create", "secrets", ""),
            ("patch", "externalsecrets", "status"),
            ("create", "events", ""),
            ("update", "leases", ""),
            ("get", "secrets", ""),
            ("get", "leases", ""),
            ("watch", "secrets", ""),
            ("get", "", ""),
        ] {
            ledger.count(&request(verb, resource, subresource));
        }
        ledger.count(&Request {
            agent: AGENT,
            ..request("create", "secrets", "")
        });
        let mut refused = request("patch", "secrets", "");
        refused.code = 429;
        ledger.count(&refused);
        let counts = ledger.counts().clone();
        assert_eq!((counts.mutating, counts.reading), (4, 1));
        assert_eq!(counts.leases, 2);
        assert_eq!(
            (counts.secrets, counts.statuses, counts.pushed_back),
            (1, 1, 1)
        );
        assert_eq!(counts.sorts["patch externalsecrets/status"], 1);
        assert_eq!(ledger.take_second().len(), 8);
        assert!(ledger.take_second().is_empty());
        ledger.deleted(["n".to_owned()]);
        ledger.count(&request("create", "secrets", ""));
        let since = ledger.counts().since(&counts);
        assert_eq!(
            (since.mutating, since.too_late, since.sorts.len()),
            (1, 1, 1)
        );
    }

    #[test]
    fn audit_lines_count_once_and_for_one_user() {
        let line = |stage: &str, user: &str| {
            format!(
                r#"{{"stage":"{stage}","verb":"create","user":{{"username":"{user}"}},
                "userAgent":"x","objectRef":{{"resource":"secrets","namespace":"n","name":"s"}},
                "responseStatus":{{"metadata":{{}},"code":201}}}}"#
            )
        };
        let mut ledger = Ledger::new(Some("c".into()));
        ledger.audit(line("RequestReceived", "c").as_bytes());
        ledger.audit(line("ResponseComplete", "c").as_bytes());
        ledger.audit(line("ResponseComplete", "other").as_bytes());
        ledger.audit(b"{\"stage\":");
        assert_eq!(ledger.counts().secrets, 1);
        let mut everybody = Ledger::new(None);
        everybody.audit(line("ResponseComplete", "c").as_bytes());
        everybody.audit(line("ResponseComplete", "system:kube-controller-manager").as_bytes());
        assert_eq!(everybody.counts().secrets, 1);
    }
}

//! Pure. The request log: what was asked, by whom, and how it ended.

use std::collections::VecDeque;

use jiff::Timestamp;

use crate::engine::{Named, Request, Route, Verb};

/// One request that the API received.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestRecord {
    /// When it arrived, by the API's clock.
    pub at: Timestamp,
    /// What it asked for; documents such as `/version` count as `Get`.
    pub verb: Verb,
    /// API group; empty for the core group.
    pub group: String,
    /// Plural of the resource, or the path of a document.
    pub resource: String,
    /// Subresource, or empty.
    pub subresource: String,
    /// Namespace, or empty.
    pub namespace: String,
    /// Name of the object, or empty.
    pub name: String,
    /// Field manager of a write.
    pub manager: String,
    /// The client.
    pub user_agent: String,
    /// The status code; `None` when the connection was broken instead.
    pub code: Option<u16>,
    /// Whether a fault rule struck.
    pub faulted: bool,
    /// Whether nothing was to be changed (`dryRun`).
    pub dry_run: bool,
}

impl Default for RequestRecord {
    fn default() -> Self {
        Self {
            at: Timestamp::UNIX_EPOCH,
            verb: Verb::Get,
            group: String::new(),
            resource: String::new(),
            subresource: String::new(),
            namespace: String::new(),
            name: String::new(),
            manager: String::new(),
            user_agent: String::new(),
            code: None,
            faulted: false,
            dry_run: false,
        }
    }
}

impl RequestRecord {
    /// Describes a request that has not been answered yet.
    pub(crate) fn new(request: &Request, at: Timestamp) -> Self {
        let record = Self {
            at,
            manager: request.manager().to_owned(),
            user_agent: request.user_agent.clone(),
            dry_run: request.query.has("dryRun"),
            ..Self::default()
        };
        match Route::parse(&request.path) {
            Route::Object(target) => Self {
                verb: request.verb(&target).unwrap_or(Verb::Get),
                group: target.group,
                resource: target.plural,
                subresource: target.subresource,
                namespace: target.namespace,
                name: target.name,
                ..record
            },
            _ => Self {
                resource: request.path.clone(),
                ..record
            },
        }
    }

    /// Whether the request was to change something: a write that is no dry run.
    #[must_use]
    pub fn is_write(&self) -> bool {
        !self.dry_run && !matches!(self.verb, Verb::Get | Verb::List | Verb::Watch)
    }

    pub(crate) fn named(&self) -> Named<'_> {
        Named {
            group: &self.group,
            name: &self.resource,
        }
    }
}

/// The newest requests, up to a bound.
#[derive(Debug)]
pub(crate) struct Log {
    records: VecDeque<RequestRecord>,
    limit: usize,
}

impl Log {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            records: VecDeque::new(),
            limit,
        }
    }

    pub(crate) fn push(&mut self, record: RequestRecord) {
        if self.limit == 0 {
            return;
        }
        if self.records.len() == self.limit {
            self.records.pop_front();
        }
        self.records.push_back(record);
    }

    pub(crate) fn all(&self) -> Vec<RequestRecord> {
        self.records.iter().cloned().collect()
    }

    pub(crate) fn take(&mut self) -> Vec<RequestRecord> {
        std::mem::take(&mut self.records).into()
    }

    pub(crate) fn clear(&mut self) {
        self.records.clear();
    }
}

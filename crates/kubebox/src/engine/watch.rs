//! Pure. WATCH: a cursor over a table's history, polled by the shell whenever the table changes.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::error::{ApiError, Result};
use super::read::{check_watch, prefix};
use super::resource::{Resource, TableId};
use super::selector::Selector;
use super::shape::Shape;
use super::store::{Change, Stored};
use super::view::View;
use super::{Call, Engine};

/// Most bytes that one poll encodes, so that a watcher far behind does not hold the lock long.
const CHUNK: usize = 256 * 1024;

/// One watch: what it follows, and how far it has come.
#[derive(Debug)]
pub(crate) struct WatchPlan {
    pub(crate) table: TableId,
    /// Seconds until the server ends it; `None` leaves it to the shell.
    pub(crate) timeout: Option<u64>,
    pub(crate) bookmarks: bool,
    resource: Arc<Resource>,
    version: usize,
    shape: Shape,
    prefix: String,
    name: Option<String>,
    selector: Selector,
    /// Everything up to this resourceVersion was given.
    cursor: u64,
    /// The state to give first, while that lasts.
    initial: Option<Initial>,
    headers: bool,
}

#[derive(Debug)]
struct Initial {
    items: std::vec::IntoIter<Arc<Stored>>,
    /// Whether a bookmark tells the client where the initial state ends.
    marked: bool,
}

/// What a poll found.
#[derive(Debug)]
pub(crate) enum Polled {
    /// Events, one JSON object a line.
    Events(Bytes),
    /// Nothing new.
    Idle,
    /// A last event that says why the watch is over.
    Gone(Bytes),
}

impl Engine {
    pub(crate) fn watch(&mut self, call: &Call<'_>) -> Result<WatchPlan> {
        let query = &call.request.query;
        let timeout = query.number("timeoutSeconds")?;
        Selector::check_syntax(query)?;
        check_watch(query)?;
        let selector = Selector::parse(query, &call.resource)?;
        let asked = query.own_fault_version()?;
        let table = self.store.table(call.resource.table);
        let wants_initial = query.flag("sendInitialEvents");
        let legacy = !query.has("sendInitialEvents") && asked.unwrap_or(0) == 0;
        let prefix = prefix(&call.target.namespace);
        let name = Some(call.target.name.as_str())
            .filter(|n| !n.is_empty())
            .map(str::to_owned);
        let mut cursor = asked.unwrap_or(0);
        let initial = (wants_initial || legacy).then(|| {
            cursor = self.store.version();
            let mut items = Vec::new();
            table.scan(&prefix, "", cursor, |stored| {
                let named = name.as_deref().is_none_or(|n| *stored.meta.name == *n);
                if named && selector.matches(&stored.meta) {
                    items.push(Arc::clone(stored));
                }
                true
            });
            let bookmarks = query.flag("allowWatchBookmarks");
            Initial {
                items: items.into_iter(),
                marked: wants_initial && bookmarks,
            }
        });
        if initial.is_none() && cursor == 0 {
            cursor = self.store.version();
        }
        Ok(WatchPlan {
            table: call.resource.table,
            timeout,
            bookmarks: query.flag("allowWatchBookmarks"),
            resource: Arc::clone(&call.resource),
            version: call.version,
            shape: call.shape,
            prefix,
            name,
            selector,
            cursor,
            initial,
            headers: true,
        })
    }

    /// Gives the events that a watch has not seen yet.
    pub(crate) fn poll(&self, plan: &mut WatchPlan, now: Timestamp) -> Polled {
        let mut out = Vec::new();
        if let Some(mut initial) = plan.initial.take() {
            while out.len() < CHUNK {
                let Some(stored) = initial.items.next() else {
                    if initial.marked {
                        let mark = plan.view(now).bookmark(plan.cursor, true);
                        event("BOOKMARK", &mark, &mut out);
                    }
                    break;
                };
                plan.push("ADDED", &stored, now, &mut out);
            }
            if initial.items.len() > 0 {
                plan.initial = Some(initial);
            }
            if !out.is_empty() {
                return Polled::Events(out.into());
            }
        }
        let table = self.store.table(plan.table);
        if table.missed(plan.namespace(), plan.cursor) {
            let text = format!(
                "too old resource version: {} ({})",
                plan.cursor,
                table.compacted()
            );
            return Polled::Gone(error_event(&ApiError::expired(text, None)));
        }
        for change in table.since(plan.cursor) {
            if out.len() >= CHUNK {
                return Polled::Events(out.into());
            }
            plan.change(change, now, &mut out);
            plan.cursor = change.version;
        }
        plan.cursor = plan.cursor.max(self.store.version());
        if out.is_empty() {
            Polled::Idle
        } else {
            Polled::Events(out.into())
        }
    }

    /// A bookmark at the newest state; every event up to it was given.
    pub(crate) fn bookmark(&self, plan: &mut WatchPlan, now: Timestamp) -> Bytes {
        let mut out = Vec::new();
        plan.cursor = plan.cursor.max(self.store.version());
        event(
            "BOOKMARK",
            &plan.view(now).bookmark(plan.cursor, false),
            &mut out,
        );
        out.into()
    }
}

impl WatchPlan {
    fn view(&self, now: Timestamp) -> View<'_> {
        View {
            resource: &self.resource,
            version: self.version,
            shape: self.shape,
            now,
        }
    }

    /// The namespace that is followed; empty for all.
    pub(crate) fn namespace(&self) -> &str {
        self.prefix.trim_end_matches('/')
    }

    fn wants(&self, stored: &Stored) -> bool {
        self.selector.matches(&stored.meta)
    }

    fn change(&mut self, change: &Change, now: Timestamp, out: &mut Vec<u8>) {
        let meta = &change.after.meta;
        let inside = self.prefix.is_empty() || *meta.namespace == *self.namespace();
        if !inside || self.name.as_deref().is_some_and(|n| *meta.name != *n) {
            return;
        }
        let before = change.before.as_deref().filter(|b| self.wants(b));
        let after = (!change.deleted && self.wants(&change.after)).then_some(&change.after);
        match (before, after) {
            (None, Some(after)) => self.push("ADDED", after, now, out),
            (Some(_), Some(after)) => self.push("MODIFIED", after, now, out),
            (Some(_), None) if change.deleted => self.push("DELETED", &change.after, now, out),
            (Some(before), None) => {
                // It left the selection: the client sees its last selected state go.
                let mut object = before.value();
                super::meta::set(&mut object, "resourceVersion", change.version.to_string());
                let last = Stored::encode(&object, change.version, &[]);
                self.push("DELETED", &last, now, out);
            }
            (None, None) => {}
        }
    }

    fn push(&mut self, kind: &str, stored: &Stored, now: Timestamp, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"type\":\"");
        out.extend_from_slice(kind.as_bytes());
        out.extend_from_slice(b"\",\"object\":");
        self.view(now).object(stored, self.headers, out);
        self.headers = false;
        out.extend_from_slice(b"}\n");
    }
}

fn event(kind: &str, object: &Value, out: &mut Vec<u8>) {
    out.extend_from_slice(
        json!({ "type": kind, "object": object })
            .to_string()
            .as_bytes(),
    );
    out.push(b'\n');
}

/// A watch event of type ERROR.
pub(crate) fn error_event(error: &ApiError) -> Bytes {
    let mut out = Vec::new();
    event("ERROR", &error.status(), &mut out);
    out.into()
}

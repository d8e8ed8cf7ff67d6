//! Pure. GET and LIST: pages, consistent snapshots and resourceVersion semantics.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::error::{ApiError, Named, Result};
use super::field::FieldError;
use super::request::{Query, Request, Verb};
use super::resource::Builtin;
use super::selector::Selector;
use super::shape::Shape;
use super::store::{Stored, Table};
use super::view::View;
use super::{Answer, Call, Engine};

/// Where a list goes on: the snapshot (0 = the newest) and the last key already given.
#[derive(Debug, PartialEq)]
struct Continue {
    version: u64,
    after: String,
}

impl Continue {
    fn encode(&self) -> String {
        let version = if self.version == 0 {
            -1
        } else {
            i64::try_from(self.version).unwrap_or(-1)
        };
        let token = json!({ "v": "meta.k8s.io/v1", "rv": version, "start": self.after });
        URL_SAFE_NO_PAD.encode(token.to_string())
    }

    fn decode(text: &str) -> Result<Self> {
        let bad = |why: &str| {
            ApiError::bad_request(format!(
                "invalid continue token: continue key is not valid: {why}"
            ))
        };
        let bytes = URL_SAFE_NO_PAD
            .decode(text.trim_end_matches('='))
            .map_err(|_| bad("encoding"))?;
        let token: Value = serde_json::from_slice(&bytes).map_err(|_| bad("not JSON"))?;
        let version = token["rv"].as_i64().ok_or_else(|| bad("no rv"))?;
        let after = token["start"]
            .as_str()
            .ok_or_else(|| bad("no start"))?
            .to_owned();
        Ok(Self {
            version: u64::try_from(version).unwrap_or(0),
            after,
        })
    }
}

const LIST_OPTIONS: Named<'static> = Named {
    group: "meta.k8s.io",
    name: "ListOptions",
};

/// The checks of list parameters, in the real server's words.
pub(crate) fn check_list(query: &Query) -> Result<()> {
    let mut errors = Vec::new();
    let at = "resourceVersionMatch";
    let asked = query.get(at);
    let forbidden = |text: &str| FieldError::forbidden(at, text);
    if !asked.is_empty() {
        if !query.has("resourceVersion") {
            let text = "resourceVersionMatch is forbidden unless resourceVersion is provided";
            errors.push(forbidden(text));
        }
        if query.has("continue") {
            errors.push(forbidden(
                "resourceVersionMatch is forbidden when continue is provided",
            ));
        }
        if !matches!(asked, "Exact" | "NotOlderThan") {
            let allowed = ["Exact", "NotOlderThan", ""];
            errors.push(FieldError::not_supported(at, asked.into(), allowed));
        }
        if asked == "Exact" && query.get("resourceVersion") == "0" {
            let text = "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"";
            errors.push(forbidden(text));
        }
    }
    if query.has("sendInitialEvents") {
        let text = "sendInitialEvents is forbidden for list";
        errors.push(FieldError::forbidden("sendInitialEvents", text));
    }
    if errors.is_empty() {
        Ok(())
    } else {
        Err(ApiError::invalid(LIST_OPTIONS, "", &errors))
    }
}

/// The checks of the parameters of a list or watch that come first for custom resources.
pub(crate) fn check_parameters(request: &Request, verb: Verb) -> Result<()> {
    request.query.number("limit")?;
    Selector::check_syntax(&request.query)?;
    if verb == Verb::Watch {
        check_watch(&request.query)
    } else {
        check_list(&request.query)
    }
}

/// The checks of watch parameters.
pub(crate) fn check_watch(query: &Query) -> Result<()> {
    let mut errors = Vec::new();
    let at = "resourceVersionMatch";
    let asked = query.get(at);
    let initial = query.has("sendInitialEvents");
    if initial && asked != "NotOlderThan" {
        let text = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
        errors.push(FieldError::forbidden(at, text));
    }
    if !asked.is_empty() {
        if !initial {
            let text =
                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
            errors.push(FieldError::forbidden(at, text));
        }
        if asked != "NotOlderThan" {
            errors.push(FieldError::not_supported(
                at,
                asked.into(),
                ["NotOlderThan"],
            ));
        }
    }
    if errors.is_empty() {
        Ok(())
    } else {
        Err(ApiError::invalid(LIST_OPTIONS, "", &errors))
    }
}

impl Engine {
    pub(crate) fn get(&mut self, call: &Call<'_>) -> Result<Answer> {
        // A real server keeps events in etcd alone, which takes a version for the client's word.
        let query = &call.request.query;
        let asked = match call.resource.builtin {
            Some(Builtin::Event) => query.version()?,
            _ => query.own_fault_version()?,
        };
        let asked = asked.unwrap_or(0);
        if asked > self.store.version() {
            return Err(ApiError::future_version(asked, self.store.version()));
        }
        let stored = self.stored(call)?;
        Ok(self.answer(call, 200, &stored))
    }

    /// An answer that shows one object.
    pub(crate) fn answer(&self, call: &Call<'_>, code: u16, stored: &Stored) -> Answer {
        let mut out = Vec::with_capacity(stored.json.len() + 96);
        view(call).object(stored, true, &mut out);
        Answer::line(code, out)
    }

    pub(crate) fn list(&mut self, call: &Call<'_>) -> Result<Answer> {
        let query = &call.request.query;
        let limit = query.number("limit")?;
        Selector::check_syntax(query)?;
        check_list(query)?;
        let selector = Selector::parse(query, &call.resource)?;
        let table = self.store.table(call.resource.table);
        let current = self.store.version();
        let (at, after) = snapshot(query, table, current)?;
        let prefix = prefix(&call.target.namespace);
        let mut items: Vec<Arc<Stored>> = Vec::new();
        let mut more = 0u64;
        // Any state will do for version 0, and what is at hand is given whole.
        let limit = limit.filter(|_| query.get("resourceVersion") != "0");
        let limit = limit.map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));
        table.scan(&prefix, &after, at, |stored| {
            if !selector.matches(&stored.meta) {
                return true;
            }
            if items.len() < limit {
                items.push(Arc::clone(stored));
            } else {
                more += 1;
            }
            // With a selector the rest is not counted, so one more is enough to know.
            more == 0 || selector.is_empty()
        });
        let mut metadata = json!({ "resourceVersion": at.to_string() });
        if !call.resource.typed() && call.shape == Shape::Full {
            metadata["continue"] = "".into();
        }
        if let (true, Some(last)) = (more > 0, items.last()) {
            let token = Continue {
                version: at,
                after: last.key(),
            };
            metadata["continue"] = token.encode().into();
            if selector.is_empty() {
                metadata["remainingItemCount"] = more.into();
            }
        }
        Ok(Answer::bytes(200, view(call).list(&items, &metadata)))
    }
}

/// The prefix of the keys in a namespace; everything when there is none.
pub(crate) fn prefix(namespace: &str) -> String {
    if namespace.is_empty() {
        String::new()
    } else {
        format!("{namespace}/")
    }
}

/// How a call's objects are to appear.
pub(crate) fn view<'a>(call: &'a Call<'_>) -> View<'a> {
    View {
        resource: &call.resource,
        version: call.version,
        shape: call.shape,
        now: call.now,
    }
}

/// Which state a list reads, and after which key.
fn snapshot(query: &Query, table: &Table, current: u64) -> Result<(u64, String)> {
    if query.has("continue") {
        if !matches!(query.get("resourceVersion"), "" | "0") {
            let text = "specifying resource version is not allowed when using continue";
            return Err(ApiError::bad_request(text));
        }
        let token = Continue::decode(query.get("continue"))?;
        if token.version == 0 {
            return Ok((current, token.after));
        }
        if token.version < table.compacted() {
            let text = "The provided continue parameter is too old to display a consistent list \
                        result. You can start a new list without the continue parameter, or use \
                        the continue token in this response to retrieve the remainder of the \
                        results. Continuing with the provided token results in an inconsistent \
                        list - objects that were created, modified, or deleted between the time \
                        the first chunk was returned and now may show up in the list.";
            let again = Continue {
                version: 0,
                after: token.after,
            };
            return Err(ApiError::expired(text, Some(again.encode())));
        }
        return Ok((token.version, token.after));
    }
    let asked = query.version()?.unwrap_or(0);
    if asked > current {
        return Err(ApiError::future_version(asked, current));
    }
    // Pages of a version are pages of that version, unless something else is asked for.
    let pages = asked > 0 && query.number("limit")?.is_some() && !query.has("resourceVersionMatch");
    if pages || query.get("resourceVersionMatch") == "Exact" {
        if asked < table.compacted() {
            let text = "The resourceVersion for the provided list is too old.";
            return Err(ApiError::expired(text, None));
        }
        return Ok((asked, String::new()));
    }
    Ok((current, String::new()))
}

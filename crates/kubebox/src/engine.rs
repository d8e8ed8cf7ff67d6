//! Pure. The API as a state machine: one request and the time in, one answer out.

mod admit;
mod cel;
mod check;
mod collect;
mod crd;
mod definitions;
mod delete;
mod discovery;
mod duplicates;
mod error;
mod event;
mod field;
mod ids;
mod managed;
mod meta;
mod names;
mod openapi;
mod patch;
mod protobuf;
mod read;
mod registry;
mod request;
mod resource;
mod review;
mod schema;
mod seed;
mod selector;
mod shape;
mod store;
mod strategic;
mod table;
mod token;
mod validate;
mod view;
mod watch;
mod write;

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;

pub(crate) use admit::MAX_BODY;
pub(crate) use error::{ApiError, Named};
pub(crate) use ids::Ids;
pub use request::Verb;
pub(crate) use request::{Query, Request, Route, Target};
pub(crate) use resource::TableId;
pub(crate) use watch::{Polled, WatchPlan};

use admit::Strictness;
use error::Result;
use registry::Registry;
use resource::Resource;
use shape::Shape;
use store::{Store, Stored};

/// A finished answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) media: &'static str,
    pub(crate) body: Bytes,
    /// Texts of `Warning` headers.
    pub(crate) warnings: Vec<String>,
    /// Seconds of `Retry-After`.
    pub(crate) retry_after: Option<u64>,
}

impl Answer {
    pub(crate) fn json(code: u16, value: &Value) -> Self {
        Self::line(code, serde_json::to_vec(value).unwrap_or_default())
    }

    /// JSON that ends as Go's encoder ends what it writes.
    fn line(code: u16, mut body: Vec<u8>) -> Self {
        body.push(b'\n');
        Self::bytes(code, body.into())
    }

    fn bytes(code: u16, body: Bytes) -> Self {
        let media = "application/json";
        Self {
            code,
            media,
            body,
            warnings: Vec::new(),
            retry_after: None,
        }
    }

    fn text(code: u16, body: &'static str) -> Self {
        let media = "text/plain; charset=utf-8";
        Self {
            media,
            ..Self::bytes(code, Bytes::from_static(body.as_bytes()))
        }
    }
}

impl From<ApiError> for Answer {
    fn from(error: ApiError) -> Self {
        let retry_after = error.retry_after();
        Self {
            retry_after,
            ..Self::json(error.code(), &error.status())
        }
    }
}

/// What the shell does next.
#[derive(Debug)]
pub(crate) enum Reply {
    Done(Answer),
    /// An answer that goes on; poll it with [`Engine::poll`].
    Watch(Box<WatchPlan>),
}

/// What the engine is made with.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) seed: u64,
    pub(crate) history: usize,
    /// Whether to act as kube-controller-manager too.
    pub(crate) controllers: bool,
    /// Key that signs service account tokens.
    pub(crate) token_key: [u8; 32],
}

/// The whole API.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) registry: Registry,
    pub(crate) store: Store,
    ids: Ids,
    settings: Settings,
    documents: openapi::Documents,
}

/// One request on its way through the engine.
pub(crate) struct Call<'a> {
    request: &'a Request,
    target: &'a Target,
    resource: Arc<Resource>,
    version: usize,
    now: Timestamp,
    shape: Shape,
    dry: bool,
    strictness: Strictness,
    warnings: Vec<String>,
    /// Fields that stand more than once in the body.
    repeated: Vec<String>,
}

impl Engine {
    pub(crate) fn new(settings: Settings, now: Timestamp) -> Self {
        let mut engine = Self {
            registry: Registry::builtin(),
            store: Store::new(settings.history),
            ids: Ids::new(settings.seed),
            settings,
            documents: openapi::Documents::default(),
        };
        engine.store.reserve(engine.registry.table_count());
        engine.seed(now);
        engine
    }

    /// Answers one request.
    pub(crate) fn handle(&mut self, request: &Request, now: Timestamp) -> Reply {
        let route = Route::parse(&request.path);
        let done = match route {
            Route::Object(target) => {
                return self
                    .object(request, &target, now)
                    .unwrap_or_else(|e| Reply::Done(e.into()));
            }
            Route::Healthy => Answer::text(200, "ok"),
            Route::Unknown => ApiError::no_such_resource().into(),
            Route::Nowhere => Answer::text(404, "404 page not found\n"),
            route => self.document(&route, request).unwrap_or_else(Into::into),
        };
        Reply::Done(done)
    }

    fn object(&mut self, request: &Request, target: &Target, now: Timestamp) -> Result<Reply> {
        if let Some(answer) = self.review(request, target, now) {
            return answer.map(Reply::Done);
        }
        if self.registry.versions(&target.group).is_empty() {
            return Ok(Reply::Done(Answer::text(404, "404 page not found\n")));
        }
        let (resource, version) = self
            .registry
            .find(&target.group, &target.version, &target.plural)
            .ok_or_else(ApiError::no_such_resource)?;
        if resource.namespaced == target.namespace.is_empty()
            && !(resource.namespaced && target.name.is_empty())
        {
            return Err(ApiError::no_such_resource());
        }
        let typed = resource.typed();
        let verb = request
            .verb(target)
            .ok_or_else(ApiError::method_not_allowed)?;
        // A built-in resource has no route for what it does not serve; a custom one looks later.
        if typed && !self.serves_subresource(&resource, version, target) {
            return Err(ApiError::no_such_resource());
        }
        if verb == Verb::Patch {
            patch::check_media(request, &resource).map_err(|e| e.about_types(typed))?;
        }
        if !typed && matches!(verb, Verb::List | Verb::Watch) {
            read::check_parameters(request, verb)?;
        }
        let shape = Shape::negotiate(request).map_err(|e| e.about_types(typed))?;
        if !self.serves_subresource(&resource, version, target) {
            return Err(ApiError::no_such_resource());
        }
        let (dry, strictness) = match verb {
            Verb::Create | Verb::Update | Verb::Patch => {
                request.query.write_options(verb.options())?
            }
            _ => (false, Strictness::Ignore),
        };
        let warnings: Vec<String> = resource.versions[version].warning.iter().cloned().collect();
        let mut call = Call {
            request,
            target,
            resource,
            version,
            now,
            shape,
            dry,
            strictness,
            warnings,
            repeated: Vec::new(),
        };
        let mut reply = self
            .run(&mut call, verb)
            .unwrap_or_else(|error| Reply::Done(error.about_types(typed).into()));
        if let Reply::Done(answer) = &mut reply {
            answer.warnings = call.warnings;
        }
        Ok(reply)
    }

    fn serves_subresource(&self, resource: &Resource, version: usize, target: &Target) -> bool {
        match (target.subresource.as_str(), resource.builtin) {
            ("", _)
            | ("token", Some(resource::Builtin::ServiceAccount))
            | ("finalize", Some(resource::Builtin::Namespace)) => true,
            ("status", _) => resource.versions[version].status,
            _ => false,
        }
    }

    fn run(&mut self, call: &mut Call<'_>, verb: Verb) -> Result<Reply> {
        if !call.target.subresource.is_empty() {
            return self.subresource(call, verb).map(Reply::Done);
        }
        Ok(Reply::Done(match verb {
            Verb::Get => self.get(call)?,
            Verb::List => self.list(call)?,
            Verb::Watch => return self.watch(call).map(|plan| Reply::Watch(Box::new(plan))),
            Verb::Create if call.target.name.is_empty() => self.create(call)?,
            Verb::Update if !call.target.name.is_empty() => self.update(call)?,
            Verb::Patch if !call.target.name.is_empty() => self.patch(call)?,
            Verb::Delete => self.delete(call)?,
            Verb::DeleteCollection => self.delete_collection(call)?,
            _ => return Err(ApiError::method_not_allowed()),
        }))
    }

    fn subresource(&mut self, call: &mut Call<'_>, verb: Verb) -> Result<Answer> {
        match (call.target.subresource.as_str(), call.resource.builtin) {
            ("token", Some(resource::Builtin::ServiceAccount)) => {
                return match verb {
                    Verb::Create => self.token_request(call),
                    _ => Err(ApiError::method_not_allowed()),
                };
            }
            ("finalize", Some(resource::Builtin::Namespace)) if verb != Verb::Update => {
                return Err(ApiError::method_not_allowed());
            }
            _ => {}
        }
        match verb {
            Verb::Get => self.get(call),
            Verb::Update => self.update(call),
            Verb::Patch => self.patch(call),
            _ => Err(ApiError::method_not_allowed()),
        }
    }

    /// The stored object that a call names.
    fn stored(&self, call: &Call<'_>) -> Result<Arc<Stored>> {
        let key = store::key(&call.target.namespace, &call.target.name);
        let found = self.store.table(call.resource.table).get(&key);
        found
            .cloned()
            .ok_or_else(|| ApiError::not_found(call.resource.named(), &call.target.name))
    }
}

#[cfg(test)]
mod tests;

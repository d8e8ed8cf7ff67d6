//! Pure. The errors of the API, with the real server's reason, code, message and details.

use serde_json::{Map, Value, json};

use super::field::FieldError;

/// What every fallible step of the engine returns.
pub(crate) type Result<T> = std::result::Result<T, ApiError>;

/// One failed request; becomes a `metav1.Status`.
#[derive(Clone, Debug)]
pub(crate) struct ApiError(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    code: u16,
    reason: &'static str,
    message: String,
    details: Option<Value>,
    continue_token: Option<String>,
}

/// Group and name of a resource or kind, as error texts print it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Named<'a> {
    pub(crate) group: &'a str,
    pub(crate) name: &'a str,
}

impl std::fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.group.is_empty() {
            f.write_str(self.name)
        } else {
            write!(f, "{}.{}", self.name, self.group)
        }
    }
}

impl ApiError {
    fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            code,
            reason,
            message: message.into(),
            details: None,
            continue_token: None,
        }))
    }

    fn with(mut self, details: Value) -> Self {
        self.0.details = Some(details);
        self
    }

    fn about(code: u16, reason: &'static str, what: Named<'_>, name: &str, text: String) -> Self {
        Self::new(code, reason, text).with(details(what, name))
    }

    pub(crate) fn code(&self) -> u16 {
        self.0.code
    }

    /// Whether an object could not be decoded as its kind.
    pub(crate) fn is_undecodable(&self) -> bool {
        self.0.code == 400 && self.0.message.contains("cannot be handled as a")
    }

    /// Seconds of the `Retry-After` header, where the answer carries one.
    pub(crate) fn retry_after(&self) -> Option<u64> {
        self.0.details.as_ref()?.get("retryAfterSeconds")?.as_u64()
    }

    pub(crate) fn not_found(resource: Named<'_>, name: &str) -> Self {
        let text = format!("{resource} \"{name}\" not found");
        Self::about(404, "NotFound", resource, name, text)
    }

    /// `going`: the other object is being deleted; `generated`: the request has a name's prefix.
    pub(crate) fn already_exists(
        resource: Named<'_>,
        name: &str,
        going: bool,
        generated: bool,
    ) -> Self {
        let start = if going {
            "object is being deleted: "
        } else {
            ""
        };
        let end = if generated {
            ", the server was not able to generate a unique name for the object"
        } else {
            ""
        };
        let text = format!("{start}{resource} \"{name}\" already exists{end}");
        let mut error = Self::about(409, "AlreadyExists", resource, name, text);
        if let Some(details) = error.0.details.as_mut().filter(|_| generated) {
            details["retryAfterSeconds"] = 1.into();
        }
        error
    }

    pub(crate) fn conflict(resource: Named<'_>, name: &str, why: &str) -> Self {
        let text = format!("Operation cannot be fulfilled on {resource} \"{name}\": {why}");
        Self::about(409, "Conflict", resource, name, text)
    }

    /// The answer to a write based on an older resourceVersion.
    pub(crate) fn stale(resource: Named<'_>, name: &str) -> Self {
        let why = "the object has been modified; please apply your changes to the latest \
                   version and try again";
        Self::conflict(resource, name, why)
    }

    pub(crate) fn forbidden(resource: Named<'_>, name: &str, why: &str) -> Self {
        let text = if name.is_empty() {
            format!("{resource} is forbidden: {why}")
        } else {
            format!("{resource} \"{name}\" is forbidden: {why}")
        };
        Self::about(403, "Forbidden", resource, name, text)
    }

    /// The answer to a create in a namespace that is going away.
    pub(crate) fn terminating(resource: Named<'_>, name: &str, namespace: &str) -> Self {
        let why = format!(
            "unable to create new content in namespace {namespace} because it is being terminated"
        );
        let mut error = Self::forbidden(resource, name, &why);
        if let Some(details) = &mut error.0.details {
            details["causes"] = json!([{
                "reason": "NamespaceTerminating",
                "message": format!("namespace {namespace} is being terminated"),
                "field": "metadata.namespace",
            }]);
        }
        error
    }

    /// 422 with one cause for each field; `kind` is the kind, not the resource.
    pub(crate) fn invalid(kind: Named<'_>, name: &str, errors: &[FieldError]) -> Self {
        let list: Vec<String> = errors.iter().map(ToString::to_string).collect();
        let mut unique = Vec::new();
        for text in list {
            if !unique.contains(&text) {
                unique.push(text);
            }
        }
        let joined = match unique.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let mut all = details(kind, name);
        all["causes"] = errors.iter().map(FieldError::cause).collect();
        let text = format!("{kind} \"{name}\" is invalid: {joined}");
        Self::new(422, "Invalid", text).with(all)
    }

    /// 422 without a kind, as JSON patches answer that do not apply.
    pub(crate) fn unprocessable() -> Self {
        let text = "the server rejected our request due to an error in our request";
        Self::new(422, "Invalid", text).with(json!({}))
    }

    /// 422 for a patch whose outcome is no valid object; the real server quotes that object.
    pub(crate) fn patched(error: &Self) -> Self {
        let value = "<patched object omitted>";
        // Of which kind it should have been, goes without saying.
        let text = error.0.message.split_once(" cannot be handled as a ");
        let text = text.and_then(|(_, rest)| rest.split_once(": "));
        let text = text.map_or(error.0.message.as_str(), |(_, why)| why);
        let error = FieldError::invalid("patch", value, text);
        let body = error.to_string();
        let causes = json!({ "causes": [error.cause()] });
        Self::new(422, "Invalid", format!(" \"\" is invalid: {body}")).with(causes)
    }

    /// 500 without a reason, as a real server answers some mistakes of clients.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(500, "", message)
    }

    /// 500 for a patch that takes a custom resource's apiVersion away.
    pub(crate) fn without_version() -> Self {
        let text = "Object 'apiVersion' is missing in 'object has no apiVersion field'";
        Self::new(
            500,
            "InternalError",
            format!("Internal error occurred: {text}"),
        )
        .with(json!({ "causes": [{ "message": text }] }))
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    pub(crate) fn no_such_resource() -> Self {
        let text = "the server could not find the requested resource";
        Self::new(404, "NotFound", text).with(json!({}))
    }

    pub(crate) fn method_not_allowed() -> Self {
        let text = "the server does not allow this method on the requested resource";
        Self::new(405, "MethodNotAllowed", text).with(json!({}))
    }

    pub(crate) fn not_while_terminating(text: &str) -> Self {
        Self::new(405, "MethodNotAllowed", text).with(json!({}))
    }

    pub(crate) fn not_acceptable(accepted: &str) -> Self {
        let text = format!("only the following media types are accepted: {accepted}");
        Self::new(406, "NotAcceptable", text)
    }

    pub(crate) fn unsupported_media(accepted: &str) -> Self {
        let text = format!(
            "the body of the request was in an unknown format - accepted media types include: \
             {accepted}"
        );
        Self::new(415, "UnsupportedMediaType", text)
    }

    /// Refusals of media types have empty details where built-in resources are concerned.
    pub(crate) fn about_types(self, builtin: bool) -> Self {
        if builtin && matches!(self.0.code, 406 | 415) {
            return self.with(json!({}));
        }
        self
    }

    pub(crate) fn too_large(limit: usize) -> Self {
        let text = format!("Request entity too large: limit is {limit}");
        Self::new(413, "RequestEntityTooLarge", text)
    }

    /// 410: history is gone; with a token, the list may go on inconsistently.
    pub(crate) fn expired(message: impl Into<String>, continue_token: Option<String>) -> Self {
        let mut error = Self::new(410, "Expired", message);
        error.0.continue_token = continue_token;
        error
    }

    pub(crate) fn future_version(asked: u64, current: u64) -> Self {
        let text = format!("Too large resource version: {asked}, current: {current}");
        Self::new(504, "Timeout", format!("Timeout: {text}")).with(json!({
            "retryAfterSeconds": 1,
            "causes": [{
                "reason": "ResourceVersionTooLarge",
                "message": "Too large resource version",
            }],
        }))
    }

    pub(crate) fn too_many_requests(after: u64) -> Self {
        let text = "the server has received too many requests and has asked us to try again later";
        Self::new(429, "TooManyRequests", text).with(json!({ "retryAfterSeconds": after }))
    }

    /// A 5xx (or any other code) that a fault rule asks for.
    pub(crate) fn server(code: u16) -> Self {
        let (reason, text) = match code {
            500 => ("InternalError", "Internal error occurred: injected fault"),
            503 => (
                "ServiceUnavailable",
                "the server is currently unable to handle the request",
            ),
            504 => (
                "Timeout",
                "the server was unable to return a response in the time allotted",
            ),
            _ => ("InternalError", "injected fault"),
        };
        Self::new(code, reason, text)
    }

    /// Renders the error as a `metav1.Status` object.
    pub(crate) fn status(&self) -> Value {
        let mut metadata = Map::new();
        if let Some(token) = &self.0.continue_token {
            metadata.insert("continue".into(), json!(token));
        }
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": metadata, "status": "Failure",
            "message": self.0.message, "reason": self.0.reason, "code": self.0.code,
        });
        if self.0.reason.is_empty()
            && let Some(map) = status.as_object_mut()
        {
            map.remove("reason");
        }
        if let Some(details) = &self.0.details {
            status["details"] = details.clone();
        }
        status
    }
}

fn details(what: Named<'_>, name: &str) -> Value {
    let mut map = Map::new();
    if !name.is_empty() {
        map.insert("name".into(), json!(name));
    }
    if !what.group.is_empty() {
        map.insert("group".into(), json!(what.group));
    }
    map.insert("kind".into(), json!(what.name));
    Value::Object(map)
}

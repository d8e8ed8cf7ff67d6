//! Pure. One request, parsed: verb, target, parameters and the shape of the answer.

use bytes::Bytes;
use http::Method;

use super::admit::Strictness;
use super::error::{ApiError, Named, Result};
use super::field::FieldError;

/// What a request does, as RBAC and the fault rules name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verb {
    /// Reads one object (or a document that is no object, such as `/version`).
    Get,
    /// Reads a collection.
    List,
    /// Follows a collection.
    Watch,
    /// POST.
    Create,
    /// PUT.
    Update,
    /// PATCH.
    Patch,
    /// Deletes one object.
    Delete,
    /// Deletes a collection.
    DeleteCollection,
}

impl Verb {
    /// The options that this verb takes, as error texts name them.
    pub(crate) fn options(self) -> Named<'static> {
        let name = match self {
            Self::Get => "GetOptions",
            Self::List | Self::Watch => "ListOptions",
            Self::Create => "CreateOptions",
            Self::Update => "UpdateOptions",
            Self::Patch => "PatchOptions",
            Self::Delete | Self::DeleteCollection => "DeleteOptions",
        };
        Named {
            group: "meta.k8s.io",
            name,
        }
    }

    /// The lower-case name, as RBAC rules spell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
        }
    }
}

/// A request as the shell read it.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Query,
    pub(crate) accept: String,
    pub(crate) content_type: String,
    pub(crate) user_agent: String,
    /// Who asks; the shell knows.
    pub(crate) user: String,
    pub(crate) body: Bytes,
}

/// Decoded query parameters.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(raw: &str) -> Self {
        let pairs = raw.split('&').filter(|p| !p.is_empty());
        Self(
            pairs
                .map(|p| {
                    let (key, value) = p.split_once('=').unwrap_or((p, ""));
                    (unescape(key, true), unescape(value, true))
                })
                .collect(),
        )
    }

    /// The value of a parameter; empty when absent.
    pub(crate) fn get(&self, key: &str) -> &str {
        self.0.iter().find(|(k, _)| k == key).map_or("", |(_, v)| v)
    }

    pub(crate) fn flag(&self, key: &str) -> bool {
        matches!(self.get(key), "true" | "1" | "True")
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        !self.get(key).is_empty()
    }

    /// A positive whole number; absent or not positive is `None`, anything else a 400.
    pub(crate) fn number(&self, key: &str) -> Result<Option<u64>> {
        match self.get(key) {
            "" => Ok(None),
            text => match text.parse::<i64>() {
                Ok(n) => Ok(u64::try_from(n).ok().filter(|n| *n > 0)),
                Err(_) => Err(ApiError::bad_request(format!(
                    "strconv.ParseInt: parsing \"{text}\": invalid syntax"
                ))),
            },
        }
    }

    /// A resourceVersion; absent is `None`.
    pub(crate) fn version(&self) -> Result<Option<u64>> {
        self.version_or(|text| ApiError::bad_request(format!("invalid resource version: {text}")))
    }

    /// The resourceVersion of a get or watch; a real server calls a wrong one its own fault.
    pub(crate) fn own_fault_version(&self) -> Result<Option<u64>> {
        self.version_or(ApiError::internal)
    }

    fn version_or(&self, error: impl Fn(String) -> ApiError) -> Result<Option<u64>> {
        match self.get("resourceVersion") {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| {
                error(format!(
                    "resourceVersion: Invalid value: \"{text}\": strconv.ParseUint: parsing \
                     \"{text}\": invalid syntax"
                ))
            }),
        }
    }

    /// The options that every write takes: whether it is to change nothing, and what it thinks of
    /// unknown fields.
    pub(crate) fn write_options(&self, options: Named<'_>) -> Result<(bool, Strictness)> {
        let mut errors = manager_problems(self.get("fieldManager"));
        let dry = self.get("dryRun");
        if !matches!(dry, "" | "All") {
            errors.push(dry_run_problem(serde_json::json!([dry])));
        }
        let strictness = Strictness::parse(self.get("fieldValidation"), &mut errors);
        if errors.is_empty() {
            Ok((!dry.is_empty(), strictness))
        } else {
            Err(ApiError::invalid(options, "", &errors))
        }
    }
}

/// What is wrong with a `dryRun` that asks for more than "All".
pub(crate) fn dry_run_problem(sent: serde_json::Value) -> FieldError {
    FieldError::not_supported("dryRun", sent, ["All"])
}

fn manager_problems(manager: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if manager.len() > 128 {
        errors.push(FieldError::too_long("fieldManager", 128));
    }
    if let Some((at, c)) = manager.chars().enumerate().find(|(_, c)| c.is_control()) {
        let text = format!(
            "invalid character U+{:04X} (at position {at})",
            u32::from(c)
        );
        errors.push(FieldError::invalid("fieldManager", manager, text));
    }
    errors
}

/// Decodes percent escapes; broken ones stay as they are.
pub(crate) fn unescape(text: &str, plus: bool) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let hex = |at: usize| {
            let digit = char::from(*bytes.get(at)?).to_digit(16)?;
            u8::try_from(digit).ok()
        };
        match bytes[i] {
            b'%' => match (hex(i + 1), hex(i + 2)) {
                (Some(a), Some(b)) => {
                    out.push(a * 16 + b);
                    i += 2;
                }
                _ => out.push(b'%'),
            },
            b'+' if plus => out.push(b' '),
            b => out.push(b),
        }
        i += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// A collection, an object, or a subresource of one.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Target {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) plural: String,
    /// Empty for cluster-scoped resources and for all namespaces.
    pub(crate) namespace: String,
    /// Empty for collections.
    pub(crate) name: String,
    pub(crate) subresource: String,
}

/// Where a path leads.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Route {
    Version,
    Healthy,
    Paths,
    /// `/api`
    CoreVersions,
    /// `/apis`
    Groups,
    /// `/apis/{group}`
    Group(String),
    /// `/api/v1` or `/apis/{group}/{version}`
    Resources(String, String),
    OpenApiV2,
    OpenApiV3,
    /// `/openapi/v3/{path}`
    OpenApiV3Of(String),
    Object(Target),
    /// Deeper than any object of a group lies.
    Unknown,
    Nowhere,
}

impl Route {
    pub(crate) fn parse(path: &str) -> Self {
        let parts: Vec<String> = path
            .trim_matches('/')
            .split('/')
            .map(|p| unescape(p, false))
            .collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        match parts.as_slice() {
            [""] => Self::Paths,
            ["version"] => Self::Version,
            ["healthz" | "livez" | "readyz", ..] => Self::Healthy,
            ["api"] => Self::CoreVersions,
            ["apis"] => Self::Groups,
            ["api", version] => Self::Resources(String::new(), (*version).to_owned()),
            ["apis", group] => Self::Group((*group).to_owned()),
            ["apis", group, version] => Self::Resources((*group).into(), (*version).into()),
            ["openapi", "v2"] => Self::OpenApiV2,
            ["openapi", "v3"] => Self::OpenApiV3,
            ["openapi", "v3", rest @ ..] => Self::OpenApiV3Of(rest.join("/")),
            ["api", version, rest @ ..] => object("", version, rest),
            ["apis", group, version, rest @ ..] => object(group, version, rest),
            _ => Self::Nowhere,
        }
    }
}

fn object(group: &str, version: &str, rest: &[&str]) -> Route {
    let (namespace, rest) = match rest {
        // A namespace's own status and finalize come first: they look like a resource in it.
        ["namespaces", _, "status" | "finalize"] => ("", rest),
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (*namespace, rest),
        _ => ("", rest),
    };
    let (plural, name, subresource) = match rest {
        [plural] => (*plural, "", ""),
        [plural, name] => (*plural, *name, ""),
        [plural, name, subresource] => (*plural, *name, *subresource),
        _ => return Route::Unknown,
    };
    Route::Object(Target {
        group: group.into(),
        version: version.into(),
        plural: plural.into(),
        namespace: namespace.into(),
        name: name.into(),
        subresource: subresource.into(),
    })
}

impl Request {
    /// What the request does to an object or collection; `None` for other methods.
    pub(crate) fn verb(&self, target: &Target) -> Option<Verb> {
        let one = !target.name.is_empty();
        Some(match self.method {
            // An object's own path cannot be watched; a field selector on its name can.
            Method::GET | Method::HEAD if one => Verb::Get,
            Method::GET if self.query.flag("watch") => Verb::Watch,
            Method::GET | Method::HEAD => Verb::List,
            Method::POST => Verb::Create,
            Method::PUT => Verb::Update,
            Method::PATCH => Verb::Patch,
            Method::DELETE if one => Verb::Delete,
            Method::DELETE => Verb::DeleteCollection,
            _ => return None,
        })
    }

    /// Who is recorded as the manager of the written fields.
    pub(crate) fn manager(&self) -> &str {
        let asked = self.query.get("fieldManager");
        if !asked.is_empty() {
            return asked;
        }
        let name = self.user_agent.split('/').next().unwrap_or_default();
        let cut = name
            .char_indices()
            .take_while(|(i, c)| i + c.len_utf8() <= 128)
            .count();
        let end = name.char_indices().nth(cut).map_or(name.len(), |(i, _)| i);
        if end == 0 { "unknown" } else { &name[..end] }
    }

    /// The media type of the body, without parameters.
    pub(crate) fn media_type(&self) -> &str {
        self.content_type
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(path: &str) -> Vec<String> {
        match Route::parse(path) {
            Route::Object(t) => {
                vec![
                    t.group,
                    t.version,
                    t.plural,
                    t.namespace,
                    t.name,
                    t.subresource,
                ]
            }
            other => vec![format!("{other:?}")],
        }
    }

    #[test]
    fn paths_lead_where_they_should() {
        let check = |path: &str, expected: [&str; 6]| assert_eq!(target(path), expected, "{path}");
        check("/api/v1/namespaces", ["", "v1", "namespaces", "", "", ""]);
        check(
            "/api/v1/namespaces/a",
            ["", "v1", "namespaces", "", "a", ""],
        );
        check(
            "/api/v1/namespaces/a/finalize",
            ["", "v1", "namespaces", "", "a", "finalize"],
        );
        check(
            "/api/v1/namespaces/a/secrets",
            ["", "v1", "secrets", "a", "", ""],
        );
        check(
            "/api/v1/namespaces/a/secrets/b%2ec",
            ["", "v1", "secrets", "a", "b.c", ""],
        );
        check("/apis/g.io/v1/xs", ["g.io", "v1", "xs", "", "", ""]);
        check(
            "/apis/g.io/v1/namespaces/a/xs/b/status",
            ["g.io", "v1", "xs", "a", "b", "status"],
        );
        assert_eq!(Route::parse("/apis/g/v1/a/b/c/d"), Route::Unknown);
        assert_eq!(Route::parse("/"), Route::Paths);
        assert_eq!(Route::parse("/livez/ping"), Route::Healthy);
    }

    #[test]
    fn queries_are_decoded() {
        let query = Query::parse("labelSelector=a%3Db%2Cc&x=1+2&flag=true&bad=%zz");
        assert_eq!(query.get("labelSelector"), "a=b,c");
        assert_eq!(query.get("x"), "1 2");
        assert!(query.flag("flag"));
        assert_eq!(query.get("bad"), "%zz");
    }
}

//! Shell. The REST interface of the Key Vault test server: paths, rights, pages, errors.

use std::collections::BTreeMap;

use axum::http::Method;
use axum::http::header::{AUTHORIZATION, HeaderName};
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::World;
use super::keys::Version;
use super::reply::Reply;

/// Versions on one page, at most: few, so that tests see more than one.
const PAGE: usize = 2;
/// The one algorithm.
const ALGORITHM: &str = "RSA-OAEP-256";
const METADATA: HeaderName = HeaderName::from_static("metadata");

impl World {
    pub(super) fn answer(&mut self, head: &Parts, body: &[u8]) -> Reply {
        let path = head.uri.path().trim_matches('/').to_owned();
        let segments: Vec<&str> = path.split('/').collect();
        let query = pairs(head.uri.query().unwrap_or_default());
        match (&head.method, segments.as_slice()) {
            (&Method::POST, [tenant, "oauth2", "v2.0", "token"]) => {
                let form = pairs(&String::from_utf8_lossy(body));
                self.logins.token(tenant, &form)
            }
            (&Method::GET, ["metadata", "identity", "oauth2", "token"]) => {
                // It keeps requests out that were not meant for it.
                if head.headers.get(METADATA).is_none_or(|it| it != "true") {
                    return Reply::bare(400);
                }
                self.logins.managed(&query)
            }
            (method, ["keys", rest @ ..]) => {
                if let Some(challenge) = self.unknown(head) {
                    return challenge;
                }
                let operation = rest.last().copied().unwrap_or_default().to_owned();
                let reply = match self.refusal() {
                    Some(reply) => reply,
                    None => self.keys(method, rest, &query, body),
                };
                self.answered.push(format!("{operation} {}", reply.status));
                reply
            }
            _ => Reply::error(404, "NotFound", "The test server does not serve this."),
        }
    }

    /// The challenge, unless the caller's token is known and for this resource.
    fn unknown(&self, head: &Parts) -> Option<Reply> {
        let token = head.headers.get(AUTHORIZATION);
        let token = token.and_then(|it| it.to_str().ok()?.strip_prefix("Bearer "));
        if token.is_some_and(|it| self.logins.knows(it, &self.resource)) {
            return None;
        }
        let authorization = format!("{}/{}", self.authority, self.logins.tenant);
        Some(Reply::challenge(&authorization, &self.resource))
    }

    fn refusal(&mut self) -> Option<Reply> {
        let refusal = self.refusal.as_mut()?;
        match &mut refusal.left {
            Some(0) => return None,
            Some(left) => *left -= 1,
            None => {}
        }
        Some(refusal.reply.clone())
    }

    fn keys(
        &self,
        method: &Method,
        rest: &[&str],
        query: &BTreeMap<String, String>,
        body: &[u8],
    ) -> Reply {
        if query.get("api-version").is_none_or(|it| it != "7.4") {
            return Reply::error(
                400,
                "BadParameter",
                "The api-version is missing or unknown.",
            );
        }
        match (method, rest) {
            // A key that is not there has no versions, which is no error.
            (&Method::GET, [key, "versions"]) => self.page(key, query),
            (&Method::POST, [key, version, operation]) => {
                let found = self.keys.versions(key).iter().find(|it| it.id == *version);
                let Some(found) = found else {
                    let text = format!("A key with (name/id) {key}/{version} was not found.");
                    return Reply::error(404, "KeyNotFound", &text);
                };
                self.operate(key, found, operation, body)
            }
            _ => Reply::error(404, "NotFound", "The test server does not serve this."),
        }
    }

    fn page(&self, key: &str, query: &BTreeMap<String, String>) -> Reply {
        let from = query.get("$skiptoken").and_then(|it| it.parse().ok());
        let from: usize = from.unwrap_or(0);
        let versions = self.keys.versions(key);
        let value: Vec<Value> = versions
            .iter()
            .skip(from)
            .take(PAGE)
            .map(|it| json!({ "kid": self.kid(key, it), "attributes": attributes(it) }))
            .collect();
        let next = (from + PAGE < versions.len()).then(|| {
            let skip = from + PAGE;
            let url = &self.url;
            format!("{url}/keys/{key}/versions?api-version=7.4&$skiptoken={skip}")
        });
        Reply::ok(json!({ "value": value, "nextLink": next }))
    }

    fn kid(&self, key: &str, version: &Version) -> String {
        format!("{}/keys/{key}/{}", self.url, version.id)
    }

    fn operate(&self, key: &str, version: &Version, operation: &str, body: &[u8]) -> Reply {
        let bad = || Reply::error(400, "BadParameter", "The parameter is incorrect.\r\n");
        let wraps = matches!(operation, "wrapkey" | "encrypt");
        if !wraps && !matches!(operation, "unwrapkey" | "decrypt") {
            return Reply::error(404, "NotFound", "The test server does not serve this.");
        }
        if !version.enabled {
            let text = format!("Operation {operation} is not allowed on a disabled key.");
            return Reply::forbidden("KeyDisabled", &text);
        }
        // What has expired still opens what it made.
        if wraps && version.expires.is_some_and(|at| at <= now()) {
            let text = format!("Operation {operation} is not allowed on an expired key.");
            return Reply::forbidden("KeyExpired", &text);
        }
        let asked: Value = serde_json::from_slice(body).unwrap_or_default();
        let value = asked["value"].as_str().unwrap_or_default();
        if asked["alg"] != ALGORITHM || value.is_empty() {
            return bad();
        }
        let Ok(value) = URL_SAFE_NO_PAD.decode(value) else {
            return bad();
        };
        let made = if wraps {
            version.wrap(&value)
        } else {
            version.unwrap(&value)
        };
        made.map_or_else(bad, |made| {
            Reply::ok(json!({
                "kid": self.kid(key, version),
                "value": URL_SAFE_NO_PAD.encode(made),
            }))
        })
    }
}

fn attributes(version: &Version) -> Value {
    let mut attributes = json!({
        "enabled": version.enabled,
        "created": version.created,
        "updated": version.created,
        "recoveryLevel": "Recoverable+Purgeable",
        "recoverableDays": 90,
    });
    if let Some(at) = version.expires {
        attributes["exp"] = json!(at);
    }
    attributes
}

/// Seconds since the Unix epoch.
#[allow(
    clippy::disallowed_methods,
    reason = "a server of its own has a clock of its own"
)]
fn now() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or_default()
}

/// The pairs of a query or form.
fn pairs(text: &str) -> BTreeMap<String, String> {
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        let mut bytes = Vec::with_capacity(text.len());
        let mut rest = text.bytes();
        while let Some(byte) = rest.next() {
            let hex = [rest.clone().next(), rest.clone().nth(1)];
            match (byte, hex) {
                (b'%', [Some(high), Some(low)]) => {
                    let digits = [high, low];
                    let digits = std::str::from_utf8(&digits).unwrap_or_default();
                    bytes.push(u8::from_str_radix(digits, 16).unwrap_or(b'?'));
                    rest.nth(1);
                }
                _ => bytes.push(byte),
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    };
    text.split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

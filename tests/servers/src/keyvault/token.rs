//! Pure. Who may log in at the Key Vault test server, and the tokens that were given.

use std::collections::BTreeMap;

use serde_json::json;

use super::reply::Reply;

/// How long a token is said to live.
const LIFE: u64 = 3600;
/// What a federated token is said to be.
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The one client, and its tokens.
#[derive(Debug)]
pub(super) struct Logins {
    pub(super) tenant: String,
    pub(super) client_id: String,
    pub(super) secret: String,
    pub(super) federated: Option<String>,
    pub(super) given: u64,
    /// Token to the resource it is for.
    tokens: BTreeMap<String, String>,
    salt: String,
}

impl Logins {
    pub(super) fn new(tenant: String, client_id: String, secret: String) -> Self {
        let salt = secret.chars().rev().collect();
        Self {
            tenant,
            client_id,
            secret,
            federated: None,
            given: 0,
            tokens: BTreeMap::new(),
            salt,
        }
    }

    pub(super) fn forget(&mut self) {
        self.tokens.clear();
    }

    pub(super) fn knows(&self, token: &str, resource: &str) -> bool {
        self.tokens.get(token).is_some_and(|it| it == resource)
    }

    /// `POST /<tenant>/oauth2/v2.0/token`.
    pub(super) fn token(&mut self, tenant: &str, form: &BTreeMap<String, String>) -> Reply {
        let field = |name: &str| form.get(name).map_or("", String::as_str);
        if tenant != self.tenant {
            return refused(400, "invalid_request", 90_002);
        }
        if field("grant_type") != "client_credentials" {
            return refused(400, "unsupported_grant_type", 70_003);
        }
        if field("client_id") != self.client_id {
            return refused(400, "unauthorized_client", 700_016);
        }
        let by_secret = field("client_secret") == self.secret;
        let by_token = field("client_assertion_type") == ASSERTION
            && self.federated.as_deref() == Some(field("client_assertion"));
        if form.contains_key("client_secret") && !by_secret {
            return refused(401, "invalid_client", 7_000_215);
        }
        if !by_secret && !by_token {
            return refused(401, "invalid_client", 700_212);
        }
        let Some(resource) = field("scope").strip_suffix("/.default") else {
            return refused(400, "invalid_scope", 70_011);
        };
        let token = self.give(resource);
        Reply::ok(json!({ "token_type": "Bearer", "expires_in": LIFE, "access_token": token }))
    }

    /// `GET /metadata/identity/oauth2/token`: its numbers are text.
    pub(super) fn managed(&mut self, query: &BTreeMap<String, String>) -> Reply {
        let asked = query.get("client_id");
        if asked.is_some_and(|it| *it != self.client_id) {
            return refused(400, "invalid_request", 0);
        }
        let Some(resource) = query.get("resource").cloned() else {
            return refused(400, "invalid_request", 0);
        };
        let token = self.give(&resource);
        Reply::ok(json!({
            "token_type": "Bearer",
            "expires_in": LIFE.to_string(),
            "access_token": token,
            "resource": resource,
        }))
    }

    fn give(&mut self, resource: &str) -> String {
        self.given += 1;
        let token = format!("token-{}-{}", self.given, self.salt);
        self.tokens.insert(token.clone(), resource.to_owned());
        token
    }
}

fn refused(status: u16, error: &str, code: u32) -> Reply {
    let description = format!("AADSTS{code}: as the test server was told. Trace ID: 0-0");
    Reply::json(
        status,
        json!({ "error": error, "error_description": description, "error_codes": [code] }),
    )
}

//! Pure. TokenRequest and TokenReview: service account tokens, signed with this API's own key.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::Sha256;

use super::admit::body;
use super::error::{ApiError, Result};
use super::field::FieldError;
use super::meta;
use super::resource::Builtin;
use super::{Answer, Call, Engine, store};

/// The issuer and default audience of a real cluster.
const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";
const MIN_SECONDS: i64 = 600;
const DEFAULT_SECONDS: i64 = 3600;

impl Engine {
    /// POST to a service account's `token` subresource.
    pub(crate) fn token_request(&mut self, call: &mut Call<'_>) -> Result<Answer> {
        let stored = self.stored(call)?;
        let mut body = body(call.request)?;
        let spec = &body["spec"];
        let seconds = spec["expirationSeconds"]
            .as_i64()
            .unwrap_or(DEFAULT_SECONDS);
        if seconds < MIN_SECONDS {
            let text = "may not specify a duration less than 10 minutes";
            let error = FieldError::invalid("spec.expirationSeconds", seconds, text);
            let kind = super::error::Named {
                group: "authentication.k8s.io",
                name: "TokenRequest",
            };
            return Err(ApiError::invalid(kind, "", &[error]));
        }
        let mut audiences: Vec<&str> = spec["audiences"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        if audiences.is_empty() {
            audiences.push(ISSUER);
        }
        let now = call.now.as_second();
        let namespace = call.target.namespace.as_str();
        let name = call.target.name.as_str();
        let claims = json!({
            "aud": audiences, "exp": now + seconds, "iat": now, "nbf": now, "iss": ISSUER,
            "jti": self.ids.uid(), "sub": format!("system:serviceaccount:{namespace}:{name}"),
            "kubernetes.io": { "namespace": namespace,
                "serviceaccount": { "name": name, "uid": &*stored.meta.uid } },
        });
        let end = Timestamp::from_second(now + seconds).unwrap_or(call.now);
        let status = json!({
            "token": self.sign(&claims), "expirationTimestamp": meta::time(end),
        });
        let spec = json!({ "audiences": audiences, "expirationSeconds": seconds,
            "boundObjectRef": body["spec"]["boundObjectRef"] });
        body = json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
            "metadata": { "name": name, "namespace": namespace,
                "creationTimestamp": meta::time(call.now) },
            "spec": spec, "status": status,
        });
        Ok(Answer::json(201, &body))
    }

    fn mac(&self, text: &str) -> Hmac<Sha256> {
        // HMAC pads keys with zeros to the block's length.
        let mut block = [0u8; 64];
        block[..32].copy_from_slice(&self.settings.token_key);
        let mut mac = Hmac::<Sha256>::new(&block.into());
        mac.update(text.as_bytes());
        mac
    }

    fn sign(&self, claims: &Value) -> String {
        let head = json!({ "alg": "HS256", "typ": "JWT", "kid": "kubebox" });
        let encode = |v: &Value| URL_SAFE_NO_PAD.encode(v.to_string());
        let text = format!("{}.{}", encode(&head), encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.mac(&text).finalize().into_bytes());
        format!("{text}.{signature}")
    }

    /// The claims of a token that this API issued, that has not ended, and whose account lives.
    fn claims(&self, token: &str, now: Timestamp) -> std::result::Result<Value, &'static str> {
        let (text, signature) = token.rsplit_once('.').ok_or("invalid bearer token")?;
        let signature = URL_SAFE_NO_PAD
            .decode(signature)
            .map_err(|_| "invalid bearer token")?;
        self.mac(text)
            .verify_slice(&signature)
            .map_err(|_| "invalid bearer token")?;
        let (_, claims) = text.split_once('.').ok_or("invalid bearer token")?;
        let claims: Value = URL_SAFE_NO_PAD
            .decode(claims)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .ok_or("invalid bearer token")?;
        if claims["exp"].as_i64().unwrap_or(0) <= now.as_second() {
            return Err("service account token has expired");
        }
        let own = &claims["kubernetes.io"];
        let account = &own["serviceaccount"];
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        let key = store::key(&text(&own["namespace"]), &text(&account["name"]));
        let table = self
            .registry
            .by_builtin(Builtin::ServiceAccount)
            .map(|r| r.table);
        let living = table.and_then(|t| self.store.table(t).get(&key));
        match living {
            Some(found) if account["uid"] == *found.meta.uid => Ok(claims),
            _ => Err("service account has been deleted"),
        }
    }

    /// The status of a TokenReview.
    pub(crate) fn review_token(&self, spec: &Value, now: Timestamp) -> Value {
        let claims = match self.claims(spec["token"].as_str().unwrap_or_default(), now) {
            Ok(claims) => claims,
            Err(error) => return json!({ "user": {}, "error": error }),
        };
        let none = vec![json!(ISSUER)];
        let wanted = spec["audiences"]
            .as_array()
            .filter(|a| !a.is_empty())
            .unwrap_or(&none);
        let aud = claims["aud"].as_array().cloned().unwrap_or_default();
        let shared: Vec<&Value> = wanted.iter().filter(|a| aud.contains(a)).collect();
        if shared.is_empty() {
            let error = "token audiences are invalid for the target audiences";
            return json!({ "user": {}, "error": error });
        }
        let own = &claims["kubernetes.io"];
        let namespace = own["namespace"].as_str().unwrap_or_default();
        json!({ "authenticated": true, "audiences": shared, "user": {
            "username": claims["sub"], "uid": own["serviceaccount"]["uid"],
            "groups": ["system:serviceaccounts",
                format!("system:serviceaccounts:{namespace}"), "system:authenticated"],
        } })
    }
}

//! Pure. The request of a login; vaultrs' own hold credentials as text with a derived `Debug`.

use std::str;

use rustify::endpoint::Endpoint;
use rustify::enums::{RequestMethod, RequestType, ResponseType};
use rustify::errors::ClientError;
use serde_json::Value;
use tidegate_contract::{ErrorKind, ProviderError, SecretValue};
use zeroize::Zeroizing;

/// Bytes that one byte of text can become in JSON (`\u00XX`).
const ESCAPED: usize = 6;

/// `POST auth/<mount>/login[/<user>]`.
pub(crate) struct LoginRequest {
    pub(crate) path: String,
    pub(crate) body: Zeroizing<Vec<u8>>,
}

impl LoginRequest {
    /// A login at `mount` with `fields` as its body; `user` becomes part of the path.
    ///
    /// # Errors
    /// `Invalid` when a field is not text or a part of the path cannot be sent.
    pub(crate) fn new(
        mount: &str,
        user: Option<&str>,
        fields: &[(&str, &[u8])],
    ) -> Result<Self, ProviderError> {
        let mount = mount.trim_matches('/');
        let mut path = format!("auth/{mount}/login");
        if let Some(user) = user {
            path.push('/');
            path.push_str(user);
        }
        if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(invalid(format!("the path {path:?} is no place to log in")));
        }
        let body = object(fields)?;
        Ok(Self { path, body })
    }
}

impl Endpoint for LoginRequest {
    type Response = ();
    const REQUEST_BODY_TYPE: RequestType = RequestType::JSON;
    const RESPONSE_BODY_TYPE: ResponseType = ResponseType::JSON;

    fn path(&self) -> String {
        self.path.clone()
    }

    fn method(&self) -> RequestMethod {
        RequestMethod::POST
    }

    fn body(&self) -> Result<Option<Vec<u8>>, ClientError> {
        // The layer takes this copy into a buffer that is overwritten on drop.
        Ok(Some(self.body.to_vec()))
    }
}

/// A JSON object of texts, in one buffer that never has to grow.
pub(crate) fn object(fields: &[(&str, &[u8])]) -> Result<Zeroizing<Vec<u8>>, ProviderError> {
    let bytes: usize = fields
        .iter()
        .map(|(name, value)| name.len() + value.len() + 1)
        .sum();
    let mut body = Zeroizing::new(Vec::with_capacity(2 + fields.len() * 6 + bytes * ESCAPED));
    body.push(b'{');
    for (index, (name, value)) in fields.iter().enumerate() {
        let text =
            str::from_utf8(value).map_err(|_| invalid(format!("the {name} is not UTF-8 text")))?;
        if index > 0 {
            body.push(b',');
        }
        for (part, end) in [(*name, b':'), (text, b' ')] {
            serde_json::to_writer(&mut *body, part)
                .map_err(|_| invalid(format!("the {name} cannot be sent")))?;
            body.push(end);
        }
    }
    body.push(b'}');
    Ok(body)
}

/// The `auth` part of an answer: who we are now. The token is lent from the answer's own buffer.
#[derive(serde::Deserialize)]
pub(crate) struct AuthPart<'a> {
    #[serde(default)]
    client_token: &'a str,
    #[serde(default)]
    pub(crate) lease_duration: u64,
    #[serde(default)]
    pub(crate) renewable: bool,
    #[serde(default)]
    token_type: Value,
}

impl AuthPart<'_> {
    /// The token, if the answer holds one.
    pub(crate) fn token(&self) -> Option<SecretValue> {
        Some(self.client_token)
            .filter(|token| !token.is_empty())
            .map(SecretValue::from)
    }

    /// Batch tokens live out their time: Vault can neither renew nor revoke them.
    pub(crate) fn is_batch(&self) -> bool {
        self.token_type == "batch"
    }
}

fn invalid(public: String) -> ProviderError {
    ProviderError::new(ErrorKind::Invalid, public)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_json_whatever_the_credential_holds() {
        let fields: &[(&str, &[u8])] = &[("role", b"a\"b\\"), ("jwt", "\u{1}é\n".as_bytes())];
        let request = LoginRequest::new("/team/jwt/", None, fields).unwrap();
        assert_eq!(request.path, "auth/team/jwt/login");
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(
            body,
            serde_json::json!({ "role": "a\"b\\", "jwt": "\u{1}é\n" })
        );
        assert_eq!(&**object(&[]).unwrap(), b"{}");
    }

    #[test]
    fn the_body_never_moves_while_it_is_written() {
        let secret = "\u{1}".repeat(1000);
        let fields: &[(&str, &[u8])] = &[("password", secret.as_bytes())];
        let body = object(fields).unwrap();
        assert!(body.len() > 6 * secret.len() && body.capacity() < 7 * 1100);
    }

    #[test]
    fn paths_that_lead_elsewhere_are_refused() {
        for (mount, user) in [
            ("", None),
            ("..", None),
            ("a", Some("../x")),
            ("a", Some("")),
        ] {
            assert!(LoginRequest::new(mount, user, &[]).is_err(), "{mount:?}");
        }
        let error = LoginRequest::new("a", None, &[("jwt", b"\xffhunter2")]);
        let Err(error) = error else {
            panic!("bytes were sent as text");
        };
        assert_eq!(error.to_string(), "the jwt is not UTF-8 text");
    }
}

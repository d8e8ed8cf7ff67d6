//! Shell. The Transit engine as a key service: wraps, unwraps, and tells its key's versions.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use rustify::endpoint::Endpoint;
use rustify::enums::{RequestMethod, RequestType, ResponseType};
use rustify::errors::ClientError;
use serde::Deserialize;
use tidegate_contract::{
    ErrorKind, KeyIdentity, KeyVersion, KeyWrapper, ProviderError, SecretValue, TokenSource,
    WrapError, WrapFault,
};
use zeroize::Zeroizing;

use crate::answer::{Answer, unreadable};
use crate::connection::{VaultConnection, namespace};
use crate::probe::Probe;
use crate::request::object;

/// The sorts of keys that bind a wrap to its context.
const TYPES: [&str; 3] = ["aes256-gcm96", "aes128-gcm96", "chacha20-poly1305"];

/// One key of a Transit engine, seen through one address of Vault or OpenBao.
///
/// The identity needs `update` on `<mount>/encrypt/<key>` and `<mount>/decrypt/<key>` and `read` on
/// `<mount>/keys/<key>`; never `create`, with which Vault would make a missing key on Encrypt.
pub struct TransitKey {
    connection: VaultConnection,
    tokens: Arc<dyn TokenSource>,
    authority: String,
    mount: String,
    key: String,
    login_namespace: Option<HeaderValue>,
    probe: Probe,
}

/// `<mount>/<what>/<key>`.
struct Request {
    path: String,
    method: RequestMethod,
    body: Option<Zeroizing<Vec<u8>>>,
}

#[derive(Deserialize)]
struct KeyData {
    #[serde(rename = "type")]
    sort: String,
    #[serde(default)]
    derived: bool,
    latest_version: u64,
    min_decryption_version: u64,
    // Asymmetric keys have objects here; they are told by their type first.
    keys: BTreeMap<String, serde_json::Value>,
}

#[derive(Deserialize)]
struct WrapData<'a> {
    ciphertext: &'a str,
}

#[derive(Deserialize)]
struct OpenData<'a> {
    plaintext: &'a str,
}

impl TransitKey {
    /// The key `key` of the engine at `mount`, through `connection`, with the tokens of one
    /// identity. `authority` names the Vault namespace; it is part of the key id, the address is
    /// not. `login_namespace` is where the tokens are from, when that differs.
    ///
    /// # Errors
    /// `Invalid` when a name cannot be part of a path or header.
    pub fn new(
        connection: VaultConnection,
        tokens: Arc<dyn TokenSource>,
        authority: &str,
        (mount, key): (&str, &str),
        login_namespace: Option<&str>,
    ) -> Result<Self, ProviderError> {
        let mount = mount.trim_matches('/');
        let parts = mount.split('/').chain([key]);
        for part in parts {
            if matches!(part, "" | "." | "..") || part.contains(['/', '?', '#', '%']) {
                let text = format!("{mount:?} and {key:?} are no mount and key of Transit");
                return Err(ProviderError::new(ErrorKind::Invalid, text));
            }
        }
        Ok(Self {
            connection,
            tokens,
            authority: authority.trim_matches('/').to_owned(),
            mount: mount.to_owned(),
            key: key.to_owned(),
            login_namespace: namespace(login_namespace)?,
            probe: Probe::default(),
        })
    }

    /// Sends a request; a token that Vault does not know is replaced once.
    async fn ask(&self, what: &str, body: Option<&[u8]>) -> Result<Answer, ProviderError> {
        let mut again = true;
        loop {
            let token = self.tokens.token().await?;
            let request = Request {
                path: format!("{}/{what}/{}", self.mount, self.key),
                method: body.map_or(RequestMethod::GET, |_| RequestMethod::POST),
                body: body.map(|body| Zeroizing::new(body.to_vec())),
            };
            let answer = self.connection.ask(request, Some(&token), None).await?;
            if !matches!(answer.status, 401 | 403) {
                return Ok(answer);
            }
            let failure = answer.failure(&format!("{what} with the Transit key {:?}", self.key));
            let namespace = self.login_namespace.as_ref();
            let known = self.probe.kind(&self.connection, &token, namespace).await?;
            if known != ErrorKind::Unauthenticated {
                return Err(failure);
            }
            self.tokens.rejected(&token).await;
            if !again {
                let text = "Vault does not accept the token";
                return Err(ProviderError::new(ErrorKind::Unauthenticated, text));
            }
            again = false;
        }
    }

    async fn read(&self) -> Result<KeyData, WrapError> {
        let answer = self.ask("keys", None).await?;
        if !answer.is_success() {
            let failure = answer.failure(&format!("the Transit key {:?}", self.key));
            // Without its engine a key is gone just as well.
            return Err(match answer.status {
                404 if failure.kind() == ErrorKind::Invalid => {
                    WrapError::new(WrapFault::Deleted, failure.public().to_owned())
                }
                _ => failure.into(),
            });
        }
        let data = answer.envelope()?.data;
        let data = data.ok_or_else(|| odd("the Transit key"))?;
        let data: KeyData = serde_json::from_str(data.get()).map_err(|error| unreadable(&error))?;
        if !TYPES.contains(&data.sort.as_str()) || data.derived {
            let text = format!(
                "the Transit key {:?} is of the type {:?}{}: make one of the type aes256-gcm96",
                self.key,
                data.sort,
                if data.derived { " and derived" } else { "" }
            );
            return Err(WrapError::new(WrapFault::Invalid, text));
        }
        Ok(data)
    }

    /// What a status 400 means. Vault tells it in words alone, so the key itself is asked.
    async fn why(&self, version: u64, answer: &Answer) -> WrapError {
        if answer.status != 400 && answer.status != 404 {
            return answer
                .failure(&format!("the Transit key {:?}", self.key))
                .into();
        }
        let data = match self.read().await {
            Ok(data) => data,
            Err(error) => return error,
        };
        let key = &self.key;
        if version > data.latest_version {
            let text = format!("version {version} of the Transit key {key:?} is gone");
            return WrapError::new(WrapFault::Deleted, text);
        }
        if version < data.min_decryption_version {
            let text = format!(
                "version {version} of the Transit key {key:?} is below its min_decryption_version"
            );
            return WrapError::new(WrapFault::Disabled, text);
        }
        let text = format!("the Transit key {key:?} did not make these bytes for this purpose");
        WrapError::new(WrapFault::Corrupt, text)
    }
}

/// The version in `vault:v<number>:…`.
fn version_of(wrapped: &str) -> Option<u64> {
    let rest = wrapped.strip_prefix("vault:v")?;
    rest.split_once(':')?.0.parse().ok()
}

fn odd(what: &str) -> WrapError {
    let text = format!("the answer of Vault about {what} cannot be read");
    WrapError::new(WrapFault::Unavailable, text)
}

impl Endpoint for Request {
    type Response = ();
    const REQUEST_BODY_TYPE: RequestType = RequestType::JSON;
    const RESPONSE_BODY_TYPE: ResponseType = ResponseType::JSON;

    fn path(&self) -> String {
        self.path.clone()
    }

    fn method(&self) -> RequestMethod {
        self.method.clone()
    }

    fn body(&self) -> Result<Option<Vec<u8>>, ClientError> {
        // The layer takes this copy into a buffer that is overwritten on drop.
        Ok(self.body.as_ref().map(|body| body.to_vec()))
    }
}

#[async_trait]
impl KeyWrapper for TransitKey {
    fn identity(&self) -> KeyIdentity {
        KeyIdentity {
            kind: "transit",
            authority: self.authority.clone(),
            key: format!("{}/{}", self.mount, self.key),
        }
    }

    async fn versions(&self) -> Result<Vec<KeyVersion>, WrapError> {
        let data = self.read().await?;
        let usable = data.keys.iter().filter_map(|(name, created)| {
            let number: u64 = name.parse().ok()?;
            let created = Duration::from_secs(created.as_u64()?);
            (number >= data.min_decryption_version).then(|| KeyVersion {
                created,
                ordinal: number,
                name: name.clone(),
                material: String::new(),
            })
        });
        Ok(usable.collect())
    }

    async fn wrap(
        &self,
        version: &str,
        plaintext: &SecretValue,
        context: &[u8],
    ) -> Result<Vec<u8>, WrapError> {
        let plaintext = Zeroizing::new(STANDARD.encode(plaintext.expose()));
        let context = STANDARD.encode(context);
        let body = object(&[
            ("plaintext", plaintext.as_bytes()),
            ("key_version", version.as_bytes()),
            ("associated_data", context.as_bytes()),
        ])?;
        let answer = self.ask("encrypt", Some(&body)).await?;
        if !answer.is_success() {
            return Err(match answer.status {
                400 | 404 => match self.why(version.parse().unwrap_or(0), &answer).await {
                    // These bytes are ours: what Vault does not take is the version.
                    error if error.fault() == WrapFault::Corrupt => WrapError::new(
                        WrapFault::Invalid,
                        format!("version {version} of the Transit key does not encrypt any more"),
                    ),
                    error => error,
                },
                _ => answer.failure("wrapping with Transit").into(),
            });
        }
        let data = answer.envelope()?.data.ok_or_else(|| odd("wrapping"))?;
        let data: WrapData<'_> =
            serde_json::from_str(data.get()).map_err(|error| unreadable(&error))?;
        if version_of(data.ciphertext)
            .map(|it| it.to_string())
            .as_deref()
            != Some(version)
        {
            return Err(odd("wrapping (another version than asked for)"));
        }
        Ok(data.ciphertext.as_bytes().to_vec())
    }

    async fn unwrap(
        &self,
        version: &str,
        wrapped: &[u8],
        context: &[u8],
    ) -> Result<SecretValue, WrapError> {
        let text = std::str::from_utf8(wrapped).ok();
        let Some((text, of)) = text.and_then(|it| Some((it, version_of(it)?))) else {
            let text = "the wrapped bytes are not Transit's";
            return Err(WrapError::new(WrapFault::Corrupt, text));
        };
        // Else whoever can change what is stored could have a version looked at that is disabled.
        if version != of.to_string() {
            let text = "the wrapped bytes are of another version than is stored beside them";
            return Err(WrapError::new(WrapFault::Corrupt, text));
        }
        let context = STANDARD.encode(context);
        let mut fields = vec![("ciphertext", text.as_bytes())];
        if !context.is_empty() {
            fields.push(("associated_data", context.as_bytes()));
        }
        let body = object(&fields)?;
        let answer = self.ask("decrypt", Some(&body)).await?;
        if !answer.is_success() {
            return Err(self.why(of, &answer).await);
        }
        let data = answer.envelope()?.data.ok_or_else(|| odd("unwrapping"))?;
        let data: OpenData<'_> =
            serde_json::from_str(data.get()).map_err(|error| unreadable(&error))?;
        let opened = STANDARD.decode(data.plaintext).map(SecretValue::new);
        opened.map_err(|_| odd("unwrapping"))
    }
}

impl fmt::Debug for TransitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TransitKey({}/{})", self.mount, self.key)
    }
}

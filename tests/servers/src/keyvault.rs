//! Shell. A test server in the place of Azure Key Vault, as no emulator is to be had.
//!
//! Written from the public descriptions of Key Vault's REST interface (version 7.4), of the
//! Microsoft identity platform's token endpoint and of the instance metadata service. Its RSA is
//! real. It serves, over TLS under an authority of its own: the 401 challenge, client credentials
//! by secret and by federated token, managed identities, the versions of keys in pages, wrap,
//! unwrap, encrypt and decrypt (RSA-OAEP-256), and the errors of disabled, expired and missing
//! keys, of missing rights and of throttling. It is not Key Vault: what is not listed here it
//! answers with 404.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::ServerError;
use crate::pki;
use crate::port::random_token;
use crate::web::{self, Served};

mod keys;
mod reply;
mod rest;
mod token;

use keys::Keys;
use reply::Reply;
use token::Logins;

/// Bytes of a request, at most.
const MAX_BODY: usize = 64 << 10;

/// What a [`KeyVault`] starts with.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct KeyVaultOptions {
    /// The resource that the challenge names; by default the vault's own address, so that the
    /// domain of the vault is that of the resource, as in Azure.
    pub resource: Option<String>,
    /// The address of the token endpoint that the challenge names; by default the server's own.
    pub authority: Option<String>,
}

/// A running test server; it ends when it is dropped.
pub struct KeyVault {
    url: String,
    ca_pem: String,
    world: Arc<Mutex<World>>,
    _served: Served,
}

/// Everything the server knows.
struct World {
    url: String,
    resource: String,
    authority: String,
    logins: Logins,
    keys: Keys,
    refusal: Option<Refusal>,
    answered: Vec<String>,
}

/// What every request under `/keys/` is answered with, as often as told.
struct Refusal {
    reply: Reply,
    left: Option<u32>,
}

impl KeyVault {
    /// Starts a server without keys.
    ///
    /// # Errors
    /// When no port or certificate is to be had.
    pub async fn start(options: KeyVaultOptions) -> Result<Self, ServerError> {
        let certificate = pki::server_certificate("keyvault")?;
        let taken = web::take().await?;
        let url = format!("https://localhost:{}", taken.port);
        let logins = Logins::new(random_token()?, random_token()?, random_token()?);
        let world = Arc::new(Mutex::new(World {
            resource: options
                .resource
                .unwrap_or_else(|| "https://localhost".to_owned()),
            authority: options.authority.unwrap_or_else(|| url.clone()),
            url: url.clone(),
            logins,
            keys: Keys::default(),
            refusal: None,
            answered: Vec::new(),
        }));
        let app = Router::new().fallback(handle);
        let app = app.with_state(Arc::clone(&world));
        let served = taken.serve(app, Some(&certificate))?;
        Ok(Self {
            url,
            ca_pem: certificate.ca_pem,
            world,
            _served: served,
        })
    }

    /// The vault's address, which is the authority's and the metadata service's too.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The certificate authority to trust.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The tenant that may log in.
    #[must_use]
    pub fn tenant(&self) -> String {
        self.world().logins.tenant.clone()
    }

    /// The client that may log in.
    #[must_use]
    pub fn client_id(&self) -> String {
        self.world().logins.client_id.clone()
    }

    /// The client's secret.
    #[must_use]
    pub fn client_secret(&self) -> String {
        self.world().logins.secret.clone()
    }

    /// Changes the client's secret; tokens stay valid.
    pub fn change_secret(&self, secret: &str) {
        secret.clone_into(&mut self.world().logins.secret);
    }

    /// Takes `token` as a federated token of the client.
    pub fn federate(&self, token: &str) {
        self.world().logins.federated = Some(token.to_owned());
    }

    /// Forgets every access token: they are answered with 401 from now on.
    pub fn forget_tokens(&self) {
        self.world().logins.forget();
    }

    /// How many access tokens were given.
    #[must_use]
    pub fn logins(&self) -> u64 {
        self.world().logins.given
    }

    /// Makes a version of a key (and the key, with its first one) that was made at `created`, in
    /// seconds since the Unix epoch; returns its id.
    ///
    /// # Errors
    /// When no RSA key is to be had.
    pub fn add_version(&self, key: &str, created: u64) -> Result<String, ServerError> {
        self.world().keys.add(key, created)
    }

    /// Encrypts base64url with a version's public half, as anybody may who has it; `None` for what
    /// is no base64url, too long, or of no version.
    #[must_use]
    pub fn encrypt(&self, key: &str, version: &str, value: &str) -> Option<String> {
        let value = URL_SAFE_NO_PAD.decode(value).ok()?;
        let world = self.world();
        let mut versions = world.keys.versions(key).iter();
        let wrapped = versions.find(|it| it.id == version)?.wrap(&value)?;
        Some(URL_SAFE_NO_PAD.encode(wrapped))
    }

    /// Switches a version on or off.
    pub fn set_enabled(&self, key: &str, version: &str, enabled: bool) {
        self.world()
            .keys
            .change(key, version, |it| it.enabled = enabled);
    }

    /// Lets a version expire at `at`, in seconds since the Unix epoch: it unwraps, but wraps no
    /// more.
    pub fn set_expiry(&self, key: &str, version: &str, at: u64) {
        self.world()
            .keys
            .change(key, version, |it| it.expires = Some(at));
    }

    /// Deletes a key with all its versions.
    pub fn delete_key(&self, key: &str) {
        self.world().keys.delete(key);
    }

    /// Throttles: 429 with `Retry-After` in seconds, `times` times or until [`KeyVault::serve`].
    pub fn throttle(&self, retry_after: u64, times: Option<u32>) {
        let reply = Reply::throttled(retry_after);
        self.world().refusal = Some(Refusal { reply, left: times });
    }

    /// Denies everything, as a missing role assignment does, until [`KeyVault::serve`].
    pub fn deny(&self) {
        let text = "Caller is not authorized to perform action on resource.";
        let reply = Reply::forbidden("ForbiddenByRbac", text);
        self.world().refusal = Some(Refusal { reply, left: None });
    }

    /// Answers everything with a bare status, as a front in trouble does, until
    /// [`KeyVault::serve`].
    pub fn fail(&self, status: u16) {
        let reply = Reply::bare(status);
        self.world().refusal = Some(Refusal { reply, left: None });
    }

    /// Serves again.
    pub fn serve(&self) {
        self.world().refusal = None;
    }

    /// Every request under `/keys/` that was not a challenge: operation and status, such as
    /// `wrapkey 200`.
    #[must_use]
    pub fn answered(&self) -> Vec<String> {
        self.world().answered.clone()
    }

    fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.world)
    }
}

impl std::fmt::Debug for KeyVault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyVault")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

fn lock(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn handle(State(world): State<Arc<Mutex<World>>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body: Bytes = match axum::body::to_bytes(body, MAX_BODY).await {
        Ok(body) => body,
        Err(_) => return StatusCode::PAYLOAD_TOO_LARGE.into_response(),
    };
    lock(&world).answer(&head, &body).into_response()
}

//! Pure. What a connection to Vault needs to know, resolved: no references, no environment.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use tidegate_contract::SecretValue;

/// How to reach one Vault, as one tenant's store describes it.
///
/// Nothing is taken from the environment: no `VAULT_*` variable counts, and proxies only with
/// [`VaultConfig::env_proxy`].
#[derive(Clone, PartialEq, Eq)]
pub struct VaultConfig {
    /// Address, such as `https://vault.example.com:8200`; a path in front of `/v1` is kept.
    pub server: String,
    /// Namespace of Vault Enterprise or OpenBao (`X-Vault-Namespace`).
    pub namespace: Option<String>,
    /// Extra headers of every request.
    pub headers: BTreeMap<String, String>,
    /// Asks the active node (`X-Vault-Inconsistent: forward-active-node`): set when the store says
    /// both `readYourWrites` and `forwardInconsistent`.
    pub forward_to_active: bool,
    /// Trust and client certificate.
    pub tls: TlsConfig,
    /// How long to wait.
    pub timeouts: Timeouts,
    /// Largest body that is read, in bytes; a longer one fails as `Unavailable`.
    pub max_body: usize,
    /// Obeys `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` of the process.
    pub env_proxy: bool,
}

impl fmt::Debug for VaultConfig {
    // A header may be a gateway's credential, so only the names are shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VaultConfig")
            .field("server", &self.server)
            .field("namespace", &self.namespace)
            .field("headers", &self.headers.keys())
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

/// Largest body read by default: 16 MiB.
///
/// Vault's own limit of a stored entry is 1 MiB (integrated storage) and of a request 32 MiB; what
/// needs room is a LIST of a very large folder: 16 MiB are some 400,000 names of 40 bytes.
pub const DEFAULT_MAX_BODY: usize = 16 << 20;

impl VaultConfig {
    /// The defaults for `server`: system roots, no namespace, no extra headers, no proxy.
    #[must_use]
    pub fn new(server: impl Into<String>) -> Self {
        Self {
            server: server.into(),
            namespace: None,
            headers: BTreeMap::new(),
            forward_to_active: false,
            tls: TlsConfig::default(),
            timeouts: Timeouts::default(),
            max_body: DEFAULT_MAX_BODY,
            env_proxy: false,
        }
    }
}

/// Trust and client certificate of a connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsConfig {
    /// PEM of the only trusted roots; `None` trusts those of the system.
    pub ca_pem: Option<Vec<u8>>,
    /// Client certificate, for mutual TLS or the `cert` login.
    pub client: Option<ClientCertificate>,
}

/// A client certificate with its key.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// PEM of the certificate, with its chain.
    pub cert_pem: Vec<u8>,
    /// PEM of the private key.
    pub key_pem: SecretValue,
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientCertificate({} bytes)", self.cert_pem.len())
    }
}

/// How long to wait for a Vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For TCP and TLS.
    pub connect: Duration,
    /// For the whole answer, from the first byte sent to the last byte read.
    pub request: Duration,
}

impl Default for Timeouts {
    /// 10 s to connect (a lost SYN is sent again twice), 60 s in all as HashiCorp's own clients.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            request: Duration::from_secs(60),
        }
    }
}

/// Where the KV engine is mounted and which version it has.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KvMount {
    /// Mount path; `None` means that each key begins with it.
    pub path: Option<String>,
    /// Version of the engine.
    pub version: KvVersion,
}

/// Version of the KV engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KvVersion {
    /// Unversioned.
    V1,
    /// Versioned.
    V2,
}

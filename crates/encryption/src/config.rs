//! Pure. The EncryptionConfiguration of a kube-apiserver: model, rules, advice, text.

use std::fmt;
use std::time::Duration;

use zeroize::Zeroizing;

pub mod advice;
pub mod change;
mod duration;
pub mod make;
mod read;
pub mod resource;
mod rules;
mod write;

pub use read::MAX_BYTES;

/// One `EncryptionConfiguration` that an API server accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configuration {
    /// Earlier rules win for resources they name; wildcards come last.
    pub rules: Vec<Rule>,
}

/// Which providers hold which resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Such as `secrets`, `widgets.example.com`, `*.apps`, `*.`, `*.*`.
    pub resources: Vec<String>,
    /// The first one writes, all of them read. Never empty.
    pub providers: Vec<Provider>,
}

/// One member of `providers`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Provider {
    /// Envelope encryption by a plugin.
    Kms(Kms),
    /// Keys in the file; the first writes. Never empty.
    Local(Cipher, Vec<Key>),
    /// Plaintext.
    Identity,
}

/// The plugin of a `kms` provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kms {
    /// `v1` or `v2`.
    pub api_version: String,
    /// Its name in stored values.
    pub name: String,
    /// `unix://…`.
    pub endpoint: String,
    /// Of one call.
    pub timeout: Duration,
    /// Only in v1.
    pub cache_size: Option<i64>,
}

/// What a local key is used with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cipher {
    /// XSalsa20-Poly1305.
    Secretbox,
    /// AES-CBC without integrity.
    AesCbc,
    /// AES-GCM with random nonces.
    AesGcm,
}

impl Cipher {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Secretbox, Self::AesCbc, Self::AesGcm];

    /// The name in configurations and stored values.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Secretbox => "secretbox",
            Self::AesCbc => "aescbc",
            Self::AesGcm => "aesgcm",
        }
    }

    /// Lengths of its keys in bytes.
    #[must_use]
    pub const fn key_sizes(self) -> &'static [usize] {
        match self {
            Self::Secretbox => &[32],
            Self::AesCbc | Self::AesGcm => &[16, 24, 32],
        }
    }
}

/// A named local key. Its bytes are zeroized on drop and are in no output but the file's own text.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    /// Its name in stored values.
    pub name: String,
    pub(crate) secret: Zeroizing<Vec<u8>>,
}

impl Key {
    /// A key from its bytes.
    #[must_use]
    pub fn new(name: impl Into<String>, secret: Zeroizing<Vec<u8>>) -> Self {
        Self {
            name: name.into(),
            secret,
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// An API server refuses the file.
    Error,
    /// An API server takes it; it is weak or will hurt.
    Warning,
}

/// One thing that is wrong with a file. It holds no key and no part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Where in the file, as the API server writes it; empty for the file as a whole.
    pub path: String,
    /// What is wrong; for errors in the API server's own words where it has some.
    pub words: String,
}

impl Finding {
    pub(crate) fn error(path: impl Into<String>, words: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            path: path.into(),
            words: words.into(),
        }
    }

    pub(crate) fn warning(path: impl Into<String>, words: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            path: path.into(),
            words: words.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        match self.path.as_str() {
            "" => write!(f, "{kind}: {}", self.words),
            path => write!(f, "{kind}: {path}: {}", self.words),
        }
    }
}

/// Reads a file's bytes as an API server does, `reload` telling whether it reloads by itself.
///
/// # Errors
/// Every reason for which the API server refuses the file, in its order.
pub fn parse(bytes: &[u8], reload: bool) -> Result<Configuration, Vec<Finding>> {
    let draft = read::read(bytes)?;
    let findings = rules::check(&draft, reload);
    if !findings.is_empty() {
        return Err(findings);
    }
    draft.finish()
}

/// Warns of what an API server passes over without a word.
#[must_use]
pub fn passed_over(bytes: &[u8]) -> Option<Finding> {
    let text = std::str::from_utf8(bytes).ok()?;
    let line = crate::yaml::second_document(text)?;
    let words = format!("line {line}: API servers read the first document alone");
    Some(Finding::warning("", words))
}

/// The hash by which API servers tell the file they run (`last_config_info`).
#[must_use]
pub fn hash(bytes: &[u8]) -> String {
    format!("sha256:{}", crate::hex(&crate::sha256(bytes)))
}

impl Configuration {
    /// The rule that holds a resource: the one that names it, else its group's wildcard, else
    /// `*.*`; none means plaintext.
    #[must_use]
    pub fn rule_of(&self, resource: &str) -> Option<&Rule> {
        let group = resource.split_once('.').map_or("", |(_, group)| group);
        [resource, &format!("*.{group}"), "*.*"]
            .into_iter()
            .find_map(|name| {
                let named = |rule: &&Rule| rule.resources.iter().any(|one| one == name);
                self.rules.iter().find(named)
            })
    }
}

#[cfg(test)]
mod tests;

//! Shell. What a Vault was asked, read from its audit device.

use std::fs;
use std::path::PathBuf;

use serde::Deserialize;

use super::Vault;
use crate::error::ServerError;

/// One request that Vault answered. Values and tokens are not in it: Vault writes their HMACs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct AuditEntry {
    /// Path without `/v1/`, such as `secret/data/app` or `auth/approle/login`.
    pub path: String,
    /// `read`, `create`, `update`, `delete`, `list`, `patch`, `help`, …
    pub operation: String,
    /// What kind of request it was.
    pub kind: VaultRequestKind,
    /// Error, when it was refused.
    pub error: Option<String>,
    /// Who asked: `root`, or method and name such as `approle`, `kubernetes-namespace-account`;
    /// for a login who it was that logged in. Empty without a valid token.
    pub display_name: String,
    /// HMAC of the token's accessor: equal for equal tokens. Empty without a valid token.
    pub accessor: String,
    /// Namespace, with Vault Enterprise; otherwise `root`.
    pub namespace: String,
}

/// What a request was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VaultRequestKind {
    /// A login by any method.
    Login,
    /// Look-up, renewal or revocation of a token (`auth/token/…`).
    Token,
    /// Vault's own configuration (`sys/…`, `auth/METHOD/…` besides logins).
    System,
    /// A secrets engine.
    Engine,
}

impl Vault {
    /// Where the audit device writes.
    #[must_use]
    pub fn audit_log_path(&self) -> PathBuf {
        self.scratch.log("audit.jsonl")
    }

    /// Every request that was answered so far, in order, the harness's own (as `root`) included.
    ///
    /// Vault writes an entry before it answers, so no request that a client has seen answered is
    /// missing. Requests to a sealed Vault and to `sys/health` are not audited.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn requests(&self) -> Result<Vec<AuditEntry>, ServerError> {
        let path = self.audit_log_path();
        let failed = || format!("read {}", path.display());
        let text = fs::read_to_string(&path).map_err(ServerError::io(failed))?;
        parse(&text).map_err(|source| ServerError::io(failed)(source.into()))
    }

    /// As [`Vault::requests`], without the harness's own.
    ///
    /// # Errors
    /// As [`Vault::requests`].
    pub fn foreign_requests(&self) -> Result<Vec<AuditEntry>, ServerError> {
        let mut requests = self.requests()?;
        requests.retain(|request| request.display_name != "root");
        Ok(requests)
    }
}

#[derive(Deserialize)]
struct Line {
    r#type: String,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    auth: Option<Auth>,
    request: Request,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Auth {
    display_name: String,
    accessor: String,
}

#[derive(Deserialize)]
struct Request {
    path: String,
    operation: String,
    #[serde(default)]
    namespace: Namespace,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Namespace {
    id: String,
    path: String,
}

/// One entry for each answer; a last line without its end is still being written.
fn parse(text: &str) -> Result<Vec<AuditEntry>, serde_json::Error> {
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let lines = whole.lines().map(serde_json::from_str::<Line>);
    let answers = lines.filter(|line| line.as_ref().map_or(true, |line| line.r#type == "response"));
    answers.map(|line| line.map(entry)).collect()
}

fn entry(line: Line) -> AuditEntry {
    let auth = line.auth.unwrap_or_default();
    let namespace = line.request.namespace;
    AuditEntry {
        kind: kind(&line.request.path),
        path: line.request.path,
        operation: line.request.operation,
        error: line.error.filter(|error| !error.is_empty()),
        display_name: auth.display_name,
        accessor: auth.accessor,
        namespace: if namespace.path.is_empty() {
            namespace.id
        } else {
            namespace.path
        },
    }
}

fn kind(path: &str) -> VaultRequestKind {
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        ["auth", "token", ..] => VaultRequestKind::Token,
        ["auth", _, .., "login"] | ["auth", _, .., "login", _] => VaultRequestKind::Login,
        ["auth" | "sys" | "identity", ..] => VaultRequestKind::System,
        _ => VaultRequestKind::Engine,
    }
}

#[cfg(test)]
mod tests;

//! Shell. The files that a control plane starts from: keys, tokens, policies, kubeconfigs.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;

use super::{ADMIN, CONTROLLER_MANAGER, TIDEGATE, User};
use crate::cache::write;
use crate::error::ServerError;
use crate::pki;
use crate::port::random_token;
use crate::scratch::Scratch;

/// What was written, and what tests need to know of it.
pub(super) struct Files {
    pub(super) url: String,
    pub(super) ca_pem: String,
    pub(super) service_account_public_key_pem: String,
    tokens: Vec<(String, String)>,
    dir: PathBuf,
}

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Files")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

impl Files {
    pub(super) fn write(
        scratch: &Scratch,
        url: String,
        users: &[User],
    ) -> Result<Self, ServerError> {
        let server = pki::server_certificate("kube-apiserver")?;
        let client = pki::client_certificate("etcd client")?;
        let (signing_key, public_key) = pki::signing_key()?;
        let dir = scratch.data("files");
        let own = [
            (ADMIN, vec!["system:masters".to_owned()]),
            (TIDEGATE, Vec::new()),
            (CONTROLLER_MANAGER, vec!["system:masters".to_owned()]),
        ];
        let own = own.map(|(name, groups)| User {
            name: name.to_owned(),
            groups,
        });
        let mut tokens = Vec::new();
        let mut lines = String::new();
        for user in own.iter().chain(users) {
            let token = random_token()?;
            lines.push_str(&token_line(user, &token));
            tokens.push((user.name.clone(), token));
        }
        for (name, content) in [
            ("server.crt", &server.certificate_pem),
            ("server-ca.crt", &server.ca_pem),
            ("etcd-client-ca.crt", &client.ca_pem),
            ("etcd-client.crt", &client.certificate_pem),
            ("etcd-client.key", &client.key_pem),
            ("server.key", &server.key_pem),
            ("service-accounts.key", &signing_key),
            ("service-accounts.pub", &public_key),
            ("tokens.csv", &lines),
            ("audit-policy.json", &audit_policy()),
        ] {
            write(&dir.join(name), content)?;
        }
        let ca_pem = server.ca_pem;
        Ok(Self {
            url,
            ca_pem,
            service_account_public_key_pem: public_key,
            tokens,
            dir,
        })
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn token(&self, user: &str) -> Result<&str, ServerError> {
        let found = self.tokens.iter().find(|(name, _)| name == user);
        found
            .map(|(_, token)| token.as_str())
            .ok_or_else(|| ServerError::Usage(format!("the control plane has no user `{user}`")))
    }

    /// JSON is YAML, so kubectl and every client read it.
    pub(super) fn kubeconfig(&self, user: &str, token: &str) -> String {
        use base64::Engine as _;
        let ca = base64::engine::general_purpose::STANDARD.encode(&self.ca_pem);
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{
                "name": "test",
                "cluster": { "server": self.url, "certificate-authority-data": ca },
            }],
            "users": [{ "name": user, "user": { "token": token } }],
            "contexts": [{
                "name": "test",
                "context": { "cluster": "test", "user": user, "namespace": "default" },
            }],
            "current-context": "test",
        });
        format!("{config:#}\n")
    }

    pub(super) fn kubeconfig_path(
        &self,
        scratch: &Scratch,
        user: &str,
        token: &str,
    ) -> Result<PathBuf, ServerError> {
        let name: String = user
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .collect();
        let path = scratch.data("kubeconfigs").join(format!("{name}.json"));
        // Others may be reading it: it is either whole or not there, and never changes.
        if !path.exists() {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let whole = path.with_extension(format!("{number}.new"));
            write(&whole, &self.kubeconfig(user, token))?;
            let failed = || format!("rename {}", whole.display());
            std::fs::rename(&whole, &path).map_err(ServerError::io(failed))?;
        }
        Ok(path)
    }
}

/// Numbers files under way, so that two at once do not meet.
static NEXT: AtomicU32 = AtomicU32::new(0);

/// The column of groups is left out where there is none: an empty one is a group named "".
fn token_line(user: &User, token: &str) -> String {
    let name = &user.name;
    match user.groups.join(",") {
        groups if groups.is_empty() => format!("{token},{name},{name}\n"),
        groups => format!("{token},{name},{name},\"{groups}\"\n"),
    }
}

/// Every request at level `Metadata`: who did what to which object, and never a body.
fn audit_policy() -> String {
    let policy = json!({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [{ "level": "Metadata" }],
    });
    format!("{policy:#}\n")
}

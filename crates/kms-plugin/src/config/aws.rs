//! Pure. The configuration of a key in AWS KMS.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::MAX_ENDPOINTS;
use crate::aws::key::Key;

/// Pairs of an encryption context, at most.
const MAX_CONTEXT: usize = 16;

/// A symmetric key in AWS KMS.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Aws {
    pub(crate) key: Key,
    #[serde(default)]
    region: Option<String>,
    /// An address in place of the region's public one, such as a VPC endpoint's.
    #[serde(default)]
    endpoint: Option<String>,
    /// Further regions of a multi-Region key.
    #[serde(default)]
    replicas: Vec<Replica>,
    /// Off for a key of another account, whose rotations AWS tells nobody but its owner.
    #[serde(default = "yes")]
    pub(crate) follow_rotation: bool,
    #[serde(default)]
    pub(crate) encryption_context: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) ca_file: Option<PathBuf>,
    #[serde(default)]
    pub(crate) credentials: AwsCredentials,
}

const fn yes() -> bool {
    true
}

/// A region that has a replica of the key.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Replica {
    pub(crate) region: String,
    #[serde(default)]
    pub(crate) endpoint: Option<String>,
}

/// Where the credentials come from: the process's environment, or files.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum AwsCredentials {
    /// `AWS_ACCESS_KEY_ID` and its like, `AWS_WEB_IDENTITY_TOKEN_FILE`, or
    /// `AWS_SHARED_CREDENTIALS_FILE`.
    #[default]
    Environment,
    /// A file in the form of `~/.aws/credentials`.
    #[serde(rename_all = "kebab-case")]
    File {
        path: PathBuf,
        #[serde(default)]
        profile: Option<String>,
    },
    /// A token that STS takes for a role.
    #[serde(rename_all = "kebab-case")]
    WebIdentity {
        role_arn: String,
        token_file: PathBuf,
        #[serde(default)]
        session_name: Option<String>,
        /// An address in place of the region's public one.
        #[serde(default)]
        endpoint: Option<String>,
    },
}

impl Aws {
    /// Region and address of each endpoint, the first one first.
    pub(crate) fn endpoints(&self) -> Vec<Replica> {
        let region = self.region.as_deref().or_else(|| self.key.region());
        let first = Replica {
            region: region.unwrap_or_default().to_owned(),
            endpoint: self.endpoint.clone(),
        };
        let mut endpoints = vec![first];
        endpoints.extend(self.replicas.iter().cloned());
        endpoints
    }

    /// The files with credentials that must be readable, and the fields that name them.
    pub(crate) fn files(&self) -> Vec<(&'static str, &Path)> {
        let credentials = match &self.credentials {
            AwsCredentials::Environment => None,
            AwsCredentials::File { path, .. } => Some(("credentials.file.path", path)),
            AwsCredentials::WebIdentity { token_file, .. } => {
                Some(("credentials.web-identity.token-file", token_file))
            }
        };
        let trust = self.ca_file.as_ref().map(|path| ("ca-file", path));
        let files = trust.into_iter().chain(credentials);
        files.map(|(field, path)| (field, path.as_path())).collect()
    }

    pub(super) fn check(&self) -> Result<(), String> {
        match (&self.region, self.key.region()) {
            (None, None) => {
                return Err("aws.region: the key is no ARN, so name the region".to_owned());
            }
            (Some(named), Some(own)) if named != own => {
                return Err(format!("aws.region: the key's ARN says {own:?}"));
            }
            _ => {}
        }
        if !self.replicas.is_empty() && !self.key.is_multi_region() {
            return Err("aws.replicas: only a multi-Region key (mrk-…) has them".to_owned());
        }
        let endpoints = self.endpoints();
        if endpoints.len() > MAX_ENDPOINTS {
            return Err(format!("aws.replicas: at most {}", MAX_ENDPOINTS - 1));
        }
        for (index, endpoint) in endpoints.iter().enumerate() {
            let field = match index.checked_sub(1) {
                None => "aws".to_owned(),
                Some(replica) => format!("aws.replicas[{replica}]"),
            };
            if !is_region(&endpoint.region) {
                return Err(format!("{field}.region: {:?} is none", endpoint.region));
            }
            if let Some(address) = &endpoint.endpoint {
                super::address(address).map_err(|why| format!("{field}.endpoint: {why}"))?;
            }
        }
        let context = &self.encryption_context;
        if context.len() > MAX_CONTEXT || context.contains_key(crate::aws::key::CONTEXT) {
            return Err(format!(
                "aws.encryption-context: at most {MAX_CONTEXT} pairs, none named {:?}",
                crate::aws::key::CONTEXT
            ));
        }
        self.credentials.check()
    }
}

impl AwsCredentials {
    fn check(&self) -> Result<(), String> {
        let Self::WebIdentity {
            role_arn, endpoint, ..
        } = self
        else {
            return Ok(());
        };
        if !role_arn.starts_with("arn:") || !role_arn.contains(":role/") {
            return Err("aws.credentials.web-identity.role-arn: no ARN of a role".to_owned());
        }
        match endpoint {
            Some(address) => super::address(address)
                .map_err(|why| format!("aws.credentials.web-identity.endpoint: {why}")),
            None => Ok(()),
        }
    }
}

/// True for what a region looks like, such as `eu-central-1`.
fn is_region(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (2..=32).contains(&text.len()) && text.chars().all(allowed) && !text.starts_with('-')
}

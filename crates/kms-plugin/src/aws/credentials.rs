//! Shell. Credentials of AWS: from the environment, from a file, or from STS for a token in a file.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sdk_sts::config::{BehaviorVersion, Region, retry::RetryConfig};
use aws_smithy_types::timeout::TimeoutConfig;
use tidegate_contract::{WrapError, WrapFault};
use tidegate_kms::Clock;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use super::connector::Connector;
use super::{failed, ini};
use crate::config::AwsCredentials;
use crate::credentials::file;
use crate::files::FromFiles;
use crate::http::Http;

/// Where credentials of ours are said to come from, in the SDK's own logs.
const PROVIDER: &str = "tidegate";
/// How long before its end a role's session is replaced: several looks in the background fit in.
const AHEAD: Duration = Duration::from_secs(300);

/// One identity at AWS.
pub(super) struct Identity {
    source: Source,
    region: String,
    clock: Clock,
}

enum Source {
    Given(Arc<Credentials>),
    File {
        path: PathBuf,
        profile: String,
        read: FromFiles<Credentials>,
    },
    Role {
        role: Role,
        held: Mutex<Option<Held>>,
    },
}

/// A role, and the file with the token that proves who asks for it.
struct Role {
    arn: String,
    token_file: PathBuf,
    session_name: String,
    endpoint: Option<String>,
}

struct Held {
    credentials: Arc<Credentials>,
    ends: Duration,
}

impl Identity {
    /// The identity that the configuration names; `region` is where STS is asked.
    ///
    /// # Errors
    /// What the environment lacks, in one line.
    pub(super) fn new(configured: &AwsCredentials, region: &str) -> Result<Self, String> {
        let source = match configured {
            AwsCredentials::Environment => Source::of_environment(&|name| {
                let set = std::env::var(name).ok();
                set.filter(|value| !value.is_empty())
            })?,
            AwsCredentials::File { path, profile } => Source::of_file(path, profile.as_deref()),
            AwsCredentials::WebIdentity {
                role_arn,
                token_file,
                session_name,
                endpoint,
            } => Source::of_role(Role {
                arn: role_arn.clone(),
                token_file: token_file.clone(),
                session_name: session_name.as_deref().unwrap_or("tidegate-kms").to_owned(),
                endpoint: endpoint.clone(),
            }),
        };
        Ok(Self {
            source,
            region: region.to_owned(),
            clock: Clock::system(),
        })
    }

    /// The credentials to sign with now.
    ///
    /// # Errors
    /// `Unavailable` when a file cannot be read, and what STS says.
    pub(super) async fn current(&self, http: &Arc<Http>) -> Result<Arc<Credentials>, WrapError> {
        match &self.source {
            Source::Given(credentials) => Ok(Arc::clone(credentials)),
            Source::File {
                path,
                profile,
                read,
            } => read.get(from_file(path, profile)).await,
            Source::Role { role, held } => {
                let mut held = held.lock().await;
                let now = self.clock.wall();
                if let Some(it) = held.as_ref()
                    && now + AHEAD < it.ends
                {
                    return Ok(Arc::clone(&it.credentials));
                }
                match self.assume(role, http).await {
                    Ok(fresh) => Ok(Arc::clone(&held.insert(fresh).credentials)),
                    // What is held still counts while STS is away.
                    Err(error) => match held.as_ref().filter(|it| now < it.ends) {
                        Some(it) if error.fault().is_of_endpoint() => {
                            Ok(Arc::clone(&it.credentials))
                        }
                        _ => Err(error),
                    },
                }
            }
        }
    }

    /// Tells that AWS does not accept `used`; true when others may be had by asking again.
    pub(super) async fn rejected(&self, used: &Arc<Credentials>) -> bool {
        let Source::Role { held, .. } = &self.source else {
            return false;
        };
        let mut held = held.lock().await;
        if held
            .as_ref()
            .is_some_and(|it| Arc::ptr_eq(&it.credentials, used))
        {
            *held = None;
        }
        true
    }

    async fn assume(&self, role: &Role, http: &Arc<Http>) -> Result<Held, WrapError> {
        let token = Zeroizing::new(file(&role.token_file).await?);
        let token = std::str::from_utf8(&token).map_err(|_| {
            let text = format!("{} is no token", role.token_file.display());
            WrapError::new(WrapFault::Unauthenticated, text)
        })?;
        let mut config = aws_sdk_sts::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.region.clone()))
            .http_client(Connector(Arc::clone(http)))
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled())
            .allow_no_auth();
        config.set_endpoint_url(role.endpoint.clone());
        let asked = aws_sdk_sts::Client::from_conf(config.build())
            .assume_role_with_web_identity()
            .role_arn(&role.arn)
            .role_session_name(&role.session_name)
            .web_identity_token(token.trim())
            .send()
            .await;
        let what = "sts:AssumeRoleWithWebIdentity";
        let answer = asked.map_err(|error| failed(what, &role.arn, &error).error)?;
        let given = answer.credentials.ok_or_else(|| {
            let text = format!("{what}: the answer cannot be read");
            WrapError::new(WrapFault::Unavailable, text)
        })?;
        let ends = Duration::from_secs(given.expiration.secs().try_into().unwrap_or_default());
        let (id, secret) = (given.access_key_id, given.secret_access_key);
        let expires = Some(UNIX_EPOCH + ends);
        Ok(Held {
            credentials: Arc::new(credentials(id, secret, Some(given.session_token), expires)),
            ends,
        })
    }
}

impl Source {
    fn of_file(path: &Path, profile: Option<&str>) -> Self {
        Self::File {
            path: path.to_owned(),
            profile: profile.unwrap_or("default").to_owned(),
            read: FromFiles::new(vec![path.to_owned()]),
        }
    }

    fn of_role(role: Role) -> Self {
        Self::Role {
            role,
            held: Mutex::default(),
        }
    }

    /// What the variables of AWS's own tools say, in their order.
    fn of_environment(variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, String> {
        let id = variable("AWS_ACCESS_KEY_ID");
        if let Some((id, secret)) = id.zip(variable("AWS_SECRET_ACCESS_KEY")) {
            let session = variable("AWS_SESSION_TOKEN");
            return Ok(Self::Given(Arc::new(credentials(
                id, secret, session, None,
            ))));
        }
        let token_file = variable("AWS_WEB_IDENTITY_TOKEN_FILE");
        if let Some((token_file, arn)) = token_file.zip(variable("AWS_ROLE_ARN")) {
            let session_name = variable("AWS_ROLE_SESSION_NAME");
            return Ok(Self::of_role(Role {
                arn,
                token_file: token_file.into(),
                session_name: session_name.unwrap_or_else(|| "tidegate-kms".to_owned()),
                endpoint: variable("AWS_ENDPOINT_URL_STS"),
            }));
        }
        if let Some(path) = variable("AWS_SHARED_CREDENTIALS_FILE") {
            let profile = variable("AWS_PROFILE");
            return Ok(Self::of_file(Path::new(&path), profile.as_deref()));
        }
        Err(
            "aws.credentials: the environment has no AWS_ACCESS_KEY_ID with \
             AWS_SECRET_ACCESS_KEY, no AWS_WEB_IDENTITY_TOKEN_FILE with AWS_ROLE_ARN and no \
             AWS_SHARED_CREDENTIALS_FILE: set them, or name a file"
                .to_owned(),
        )
    }
}

async fn from_file(path: &Path, profile: &str) -> Result<Credentials, WrapError> {
    let bytes = Zeroizing::new(file(path).await?);
    let wrong = |why: &str| {
        let text = format!("{} {why} (profile {profile:?})", path.display());
        WrapError::new(WrapFault::Unauthenticated, text)
    };
    let text = std::str::from_utf8(&bytes).map_err(|_| wrong("is no text"))?;
    let found = ini::profile(text, profile).map_err(wrong)?;
    let session = found.session.as_ref().map(|it| it.as_str().to_owned());
    Ok(credentials(
        found.id,
        found.secret.as_str().to_owned(),
        session,
        None,
    ))
}

/// The SDK's own form, which zeroizes what it holds.
fn credentials(
    id: String,
    secret: String,
    session: Option<String>,
    expires: Option<SystemTime>,
) -> Credentials {
    Credentials::new(id, secret, session, expires, PROVIDER)
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = match &self.source {
            Source::Given(_) => "environment",
            Source::File { .. } => "file",
            Source::Role { .. } => "role",
        };
        write!(f, "Identity({source})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_is_read_as_awss_own_tools_do() {
        let check = |set: &[(&str, &str)], expected: &str| {
            let source = Source::of_environment(&|name| {
                let found = set.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| (*value).to_owned())
            });
            let found = source.map_or_else(
                |_| "none",
                |source| match source {
                    Source::Given(_) => "given",
                    Source::File { .. } => "file",
                    Source::Role { .. } => "role",
                },
            );
            assert_eq!(found, expected, "{set:?}");
        };
        let (id, secret) = (("AWS_ACCESS_KEY_ID", "A"), ("AWS_SECRET_ACCESS_KEY", "s"));
        let (token, role) = (
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "/t"),
            ("AWS_ROLE_ARN", "arn"),
        );
        let file = ("AWS_SHARED_CREDENTIALS_FILE", "/c");
        check(&[], "none");
        check(&[id], "none");
        check(&[token], "none");
        check(&[id, secret, token, role, file], "given");
        check(&[id, token, role, file], "role");
        check(&[role, file], "file");
    }

    #[test]
    fn no_credential_is_in_debug() {
        let given = Source::Given(Arc::new(credentials(
            "id7".into(),
            "s3cr3t".into(),
            None,
            None,
        )));
        let identity = Identity {
            source: given,
            region: "eu-west-1".into(),
            clock: Clock::system(),
        };
        assert_eq!(format!("{identity:?}"), "Identity(environment)");
    }
}

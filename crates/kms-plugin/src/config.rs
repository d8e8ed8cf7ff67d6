//! Pure. The configuration file: one list of key services, each with its socket.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use tidegate_kms::contact::Policy;
use tidegate_kms::{Options, contact};

mod aws;
mod azure;
mod transit;

pub(crate) use aws::{Aws, AwsCredentials, Replica};
pub(crate) use azure::{Azure, AzureLogin};
pub(crate) use transit::{Login, Transit};

/// Key services in one process, at most.
const MAX_SERVICES: usize = 16;
/// Endpoints of one key service, at most.
const MAX_ENDPOINTS: usize = 8;
/// The least revocation horizon: shorter than an outage worth surviving, it only does harm.
const LEAST_HORIZON: Duration = Duration::from_secs(180);
/// The API server waits 3 s for each call.
const MOST_BUDGET: Duration = Duration::from_millis(2900);

/// The whole file.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Config {
    /// Where /livez, /readyz and /metrics are served; nowhere without it.
    #[serde(default)]
    pub(crate) admin: Option<SocketAddr>,
    /// Users whose processes may connect; root and the plugin's own without it.
    #[serde(default)]
    pub(crate) allowed_uids: Option<Vec<u32>>,
    pub(crate) services: Vec<Service>,
}

/// One key service.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) socket: PathBuf,
    #[serde(default)]
    pub(crate) socket_mode: Mode,
    #[serde(default)]
    offline: Offline,
    #[serde(default)]
    grace: Option<Span>,
    #[serde(default)]
    revocation_horizon: Option<Span>,
    #[serde(default)]
    activation_delay: Option<Span>,
    #[serde(default)]
    deep_probe_interval: Option<Span>,
    #[serde(default)]
    attempt_timeout: Option<Span>,
    #[serde(default)]
    budget: Option<Span>,
    #[serde(default)]
    unwrap_cache: Option<usize>,
    #[serde(default)]
    concurrency: Option<usize>,
    #[serde(default)]
    local_hierarchy: bool,
    #[serde(default)]
    generation: u32,
    #[serde(default)]
    pub(crate) local: Option<Local>,
    #[serde(default)]
    pub(crate) transit: Option<Transit>,
    #[serde(default)]
    pub(crate) aws: Option<Aws>,
    #[serde(default)]
    pub(crate) azure: Option<Azure>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Offline {
    Strict,
    #[default]
    Coast,
}

/// The socket's mode: for its owner alone, or for its group too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub(crate) enum Mode {
    #[default]
    #[serde(rename = "0600")]
    Owner,
    #[serde(rename = "0660")]
    Group,
}

impl Mode {
    pub(crate) const fn bits(self) -> u32 {
        match self {
            Self::Owner => 0o600,
            Self::Group => 0o660,
        }
    }
}

/// Key files.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Local {
    pub(crate) folder: PathBuf,
    #[serde(default = "default_key")]
    pub(crate) key: String,
}

fn default_key() -> String {
    "local".to_owned()
}

/// A duration such as `2500ms`, `30s`, `2m` or `24h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span(Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        span(&text).map(Self).ok_or_else(|| {
            serde::de::Error::custom(format!("{text:?} is no duration such as 30s, 2m or 24h"))
        })
    }
}

fn span(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().ok()?;
    let scale = match text.get(digits.len()..)? {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    number.checked_mul(scale).map(Duration::from_millis)
}

impl Config {
    /// Reads and checks a configuration.
    ///
    /// # Errors
    /// What is wrong, in one line, with the place where it stands.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let config: Self = serde_saphyr::from_str(text)
            .map_err(|error| error.to_string().lines().next().unwrap_or("").to_owned())?;
        config.check()?;
        Ok(config)
    }

    /// One key service with key files.
    pub(crate) fn of_local(socket: &Path, folder: &Path) -> Self {
        let service = Service {
            name: "local".to_owned(),
            socket: socket.to_owned(),
            socket_mode: Mode::Owner,
            offline: Offline::Coast,
            grace: None,
            revocation_horizon: None,
            activation_delay: None,
            deep_probe_interval: None,
            attempt_timeout: None,
            budget: None,
            unwrap_cache: None,
            concurrency: None,
            local_hierarchy: false,
            generation: 0,
            local: Some(Local {
                folder: folder.to_owned(),
                key: default_key(),
            }),
            transit: None,
            aws: None,
            azure: None,
        };
        Self {
            admin: None,
            allowed_uids: None,
            services: vec![service],
        }
    }

    /// The files that must be readable at the start, and the fields that name them.
    pub(crate) fn files(&self) -> Vec<(String, &Path)> {
        let mut files = Vec::new();
        for (index, service) in self.services.iter().enumerate() {
            let place = format!("services[{index}] ({})", service.name);
            let aws = service.aws.iter().flat_map(Aws::files);
            let azure = service.azure.iter().flat_map(Azure::files);
            files.extend(aws.map(|(field, path)| (format!("{place}: aws.{field}"), path)));
            files.extend(azure.map(|(field, path)| (format!("{place}: azure.{field}"), path)));
        }
        files
    }

    fn check(&self) -> Result<(), String> {
        if self.services.is_empty() || self.services.len() > MAX_SERVICES {
            return Err(format!("services: name 1 to {MAX_SERVICES} key services"));
        }
        for (index, service) in self.services.iter().enumerate() {
            let wrong = |text: String| format!("services[{index}] ({}): {text}", service.name);
            service.check().map_err(wrong)?;
            for other in self.services.iter().take(index) {
                if other.name == service.name || other.socket == service.socket {
                    return Err(wrong("another service has this name or socket".to_owned()));
                }
            }
        }
        Ok(())
    }
}

impl Service {
    fn check(&self) -> Result<(), String> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if self.name.is_empty() || self.name.len() > 63 || !self.name.chars().all(allowed) {
            return Err("name: use 1 to 63 letters, digits, -, _ and .".to_owned());
        }
        let named = [
            self.local.is_some(),
            self.transit.is_some(),
            self.aws.is_some(),
            self.azure.is_some(),
        ];
        if named.iter().filter(|it| **it).count() != 1 {
            return Err("name exactly one of local, transit, aws and azure".to_owned());
        }
        self.transit.as_ref().map_or(Ok(()), Transit::check)?;
        self.aws.as_ref().map_or(Ok(()), Aws::check)?;
        self.azure.as_ref().map_or(Ok(()), Azure::check)?;
        let options = self.options();
        if options.contact.horizon < LEAST_HORIZON.max(options.deep_probe * 2) {
            return Err(
                "revocation-horizon: use at least 3m and two deep-probe-intervals".to_owned(),
            );
        }
        if options.budget > MOST_BUDGET || options.budget.is_zero() {
            return Err("budget: the API server waits 3s; use at most 2900ms".to_owned());
        }
        if options.attempt.is_zero() || options.attempt > options.budget {
            return Err("attempt-timeout: use more than 0 and at most the budget".to_owned());
        }
        if options.deep_probe.is_zero() || options.concurrency == 0 {
            return Err("deep-probe-interval and concurrency: use more than 0".to_owned());
        }
        if options.kept > 65_536 || options.concurrency > 1024 {
            return Err("unwrap-cache: at most 65536; concurrency: at most 1024".to_owned());
        }
        Ok(())
    }

    /// The settings, with the defaults for what is not said.
    pub(crate) fn options(&self) -> Options {
        let default = Options::new(&self.name);
        let or = |span: Option<Span>, default: Duration| span.map_or(default, |it| it.0);
        Options {
            generation: self.generation,
            activation_delay: or(self.activation_delay, default.activation_delay),
            contact: contact::Options {
                policy: match self.offline {
                    Offline::Strict => Policy::Strict,
                    Offline::Coast => Policy::Coast,
                },
                grace: or(self.grace, default.contact.grace),
                horizon: or(self.revocation_horizon, default.contact.horizon),
            },
            deep_probe: or(self.deep_probe_interval, default.deep_probe),
            attempt: or(self.attempt_timeout, default.attempt),
            budget: or(self.budget, default.budget),
            concurrency: self.concurrency.unwrap_or(default.concurrency),
            kept: self.unwrap_cache.unwrap_or(default.kept),
            local_hierarchy: self.local_hierarchy,
            ..default
        }
    }
}

/// Whether `text` is an address without anything but scheme, host and port.
fn address(text: &str) -> Result<(), String> {
    let wrong = || format!("{text:?} is no address such as https://host:port");
    let uri: http::Uri = text.parse().map_err(|_| wrong())?;
    let bare = matches!(uri.path(), "" | "/") && uri.query().is_none();
    let scheme = matches!(uri.scheme_str(), Some("https" | "http"));
    let host = uri.authority().is_some_and(|it| !it.as_str().contains('@'));
    if bare && scheme && host {
        Ok(())
    } else {
        Err(wrong())
    }
}

#[cfg(test)]
mod tests;

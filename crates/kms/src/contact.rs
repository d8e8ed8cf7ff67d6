//! Pure. What is known of the key service, and what Status says of it: the offline policy.

use std::time::Duration;

use tidegate_contract::WrapFault;

/// What happens while the key service is unreachable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Status fails once the outage is older than the grace: API servers stop writing within three
    /// minutes of it; what they have unwrapped stays readable.
    Strict,
    /// Status keeps the key id and says what is wrong: API servers go on reading and writing and
    /// their readiness turns red. Ends at the revocation horizon.
    Coast,
}

/// Settings of [`Contact`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The offline policy.
    pub policy: Policy,
    /// How long an outage is kept to ourselves, so that one lost probe alarms nobody.
    pub grace: Duration,
    /// How long anything is kept that the key service has not confirmed: the unwrap cache, the
    /// local hierarchy and coasting end with it.
    pub horizon: Duration,
}

/// What Status answers, beside the key id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// `ok`.
    Ok,
    /// The key id stands and this is wrong: the API server goes on.
    Unhealthy(String),
    /// The call fails with this: the API server stops writing within three minutes.
    Failed(WrapFault, String),
}

/// The state of the contact to one key service. Times are since the Unix epoch.
#[derive(Debug, Clone)]
pub struct Contact {
    options: Options,
    confirmed: Option<Duration>,
    trouble: Option<Trouble>,
}

#[derive(Debug, Clone)]
struct Trouble {
    fault: WrapFault,
    text: String,
    since: Duration,
}

impl Contact {
    /// No contact yet.
    #[must_use]
    pub const fn new(options: Options) -> Self {
        Self {
            options,
            confirmed: None,
            trouble: None,
        }
    }

    /// The key service did what was asked with the key itself.
    pub fn confirmed(&mut self, now: Duration) {
        self.confirmed = Some(now);
        self.trouble = None;
    }

    /// It did not. True when what was unwrapped before must be purged now.
    ///
    /// A revocation stands until the key works again: an outage after it hides nothing.
    pub fn failed(&mut self, fault: WrapFault, text: &str, now: Duration) -> bool {
        let revoked = self.revoked();
        if revoked && !fault.revokes() {
            return false;
        }
        let since = match &self.trouble {
            Some(trouble) if kind(trouble.fault) == kind(fault) => trouble.since,
            _ => now,
        };
        self.trouble = Some(Trouble {
            fault,
            text: text.to_owned(),
            since,
        });
        fault.revokes()
    }

    /// True while the right to use the key is taken away.
    #[must_use]
    pub fn revoked(&self) -> bool {
        self.trouble.as_ref().is_some_and(|it| it.fault.revokes())
    }

    /// True while something is wrong.
    #[must_use]
    pub const fn in_trouble(&self) -> bool {
        self.trouble.is_some()
    }

    /// The outage that lasts, and what was said of it.
    #[must_use]
    pub fn outage(&self) -> Option<(WrapFault, &str)> {
        let trouble = self.trouble.as_ref()?;
        let outage = trouble.fault.is_of_endpoint();
        outage.then_some((trouble.fault, trouble.text.as_str()))
    }

    /// True when what was unwrapped before may be used: not revoked, and confirmed recently enough.
    #[must_use]
    pub fn may_use_kept(&self, now: Duration) -> bool {
        !self.revoked() && self.within_horizon(now)
    }

    /// When the key service last confirmed the key.
    #[must_use]
    pub const fn last_confirmed(&self) -> Option<Duration> {
        self.confirmed
    }

    fn within_horizon(&self, now: Duration) -> bool {
        self.confirmed
            .is_some_and(|at| now.saturating_sub(at) <= self.options.horizon)
    }

    /// What Status answers at `now`.
    #[must_use]
    pub fn health(&self, now: Duration) -> Health {
        let Some(trouble) = &self.trouble else {
            return if self.confirmed.is_some() {
                Health::Ok
            } else {
                let text = "the key service has not answered yet".to_owned();
                Health::Failed(WrapFault::Unavailable, text)
            };
        };
        let text = format!("{} (since {})", trouble.text, rfc3339(trouble.since));
        if !trouble.fault.is_of_endpoint() || self.confirmed.is_none() {
            return Health::Failed(trouble.fault, text);
        }
        if !self.within_horizon(now) {
            let text = format!("{text}; longer than the revocation horizon");
            return Health::Failed(trouble.fault, text);
        }
        if now.saturating_sub(trouble.since) <= self.options.grace {
            return Health::Ok;
        }
        match self.options.policy {
            Policy::Strict => Health::Failed(trouble.fault, text),
            Policy::Coast => Health::Unhealthy(text),
        }
    }
}

/// Outages of all sorts are one outage: its start stays while its face changes.
const fn kind(fault: WrapFault) -> u8 {
    match fault {
        WrapFault::Unavailable | WrapFault::Throttled { .. } => 0,
        WrapFault::Denied | WrapFault::Unauthenticated => 1,
        WrapFault::Disabled => 2,
        WrapFault::Deleted => 3,
        WrapFault::Corrupt => 4,
        WrapFault::Invalid => 5,
    }
}

/// A Unix time as text, to the second.
fn rfc3339(at: Duration) -> String {
    let seconds = i64::try_from(at.as_secs()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).map_or_else(|_| "?".to_owned(), |it| it.to_string())
}

#[cfg(test)]
mod tests;

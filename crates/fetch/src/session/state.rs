//! Pure. One session: when to log in, when to renew, what to hand out meanwhile.

use std::time::Duration;

use tidegate_contract::{ErrorKind, Grant, ProviderError, SecretValue};

use crate::backoff::{Backoff, Random, is_transient};

/// A wrong role or secret is mended by somebody; the backend's lock-out counters are spared.
const REFUSED: Backoff = Backoff::new(Duration::from_secs(5), Duration::from_mins(2));

/// Outages: as quick as other calls.
const UNREACHED: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_mins(1));

/// A token that is rejected sooner than this after its login was never any good.
const TOO_YOUNG: Duration = Duration::from_secs(10);

/// A token that nobody used for this long is not prolonged: the next user logs in.
const UNUSED: Duration = Duration::from_hours(1);

/// What somebody who wants the token gets.
#[derive(Debug, Clone)]
pub(crate) enum Demand {
    /// The token.
    Token(SecretValue),
    /// Nothing yet: the login that is under way, or the one to start now, will tell.
    Wait,
    /// The last login's failure, until the next may be tried.
    Failed(ProviderError),
}

/// What the session's own task does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Upkeep {
    /// Log in.
    Login,
    /// Prolong this grant.
    Renew(Grant),
    /// Nothing before this time, or before somebody wants a token.
    Sleep(Option<Duration>),
}

/// The state of one session.
#[derive(Debug, Default)]
pub(crate) struct State {
    grant: Option<Granted>,
    wanted: bool,
    failure: Option<Failure>,
    failures: u32,
    rejections: u32,
    used_at: Duration,
}

#[derive(Debug)]
struct Granted {
    grant: Grant,
    since: Duration,
    /// The lifetime that the login gave; renewals that give far less have met its end.
    whole: Option<Duration>,
    expires_at: Option<Duration>,
    renew_at: Option<Duration>,
    worn_out: bool,
}

#[derive(Debug)]
struct Failure {
    error: ProviderError,
    until: Duration,
}

impl State {
    /// Somebody wants the token.
    pub(crate) fn demand(&mut self, now: Duration) -> Demand {
        self.used_at = now;
        if let Some(granted) = &self.grant {
            if granted.expires_at.is_none_or(|at| now < at) {
                return Demand::Token(granted.grant.token.clone());
            }
            self.grant = None;
        }
        if let Some(failure) = &self.failure
            && now < failure.until
        {
            return Demand::Failed(failure.error.clone());
        }
        self.wanted = true;
        Demand::Wait
    }

    /// What to do now to keep the session alive.
    pub(crate) fn upkeep(&self, now: Duration) -> Upkeep {
        if self.wanted {
            return Upkeep::Login;
        }
        let Some(granted) = &self.grant else {
            return Upkeep::Sleep(None);
        };
        let Some(renew_at) = granted.renew_at else {
            return Upkeep::Sleep(None);
        };
        if now < renew_at {
            return Upkeep::Sleep(Some(renew_at));
        }
        if now.saturating_sub(self.used_at) > UNUSED {
            return Upkeep::Sleep(None);
        }
        if granted.grant.renewable && !granted.worn_out {
            return Upkeep::Renew(granted.grant.clone());
        }
        match &self.failure {
            Some(failure) if now < failure.until => Upkeep::Sleep(Some(failure.until)),
            _ => Upkeep::Login,
        }
    }

    /// A login has ended.
    pub(crate) fn logged_in(
        &mut self,
        result: Result<Grant, ProviderError>,
        now: Duration,
        random: &mut Random,
    ) {
        self.wanted = false;
        match result {
            Ok(grant) => {
                self.failures = 0;
                self.failure = None;
                let whole = grant.ttl;
                self.grant = Some(Granted::new(grant, whole, now, random));
            }
            Err(error) => self.failed(error, now, random),
        }
    }

    /// A prolongation has ended. When it failed, or gave little, a login takes its place at once;
    /// the old token stays in use meanwhile.
    pub(crate) fn renewed(
        &mut self,
        used: &Grant,
        result: Result<Grant, ProviderError>,
        now: Duration,
        random: &mut Random,
    ) {
        let Some(granted) = self.grant.as_mut().filter(|g| g.grant.token == used.token) else {
            return;
        };
        let Ok(grant) = result else {
            granted.worn_out = true;
            return;
        };
        let (whole, since) = (granted.whole, granted.since);
        let is_short = matches!((grant.ttl, whole), (Some(ttl), Some(whole)) if ttl < whole / 3);
        let mut next = Granted::new(grant, whole, now, random);
        next.since = since;
        if is_short {
            next.worn_out = true;
            next.renew_at = Some(now);
        }
        self.grant = Some(next);
    }

    /// The backend no longer takes `used`. True when that was the present token.
    pub(crate) fn rejected(
        &mut self,
        used: &SecretValue,
        now: Duration,
        random: &mut Random,
    ) -> bool {
        let is_present = |granted: &mut Granted| granted.grant.token == *used;
        let Some(granted) = self.grant.take_if(is_present) else {
            return false;
        };
        if now.saturating_sub(granted.since) >= TOO_YOUNG {
            self.rejections = 0;
            return true;
        }
        self.rejections += 1;
        if self.rejections > 1 {
            let text = "the backend rejects the tokens that it has just given";
            let error = ProviderError::new(ErrorKind::Unauthenticated, text);
            let until = now + REFUSED.delay(self.rejections - 2, random);
            self.failure = Some(Failure { error, until });
        }
        true
    }

    /// Whether a token is held that the end of the session revokes.
    pub(crate) fn is_revocable(&self) -> bool {
        self.grant
            .as_ref()
            .is_some_and(|granted| granted.grant.revocable)
    }

    /// Ends the session; answers the grant that is to be revoked.
    pub(crate) fn end(&mut self, now: Duration) -> Option<Grant> {
        self.wanted = false;
        let granted = self.grant.take()?;
        let lives = granted.expires_at.is_none_or(|at| now < at);
        Some(granted.grant).filter(|grant| grant.revocable && lives)
    }

    fn failed(&mut self, error: ProviderError, now: Duration, random: &mut Random) {
        let backoff = if is_transient(error.kind()) {
            UNREACHED
        } else {
            REFUSED
        };
        let mut delay = backoff.delay(self.failures, random);
        if let ErrorKind::Throttled { after: Some(after) } = error.kind() {
            delay = delay.max(after);
        }
        self.failures = self.failures.saturating_add(1);
        let until = now + delay;
        self.failure = Some(Failure { error, until });
    }
}

impl Granted {
    /// Renewal is due at two thirds of the lifetime, a little sooner or later so that sessions
    /// that began together do not renew together.
    fn new(grant: Grant, whole: Option<Duration>, now: Duration, random: &mut Random) -> Self {
        // A lifetime of nothing would log in for every call.
        let ttl = grant.ttl.map(|ttl| ttl.max(Duration::from_secs(1)));
        Self {
            since: now,
            whole,
            expires_at: ttl.map(|ttl| now + ttl),
            renew_at: ttl.map(|ttl| now + random.spread(ttl * 2 / 3, 0.05)),
            worn_out: false,
            grant,
        }
    }
}

#[cfg(test)]
mod tests;

//! Shell. Sessions on paused time, with an authenticator that counts.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use tidegate_contract::{ErrorKind, Grant, ProviderError, SecretValue};
use tokio::task::JoinSet;

use super::*;
use crate::TokioClock;

#[derive(Debug, Default)]
struct Counting {
    ttl: Option<u64>,
    logins: AtomicUsize,
    renewals: AtomicUsize,
    revoked: Mutex<Vec<String>>,
    fails: AtomicBool,
    silent: AtomicBool,
}

impl Counting {
    fn new(ttl: Option<u64>) -> Arc<Self> {
        Arc::new(Self {
            ttl,
            ..Self::default()
        })
    }

    fn grant(&self, token: SecretValue) -> Grant {
        Grant {
            token,
            ttl: self.ttl.map(Duration::from_secs),
            renewable: true,
            revocable: true,
        }
    }

    fn counts(&self) -> (usize, usize) {
        (
            self.logins.load(Ordering::SeqCst),
            self.renewals.load(Ordering::SeqCst),
        )
    }
}

#[async_trait]
impl Authenticator for Counting {
    async fn login(&self) -> Result<Grant, ProviderError> {
        let n = self.logins.fetch_add(1, Ordering::SeqCst) + 1;
        if self.silent.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        if self.fails.load(Ordering::SeqCst) {
            return Err(ProviderError::new(ErrorKind::Denied, "no such role"));
        }
        Ok(self.grant(format!("token-{n}").into()))
    }

    async fn renew(&self, grant: &Grant) -> Result<Grant, ProviderError> {
        self.renewals.fetch_add(1, Ordering::SeqCst);
        Ok(self.grant(grant.token.clone()))
    }

    async fn revoke(&self, grant: &Grant) -> Result<(), ProviderError> {
        if self.silent.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        let token = String::from_utf8_lossy(grant.token.expose()).into_owned();
        self.revoked.lock().unwrap().push(token);
        Ok(())
    }
}

fn sessions() -> Sessions {
    let clock = TokioClock::starting_at(Duration::from_secs(1_700_000_000));
    Sessions::new(SessionOptions::new(Arc::new(clock), 1))
}

fn identity(namespace: &str) -> Identity {
    Identity::new("store", 1, vec![], Some(namespace))
}

async fn token(session: &Arc<dyn TokenSource>) -> String {
    let token = session.token().await.expect("a token");
    String::from_utf8_lossy(token.expose()).into_owned()
}

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

/// Asks for the token a hundred times at once.
async fn hundred(session: &Arc<dyn TokenSource>) -> Vec<Result<SecretValue, ProviderError>> {
    let mut asking = JoinSet::new();
    for _ in 0..100 {
        let session = Arc::clone(session);
        asking.spawn(async move { session.token().await });
    }
    asking.join_all().await
}

#[tokio::test(start_paused = true)]
async fn a_hundred_at_once_and_everybody_later_share_one_login() {
    let (sessions, auth) = (sessions(), Counting::new(Some(3600)));
    let session = sessions.open(&identity("a"), Arc::clone(&auth) as _);
    assert!(hundred(&session).await.iter().all(Result::is_ok));
    let again = sessions.open(&identity("a"), Counting::new(None));
    assert_eq!(token(&again).await, "token-1");
    assert_eq!((auth.counts(), sessions.stats().open), ((1, 0), 1));
}

#[tokio::test(start_paused = true)]
async fn identities_never_share_a_session() {
    let sessions = sessions();
    let (a, b) = (Counting::new(None), Counting::new(None));
    let first = sessions.open(&identity("a"), Arc::clone(&a) as _);
    let second = sessions.open(&identity("b"), Arc::clone(&b) as _);
    token(&first).await;
    token(&second).await;
    first.rejected(&"token-1".into()).await;
    assert_eq!(token(&second).await, "token-1");
    assert_eq!((a.counts().0, b.counts().0), (1, 1));
    assert_eq!(token(&first).await, "token-2");
}

#[tokio::test(start_paused = true)]
async fn renewal_keeps_one_token_for_a_day() {
    let (sessions, auth) = (sessions(), Counting::new(Some(900)));
    let session = sessions.open(&identity("a"), Arc::clone(&auth) as _);
    for _ in 0..24 * 60 {
        assert_eq!(token(&session).await, "token-1");
        pass(60).await;
    }
    let (logins, renewals) = auth.counts();
    assert_eq!(logins, 1);
    assert!((137..=152).contains(&renewals), "{renewals}");
}

#[tokio::test(start_paused = true)]
async fn a_failed_login_is_told_to_everybody_and_not_repeated_at_once() {
    let (sessions, auth) = (sessions(), Counting::new(None));
    auth.fails.store(true, Ordering::SeqCst);
    let session = sessions.open(&identity("a"), Arc::clone(&auth) as _);
    for _ in 0..20 {
        for answer in hundred(&session).await {
            assert_eq!(answer.map_err(|error| error.kind()), Err(ErrorKind::Denied));
        }
    }
    assert_eq!(auth.counts().0, 1);
    auth.fails.store(false, Ordering::SeqCst);
    pass(7).await;
    assert_eq!(token(&session).await, "token-2");
    assert_eq!(sessions.stats().login_failures, 1);
}

#[tokio::test(start_paused = true)]
async fn whoever_gives_up_waiting_takes_no_login_away() {
    let (sessions, auth) = (sessions(), Counting::new(None));
    let session = sessions.open(&identity("a"), Arc::clone(&auth) as _);
    let short = Duration::from_millis(1);
    assert!(tokio::time::timeout(short, session.token()).await.is_err());
    assert_eq!(token(&session).await, "token-1");
    assert_eq!(auth.counts().0, 1);
}

#[tokio::test(start_paused = true)]
async fn a_silent_login_ends_at_its_deadline() {
    let (sessions, auth) = (sessions(), Counting::new(None));
    auth.silent.store(true, Ordering::SeqCst);
    let session = sessions.open(&identity("a"), Arc::clone(&auth) as _);
    for answer in hundred(&session).await {
        let error = answer.expect_err("silence");
        assert_eq!(error.public(), "no answer to a login within 30 s");
    }
    assert_eq!(auth.counts().0, 1);
}

#[tokio::test(start_paused = true)]
async fn a_rejection_by_everybody_leads_to_one_login() {
    let (sessions, auth) = (sessions(), Counting::new(Some(3600)));
    let session = sessions.open(&identity("a"), Arc::clone(&auth) as _);
    let old = session.token().await.unwrap();
    pass(60).await;
    let mut calls = JoinSet::new();
    for _ in 0..100 {
        let (session, old) = (Arc::clone(&session), old.clone());
        calls.spawn(async move {
            session.rejected(&old).await;
            session.token().await
        });
    }
    assert!(calls.join_all().await.iter().all(Result::is_ok));
    assert_eq!(auth.counts().0, 2);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_nobody_holds_is_revoked_after_a_while() {
    let (sessions, auth) = (sessions(), Counting::new(Some(3600)));
    let session = sessions.open(&identity("a"), Arc::clone(&auth) as _);
    token(&session).await;
    drop(session);
    pass(59).await;
    let back = sessions.open(&identity("a"), Counting::new(None));
    assert_eq!(token(&back).await, "token-1");
    drop(back);
    pass(61).await;
    assert_eq!(*auth.revoked.lock().unwrap(), ["token-1"]);
    assert_eq!((sessions.stats().open, sessions.stats().revocable), (0, 0));
    // One that never logged in leaves at once.
    drop(sessions.open(&identity("b"), Arc::clone(&auth) as _));
    assert_eq!(sessions.stats().open, 0);
}

#[tokio::test(start_paused = true)]
async fn shutdown_revokes_what_is_ours_within_its_deadline() {
    let (sessions, auth, slow) = (sessions(), Counting::new(Some(60)), Counting::new(None));
    let mut held = Vec::new();
    for n in 0..40 {
        let session = sessions.open(&identity(&format!("n{n}")), Arc::clone(&auth) as _);
        token(&session).await;
        held.push(session);
    }
    let stuck = sessions.open(&identity("slow"), Arc::clone(&slow) as _);
    token(&stuck).await;
    slow.silent.store(true, Ordering::SeqCst);
    assert_eq!(sessions.stats().revocable, 41);
    assert_eq!(sessions.shutdown(Duration::from_secs(5)).await, 1);
    assert_eq!(auth.revoked.lock().unwrap().len(), 40);
    let late = held[0].token().await.expect_err("the end");
    assert_eq!(late.public(), "the session has ended");
}

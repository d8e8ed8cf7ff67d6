//! Seam. The law of cancellation: futures are dropped at every point where they wait.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use super::{Fixture, Law, LawBroken, MARKER, look};
use crate::{Find, Provider};

/// Points at which a call is dropped, at most: a call waits for a name, a connection, a login, a
/// request and an answer, each a few times.
const MOST_POINTS: usize = 48;

/// A future that is given up after a number of polls.
struct Patience<F> {
    future: Pin<Box<F>>,
    polls: usize,
}

impl<F: Future> Future for Patience<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(left) = self.polls.checked_sub(1) else {
            return Poll::Ready(None);
        };
        self.polls = left;
        self.future.as_mut().poll(context).map(Some)
    }
}

/// Polls `future` at most `polls` times; `None` when it was dropped unfinished.
async fn patiently<F: Future>(future: F, polls: usize) -> Option<F::Output> {
    let patience = Patience {
        future: Box::pin(future),
        polls,
    };
    pin!(patience).await
}

/// Drops each kind of call after 0, 1, 2, … polls until it finishes, and reads after each drop.
/// Answers at how many points a read was dropped.
pub(super) async fn drops_do_no_harm(
    provider: &dyn Provider,
    fixture: &dyn Fixture,
) -> Result<usize, LawBroken> {
    let value = format!("{MARKER} not lost").into_bytes();
    let key = fixture.store("law-cancel/a", &value).await;
    let find = fixture.find("law-cancel");
    let keys = vec![key.clone(); provider.limits().keys_per_call.clamp(1, 3)];
    let mut dropped = 0;
    for polls in 0..MOST_POINTS {
        let read = patiently(provider.fetch(&keys), polls).await;
        let listed = patiently(list(provider, find.as_ref()), polls).await;
        let validated = patiently(provider.validate(), polls).await;
        look::reads_as(Law::Cancellation, provider, fixture, &key, &value).await?;
        dropped += usize::from(read.is_none());
        if read.is_some() && listed.is_some() && validated.is_some() {
            break;
        }
    }
    Ok(dropped)
}

async fn list(provider: &dyn Provider, find: Option<&Find>) {
    if let Some(find) = find {
        // Only that it does no harm counts here; what it finds has its own law.
        drop(provider.list(find).await);
    }
}

//! Shell. One look at one object: the six stages in order.

use std::sync::Arc;
use std::time::Duration;

use tidegate_api::names;
use tidegate_contract::{ErrorKind, ProviderError, RemoteKey, RemoteSecret};
use tidegate_fetch::{Answer, Read, Seen, Source, Subscription};
use tidegate_queue::{Lane, Reasons, Requeue, Ticket};
use tidegate_stages::{
    Change, Env, FetchFailure, IdleReason, Lane as Hint, Memory, Next, ObjectKey, Observed,
    Outcome, Plan, PlannedRead, ReadPlan, Rendered, Seed, SyncError, Trigger, diff, plan, render,
    schedule, status,
};

use super::context::{Context, Item, reason, trigger};
use super::packed::Packed;
use super::relations::StoreId;
use super::{broken, guard, polling, reporting, templates};
use crate::entropy::Entropy;
use crate::patch::permits::Class;

/// Looks at the object of `ticket` and says when to come back.
pub async fn reconcile(ctx: Arc<Context>, ticket: Ticket<Item, Reasons>) {
    let work = ticket.work();
    let (key, lane, trigger) = (work.key.0.clone(), work.lane, trigger(work.reasons));
    let next = look(&ctx, &key, lane, trigger).await;
    ticket.done(next.map(|(lane, after, trigger)| Requeue {
        lane,
        after,
        reasons: reason(trigger),
    }));
}

type Later = Option<(Lane, Duration, Trigger)>;

async fn look(ctx: &Arc<Context>, key: &ObjectKey, lane: Lane, trigger: Trigger) -> Later {
    let Some(object) = ctx.seen().object(key) else {
        return broken::look(ctx, key);
    };
    let mut observed = ctx.observe(key, &object, trigger)?;
    ctx.metrics.looked(key);
    let env = ctx.env();
    let (outcome, subscriptions) = match plan(&observed, &env) {
        Plan::Foreign(reason) => (Outcome::Foreign(reason), None),
        Plan::Idle(reason) => (Outcome::Idle(reason), None),
        Plan::Refuse(error) => (Outcome::Failed(error), None),
        Plan::Cleanup(cleanup) => (Box::pin(cleaned(ctx, key, &cleanup)).await, None),
        Plan::Read(reads) => {
            // Thousands may wait for their values at once: nothing stays decoded meanwhile.
            drop(observed);
            let fetched = fetch(ctx, key, &reads, lane).await;
            let _desk = ctx.desk(lane).await;
            observed = ctx.observe(key, &object, trigger)?;
            let outcome = Box::pin(apply(
                ctx,
                &mut observed,
                &reads,
                fetched.answers,
                lane,
                &env,
            ));
            (outcome.await, Some(fetched.subscriptions))
        }
    };
    let later = settle(ctx, &object, observed, &outcome, subscriptions, lane);
    let later = Box::pin(later).await;
    if !ctx.exists(key) {
        // It went while it was looked at: nothing of what was just noted may stay.
        ctx.gone(key);
        return None;
    }
    later
}

/// Renders what was read and writes what differs.
async fn apply(
    ctx: &Context,
    observed: &mut Observed,
    reads: &ReadPlan,
    answers: Answers,
    lane: Lane,
    env: &Env,
) -> Outcome {
    templates::fill(ctx, observed).await;
    match rendered(observed, reads, answers, env, &ctx.entropy) {
        Err(error) => Outcome::Failed(error),
        Ok(rendered) => {
            let change = guard::judge(ctx, observed, diff(&rendered, observed), env);
            write(ctx, observed, &change, lane).await
        }
    }
}

type Answers = Vec<Result<RemoteSecret, FetchFailure>>;

/// Renders with fresh random bytes, for templates that draw some.
fn rendered(
    observed: &Observed,
    reads: &ReadPlan,
    answers: Answers,
    env: &Env,
    entropy: &Entropy,
) -> Result<Rendered, SyncError> {
    let Some(bytes) = entropy.bytes() else {
        let (lead, kind) = (names::MSG_UPDATE, ErrorKind::Unavailable);
        return Err(SyncError::failure(
            lead,
            "the system gives no random numbers",
            kind,
        ));
    };
    render(observed, reads, answers, env, Seed::new(*bytes))
}

/// What came back from the backends, and what to poll from now on.
struct Fetched {
    answers: Answers,
    subscriptions: Vec<Subscription>,
}

/// Reads what the plan asks for, equal keys once; holds no permit while it waits.
async fn fetch(ctx: &Context, key: &ObjectKey, plan: &ReadPlan, lane: Lane) -> Fetched {
    let object: Arc<str> = key.to_string().into();
    let now = ctx.clock.epoch();
    let mut reads: Vec<Read> = Vec::new();
    let mut places: Vec<Result<usize, FetchFailure>> = Vec::with_capacity(plan.reads.len());
    for planned in &plan.reads {
        let source = match Box::pin(source(ctx, key, planned)).await {
            Ok(source) => source,
            Err(error) => {
                places.push(Err(FetchFailure::new(&error, false)));
                continue;
            }
        };
        let same = |read: &Read| read.key == planned.key && read.source.identity == source.identity;
        let place = reads.iter().position(same).unwrap_or(reads.len());
        if place == reads.len() {
            let (key, not_before) = (planned.key.clone(), planned.fresh.then_some(now));
            reads.push(Read {
                source,
                key,
                lane: fetch_lane(lane),
                not_before,
            });
        }
        places.push(Ok(place));
    }
    let asked: Vec<(Source, RemoteKey)> = reads
        .iter()
        .map(|read| (read.source.clone(), read.key.clone()))
        .collect();
    let got = ctx.fetch.run(&object, reads).await;
    for (planned, place) in plan.reads.iter().zip(&places) {
        let away = |at: &usize| {
            got[*at]
                .as_ref()
                .is_err_and(|it| it.kind == ErrorKind::Unavailable)
        };
        if place.as_ref().is_ok_and(away) {
            ctx.suspect(&StoreId::seen_from(&key.namespace, &planned.store));
        }
    }
    let subscriptions = asked
        .into_iter()
        .zip(&got)
        .map(|((source, key), answer)| Subscription {
            source,
            key,
            seen: Seen::from(answer),
            refreshed: None,
        });
    let subscriptions = subscriptions.collect();
    let answer = |place: Result<usize, FetchFailure>| match place {
        Err(failure) => Err(failure),
        Ok(place) => told(got[place].clone()),
    };
    Fetched {
        answers: places.into_iter().map(answer).collect(),
        subscriptions,
    }
}

/// The backend of one read, as this object's namespace sees it.
async fn source(
    ctx: &Context,
    key: &ObjectKey,
    planned: &PlannedRead,
) -> Result<Source, ProviderError> {
    let id = StoreId::seen_from(&key.namespace, &planned.store);
    let entry = ctx.seen().store(&id);
    let entry = entry
        .ok_or_else(|| ProviderError::new(ErrorKind::Invalid, format!("{id} does not exist")))?;
    ctx.backends.source(&id, &entry, &key.namespace).await
}

fn told(answer: Answer) -> Result<RemoteSecret, FetchFailure> {
    answer
        .map(|value| value.secret)
        .map_err(|failure| FetchFailure {
            kind: failure.kind,
            public: failure.public,
            confirmed: failure.absence.is_some_and(|absence| absence.confirmed),
        })
}

async fn write(ctx: &Context, observed: &Observed, change: &Change, lane: Lane) -> Outcome {
    let class = match lane {
        Lane::Fresh => Class::FreshSecret,
        Lane::Changed => Class::ChangedSecret,
        Lane::Bulk | Lane::Retry | Lane::Refresh => Class::BulkSecret,
    };
    let result = ctx
        .patcher
        .run(change, &observed.key.namespace, class)
        .await;
    if let Ok(applied) = &result {
        ctx.metrics.wrote(applied.written);
    }
    if result.is_err() && ctx.patcher.endings().hold(&observed.key.namespace) {
        return Outcome::Idle(IdleReason::NamespaceTerminating);
    }
    change.conclude(result)
}

async fn cleaned(ctx: &Context, key: &ObjectKey, cleanup: &tidegate_stages::Cleanup) -> Outcome {
    match ctx.patcher.clean(cleanup, key).await {
        Ok(()) => Outcome::Cleaned,
        Err(failure) => reporting::cleanup_failed(failure),
    }
}

/// Remembers, reports, subscribes, and says when to come back.
async fn settle(
    ctx: &Arc<Context>,
    object: &Arc<Packed>,
    mut observed: Observed,
    outcome: &Outcome,
    subscriptions: Option<Vec<Subscription>>,
    lane: Lane,
) -> Later {
    let env = ctx.env();
    let key = observed.key.clone();
    let lives = ctx.conclude(&key, object, |memory, shown| {
        // A look takes its time. What counts as the status is what counts now: the watch may have
        // shown what was told before, or what an earlier life of this process told and nobody
        // else would answer.
        let told = memory.told.take();
        observed.memory.told = told.clone().or(shown.map(Arc::new));
        let report = status(&observed, outcome, &env);
        let after = Memory::after(&observed, outcome, &env);
        *memory = Memory { told, ..after };
        memory.tell(&report);
        // In one turn, so that the watch never finds one of the two without the other.
        reporting::report(ctx, &observed, report, outcome, lane);
    });
    if !lives {
        return None;
    }
    let (key, observed) = (&key, &observed);
    let Next { requeue, poll } = schedule(observed, outcome, &env);
    // Where each refresh writes its time, an unchanged answer is worth a look as well.
    let mut by_itself = poll
        .as_ref()
        .filter(|poll| poll.tell_each)
        .map(|poll| poll.interval);
    match (poll, subscriptions) {
        (Some(poll), Some(read)) => polling::subscribe(ctx, observed, read, &poll),
        (Some(poll), None) => {
            if !polling::subscribe_unread(ctx, observed, &poll).await {
                by_itself = Some(poll.interval);
            }
        }
        (None, _) => ctx.unsubscribe(key),
    }
    let timer = requeue.map(|requeue| match requeue.lane {
        Hint::Changed => (Lane::Changed, requeue.after, Trigger::GroupChanged),
        Hint::Retry => (Lane::Retry, requeue.after, Trigger::Retry),
        Hint::Refresh => (Lane::Refresh, requeue.after, Trigger::Timer),
    });
    let timer = timer.filter(|(_, after, _)| by_itself.is_none_or(|interval| *after < interval));
    timer.or(by_itself.map(|interval| (Lane::Refresh, interval, Trigger::Timer)))
}

fn fetch_lane(lane: Lane) -> tidegate_fetch::Lane {
    match lane {
        Lane::Fresh => tidegate_fetch::Lane::Fresh,
        Lane::Changed => tidegate_fetch::Lane::Changed,
        Lane::Bulk => tidegate_fetch::Lane::Bulk,
        Lane::Retry => tidegate_fetch::Lane::Retry,
        Lane::Refresh => tidegate_fetch::Lane::Refresh,
    }
}

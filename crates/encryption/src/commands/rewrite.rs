//! Shell. `rewrite`: touches what is stale, page by page, and remembers where it is.

mod work;

use std::path::Path;
use std::time::Duration;

use futures::StreamExt as _;

use super::args::{PaceArgs, RewriteArgs};
use super::pacing::Pacer;
use super::scan::{self, Scan};
use super::{Env, grouped};
use crate::census::Expected;
use crate::cluster::{Cluster, Object};
use crate::error::Failure;
use crate::etcd::Etcd;
use crate::files;
use crate::pace::Pace as _;
use crate::rewrite::{Checkpoint, Counts, Place};
use work::Work;

/// Rounds over etcd until nothing stale is left: servers that have not switched make new ones.
const ROUNDS: usize = 3;
/// Of etcd's quota, in percent: beyond it, writes wait for a compaction.
const FULL: u64 = 80;
/// Looks at a full etcd, ten seconds apart, before the run ends: compaction comes every 5 minutes.
const FULL_LOOKS: u32 = 60;
/// Objects that are read from etcd at once.
const PAGE: i64 = 100;

pub(super) async fn run(args: RewriteArgs, env: &mut Env<'_>) -> Result<(), Failure> {
    let loaded = args.config.as_deref().map(scan::load).transpose()?;
    let (config, hash) = match loaded {
        Some(loaded) => (Some(loaded.config), Some(loaded.hash)),
        None => (None, None),
    };
    let resources = scan::resources(&args.resources, config.as_ref())?;
    let cluster = Cluster::connect(&args.cluster.options()).await?;
    if let Some(hash) = &hash {
        all_loaded(&cluster, hash).await?;
    }
    let etcd = scan::etcd(&args.etcd).await?;
    if etcd.is_some() && config.is_none() {
        return Err(Failure::usage(
            "--etcd needs --config: only it says what is stale",
        ));
    }
    if let Some(etcd) = &etcd {
        scan::same_cluster(etcd, &args.etcd.etcd_prefix, &cluster).await?;
    }
    let expected = scan::expected(config, Some(&cluster)).await?;
    let mut rewrite = Rewrite {
        cluster: &cluster,
        etcd,
        prefix: &args.etcd.etcd_prefix,
        expected: &expected,
        checkpoint: args.checkpoint.as_deref(),
        dry_run: args.dry_run,
        pace: &args.pace,
    };
    rewrite.run(&resources, hash, env).await.map(drop)
}

/// Refuses while any API server runs with something else than the file: it could not read what
/// the others write, or would go on writing what is being cleared away.
pub(super) async fn all_loaded(cluster: &Cluster, hash: &str) -> Result<(), Failure> {
    let mut key_ids = std::collections::BTreeMap::new();
    for server in cluster.servers() {
        let metrics = server.metrics().await?;
        for (provider, (key_id, _)) in metrics.key_ids {
            let first = key_ids
                .entry(provider.clone())
                .or_insert_with(|| key_id.clone());
            if *first != key_id {
                let line = format!(
                    "API servers write under different keys of {provider}: wait until all have \
                     taken up the new one; nothing was rewritten"
                );
                return Err(Failure::unsafe_now(line));
            }
        }
        if metrics.config_hashes.iter().any(|loaded| loaded != hash) {
            let line = format!(
                "{} runs with another configuration than the file ({hash}): nothing was rewritten",
                server.name
            );
            return Err(Failure::unsafe_now(line));
        }
    }
    Ok(())
}

/// A rewrite of some resources.
pub(super) struct Rewrite<'r> {
    pub(super) cluster: &'r Cluster,
    pub(super) etcd: Option<Etcd>,
    pub(super) prefix: &'r str,
    pub(super) expected: &'r Expected,
    pub(super) checkpoint: Option<&'r Path>,
    pub(super) dry_run: bool,
    pub(super) pace: &'r PaceArgs,
}

impl Rewrite<'_> {
    /// Rewrites everything stale; the counts are those of this and the resumed runs together.
    pub(super) async fn run(
        &mut self,
        resources: &[String],
        target: Option<String>,
        env: &mut Env<'_>,
    ) -> Result<Counts, Failure> {
        let server = self.cluster.first();
        let pacer = Pacer::new(env.pace, self.pace);
        let counts = tokio::select! {
            counts = self.all(resources, target, &pacer, env) => counts,
            never = pacer.feel(server) => match never {},
        };
        if let Some(line) = pacer.told() {
            env.tell(&line);
        }
        counts
    }

    async fn all(
        &mut self,
        resources: &[String],
        target: Option<String>,
        pacer: &Pacer<'_>,
        env: &mut Env<'_>,
    ) -> Result<Counts, Failure> {
        let server = self.cluster.first();
        let fresh = Checkpoint::new(server.cluster_id().await?, target, self.etcd.is_some());
        let _lock = self.checkpoint.map(files::lock).transpose()?;
        let mut checkpoint = self.resume(fresh, env)?;
        let (mut all, mut named) = (Counts::default(), Vec::new());
        for resource in resources {
            let Some(served) = server.find(resource).await? else {
                env.tell(&format!("{resource}: not served here, nothing to rewrite"));
                continue;
            };
            let place = checkpoint.resources.remove(resource).unwrap_or_default();
            let mut work = Work::new(server, resource, served, pacer, place);
            self.resource(&mut work, &mut checkpoint, env).await?;
            let Work {
                place,
                named: failed,
                ..
            } = work;
            all.add(&place.counts);
            named.extend(failed);
            checkpoint.resources.insert(resource.clone(), place);
            self.save(&checkpoint)?;
        }
        self.end(all, &named, env)
    }

    fn end(&self, all: Counts, named: &[String], env: &mut Env<'_>) -> Result<Counts, Failure> {
        let (seen, rewritten) = (grouped(all.seen), grouped(all.rewritten));
        if self.dry_run {
            let line = match self.etcd {
                Some(_) => format!("of {seen} objects {rewritten} would be rewritten\n"),
                None => format!("{seen} objects would be touched; the stale ones are rewritten\n"),
            };
            env.print(&line)?;
            return Ok(all);
        }
        for line in named {
            env.tell(line);
        }
        let told = format!(
            "{seen} objects: {rewritten} rewritten, {} already current, {} deleted meanwhile, {} \
             failed",
            grouped(
                all.seen
                    .saturating_sub(all.rewritten + all.gone + all.failed)
            ),
            grouped(all.gone),
            grouped(all.failed)
        );
        if let Some(path) = self.checkpoint {
            let _done = std::fs::remove_file(path);
        }
        if all.failed > 0 {
            return Err(Failure::findings(format!("{told}: run it again")));
        }
        env.print(&format!("{told}\n"))?;
        Ok(all)
    }

    fn resume(&self, fresh: Checkpoint, env: &mut Env<'_>) -> Result<Checkpoint, Failure> {
        let Some(path) = self.checkpoint.filter(|_| !self.dry_run) else {
            return Ok(fresh);
        };
        let Some(bytes) = files::read_if_any(path)? else {
            return Ok(fresh);
        };
        let begun = fresh
            .resume(&bytes)
            .map_err(|words| Failure::usage(format!("--checkpoint {}: {words}", path.display())))?;
        if !begun.resources.is_empty() {
            env.tell(&format!("going on from {}", path.display()));
        }
        Ok(begun)
    }

    fn save(&self, checkpoint: &Checkpoint) -> Result<(), Failure> {
        let Some(path) = self.checkpoint.filter(|_| !self.dry_run) else {
            return Ok(());
        };
        let text = serde_json::to_vec(checkpoint)
            .map_err(|error| Failure::findings(format!("checkpoint: {error}")))?;
        files::write(path, &text)
    }

    async fn resource(
        &mut self,
        work: &mut Work<'_>,
        checkpoint: &mut Checkpoint,
        env: &mut Env<'_>,
    ) -> Result<(), Failure> {
        let by_etcd = self.etcd.is_some();
        if work.place.finished && !by_etcd {
            return Ok(());
        }
        if work.place.finished {
            // etcd is quickly read again, and shows whether old values came back.
            work.place = Place::default();
        }
        let rounds = if by_etcd && !self.dry_run { ROUNDS } else { 1 };
        for round in 0..rounds {
            let whole = work.place.cursor.is_none();
            let before = work.place.counts.rewritten;
            // What failed is stale still, so the next round meets it again.
            work.place.counts.failed = 0;
            work.named.clear();
            self.round(work, round > 0, checkpoint, env).await?;
            if whole && work.place.counts.rewritten == before {
                break;
            }
            // A later round only looks for what came meanwhile, from the beginning.
            work.place.cursor = None;
        }
        work.place.finished = work.place.counts.failed == 0;
        work.tell(env, true);
        Ok(())
    }

    async fn round(
        &mut self,
        work: &mut Work<'_>,
        again: bool,
        checkpoint: &mut Checkpoint,
        env: &mut Env<'_>,
    ) -> Result<(), Failure> {
        let mut scan = Scan::of(self.prefix, work.resource).in_pages_of(PAGE);
        if let (Some(_), Some(cursor)) = (&self.etcd, &work.place.cursor) {
            scan.resume(cursor.clone().into_bytes());
        }
        if let Some(etcd) = &mut self.etcd {
            etcd.refresh();
        }
        loop {
            if !self.dry_run {
                work.pacer.page().await;
            }
            let (objects, seen, remaining, next) = self.page(work, &mut scan).await?;
            if seen == 0 && next.is_none() {
                return Ok(());
            }
            if !again {
                work.place.counts.seen += seen;
                work.progress.done = work.place.counts.seen - objects.len() as u64;
                let total = work.place.counts.seen + remaining.unwrap_or(0);
                work.progress.total = work.progress.total.max(total);
            }
            if self.dry_run {
                work.place.counts.rewritten += objects.len() as u64;
            } else {
                self.room(env).await?;
                self.touch_all(work, objects, env).await;
            }
            let ended = next.is_none();
            work.place.cursor = next;
            checkpoint
                .resources
                .insert(work.resource.to_owned(), work.place.clone());
            self.save(checkpoint)?;
            work.tell(env, false);
            if ended {
                return Ok(());
            }
        }
    }

    /// The stale objects of the next page (all, where only the API is there), how many were
    /// looked at, how many come after them, and where the page after it begins.
    #[allow(clippy::type_complexity, reason = "one use")]
    async fn page(
        &mut self,
        work: &Work<'_>,
        scan: &mut Scan,
    ) -> Result<(Vec<Object>, u64, Option<u64>, Option<String>), Failure> {
        let Some(etcd) = &mut self.etcd else {
            let token = work.place.cursor.as_deref();
            let page = work.server.names(&work.served, token).await?;
            let count = page.objects.len() as u64;
            return Ok((page.objects, count, page.remaining, page.next));
        };
        let (seen, from_here) = scan.next(etcd, self.expected).await?;
        let count = seen.len() as u64;
        let stale = seen.into_iter().filter(|one| one.judged.state.rewritable());
        let objects = stale.map(|one| one.object).collect();
        // Keys that are no text are no API server's; the scan itself goes on by bytes.
        let cursor = scan.cursor().filter(|_| count > 0);
        let next = cursor.map(|key| String::from_utf8_lossy(key).into_owned());
        Ok((objects, count, Some(from_here.saturating_sub(count)), next))
    }

    /// Waits while etcd is nearly full: each rewrite adds a revision until the next compaction.
    async fn room(&self, env: &mut Env<'_>) -> Result<(), Failure> {
        let Some(etcd) = &self.etcd else {
            return Ok(());
        };
        for look in 0..FULL_LOOKS {
            let room = etcd.room().await?;
            let percent = room.used.saturating_mul(100) / room.quota.max(1);
            if percent < FULL {
                return Ok(());
            }
            if look == 0 {
                env.tell(&format!(
                    "etcd is {percent} % full: waiting for a compaction"
                ));
            }
            tokio::time::sleep(Duration::from_secs(10)).await;
        }
        let line = format!("etcd stays more than {FULL} % full: compact and defragment it first");
        Err(Failure::unsafe_now(line))
    }

    async fn touch_all(&self, work: &mut Work<'_>, objects: Vec<Object>, env: &mut Env<'_>) {
        let (pacer, server, served) = (work.pacer, work.server, work.served.clone());
        let touches = futures::stream::iter(objects).map(|object| {
            let served = &served;
            async move {
                let touch = server.touch(served, &object, pacer).await;
                (object, touch)
            }
        });
        let mut touches = std::pin::pin!(touches.buffer_unordered(pacer.most()));
        while let Some((object, touch)) = touches.next().await {
            work.count(&object, touch);
            work.tell(env, false);
        }
    }
}

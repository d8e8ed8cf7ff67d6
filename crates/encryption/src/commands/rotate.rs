//! Shell. `rotate`: looks, lets the state machine decide, does the one step, and looks again.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::args::{ProviderKind, RotateArgs};
use super::rewrite::Rewrite;
use super::{Env, config as make_config, scan};
use crate::census::Expected;
use crate::cluster::{Cluster, Server};
use crate::config::change::Writer;
use crate::config::{Cipher, Configuration};
use crate::error::Failure;
use crate::etcd::Etcd;
use crate::files;
use crate::rotation::{Loaded, Observed, Record, Seen, Stage, Step, advance, next, plan, since};

/// Between two looks at servers that have not loaded a change: they look every 60 s themselves.
const LOOK: Duration = Duration::from_secs(2);
/// Rewrites in one run: each ends with nothing stale unless somebody brings old values back.
const REWRITES: usize = 5;

pub(super) async fn run(args: RotateArgs, env: &mut Env<'_>) -> Result<(), Failure> {
    let Some(options) = args.etcd.options() else {
        return Err(Failure::unsafe_now(
            "a rotation needs --etcd: only etcd shows that nothing is left under the old key",
        ));
    };
    // A file that is not there or not right gets no lock beside it.
    scan::load(&args.config)?;
    let record_path = args
        .record
        .clone()
        .unwrap_or_else(|| beside(&args.config, "rotation.json"));
    let _lock = files::lock(&args.config)?;
    let cluster = Cluster::connect(&args.cluster.options()).await?;
    let etcd = Etcd::connect(&options).await?;
    if !args.begin && !record_path.exists() {
        return env.print("no rotation is under way; --begin starts one\n");
    }
    scan::same_cluster(&etcd, &args.etcd.etcd_prefix, &cluster).await?;
    let cluster_id = cluster.first().cluster_id().await?;
    let mut rotation = Rotation {
        args: &args,
        record: read_record(&record_path, &cluster_id)?,
        record_path,
        cluster,
        cluster_id,
        etcd: Some(etcd),
    };
    rotation.run(env).await
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    PathBuf::from(name)
}

fn read_record(path: &Path, cluster: &str) -> Result<Option<Record>, Failure> {
    let Some(bytes) = files::read_if_any(path)? else {
        return Ok(None);
    };
    let told = |words: &str| Failure::usage(format!("{}: {words}", path.display()));
    let record = Record::read(&bytes).map_err(|words| told(&words))?;
    if record.cluster != cluster {
        return Err(told("the rotation of another cluster"));
    }
    Ok(Some(record))
}

struct Rotation<'r> {
    args: &'r RotateArgs,
    record_path: PathBuf,
    record: Option<Record>,
    cluster: Cluster,
    cluster_id: String,
    /// Lent to a rewrite while it runs.
    etcd: Option<Etcd>,
}

/// One look at everything.
struct Look {
    bytes: zeroize::Zeroizing<Vec<u8>>,
    config: Configuration,
    hash: String,
    stage: Stage,
    servers: Vec<(String, Loaded)>,
    seen: Option<Seen>,
}

impl Rotation<'_> {
    async fn run(&mut self, env: &mut Env<'_>) -> Result<(), Failure> {
        let began = Instant::now();
        let (mut told, mut rewrites) = (None, 0);
        loop {
            let look = self.look().await?;
            if told.replace(look.stage) != Some(look.stage) {
                env.tell(&format!("stage: {} ({})", look.stage.words(), look.hash));
            }
            let now = (env.now)();
            let step = next(&Observed {
                stage: look.stage,
                record: self.record.as_ref(),
                servers: &look.servers,
                seen: look.seen,
                soak: SignedDuration::try_from(self.args.soak).unwrap_or(SignedDuration::MAX),
                now,
            });
            match step {
                Step::Add => self.add(&look, env)?,
                Step::Wait(behind) => self.wait(&look, &behind, began).await?,
                Step::Promote => self.advance(&look, Stage::Promoted, now)?,
                Step::Rewrite if rewrites < REWRITES => {
                    rewrites += 1;
                    self.rewrite(&look, env).await?;
                }
                Step::Rewrite => {
                    return Err(Failure::findings(
                        "old values keep coming back: who writes them?",
                    ));
                }
                Step::Proven => {
                    self.edit(|record| record.verified = Some(now))?;
                    env.tell("etcd shows nothing under the old key");
                }
                Step::Soak(until) => return env.print(&self.soaking(until)),
                Step::Drop => self.drop_old(&look, now)?,
                Step::Done => return self.done(env),
                Step::Refuse(line) => return Err(Failure::unsafe_now(line)),
            }
        }
    }

    async fn look(&mut self) -> Result<Look, Failure> {
        let loaded = scan::load(&self.args.config)?;
        let stage = match &self.record {
            None => Stage::Base,
            Some(record) => record.stage(&loaded.hash).ok_or_else(|| {
                Failure::unsafe_now(format!(
                    "{} was changed by somebody else during the rotation; put it back, or remove \
                     {} to begin anew",
                    self.args.config.display(),
                    self.record_path.display()
                ))
            })?,
        };
        let mut servers = Vec::new();
        for server in self.cluster.servers().to_vec() {
            let state = self.loaded(&server, &loaded.hash, stage).await?;
            servers.push((server.name.clone(), state));
        }
        let all = servers.iter().all(|(_, state)| *state == Loaded::Yes);
        let seen = match stage {
            Stage::Added => None,
            _ if all => Some(self.census(&loaded.config).await?),
            _ => None,
        };
        Ok(Look {
            bytes: loaded.bytes,
            config: loaded.config,
            hash: loaded.hash,
            stage,
            servers,
            seen,
        })
    }

    async fn census(&mut self, config: &Configuration) -> Result<Seen, Failure> {
        let resources = scan::resources(&[], Some(config))?;
        let mut expected = Expected::by(Some(config.clone()));
        let prefix = self.args.etcd.etcd_prefix.clone();
        let etcd = self
            .etcd
            .as_mut()
            .ok_or_else(|| Failure::findings("etcd is lent out"))?;
        etcd.refresh();
        let census = scan::census(None, etcd, &prefix, &resources, &mut expected).await?;
        Ok(Seen {
            rewritable: census.rewritable,
            // Plaintext is not lost: it is what a first rotation begins with.
            failed: census.failed - census.count("plaintext"),
        })
    }

    /// Whether a server runs with the file as it is now.
    async fn loaded(
        &mut self,
        server: &Server,
        hash: &str,
        stage: Stage,
    ) -> Result<Loaded, Failure> {
        let metrics = match server.metrics().await {
            Ok(metrics) => metrics,
            Err(failure) => return Ok(Loaded::No(failure.line)),
        };
        if let Some(other) = metrics.config_hashes.iter().find(|one| *one != hash) {
            return Ok(Loaded::No(format!("runs with {other}")));
        }
        if !metrics.config_hashes.is_empty() {
            return Ok(Loaded::Yes);
        }
        let Some(record) = &self.record else {
            // Nothing of ours has happened yet, and what comes first harms no server.
            return Ok(Loaded::Yes);
        };
        let wanted = record.new.clone();
        match since(&metrics, record.changed) {
            Loaded::Yes if stage == Stage::Promoted => self.canary(server, &wanted).await,
            state => Ok(state),
        }
    }

    /// Servers before 1.34 do not tell what they loaded: a Secret made through one and read in
    /// etcd shows what it writes with.
    async fn canary(&mut self, server: &Server, wanted: &str) -> Result<Loaded, Failure> {
        let mut salt = [0; 8];
        aws_lc_rs::rand::fill(&mut salt).map_err(|_| Failure::findings("no randomness"))?;
        let name = format!("tidegate-encryption-canary-{}", crate::hex(&salt));
        let prefix = self.args.etcd.etcd_prefix.clone();
        server.make_canary(&name).await?;
        let etcd = self
            .etcd
            .as_mut()
            .ok_or_else(|| Failure::findings("etcd is lent out"))?;
        let writer = etcd.writer_of(&prefix, "kube-system", &name).await;
        server.remove_canary(&name).await?;
        match writer?.as_ref().map(Writer::to_string) {
            Some(writer) if writer == wanted => Ok(Loaded::Yes),
            Some(writer) => Ok(Loaded::No(format!("writes with {writer}"))),
            None => Ok(Loaded::No("its canary is not in etcd".to_owned())),
        }
    }

    fn add(&mut self, look: &Look, env: &mut Env<'_>) -> Result<(), Failure> {
        let provider = make_config::provider(&self.args.new, as_before(&look.config)?, env)?;
        let plan = plan(&look.bytes, &look.config, &provider).map_err(Failure::unsafe_now)?;
        let record = Record {
            version: Record::VERSION,
            cluster: self.cluster_id.clone(),
            new: plan.new.to_string(),
            old: plan.old.iter().map(ToString::to_string).collect(),
            resources: plan.resources,
            hashes: plan.hashes,
            changed: (env.now)(),
            rewritten: None,
            verified: None,
        };
        env.tell(&format!("new key: {}", record.new));
        // The record first: a file without its record would look like somebody else's change.
        self.save(record)?;
        files::write(&self.args.config, plan.added.to_yaml().as_bytes())
    }

    fn advance(&mut self, look: &Look, to: Stage, now: Timestamp) -> Result<(), Failure> {
        let Some(record) = &self.record else {
            return Err(Failure::unsafe_now("the record of this rotation is lost"));
        };
        let next = advance(record, &look.config, to).map_err(Failure::unsafe_now)?;
        self.edit(|record| record.changed = now)?;
        files::write(&self.args.config, next.to_yaml().as_bytes())
    }

    async fn wait(&self, look: &Look, behind: &[String], began: Instant) -> Result<(), Failure> {
        if began.elapsed() < self.args.wait {
            tokio::time::sleep(LOOK).await;
            return Ok(());
        }
        Err(Failure::unsafe_now(format!(
            "not every API server has loaded {} ({}): {}; put the file on every control-plane \
             node, restart servers that do not reload, and run this again",
            self.args.config.display(),
            look.hash,
            behind.join("; ")
        )))
    }

    async fn rewrite(&mut self, look: &Look, env: &mut Env<'_>) -> Result<(), Failure> {
        let expected = Expected::by(Some(look.config.clone()));
        let checkpoint = beside(&self.record_path, "checkpoint");
        let resources = scan::resources(&[], Some(&look.config))?;
        let mut rewrite = Rewrite {
            cluster: &self.cluster,
            etcd: self.etcd.take(),
            prefix: &self.args.etcd.etcd_prefix,
            expected: &expected,
            checkpoint: Some(&checkpoint),
            dry_run: false,
            pace: &self.args.pace,
        };
        let ended = rewrite.run(&resources, Some(look.hash.clone()), env).await;
        self.etcd = rewrite.etcd.take();
        ended?;
        let now = (env.now)();
        self.edit(|record| record.rewritten = Some(now))
    }

    fn soaking(&self, until: Timestamp) -> String {
        let new = self.record.as_ref().map_or("", |record| &record.new);
        format!(
            "everything is stored under {new}, and etcd shows nothing else.\n\
             The old key stays readable until {until:.0}; run this again then, with --archive \
             FILE, to drop it.\n"
        )
    }

    fn drop_old(&mut self, look: &Look, now: Timestamp) -> Result<(), Failure> {
        let Some(archive) = &self.args.archive else {
            return Err(Failure::unsafe_now(
                "the old key is ready to go: name --archive FILE, where it is kept for backups of \
                 etcd from before the rotation",
            ));
        };
        match files::read_if_any(archive)? {
            Some(bytes) if bytes == look.bytes => {}
            Some(_) => {
                let line = format!("{} exists and is something else", archive.display());
                return Err(Failure::unsafe_now(line));
            }
            None => files::write(archive, &look.bytes)?,
        }
        self.advance(look, Stage::Dropped, now)
    }

    fn done(&mut self, env: &mut Env<'_>) -> Result<(), Failure> {
        let new = self
            .record
            .take()
            .map_or_else(String::new, |record| record.new);
        for path in [&self.record_path, &beside(&self.record_path, "checkpoint")] {
            match std::fs::remove_file(path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Failure::findings(format!("{}: {error}", path.display())));
                }
                _ => {}
            }
        }
        let archive = self
            .args
            .archive
            .as_ref()
            .map(|path| path.display().to_string());
        let archive = archive.unwrap_or_else(|| "the archive".to_owned());
        env.print(&format!(
            "rotated to {new}. Keep {archive} as long as backups of etcd from before exist: only \
             its key opens them.\n"
        ))
    }

    fn edit(&mut self, edit: impl FnOnce(&mut Record)) -> Result<(), Failure> {
        let Some(mut record) = self.record.clone() else {
            return Err(Failure::unsafe_now("the record of this rotation is lost"));
        };
        edit(&mut record);
        self.save(record)
    }

    fn save(&mut self, record: Record) -> Result<(), Failure> {
        let text = serde_json::to_vec_pretty(&record)
            .map_err(|error| Failure::findings(format!("record: {error}")))?;
        files::write(&self.record_path, &text)?;
        self.record = Some(record);
        Ok(())
    }
}

/// The sort of key that writes now.
fn as_before(config: &Configuration) -> Result<ProviderKind, Failure> {
    let writer = config.rules.first().map(|rule| rule.writer());
    Ok(match writer {
        Some(Writer::Local(Cipher::Secretbox, _)) | Some(Writer::Identity) | None => {
            ProviderKind::Secretbox
        }
        Some(Writer::Local(Cipher::AesCbc, _)) => ProviderKind::Aescbc,
        Some(Writer::Local(Cipher::AesGcm, _)) => ProviderKind::Aesgcm,
        Some(Writer::Kms(..)) => {
            return Err(Failure::unsafe_now(
                "keys of a kms provider are rotated at their key service; then run `tidegate \
                 encryption rewrite`. Name --provider to leave kms",
            ));
        }
    })
}

//! Shell. `status`: one screen of what every API server has loaded and what is wrong.

use jiff::Timestamp;

use super::args::StatusArgs;
use super::{Env, counted, grouped, scan, table, verify};
use crate::census::Expected;
use crate::cluster::Cluster;
use crate::config::change::Writer;
use crate::config::{Configuration, advice};
use crate::error::Failure;
use crate::files;
use crate::metrics::ServerMetrics;
use crate::rewrite::spoken;

/// Days after which a key is called old: KEP-3299's advice for key services.
const OLD_KEY_DAYS: i64 = 90;
/// A plugin that answers this slowly leaves little of the usual three seconds.
const SLOW: f64 = 0.5;

pub(super) async fn run(args: StatusArgs, env: &mut Env<'_>) -> Result<(), Failure> {
    let loaded = args.config.as_deref().map(scan::load).transpose()?;
    let cluster = Cluster::connect(&args.cluster.options()).await?;
    let mut wrong = Vec::new();
    let mut told = Vec::new();
    for server in cluster.servers() {
        match (server.metrics().await, server.version().await) {
            (Ok(metrics), Ok(version)) => told.push((server.name.clone(), version, metrics)),
            (Err(failure), _) | (_, Err(failure)) => wrong.push(failure.line),
        }
    }
    if told.is_empty() {
        return Err(Failure::unreachable(wrong.join("; ")));
    }
    let now = (env.now)();
    if let (Some(loaded), Some(path)) = (&loaded, &args.config) {
        env.print(&format!(
            "{}\n{}\n",
            path.display(),
            file(&loaded.config, now, &mut wrong)
        ))?;
        wrong.extend(files::inspect(path)?.into_iter().map(|one| one.words));
        wrong.extend(
            advice::advise(&loaded.config)
                .into_iter()
                .map(|one| one.to_string()),
        );
    }
    let hash = loaded.as_ref().map(|loaded| loaded.hash.as_str());
    env.print(&servers(&told, hash, now, &mut wrong))?;
    env.print(&plugins(&told, &mut wrong))?;
    if let Some(mut etcd) = scan::etcd(&args.etcd).await? {
        let config = loaded.as_ref().map(|loaded| loaded.config.clone());
        let resources = scan::resources(&[], config.as_ref())?;
        let mut expected = match config {
            Some(config) => scan::expected(Some(config), Some(&cluster)).await?,
            None => Expected::default(),
        };
        let prefix = &args.etcd.etcd_prefix;
        let same = scan::same_cluster(&etcd, prefix, &cluster).await;
        wrong.extend(same.err().map(|failure| failure.line));
        let census = scan::census(None, &mut etcd, prefix, &resources, &mut expected).await?;
        env.print(&format!("\n{}", verify::text(&census, 0)))?;
        let room = etcd.room().await?;
        let percent = room.used * 100 / room.quota.max(1);
        env.print(&format!(
            "etcd: {} bytes in use, {percent} % full\n",
            grouped(room.used)
        ))?;
        if census.failed > 0 {
            wrong.push(format!(
                "{} objects are in the clear or unreadable",
                census.failed
            ));
        }
        if census.count("stale") > 0 {
            wrong.push(format!("{} objects are stale", census.count("stale")));
        }
    } else {
        env.print("\nwhat is stored: not proven, only etcd shows it (--etcd)\n")?;
    }
    end(&wrong, env)
}

fn end(wrong: &[String], env: &mut Env<'_>) -> Result<(), Failure> {
    if wrong.is_empty() {
        return env.print("nothing is wrong\n");
    }
    for line in wrong {
        env.print(&format!("wrong: {line}\n"))?;
    }
    let told = counted(wrong.len(), "thing");
    Err(Failure::findings(format!("status: {told} wrong")))
}

/// Who writes and who only reads, rule by rule, with the age of our own keys.
fn file(config: &Configuration, now: Timestamp, wrong: &mut Vec<String>) -> String {
    let mut rows = vec![
        ["RESOURCES", "WRITES", "READS", "KEY AGE"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for rule in &config.rules {
        let readers: Vec<String> = rule
            .readers()
            .iter()
            .skip(1)
            .map(ToString::to_string)
            .collect();
        let days = made_at(&rule.writer()).map(|at| now.duration_since(at).as_hours() / 24);
        if let Some(days) = days.filter(|days| *days > OLD_KEY_DAYS) {
            wrong.push(format!(
                "the key of {} is {days} days old",
                rule.resources.join(", ")
            ));
        }
        rows.push(vec![
            rule.resources.join(","),
            rule.writer().to_string(),
            readers.join(" "),
            days.map_or_else(|| "-".to_owned(), |days| format!("{days} d")),
        ]);
    }
    table(&rows)
}

/// When a key of ours was made, from its name.
fn made_at(writer: &Writer) -> Option<Timestamp> {
    let Writer::Local(_, name) = writer else {
        return None;
    };
    let stamp = name
        .strip_prefix("key-")?
        .rsplit_once('-')?
        .0
        .to_uppercase();
    jiff::fmt::strtime::parse("%Y%m%dT%H%M%SZ", &stamp)
        .ok()?
        .to_datetime()
        .ok()?
        .to_zoned(jiff::tz::TimeZone::UTC)
        .ok()
        .map(|at| at.timestamp())
}

type Told = (String, String, ServerMetrics);

fn servers(told: &[Told], hash: Option<&str>, now: Timestamp, wrong: &mut Vec<String>) -> String {
    let head = [
        "SERVER",
        "VERSION",
        "CONFIGURATION",
        "LOADED",
        "FAILED RELOADS",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for (name, version, metrics) in told {
        let shown = match metrics.config_hashes.first() {
            None => "not told".to_owned(),
            Some(one) if Some(one.as_str()) == hash => "as the file".to_owned(),
            Some(one) => one.chars().take(19).collect(),
        };
        if let Some(hash) = hash
            && metrics.config_hashes.iter().any(|one| one != hash)
        {
            wrong.push(format!(
                "{name} runs with another configuration than the file"
            ));
        }
        if metrics.failed_reloads > 0.0 {
            wrong.push(format!(
                "{name} could not load a configuration: see its log"
            ));
        }
        let at = metrics.reloaded_at.or(metrics.started_at);
        rows.push(vec![
            name.clone(),
            version.clone(),
            shown,
            at.map_or_else(|| "-".to_owned(), |at| format!("{} ago", ago(at, now))),
            format!("{}", metrics.failed_reloads),
        ]);
    }
    let first = told.first().map(|(_, _, metrics)| &metrics.config_hashes);
    if told
        .iter()
        .any(|(_, _, metrics)| Some(&metrics.config_hashes) != first)
    {
        wrong.push("API servers run with different configurations".to_owned());
    }
    table(&rows)
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "seconds of this century"
)]
fn ago(at: f64, now: Timestamp) -> String {
    spoken((now.as_second() as f64 - at).max(0.0) as u64)
}

fn plugins(told: &[Told], wrong: &mut Vec<String>) -> String {
    let head = [
        "SERVER", "KMS", "KEY ID", "SEEDS", "METHOD", "CALLS", "MEAN", "ERRORS",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    let mut ids = std::collections::BTreeMap::new();
    for (name, _, metrics) in told {
        for (provider, (key_id, _)) in &metrics.key_ids {
            let first = ids
                .entry(provider.clone())
                .or_insert_with(|| key_id.clone());
            if first != key_id {
                wrong.push(format!("API servers see different keys of {provider}"));
            }
        }
        for ((provider, method), (calls, seconds, errors)) in &metrics.calls {
            let mean = if *calls > 0.0 { seconds / calls } else { 0.0 };
            if mean > SLOW {
                wrong.push(format!(
                    "{name}: {provider} {method} takes {mean:.1} s on average"
                ));
            }
            if *errors > 0.0 {
                wrong.push(format!("{name}: {provider} {method} failed {errors} times"));
            }
            let id = metrics.key_ids.get(provider).map_or("-", |(id, _)| id);
            let seeds = metrics.seeds.get(provider).copied().unwrap_or(0.0);
            rows.push(vec![
                name.clone(),
                provider.clone(),
                id.chars().take(19).collect(),
                format!("{seeds}"),
                method.clone(),
                format!("{calls}"),
                format!("{:.1} ms", mean * 1e3),
                format!("{errors}"),
            ]);
        }
    }
    if rows.len() == 1 {
        String::new()
    } else {
        format!("\n{}", table(&rows))
    }
}

//! Shell. `verify`: tells how every object is stored, from etcd itself; without etcd it says what
//! API servers tell, and that this proves nothing.

use serde::Serialize;

use super::args::{Output, VerifyArgs};
use super::{Env, grouped, scan, table};
use crate::census::{Census, Count, Line, Listed};
use crate::cluster::Cluster;
use crate::error::Failure;
use crate::plugin::Plugins;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'c> {
    proven: bool,
    objects: u64,
    stale: u64,
    failed: u64,
    counts: Vec<CountLine<'c>>,
    listed: &'c [Listed],
    unlisted: u64,
}

#[derive(Serialize)]
struct CountLine<'c> {
    #[serde(flatten)]
    line: &'c Line,
    #[serde(flatten)]
    count: Count,
}

pub(super) async fn run(args: VerifyArgs, env: &mut Env<'_>) -> Result<(), Failure> {
    let loaded = args.config.as_deref().map(scan::load).transpose()?;
    let config = loaded.map(|loaded| loaded.config);
    let resources = scan::resources(&args.resources, config.as_ref())?;
    let etcd = scan::etcd(&args.etcd).await?;
    let cluster = scan::cluster(&args.cluster).await?;
    let Some(mut etcd) = etcd else {
        let cluster = match cluster {
            Some(cluster) => cluster,
            None => Cluster::connect(&args.cluster.options()).await?,
        };
        return unproven(&args, &resources, &cluster, env).await;
    };
    let prefix = &args.etcd.etcd_prefix;
    if let Some(cluster) = &cluster {
        scan::same_cluster(&etcd, prefix, cluster).await?;
    } else if etcd.kube_system(prefix).await?.is_none() {
        let line = format!("etcd holds no cluster under {prefix}: look at --etcd-prefix");
        return Err(Failure::findings(line));
    }
    let mut plugins = config.as_ref().filter(|_| args.open_kms).map(Plugins::of);
    let expected = &mut scan::expected(config, cluster.as_ref()).await?;
    let census = scan::census(plugins.as_mut(), &mut etcd, prefix, &resources, expected).await?;
    match args.output {
        Output::Text => env.print(&text(&census, args.list))?,
        Output::Json => env.print(&json(&census, args.list)?)?,
    }
    verdict(&census, args.fail_on_stale, &resources)
        .inspect(|line| env.tell(line))
        .map(drop)
}

fn verdict(census: &Census, on_stale: bool, resources: &[String]) -> Result<String, Failure> {
    let (plain, stale) = (census.count("plaintext"), census.count("stale"));
    let objects = grouped(census.objects());
    if census.failed > 0 {
        let rest = census.failed - plain;
        let line = format!(
            "of {objects} objects {} are in the clear and {} cannot be read",
            grouped(plain),
            grouped(rest)
        );
        return Err(Failure::findings(line));
    }
    if stale > 0 && on_stale {
        let line = format!("of {objects} objects {} are stale", grouped(stale));
        return Err(Failure::findings(line));
    }
    let resources = resources.join(", ");
    if census.objects() == 0 {
        return Ok(format!("etcd holds no object of {resources}"));
    }
    Ok(match stale {
        0 => format!("verified in etcd: {objects} objects of {resources} are encrypted"),
        _ => format!(
            "verified in etcd: {objects} objects of {resources} are encrypted, {} of them stale: \
             run `tidegate encryption rewrite`",
            grouped(stale)
        ),
    })
}

/// Lines that end with counts, then names.
pub(super) fn text(census: &Census, names: usize) -> String {
    let head = [
        "RESOURCE", "STATE", "BY", "KEY ID", "OBJECTS", "BYTES", "OPENED",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for (line, count) in &census.lines {
        rows.push(vec![
            line.resource.clone(),
            line.state.to_owned(),
            line.by.clone(),
            line.key_id.clone().unwrap_or_else(|| "-".to_owned()),
            grouped(count.objects),
            grouped(count.bytes),
            grouped(count.opened),
        ]);
    }
    let mut out = table(&rows);
    for one in census.listed.iter().take(names) {
        let why = one.why.as_deref().or(one.by.as_deref()).unwrap_or_default();
        out.push_str(&format!(
            "{}: {} {}: {why}\n",
            one.state, one.resource, one.name
        ));
    }
    let hidden = census.listed.len().saturating_sub(names) as u64 + census.unlisted;
    if hidden > 0 {
        out.push_str(&format!("and {} more\n", grouped(hidden)));
    }
    out
}

fn json(census: &Census, names: usize) -> Result<String, Failure> {
    let hidden = census.listed.len().saturating_sub(names) as u64;
    let counts = census.lines.iter().map(|(line, count)| CountLine {
        line,
        count: *count,
    });
    let report = Report {
        proven: true,
        objects: census.objects(),
        stale: census.count("stale"),
        failed: census.failed,
        counts: counts.collect(),
        listed: &census.listed[..census.listed.len().min(names)],
        unlisted: census.unlisted + hidden,
    };
    serialized(&report)
}

/// One JSON document and a line break.
pub(super) fn serialized(report: &impl Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(report);
    let text = text.map_err(|error| Failure::findings(format!("JSON: {error}")))?;
    Ok(text + "\n")
}

#[derive(Serialize)]
struct Unproven {
    proven: bool,
    writers: Vec<UnprovenWriter>,
}

#[derive(Serialize)]
struct UnprovenWriter {
    server: String,
    resource: String,
    writes: String,
    count: u64,
}

/// What API servers tell of their own writes. It is no proof: it says nothing of what is stored.
async fn unproven(
    args: &VerifyArgs,
    resources: &[String],
    cluster: &Cluster,
    env: &mut Env<'_>,
) -> Result<(), Failure> {
    let mut writers = Vec::new();
    for server in cluster.servers() {
        let metrics = server.metrics().await?;
        for ((resource, direction, prefix), (good, _)) in metrics.transformations {
            let meant = resources.contains(&resource);
            if direction == "to_storage" && meant && good > 0.0 {
                let writes = match prefix.as_str() {
                    "" => "plaintext".to_owned(),
                    prefix => prefix.to_owned(),
                };
                #[allow(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "count"
                )]
                let count = good as u64;
                let server = server.name.clone();
                writers.push(UnprovenWriter {
                    server,
                    resource,
                    writes,
                    count,
                });
            }
        }
    }
    match args.output {
        Output::Json => env.print(&serialized(&Unproven {
            proven: false,
            writers,
        })?)?,
        Output::Text => {
            let head = ["SERVER", "RESOURCE", "WRITES", "SINCE ITS START"];
            let mut rows = vec![head.map(str::to_owned).to_vec()];
            rows.extend(
                writers
                    .into_iter()
                    .map(|one| vec![one.server, one.resource, one.writes, grouped(one.count)]),
            );
            env.print(&table(&rows))?;
        }
    }
    Err(Failure::findings(
        "not proven: only etcd shows what is stored; name it with --etcd",
    ))
}

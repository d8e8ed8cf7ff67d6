//! Shell. What the commands share: the configuration in force, the resources meant, and a census
//! of etcd.

use std::path::Path;

use zeroize::Zeroizing;

use super::args::{ClusterArgs, EtcdArgs};
use crate::census::{Census, Expected, Judged, judge};
use crate::cluster::{Cluster, Object};
use crate::config::resource::{etcd_folder, is_plain, is_wildcard};
use crate::config::{self, Configuration, Provider, make};
use crate::error::Failure;
use crate::etcd::{Entry, Etcd, Page};
use crate::files;
use crate::plugin::Plugins;

/// A configuration, its bytes and their hash.
pub(super) struct Loaded {
    pub(super) bytes: Zeroizing<Vec<u8>>,
    pub(super) config: Configuration,
    pub(super) hash: String,
}

/// Reads a configuration that an API server would accept.
pub(super) fn load(path: &Path) -> Result<Loaded, Failure> {
    let bytes = files::read(path)?;
    match config::parse(&bytes, true) {
        Ok(config) => Ok(Loaded {
            config,
            hash: config::hash(&bytes),
            bytes,
        }),
        Err(findings) => {
            let words = findings.iter().take(3).map(ToString::to_string);
            let words = words.collect::<Vec<_>>().join("; ");
            Err(Failure::usage(format!("{}: {words}", path.display())))
        }
    }
}

/// The resources meant: those named, else the configuration's, else the usual three.
pub(super) fn resources(
    named: &[String],
    config: Option<&Configuration>,
) -> Result<Vec<String>, Failure> {
    let mut found: Vec<String> = match (named, config) {
        ([], Some(config)) => {
            let all = config.rules.iter().flat_map(|rule| &rule.resources);
            all.cloned().collect()
        }
        ([], None) => make::RESOURCES.map(str::to_owned).to_vec(),
        (named, _) => named.to_vec(),
    };
    found.sort();
    found.dedup();
    if let Some(wild) = found.iter().find(|name| is_wildcard(name)) {
        let line = format!("{wild} stands for many resources: name each with --resource");
        return Err(Failure::usage(line));
    }
    if let Some(odd) = found.iter().find(|name| !is_plain(name)) {
        return Err(Failure::usage(format!(
            "{odd:?} is no resource: use PLURAL or PLURAL.GROUP"
        )));
    }
    Ok(found)
}

/// Connects to etcd where endpoints were named.
pub(super) async fn etcd(args: &EtcdArgs) -> Result<Option<Etcd>, Failure> {
    match args.options() {
        Some(options) => Etcd::connect(&options).await.map(Some),
        None => Ok(None),
    }
}

/// Looks, this often, whether etcd and an API server tell the same: a write may come between.
const LOOKS: usize = 3;

/// Refuses an etcd that is not the API servers' own, or of which another part would be read: in
/// it nothing is stale, and a key that is needed would be dropped.
pub(super) async fn same_cluster(
    etcd: &Etcd,
    prefix: &str,
    cluster: &Cluster,
) -> Result<(), Failure> {
    for server in cluster.servers() {
        let mut same = false;
        for _ in 0..LOOKS {
            let stored = etcd.kube_system(prefix).await?.map(|at| at.to_string());
            same = stored == Some(server.kube_system().await?.resource_version);
            if same {
                break;
            }
        }
        if !same {
            let line = format!(
                "what etcd holds under {prefix} is not what {} serves: look at --etcd, \
                 --etcd-prefix and --server; nothing was changed",
                server.name
            );
            return Err(Failure::unsafe_now(line));
        }
    }
    Ok(())
}

/// Connects to the API servers where they were named.
pub(super) async fn cluster(args: &ClusterArgs) -> Result<Option<Cluster>, Failure> {
    if args.named() {
        Cluster::connect(&args.options()).await.map(Some)
    } else {
        Ok(None)
    }
}

/// What a census judges by; key ids come from the API servers' metrics, where KMS needs them.
pub(super) async fn expected(
    config: Option<Configuration>,
    cluster: Option<&Cluster>,
) -> Result<Expected, Failure> {
    let uses_kms = config.iter().flat_map(|config| &config.rules).any(|rule| {
        let kms = |provider: &Provider| matches!(provider, Provider::Kms(_));
        rule.providers.iter().any(kms)
    });
    let mut expected = Expected::by(config);
    for server in cluster
        .filter(|_| uses_kms)
        .iter()
        .flat_map(|one| one.servers())
    {
        for (provider, (hash, _)) in server.metrics().await?.key_ids {
            let known = expected.key_ids.entry(provider).or_default();
            if !known.contains(&hash) {
                known.push(hash);
            }
        }
    }
    Ok(expected)
}

/// Objects of a page where nobody is to be spared.
const PAGE: i64 = 500;

/// Where a scan of one resource stands.
pub(super) struct Scan {
    resource: String,
    folder: String,
    after: Option<Vec<u8>>,
    page: i64,
}

/// One object as a scan sees it: never its value.
pub(super) struct Seen {
    pub(super) object: Object,
    pub(super) bytes: usize,
    pub(super) judged: Judged,
}

impl Scan {
    pub(super) fn of(prefix: &str, resource: &str) -> Self {
        Self {
            resource: resource.to_owned(),
            folder: etcd_folder(prefix, resource),
            after: None,
            page: PAGE,
        }
    }

    /// Reads at most so many objects at once.
    pub(super) fn in_pages_of(mut self, objects: i64) -> Self {
        self.page = objects;
        self
    }

    /// The key in etcd of the last object that was seen.
    pub(super) fn cursor(&self) -> Option<&[u8]> {
        self.after.as_deref()
    }

    /// Goes on behind a key that an earlier scan told.
    pub(super) fn resume(&mut self, cursor: Vec<u8>) {
        self.after = Some(cursor);
    }

    /// The next objects, and how many there are from here on; none at the end.
    pub(super) async fn next(
        &mut self,
        etcd: &mut Etcd,
        expected: &Expected,
    ) -> Result<(Vec<Seen>, u64), Failure> {
        let page = self.page(etcd).await?;
        Ok((self.looks(&page, expected), page.remaining))
    }

    async fn page(&mut self, etcd: &mut Etcd) -> Result<Page, Failure> {
        let after = self.after.as_deref();
        let page = etcd.page(&self.folder, after, self.page).await?;
        if let Some(last) = page.entries.last() {
            self.after = Some(last.key.clone());
        }
        Ok(page)
    }

    fn looks(&self, page: &Page, expected: &Expected) -> Vec<Seen> {
        let entries = page.entries.iter();
        entries.map(|entry| self.look(entry, expected)).collect()
    }

    fn look(&self, entry: &Entry, expected: &Expected) -> Seen {
        let rest = entry
            .key
            .strip_prefix(self.folder.as_bytes())
            .unwrap_or(&entry.key);
        let rest = String::from_utf8_lossy(rest);
        let (namespace, name) = rest.split_once('/').unwrap_or(("", &rest));
        Seen {
            object: Object {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
                resource_version: entry.mod_revision.to_string(),
            },
            bytes: entry.value.len(),
            judged: judge(&self.resource, &entry.key, &entry.value, expected),
        }
    }
}

/// A name for a terminal: what would move its cursor is escaped.
pub(super) fn shown(name: &str) -> String {
    let short = name.chars().take(512);
    short
        .flat_map(|c| {
            let escaped = if c.is_control() {
                Some(c.escape_default())
            } else {
                None
            };
            let plain = if c.is_control() { None } else { Some(c) };
            escaped.into_iter().flatten().chain(plain)
        })
        .collect()
}

/// Counts every object of the resources; KMS v2 values are opened where plugins are there to
/// unwrap their seeds.
pub(super) async fn census(
    mut plugins: Option<&mut Plugins>,
    etcd: &mut Etcd,
    prefix: &str,
    resources: &[String],
    expected: &mut Expected,
) -> Result<Census, Failure> {
    let mut census = Census::default();
    for resource in resources {
        let mut scan = Scan::of(prefix, resource);
        loop {
            let page = scan.page(etcd).await?;
            if page.entries.is_empty() {
                break;
            }
            if let Some(plugins) = &mut plugins {
                plugins.learn(&page.entries, &mut expected.seeds).await?;
            }
            for one in scan.looks(&page, expected) {
                let name = shown(&one.object.path());
                census.add(resource, &name, one.bytes, &one.judged);
            }
        }
    }
    Ok(census)
}

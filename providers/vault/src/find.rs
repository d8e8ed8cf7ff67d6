//! Shell. Finds secrets: walks the folders of a mount, bounded, and says whether it saw them all.

use std::collections::BTreeMap;

use futures::{StreamExt, stream};
use regex::Regex;
use tidegate_contract::{ErrorKind, Find, Listing, ProviderError, RemoteKey};

use crate::config::KvVersion;
use crate::path::{self, KvPath};
use crate::provider::{FAN_OUT, VaultProvider};

/// Folders that one search lists, at most: at some milliseconds each and eight at once, seconds.
const MAX_FOLDERS: usize = 10_000;

/// Names that one search looks at, at most: some 10 MB of paths.
const MAX_NAMES: usize = 100_000;

/// What a walk has seen so far.
struct Walk {
    found: Vec<KvPath>,
    folders: usize,
    complete: bool,
}

/// Names below `filter.path` that match; the name counts alone when both name and tags are given,
/// as with ESO.
///
/// # Errors
/// The failure of the first folder that fails; a folder below the first that is denied, or one
/// beyond the bounds, makes the listing incomplete instead.
pub(crate) async fn list(
    provider: &VaultProvider,
    filter: &Find,
) -> Result<Listing, ProviderError> {
    let mount = provider.mount();
    if mount.version == KvVersion::V1 && !filter.tags.is_empty() {
        return Err(invalid("KV version 1 has no tags to find by"));
    }
    let name = filter.name.as_deref().map(Regex::new).transpose();
    let name = name.map_err(|_| invalid("find.name.regexp is not a regular expression"))?;
    let root = path::of_folder(mount, filter.path.as_deref())?;
    let Walk {
        mut found,
        mut complete,
        ..
    } = walk(provider, root).await?;
    found.sort_by(|a, b| a.path.cmp(&b.path));
    let mut keys = Vec::new();
    if let Some(name) = name {
        let all = found.iter().map(|place| path::key_of(mount, place));
        keys.extend(all.filter(|key| name.is_match(key)).map(RemoteKey::latest));
    } else if filter.tags.is_empty() {
        let all = found.iter().map(|place| path::key_of(mount, place));
        keys.extend(all.map(RemoteKey::latest));
    } else {
        complete &= tagged(provider, &filter.tags, &found, &mut keys).await?;
    }
    Ok(Listing { keys, complete })
}

/// Walks level by level, so that the folders of one level are asked for at once.
async fn walk(provider: &VaultProvider, root: KvPath) -> Result<Walk, ProviderError> {
    let mut seen = Walk {
        found: Vec::new(),
        folders: 0,
        complete: true,
    };
    let mut level = vec![root];
    while !level.is_empty() {
        let top = seen.folders == 0;
        let room = MAX_FOLDERS - seen.folders;
        if level.len() > room {
            seen.complete = false;
            level.truncate(room);
        }
        seen.folders += level.len();
        let asked = level.into_iter().map(|folder| async move {
            let names = provider.names(folder.clone()).await;
            (folder, names)
        });
        let mut answers = stream::iter(asked).buffered(FAN_OUT);
        let mut next = Vec::new();
        while let Some((folder, names)) = answers.next().await {
            match names {
                Ok(names) => seen.sort_in(&folder, names, &mut next),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) if error.kind() == ErrorKind::Denied && !top => seen.complete = false,
                Err(error) => return Err(error),
            }
            if !seen.has_room() {
                seen.complete = false;
                return Ok(seen);
            }
        }
        level = next;
    }
    Ok(seen)
}

impl Walk {
    fn has_room(&self) -> bool {
        self.found.len() < MAX_NAMES
    }

    /// Files the names of one folder as secrets or as folders to walk.
    fn sort_in(&mut self, folder: &KvPath, names: Vec<String>, next: &mut Vec<KvPath>) {
        for name in names {
            let path = match folder.path.as_str() {
                "" => name,
                above => format!("{above}/{name}"),
            };
            let place = |path: &str| KvPath {
                mount: folder.mount.clone(),
                path: path.to_owned(),
            };
            match path.strip_suffix('/') {
                Some(below) => next.push(place(below)),
                None => self.found.push(place(&path)),
            }
        }
    }
}

/// Adds those of `found` whose metadata has all `tags`; answers whether it saw all metadata.
async fn tagged(
    provider: &VaultProvider,
    tags: &BTreeMap<String, String>,
    found: &[KvPath],
    keys: &mut Vec<RemoteKey>,
) -> Result<bool, ProviderError> {
    // By number: 100,000 futures are not made before they are polled.
    let asked = stream::iter(0..found.len()).map(|index| async move {
        let place = &found[index];
        let what = format!("reading the metadata of {:?}", place.path);
        (place, provider.metadata(place.clone(), &what).await)
    });
    let mut answers = asked.buffered(FAN_OUT);
    let mut complete = true;
    while let Some((place, metadata)) = answers.next().await {
        match metadata {
            Ok(metadata) if tags.iter().all(|(key, tag)| metadata.get(key) == Some(tag)) => {
                let key = path::key_of(provider.mount(), place);
                keys.push(RemoteKey::latest(key));
            }
            Ok(_) => {}
            // It went between the listing and now.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) if error.kind() == ErrorKind::Denied => complete = false,
            Err(error) => return Err(error),
        }
    }
    Ok(complete)
}

fn invalid(public: &'static str) -> ProviderError {
    ProviderError::new(ErrorKind::Invalid, public)
}

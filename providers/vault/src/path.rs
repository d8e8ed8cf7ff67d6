//! Pure. From a key as the user wrote it to the mount and the path below it, as ESO reads keys.

use tidegate_contract::{ErrorKind, ProviderError};

use crate::config::{KvMount, KvVersion};

/// A place in a KV engine: neither part begins or ends with a slash or holds an empty segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KvPath {
    /// Where the engine is mounted.
    pub(crate) mount: String,
    /// The path below the mount, without `data/` or `metadata/`; empty for the engine's root.
    pub(crate) path: String,
}

/// The place of a secret.
///
/// With a mount, a key may repeat it (`P/x`) and, on version 2, also `data/` (`P/data/x`). Without
/// one the key begins with it: up to the first `/data/` on version 2, else its first segment.
///
/// # Errors
/// `Invalid` when nothing is left to read, or for a `..` segment.
pub(crate) fn of_key(mount: &KvMount, key: &str) -> Result<KvPath, ProviderError> {
    let place = place(mount, key)?;
    if place.path.is_empty() || place.mount.is_empty() {
        return Err(invalid(format!("the key {key:?} names no secret")));
    }
    Ok(place)
}

/// The place of a folder; no `folder` is the root of the mount.
///
/// # Errors
/// `Invalid` when neither store nor `folder` names a mount, or for a `..` segment.
pub(crate) fn of_folder(mount: &KvMount, folder: Option<&str>) -> Result<KvPath, ProviderError> {
    let place = place(mount, folder.unwrap_or_default())?;
    if place.mount.is_empty() {
        return Err(invalid(
            "a store without provider.vault.path can only find below a find.path",
        ));
    }
    Ok(place)
}

/// The key under which [`of_key`] finds `path` again: as ESO names it wherever that is unambiguous.
pub(crate) fn key_of(mount: &KvMount, place: &KvPath) -> String {
    let KvPath { mount: at, path } = place;
    let repeats_mount = path.strip_prefix(at.as_str());
    let ambiguous_data = mount.version == KvVersion::V2 && format!("/{path}").contains("/data/");
    match &mount.path {
        // ESO reads `P/x` below the mount `P` as `x`; the mount written out keeps them apart.
        Some(_) if repeats_mount.is_some_and(|rest| rest.starts_with('/')) => {
            format!("{at}/{path}")
        }
        Some(_) => path.clone(),
        None if ambiguous_data => format!("{at}/data/{path}"),
        None => format!("{at}/{path}"),
    }
}

fn place(mount: &KvMount, key: &str) -> Result<KvPath, ProviderError> {
    let key = clean(key)?;
    let v2 = mount.version == KvVersion::V2;
    let named = mount.path.as_deref().map(clean).transpose()?;
    if let Some(at) = named.filter(|at| !at.is_empty()) {
        let below = format!("{key}/");
        let below = match below.strip_prefix(&format!("{at}/")) {
            Some(rest) if v2 => rest.strip_prefix("data/").unwrap_or(rest),
            Some(rest) => rest,
            None => &below,
        };
        let path = below.trim_end_matches('/').to_owned();
        return Ok(KvPath { mount: at, path });
    }
    let split = match key.split_once("/data/") {
        Some(split) if v2 => split,
        _ => key.split_once('/').unwrap_or((&key, "")),
    };
    Ok(KvPath {
        mount: split.0.to_owned(),
        path: split.1.to_owned(),
    })
}

/// Drops empty and `.` segments, as every HTTP server of Go does; refuses `..`, which would leave
/// the mount.
fn clean(path: &str) -> Result<String, ProviderError> {
    let mut clean = String::with_capacity(path.len());
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => return Err(invalid(format!("the path {path:?} holds \"..\""))),
            segment => {
                if !clean.is_empty() {
                    clean.push('/');
                }
                clean.push_str(segment);
            }
        }
    }
    Ok(clean)
}

fn invalid(public: impl Into<std::borrow::Cow<'static, str>>) -> ProviderError {
    ProviderError::new(ErrorKind::Invalid, public)
}

#[cfg(test)]
mod tests {
    use super::*;

    const V1: KvVersion = KvVersion::V1;
    const V2: KvVersion = KvVersion::V2;

    fn mount(path: Option<&str>, version: KvVersion) -> KvMount {
        let path = path.map(str::to_owned);
        KvMount { path, version }
    }

    fn check(path: Option<&str>, version: KvVersion, key: &str, expected: (&str, &str)) {
        let place = of_key(&mount(path, version), key).unwrap();
        assert_eq!((&*place.mount, &*place.path), expected, "{path:?} {key:?}");
    }

    #[test]
    fn keys_are_read_as_eso_reads_them() {
        check(Some("kv"), V2, "x", ("kv", "x"));
        check(Some("kv"), V2, "kv/x", ("kv", "x"));
        check(Some("kv"), V2, "kv/data/x", ("kv", "x"));
        check(Some("kv"), V2, "data/x", ("kv", "data/x"));
        check(Some("kv"), V2, "kv/data/data/x", ("kv", "data/x"));
        check(Some("kv"), V2, "kvx/y", ("kv", "kvx/y"));
        check(Some("team/kv"), V2, "team/kv/a/b", ("team/kv", "a/b"));
        check(Some("kv"), V1, "kv/data/x", ("kv", "data/x"));
        check(Some("kv"), V1, "x/y", ("kv", "x/y"));
        check(None, V2, "m/x/y", ("m", "x/y"));
        check(None, V2, "m/data/x/y", ("m", "x/y"));
        check(None, V2, "team/m/data/x", ("team/m", "x"));
        check(None, V1, "m/data/x", ("m", "data/x"));
    }

    #[test]
    fn stray_slashes_and_dots_do_not_count() {
        check(Some("/kv/"), V2, "//a/./b/", ("kv", "a/b"));
        check(Some(""), V2, "m/x", ("m", "x"));
    }

    #[test]
    fn a_key_without_a_secret_is_invalid() {
        for (path, key) in [
            (Some("kv"), ""),
            (Some("kv"), "/"),
            (Some("kv"), "kv"),
            (Some("kv"), "kv/data"),
            (None, "m"),
            (None, ""),
            (Some("kv"), "a/../b"),
            (Some("kv"), "../sys/mounts"),
            (Some(".."), "a"),
        ] {
            let error = of_key(&mount(path, V2), key).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid, "{path:?} {key:?}");
        }
    }

    #[test]
    fn a_listed_key_is_read_where_it_was_listed() {
        for (path, version, place) in [
            (Some("kv"), V2, ("kv", "a/b")),
            (Some("kv"), V2, ("kv", "kv/a")),
            (Some("kv"), V2, ("kv", "data/a")),
            (Some("kv"), V1, ("kv", "kv/a")),
            (None, V2, ("m", "a")),
            (None, V2, ("m", "data/a")),
            (None, V2, ("m", "a/data/b")),
            (None, V1, ("m", "a/data/b")),
        ] {
            let mount = mount(path, version);
            let place = KvPath {
                mount: place.0.to_owned(),
                path: place.1.to_owned(),
            };
            let key = key_of(&mount, &place);
            assert_eq!(of_key(&mount, &key).unwrap(), place, "{key:?}");
        }
    }

    #[test]
    fn a_folder_needs_a_mount() {
        assert!(of_folder(&mount(None, V2), None).is_err());
        let root = of_folder(&mount(Some("kv"), V2), None).unwrap();
        assert_eq!((&*root.mount, &*root.path), ("kv", ""));
        let folder = of_folder(&mount(Some("kv"), V2), Some("kv/team/")).unwrap();
        assert_eq!((&*folder.mount, &*folder.path), ("kv", "team"));
    }
}

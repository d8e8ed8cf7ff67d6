//! Shell. The cache of built servers: one folder per recipe, one lock per server.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::ServerError;
use crate::recipe::{Build, Recipe};

mod go;
mod python;

/// Variable that moves the cache.
pub const CACHE_VARIABLE: &str = "TIDEGATE_SERVERS";

/// The place that servers are built into and taken from.
#[derive(Clone)]
pub struct Cache {
    root: PathBuf,
    report: Arc<dyn Fn(&str) + Send + Sync>,
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache")
            .field("root", &self.root)
            .finish_non_exhaustive()
    }
}

impl Cache {
    /// The user's cache: `$TIDEGATE_SERVERS`, or `tidegate/servers` in the user's cache folder.
    ///
    /// # Errors
    /// When neither `TIDEGATE_SERVERS`, `XDG_CACHE_HOME` nor `HOME` is set.
    pub fn of_user() -> Result<Self, ServerError> {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let root = match (set(CACHE_VARIABLE), set("XDG_CACHE_HOME"), set("HOME")) {
            (Some(root), _, _) => PathBuf::from(root),
            (None, Some(cache), _) => PathBuf::from(cache).join("tidegate/servers"),
            (None, None, Some(home)) => PathBuf::from(home).join(".cache/tidegate/servers"),
            (None, None, None) => {
                let what = format!("set {CACHE_VARIABLE} or HOME: no folder for built servers");
                return Err(ServerError::Usage(what));
            }
        };
        Ok(Self::at(root))
    }

    /// A cache in a folder of the caller's choice.
    #[must_use]
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            report: Arc::new(progress),
        }
    }

    /// Hands the progress lines to `report` instead of stderr.
    #[must_use]
    pub fn reporting(self, report: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self {
            report: Arc::new(report),
            ..self
        }
    }

    /// Folder that the cache lives in.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where a server's binary is, or would be.
    #[must_use]
    pub fn path(&self, recipe: &Recipe) -> PathBuf {
        self.root.join(recipe.folder()).join(recipe.name)
    }

    /// Makes sure that a server is built, and tells where it is.
    ///
    /// Two processes that ask at once build once: the second waits on the lock. A build that is
    /// killed leaves nothing that looks finished, since the folder appears by one rename.
    ///
    /// # Errors
    /// [`ServerError::MissingTool`] without the toolchain, [`ServerError::Build`] with the
    /// compiler's last lines, [`ServerError::Io`] when the cache cannot be written.
    pub fn ensure(&self, recipe: &'static Recipe) -> Result<PathBuf, ServerError> {
        let binary = self.path(recipe);
        if binary.is_file() {
            return Ok(binary);
        }
        let _lock = self.lock(recipe)?;
        if binary.is_file() {
            return Ok(binary);
        }
        let (name, version) = (recipe.name, recipe.version);
        self.tell(format!(
            "building {name} {version} ({}, once)…",
            recipe.cold
        ));
        self.remove_abandoned(name);
        let begun = tokio::time::Instant::now();
        let work = tempfile::Builder::new()
            .prefix(&building(name))
            .tempdir_in(&self.root)
            .map_err(ServerError::io(|| {
                format!("make a folder in {}", self.root.display())
            }))?;
        let out = work.path().join("out");
        make_dir(&out)?;
        let (binary_made, logs) = (out.join(name), self.root.join("logs"));
        match &recipe.build {
            Build::Go(build) => go::build(recipe, build, work.path(), &binary_made, &logs)?,
            Build::Python(build) => python::build(recipe, build, &binary_made, &logs)?,
        }
        let done = self.root.join(recipe.folder());
        fs::rename(&out, &done).map_err(ServerError::io(|| {
            format!("put {name} into {}", done.display())
        }))?;
        self.tell(format!(
            "{name} {version} done in {} s",
            begun.elapsed().as_secs()
        ));
        Ok(binary)
    }

    fn tell(&self, line: impl AsRef<str>) {
        (self.report)(line.as_ref());
    }

    /// Removes what a killed build left; under the lock, no other build of `name` is under way.
    fn remove_abandoned(&self, name: &str) {
        for entry in fs::read_dir(&self.root).into_iter().flatten().flatten() {
            if entry
                .file_name()
                .to_string_lossy()
                .starts_with(&building(name))
            {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }

    fn lock(&self, recipe: &Recipe) -> Result<File, ServerError> {
        let path = self.root.join("locks").join(recipe.name);
        let failed = || format!("lock {}", path.display());
        make_dir(&self.root.join("locks"))?;
        let file = File::create(&path).map_err(ServerError::io(failed))?;
        if let Err(fs::TryLockError::WouldBlock) = file.try_lock() {
            self.tell(format!(
                "{}: another process builds it; waiting…",
                recipe.name
            ));
        }
        file.lock().map_err(ServerError::io(failed))?;
        Ok(file)
    }
}

fn building(name: &str) -> String {
    format!(".building-{name}-")
}

/// Tells one step to whoever watches the run; a closed stderr is no reason to fail.
pub(crate) fn progress(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "servers: {line}");
}

pub(crate) fn make_dir(path: &Path) -> Result<(), ServerError> {
    fs::create_dir_all(path).map_err(ServerError::io(|| format!("make {}", path.display())))
}

pub(crate) fn write(path: &Path, content: &str) -> Result<(), ServerError> {
    if let Some(parent) = path.parent() {
        make_dir(parent)?;
    }
    fs::write(path, content).map_err(ServerError::io(|| format!("write {}", path.display())))
}

#[cfg(test)]
mod tests;

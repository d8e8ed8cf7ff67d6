//! Shell. The user's files: which there are, what they say, and when they change.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::fault::{Fault, Sort};
use super::manifest::{self, Manifest};

#[cfg(test)]
mod tests;

/// Bytes per file, at most: more than the API would take in one object.
const MAX_BYTES: u64 = 16 * 1024 * 1024;
/// Files, at most.
const MAX_FILES: usize = 10_000;
/// Folders within folders, at most.
const MAX_DEPTH: usize = 16;
/// Scans in a row that must miss a file before it counts as gone: editors replace files by
/// removing and renaming, and a scan may fall between.
const MISSES: u8 = 2;

/// What identifies a version of a file without reading it.
type Stamp = (u64, i64, i64, u64);

#[derive(Debug)]
struct File {
    stamp: Option<Stamp>,
    text: Vec<u8>,
    documents: Vec<Result<Manifest, Fault>>,
    misses: u8,
}

/// The files under the paths that the user gave.
#[derive(Debug)]
pub struct Files {
    roots: Vec<PathBuf>,
    files: BTreeMap<Arc<str>, File>,
    /// Faults that belong to paths, and the prefixes of what may have been missed because of them.
    paths: Vec<Fault>,
    unread: BTreeSet<PathBuf>,
}

impl Files {
    /// Looks at nothing yet.
    #[must_use]
    pub fn new(roots: Vec<PathBuf>) -> Self {
        Self {
            roots,
            files: BTreeMap::new(),
            paths: Vec::new(),
            unread: BTreeSet::new(),
        }
    }

    /// Adds a text that stands for a file and never changes: an example, or standard input.
    pub fn add_text(&mut self, name: &str, text: &str) {
        let name: Arc<str> = name.into();
        let file = File {
            stamp: None,
            text: Vec::new(),
            documents: manifest::read(&name, text),
            misses: 0,
        };
        self.files.insert(name, file);
    }

    /// Looks again; says whether anything is different from the last time.
    pub fn scan(&mut self) -> bool {
        let mut walk = Walk::default();
        for root in &self.roots {
            walk.enter(root, 0, true);
        }
        let mut changed = false;
        for (name, path) in &walk.found {
            changed |= self.look(name, path, &mut walk.faults);
        }
        let unread = &walk.unread;
        self.files.retain(|name, file| {
            let fixed = file.stamp.is_none() && file.text.is_empty();
            let here = walk.found.contains_key(name);
            let hidden = unread
                .iter()
                .any(|folder| Path::new(&**name).starts_with(folder));
            if fixed || here || hidden {
                file.misses = 0;
                return true;
            }
            file.misses += 1;
            let gone = file.misses >= MISSES;
            changed |= gone;
            !gone
        });
        // A file between two names is no news yet.
        let missing = self.files.values().any(|file| file.misses > 0);
        if !missing && walk.faults != self.paths {
            changed = true;
        }
        if !missing {
            self.paths = walk.faults;
        }
        self.unread = walk.unread;
        changed
    }

    /// Takes in one file that is there; says whether its content is new.
    fn look(&mut self, name: &Arc<str>, path: &Path, faults: &mut Vec<Fault>) -> bool {
        let stamp = fs::metadata(path).map(|meta| stamp(&meta));
        if let (Some(file), Ok(stamp)) = (self.files.get(name), &stamp)
            && file.stamp == Some(*stamp)
        {
            return false;
        }
        let text = match read(path) {
            Ok(text) => text,
            // It went between the listing and now: the next scan tells.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return false,
            Err(error) => {
                faults.push(Fault::new(Sort::Unreadable, name, plain(&error)));
                return false;
            }
        };
        if let Some(file) = self.files.get_mut(name)
            && file.text == text
        {
            file.stamp = stamp.ok();
            return false;
        }
        let documents = match std::str::from_utf8(&text) {
            Ok(text) => manifest::read(name, text),
            Err(error) => {
                let what = format!("not UTF-8 at byte {}", error.valid_up_to());
                vec![Err(Fault::new(Sort::Unreadable, name, what))]
            }
        };
        let file = File {
            stamp: stamp.ok(),
            text,
            documents,
            misses: 0,
        };
        self.files.insert(Arc::clone(name), file);
        true
    }

    /// The objects that the files declare.
    pub fn manifests(&self) -> impl Iterator<Item = &Manifest> {
        let documents = self.files.values().flat_map(|file| &file.documents);
        documents.filter_map(|document| document.as_ref().ok())
    }

    /// What is wrong with paths and documents.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        let documents = self.files.values().flat_map(|file| &file.documents);
        let broken = documents.filter_map(|document| document.as_ref().err());
        self.paths.iter().chain(broken).cloned().collect()
    }

    /// Files of which something could not be read: what they held before is not known to be gone.
    #[must_use]
    pub fn unreadable(&self) -> BTreeSet<Arc<str>> {
        let broken = |file: &File| file.documents.iter().any(Result::is_err);
        let told = |name: &str| self.paths.iter().any(|fault| fault.at == name);
        let names = self.files.iter().filter(|(name, file)| {
            let hidden = |folder: &PathBuf| Path::new(&***name).starts_with(folder);
            broken(file) || told(name) || self.unread.iter().any(hidden)
        });
        names.map(|(name, _)| Arc::clone(name)).collect()
    }

    /// How many files are read.
    #[must_use]
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether no file is read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}

/// One walk through the paths.
#[derive(Debug, Default)]
struct Walk {
    found: BTreeMap<Arc<str>, PathBuf>,
    faults: Vec<Fault>,
    unread: BTreeSet<PathBuf>,
    /// Folders entered, by device and number: links may lead in circles.
    entered: BTreeSet<(u64, u64)>,
}

impl Walk {
    fn enter(&mut self, path: &Path, depth: usize, named: bool) {
        let meta = match fs::metadata(path) {
            Ok(meta) => meta,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if named {
                    let what = "no such file or folder";
                    self.faults
                        .push(Fault::new(Sort::Refused, path.display(), what));
                }
                return;
            }
            Err(error) => return self.unread(path, &error),
        };
        if meta.is_dir() {
            if self.entered.insert((meta.dev(), meta.ino())) {
                self.folder(path, depth, named);
            }
            return;
        }
        if !(meta.is_file() && (named || is_manifest(path))) {
            if named {
                let what = "neither a file nor a folder";
                self.faults
                    .push(Fault::new(Sort::Refused, path.display(), what));
            }
            return;
        }
        if self.found.len() >= MAX_FILES {
            let what = format!("over {MAX_FILES} files; this one is left out");
            self.faults
                .push(Fault::new(Sort::Refused, path.display(), what));
            return;
        }
        self.found
            .insert(path.to_string_lossy().into(), path.to_owned());
    }

    fn folder(&mut self, path: &Path, depth: usize, named: bool) {
        if depth >= MAX_DEPTH {
            let what = format!("over {MAX_DEPTH} folders deep; not entered");
            self.faults
                .push(Fault::new(Sort::Refused, path.display(), what));
            return;
        }
        let before = (self.found.len(), self.faults.len());
        let entries = match fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
            Ok(entries) => entries,
            Err(error) => return self.unread(path, &error),
        };
        for entry in entries {
            if !entry.file_name().as_encoded_bytes().starts_with(b".") {
                self.enter(&entry.path(), depth + 1, false);
            }
        }
        if named && before == (self.found.len(), self.faults.len()) {
            let what = "no manifests (.yaml, .yml, .json) in this folder";
            self.faults
                .push(Fault::new(Sort::Refused, path.display(), what));
        }
    }

    fn unread(&mut self, path: &Path, error: &io::Error) {
        self.faults
            .push(Fault::new(Sort::Unreadable, path.display(), plain(error)));
        self.unread.insert(path.to_owned());
    }
}

fn is_manifest(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    matches!(extension, Some("yaml" | "yml" | "json"))
}

fn stamp(meta: &fs::Metadata) -> Stamp {
    (meta.ino(), meta.mtime(), meta.mtime_nsec(), meta.len())
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path)?
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        let text = format!("over {} MiB", MAX_BYTES >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
    }
    Ok(bytes)
}

/// The error's words without its number.
#[must_use]
pub fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(letters).collect()
    })
}

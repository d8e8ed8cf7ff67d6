//! Shell. The rules of the house that no lint can hold: labels, sizes, purity, reachability.

#![cfg(test)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const LABELS: [&str; 4] = ["//! Pure.", "//! Shell.", "//! Seam.", "//! Generated."];
const MAX_FILE: usize = 400;
const MAX_FUNCTION: usize = 70;
const MAX_COLUMNS: usize = 100;

/// Words that no pure file may contain outside its tests: they reach for what is not an argument.
const IMPURE: [&str; 11] = [
    "async fn",
    ".await",
    "tokio::",
    "Instant::now",
    "SystemTime::now",
    "Timestamp::now",
    "std::env",
    "std::fs",
    "std::net::Tcp",
    "std::net::Udp",
    "use rand",
];

/// Crates that must not reach others, by manifest: (crate folder, forbidden dependency).
const ABSENCES: [(&str, &[&str]); 8] = [
    ("providers/contract", &["kube", "tokio", "serde", "tonic"]),
    ("providers/fake", &["kube", "tonic", "tidegate"]),
    ("providers/vault", &["kube", "tonic", "tidegate"]),
    ("crates/stages", &["tokio", "reqwest", "hyper"]),
    ("crates/storm", &["tidegate"]),
    ("crates/kms", &["kube", "k8s-openapi", "tidegate"]),
    (
        "crates/gotpl",
        &["tokio", "kube", "tidegate-contract", "tidegate-stages"],
    ),
    (
        "crates/gjson",
        &["tokio", "kube", "tidegate-contract", "tidegate-stages"],
    ),
];

struct Source {
    path: PathBuf,
    text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders = vec![root().to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() {
                if name != "target" && !name.starts_with('.') {
                    folders.push(path);
                }
            } else if name.ends_with(".rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push(Source {
                    path: path.strip_prefix(root()).unwrap().into(),
                    text,
                });
            }
        }
    }
    assert!(
        found.len() > 20,
        "the walk found {} files only",
        found.len()
    );
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn generated(source: &Source) -> bool {
    source.text.starts_with("//! Generated.")
}

/// The part of a file before its inline tests.
fn code(source: &Source) -> &str {
    source
        .text
        .split("#[cfg(test)]\nmod tests")
        .next()
        .unwrap_or(&source.text)
}

fn report(rule: &str, broken: &[String]) {
    assert!(broken.is_empty(), "{rule}:\n  {}", broken.join("\n  "));
}

#[test]
fn every_file_says_what_it_is() {
    let broken: Vec<String> = sources()
        .iter()
        .filter(|source| {
            let first = source.text.lines().next().unwrap_or("");
            !LABELS
                .iter()
                .any(|label| first.starts_with(label) && first.len() > label.len() + 5)
        })
        .map(|source| source.path.display().to_string())
        .collect();
    report(
        "a file opens with //! Pure., Shell., Seam. or Generated. and its purpose",
        &broken,
    );
}

#[test]
fn files_functions_and_lines_stay_short() {
    let mut broken = Vec::new();
    for source in sources().iter().filter(|source| !generated(source)) {
        let path = source.path.display();
        let lines = source.text.lines().count();
        if lines > MAX_FILE {
            broken.push(format!("{path}: {lines} lines"));
        }
        for (number, line) in source.text.lines().enumerate() {
            if line.chars().count() > MAX_COLUMNS && !line.contains('"') && !line.contains("http") {
                broken.push(format!("{path}:{}: over {MAX_COLUMNS} columns", number + 1));
            }
        }
        broken.extend(long_functions(source));
    }
    report(
        "files <= 400 lines, functions <= 70, columns <= 100",
        &broken,
    );
}

/// Finds functions by rustfmt's layout: a signature at some indent, its brace at the same indent.
fn long_functions(source: &Source) -> Vec<String> {
    let lines: Vec<&str> = source.text.lines().collect();
    let mut broken = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let trimmed = line.trim_start();
        let is_fn = [
            "fn ",
            "pub fn ",
            "pub(crate) fn ",
            "pub(super) fn ",
            "async fn ",
            "pub async fn ",
        ]
        .iter()
        .any(|word| trimmed.starts_with(word));
        if !is_fn || trimmed.ends_with(';') {
            continue;
        }
        let close = format!("{}}}", &line[..line.len() - trimmed.len()]);
        let length = lines[start..]
            .iter()
            .position(|line| **line == close)
            .map_or(0, |end| end + 1);
        if length > MAX_FUNCTION {
            broken.push(format!(
                "{}:{}: {length} lines",
                source.path.display(),
                start + 1
            ));
        }
    }
    broken
}

#[test]
fn pure_files_reach_for_nothing_ambient() {
    let mut broken = Vec::new();
    for source in sources()
        .iter()
        .filter(|source| source.text.starts_with("//! Pure."))
    {
        for (number, line) in code(source).lines().enumerate() {
            let statement = line.split("//").next().unwrap_or("");
            for word in IMPURE.iter().filter(|word| statement.contains(**word)) {
                broken.push(format!("{}:{}: {word}", source.path.display(), number + 1));
            }
        }
    }
    report(
        "a Pure file has no async, clock, randomness, environment, files or network",
        &broken,
    );
}

#[test]
fn every_file_is_compiled() {
    let sources = sources();
    let known: BTreeSet<&Path> = sources.iter().map(|source| source.path.as_path()).collect();
    let broken: Vec<String> = sources
        .iter()
        .filter(|source| !is_root(&source.path) && !declared(&source.path, &known, &sources))
        .map(|source| source.path.display().to_string())
        .collect();
    report("every file is reachable from a crate root", &broken);
}

/// A file that Cargo names itself: lib, main, binaries, tests, benches, examples, fuzz targets.
fn is_root(path: &Path) -> bool {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or("");
    let parent = path
        .parent()
        .and_then(Path::file_name)
        .and_then(|name| name.to_str());
    matches!(name, "lib.rs" | "main.rs" | "build.rs")
        || matches!(
            parent,
            Some("bin" | "tests" | "benches" | "examples" | "fuzz_targets")
        )
}

fn declared(path: &Path, known: &BTreeSet<&Path>, sources: &[Source]) -> bool {
    let stem = path
        .file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or("");
    let folder = path.parent().unwrap_or(Path::new(""));
    let sibling = ["lib.rs", "main.rs", "mod.rs"].map(|name| folder.join(name));
    // Test binaries that share a file name it by its path.
    let above = folder.parent().unwrap_or(Path::new(""));
    let inline = known
        .iter()
        .filter(|path| path.parent() == Some(above) && is_root(path));
    let inline = inline.map(|path| path.to_path_buf());
    let parents = sibling
        .into_iter()
        .chain([folder.with_extension("rs")])
        .chain(inline);
    parents
        .filter(|parent| known.contains(parent.as_path()))
        .any(|parent| {
            let text = sources
                .iter()
                .find(|source| source.path == parent)
                .map(|s| s.text.as_str());
            let mention = format!("mod {stem};");
            text.is_some_and(|text| text.lines().any(|line| line.trim_end().ends_with(&mention)))
        })
}

#[test]
fn forbidden_attributes_and_leftovers_are_absent() {
    // Put together here so that this file does not contain them.
    let words = [
        ["#[", "ignore"].concat(),
        ["#[should", "_panic"].concat(),
        ["TO", "DO"].concat(),
        ["FIX", "ME"].concat(),
        ["todo", "!("].concat(),
        ["unimplemented", "!("].concat(),
        ["dbg", "!("].concat(),
    ];
    let mut broken = Vec::new();
    for source in &sources() {
        for (number, line) in source.text.lines().enumerate() {
            for word in words.iter().filter(|word| line.contains(word.as_str())) {
                broken.push(format!("{}:{}: {word}", source.path.display(), number + 1));
            }
        }
    }
    report("no ignored or panicking tests, no leftovers", &broken);
}

#[test]
fn crates_stay_apart() {
    let mut broken = Vec::new();
    for (folder, forbidden) in ABSENCES {
        let manifest = fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
        let dependencies = manifest.split("[dependencies]").nth(1).unwrap_or("");
        let dependencies = dependencies.split("\n[").next().unwrap_or("");
        for line in dependencies.lines() {
            let name = line.split([' ', '.', '=']).next().unwrap_or("");
            if forbidden.contains(&name) {
                broken.push(format!("{folder} depends on {name}"));
            }
        }
    }
    report(
        "crates that design section 3 keeps apart stay apart",
        &broken,
    );
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    let mut broken = Vec::new();
    for group in ["crates", "providers", "tests"] {
        for entry in fs::read_dir(root().join(group)).unwrap().flatten() {
            let manifest = entry.path().join("Cargo.toml");
            if let Ok(text) = fs::read_to_string(&manifest)
                && !text.contains("[lints]\nworkspace = true")
            {
                broken.push(entry.path().display().to_string());
            }
        }
    }
    report("[lints] workspace = true stands in every manifest", &broken);
}

/// Only the named places may look at plaintext (design section 3).
#[test]
fn plaintext_is_opened_in_the_named_places_only() {
    const ALLOWED: [&str; 18] = [
        "providers/",
        "crates/fetch/src/",
        "crates/stages/src/render",
        "crates/stages/src/diff",
        "crates/stages/src/patch",
        "crates/stages/src/testing",
        "crates/stages/src/walk",
        "crates/gotpl/",
        "crates/gjson/",
        "crates/kms/",
        "crates/kms-plugin/src/aws",
        "crates/kms-plugin/src/azure",
        "src/patch",
        "src/registry.rs",
        "src/controller/credentials",
        "src/run/template/output.rs",
        "tests/",
        "benches/",
    ];
    let mut broken = Vec::new();
    for source in &sources() {
        let path = source.path.to_string_lossy();
        let tests = path.contains("/tests");
        if !tests
            && !ALLOWED.iter().any(|place| path.starts_with(place))
            && code(source).contains(".expose()")
        {
            broken.push(path.into_owned());
        }
    }
    report(
        "SecretValue::expose is called in the named places only",
        &broken,
    );
}

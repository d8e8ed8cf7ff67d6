//! Shell. Tests of the cache, with programs that build in a second.

use std::sync::{Arc, Barrier, Mutex};

use super::Cache;
use crate::error::ServerError;
use crate::recipe::{Build, Edit, GoBuild, ModuleCopy, PythonBuild, Recipe};

const GO_MOD: (&str, &str) = ("go.mod", "module tidegate.test/tiny\n\ngo 1.24\n");
const MAIN: (&str, &str) = (
    "main.go",
    "package main\n\nvar word = \"a\"\n\nfunc main() { print(word) }\n",
);

const fn tiny(name: &'static str, build: GoBuild) -> Recipe {
    Recipe {
        name,
        version: "0.1.0",
        cold: "about 1 s",
        build: Build::Go(build),
    }
}

const fn program(files: &'static [(&'static str, &'static str)]) -> GoBuild {
    GoBuild {
        package: "tidegate.test/tiny",
        tags: "",
        ldflags: "-X main.word=b",
        files,
        copies: &[],
        edits: &[],
    }
}

static GOOD: Recipe = tiny("good", program(&[GO_MOD, MAIN]));
static BROKEN: Recipe = tiny(
    "broken",
    program(&[GO_MOD, ("main.go", "package main\n\nfunc x(\n")]),
);
static MISFIT: Recipe = tiny(
    "misfit",
    GoBuild {
        copies: &[ModuleCopy {
            module: "golang.org/x/sync",
            version: "v0.19.0",
            sum: "h1:vV+1eWNmZ5geRlYjzm2adRgW2/mcpevXNg50YZtPCE4=",
            to: "sync",
            skip: &["singleflight"],
        }],
        edits: &[Edit {
            file: "sync/go.mod",
            find: "no such text",
            replace: "",
        }],
        ..program(&[GO_MOD, MAIN])
    },
);
static FORGED: Recipe = tiny(
    "forged",
    GoBuild {
        copies: &[ModuleCopy {
            module: "golang.org/x/sync",
            version: "v0.19.0",
            sum: "h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            to: "sync",
            skip: &[],
        }],
        ..program(&[GO_MOD, MAIN])
    },
);

fn quiet(dir: &tempfile::TempDir) -> Cache {
    Cache::at(dir.path()).reporting(|_| ())
}

fn folders(cache: &Cache) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(cache.root())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn two_that_ask_at_once_build_once() {
    let dir = tempfile::tempdir().unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let lines = Arc::clone(&told);
    let cache = quiet(&dir).reporting(move |line| lines.lock().unwrap().push(line.to_owned()));
    // What a killed build leaves behind.
    std::fs::create_dir_all(dir.path().join(".building-good-abandoned/out")).unwrap();
    let barrier = Barrier::new(2);
    let ask = || {
        barrier.wait();
        cache.ensure(&GOOD)
    };
    // A second build could not be renamed onto the first: it would be an error here.
    let [one, two] = std::thread::scope(|scope| {
        [scope.spawn(ask), scope.spawn(ask)].map(|thread| thread.join().unwrap().unwrap())
    });
    assert_eq!(one, two);
    let told = told.lock().unwrap().clone();
    let built = told
        .iter()
        .filter(|line| line.starts_with("building good 0.1.0 (about 1 s"));
    assert_eq!(built.count(), 1, "{told:?}");
    assert!(
        told.iter()
            .any(|line| line.starts_with("good 0.1.0 done in ")),
        "{told:?}"
    );
    assert_eq!(folders(&cache), [GOOD.folder().as_str(), "locks", "logs"]);
    let output = std::process::Command::new(one).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "b");
}

#[test]
fn a_build_that_fails_shows_the_compilers_words_and_leaves_no_program() {
    let dir = tempfile::tempdir().unwrap();
    let cache = quiet(&dir);
    let error = cache.ensure(&BROKEN).unwrap_err();
    assert!(matches!(error, ServerError::Build { .. }), "{error}");
    assert!(error.to_string().contains("main.go:"), "{error}");
    assert_eq!(folders(&cache), ["locks", "logs"]);
}

#[test]
fn a_change_that_does_not_fit_the_source_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let error = quiet(&dir).ensure(&MISFIT).unwrap_err().to_string();
    let want = "recipe of misfit: sync/go.mod holds the text to replace 0 times, not once";
    assert_eq!(error, want);
}

#[test]
fn a_module_with_another_hash_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let error = quiet(&dir).ensure(&FORGED).unwrap_err().to_string();
    assert!(
        error.contains("golang.org/x/sync@v0.19.0 has hash"),
        "{error}"
    );
}

#[test]
fn a_python_package_without_its_hash_is_refused() {
    static UNPINNED: Recipe = Recipe {
        name: "unpinned",
        version: "0.1.0",
        cold: "about 1 s",
        build: Build::Python(PythonBuild {
            module: "six",
            requirements: "six==1.17.0\n",
        }),
    };
    let dir = tempfile::tempdir().unwrap();
    let cache = quiet(&dir);
    let error = cache.ensure(&UNPINNED).unwrap_err();
    assert!(matches!(error, ServerError::Build { .. }), "{error}");
    assert!(error.to_string().contains("--require-hashes"), "{error}");
    assert_eq!(folders(&cache), ["locks", "logs"]);
}

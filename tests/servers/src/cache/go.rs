//! Shell. Builds one recipe with the Go toolchain.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use super::{make_dir, write};
use crate::error::{ServerError, tail};
use crate::recipe::{Edit, GoBuild, ModuleCopy, Recipe};

const INSTALL_GO: &str = "install Go 1.25.3 or newer and put its `bin` folder on PATH";

/// Builds `recipe` in the empty folder `work` and leaves the binary at `out`.
pub(super) fn build(
    recipe: &Recipe,
    build: &GoBuild,
    work: &Path,
    out: &Path,
    logs: &Path,
) -> Result<(), ServerError> {
    for copy in build.copies {
        copy_module(recipe.name, copy, work)?;
    }
    for edit in build.edits {
        apply(recipe.name, edit, work)?;
    }
    for (path, content) in build.files {
        write(&work.join(path), content)?;
    }
    make_dir(logs)?;
    let log = logs.join(format!("{}.log", recipe.folder()));
    let output =
        File::create(&log).map_err(ServerError::io(|| format!("write {}", log.display())))?;
    let mut command = go(work);
    command
        .args(arguments(build))
        .arg("-o")
        .arg(out)
        .arg(build.package);
    command.stdout(Stdio::null()).stderr(output);
    let status = command
        .status()
        .map_err(|source| no_go(recipe.name, source))?;
    if status.success() {
        return Ok(());
    }
    let tail = tail(&fs::read_to_string(&log).unwrap_or_default());
    Err(ServerError::Build {
        name: recipe.name,
        log,
        tail,
    })
}

fn arguments(build: &GoBuild) -> Vec<String> {
    let ldflags = format!("-s -w {}", build.ldflags);
    [
        "build",
        "-mod=readonly",
        "-trimpath",
        "-buildvcs=false",
        "-tags",
        build.tags,
        "-ldflags",
    ]
    .into_iter()
    .map(str::to_owned)
    .chain([ldflags.trim_end().to_owned()])
    .collect()
}

/// The toolchain in a folder, shielded from workspaces around it; no C compiler is needed.
fn go(dir: &Path) -> Command {
    let mut command = Command::new("go");
    command
        .current_dir(dir)
        .env("GOWORK", "off")
        .env("CGO_ENABLED", "0")
        .stdin(Stdio::null());
    command
}

fn no_go(name: &str, source: std::io::Error) -> ServerError {
    if source.kind() == std::io::ErrorKind::NotFound {
        let needed_for = format!("building {name}");
        return ServerError::MissingTool {
            tool: "go",
            needed_for,
            install: INSTALL_GO,
        };
    }
    ServerError::Io {
        what: "run go".to_owned(),
        source,
    }
}

/// What `go mod download -json` tells of a module.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Downloaded {
    #[serde(default)]
    dir: PathBuf,
    #[serde(default)]
    sum: String,
    #[serde(default)]
    error: String,
}

fn copy_module(name: &'static str, copy: &ModuleCopy, work: &Path) -> Result<(), ServerError> {
    let module = format!("{}@{}", copy.module, copy.version);
    let output = go(work)
        .args(["mod", "download", "-json", &module])
        .output()
        .map_err(|source| no_go(name, source))?;
    let found: Downloaded = serde_json::from_slice(&output.stdout).map_err(|_| {
        let what = tail(&String::from_utf8_lossy(&output.stderr));
        ServerError::Recipe {
            name,
            what: format!("no module {module}: {what}"),
        }
    })?;
    if found.sum != copy.sum {
        let what = format!(
            "module {module} has hash `{}`, not `{}` {}",
            found.sum, copy.sum, found.error
        );
        return Err(ServerError::Recipe { name, what });
    }
    copy_tree(&found.dir, &work.join(copy.to), copy.skip)
}

/// Copies a folder without its tests; the module cache is read-only, the copy is not.
fn copy_tree(from: &Path, to: &Path, skip: &[&str]) -> Result<(), ServerError> {
    let failed = |path: &Path| format!("copy {}", path.display());
    make_dir(to)?;
    for entry in fs::read_dir(from).map_err(ServerError::io(|| failed(from)))? {
        let entry = entry.map_err(ServerError::io(|| failed(from)))?;
        let (source, name) = (entry.path(), entry.file_name());
        let text = name.to_string_lossy();
        if skip.contains(&text.as_ref()) || text.ends_with("_test.go") {
            continue;
        }
        let kind = entry
            .file_type()
            .map_err(ServerError::io(|| failed(&source)))?;
        if kind.is_dir() {
            copy_tree(&source, &to.join(&name), &[])?;
        } else if kind.is_file() {
            let bytes = fs::read(&source).map_err(ServerError::io(|| failed(&source)))?;
            fs::write(to.join(&name), bytes).map_err(ServerError::io(|| failed(&source)))?;
        }
    }
    Ok(())
}

fn apply(name: &'static str, edit: &Edit, work: &Path) -> Result<(), ServerError> {
    let path = work.join(edit.file);
    let text = fs::read_to_string(&path)
        .map_err(ServerError::io(|| format!("read {}", path.display())))?;
    let found = text.matches(edit.find).count();
    if found != 1 {
        let what = format!(
            "{} holds the text to replace {found} times, not once",
            edit.file
        );
        return Err(ServerError::Recipe { name, what });
    }
    write(&path, &text.replace(edit.find, edit.replace))
}

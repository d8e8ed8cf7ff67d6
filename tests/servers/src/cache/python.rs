//! Shell. Installs one recipe with pip into a virtual environment of its own.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{make_dir, write};
use crate::error::{ServerError, tail};
use crate::recipe::{PythonBuild, Recipe};

const INSTALL_PYTHON: &str =
    "install Python 3.10 or newer with its venv module (Debian: python3-venv)";

/// Installs `recipe` beside `out` and makes `out` a program that runs it. The folder may be moved
/// afterwards: an environment finds its packages from where its interpreter is.
pub(super) fn build(
    recipe: &Recipe,
    build: &PythonBuild,
    out: &Path,
    logs: &Path,
) -> Result<(), ServerError> {
    let folder = out.parent().unwrap_or(out);
    let requirements = folder.join("requirements.txt");
    write(&requirements, build.requirements)?;
    make_dir(logs)?;
    let log = logs.join(format!("{}.log", recipe.folder()));
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv"]).arg(folder.join("venv"));
    run(recipe, venv, &log)?;
    let mut pip = Command::new(folder.join("venv/bin/python"));
    // Wheels alone: nothing that is downloaded runs before its hash was checked.
    pip.args(["-m", "pip", "install", "--quiet", "--no-input", "--no-deps"])
        .args(["--disable-pip-version-check", "--only-binary=:all:"])
        .args(["--require-hashes", "--requirement"])
        .arg(&requirements);
    run(recipe, pip, &log)?;
    let module = build.module;
    let script = format!("#!/bin/sh\nexec \"${{0%/*}}/venv/bin/python\" -m {module} \"$@\"\n");
    write(out, &script)?;
    let may_run = fs::Permissions::from_mode(0o755);
    fs::set_permissions(out, may_run).map_err(ServerError::io(|| {
        format!("make {} a program", out.display())
    }))
}

fn run(recipe: &Recipe, mut command: Command, log: &Path) -> Result<(), ServerError> {
    let failed = || format!("write {}", log.display());
    let output = File::options().create(true).append(true).open(log);
    let output = output.map_err(ServerError::io(failed))?;
    let errors = output.try_clone().map_err(ServerError::io(failed))?;
    command.stdin(Stdio::null()).stdout(output).stderr(errors);
    let status = command.status().map_err(|source| {
        if source.kind() == std::io::ErrorKind::NotFound {
            return ServerError::MissingTool {
                tool: "python3",
                needed_for: format!("building {}", recipe.name),
                install: INSTALL_PYTHON,
            };
        }
        ServerError::Io {
            what: "run python3".to_owned(),
            source,
        }
    })?;
    if status.success() {
        return Ok(());
    }
    Err(ServerError::Build {
        name: recipe.name,
        log: log.to_owned(),
        tail: tail(&fs::read_to_string(log).unwrap_or_default()),
    })
}

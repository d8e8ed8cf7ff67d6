//! Shell. What is done with reports that are there already: two side by side, many by size.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use tidegate_storm::report::Report;
use tidegate_storm::{compare, growth, page};

use crate::run::{fail, print};

/// Prints two reports side by side, and plots them.
pub fn side_by_side(a: &Path, b: &Path, html: Option<&Path>) -> ExitCode {
    match (read(a), read(b)) {
        (Ok(a), Ok(b)) => shown(html, || page::comparison(&a, &b), &compare::table(&a, &b)),
        (Err(error), _) | (_, Err(error)) => fail(2, &error),
    }
}

/// Prints what grows with the number of objects, and plots it.
pub fn over_sizes(paths: &[PathBuf], html: Option<&Path>) -> ExitCode {
    let reports: Result<Vec<Report>, String> = paths.iter().map(|path| read(path)).collect();
    let grown = reports.and_then(|reports| growth::Growth::of(&reports));
    match grown {
        Ok(grown) => shown(html, || grown.page(), &grown.table()),
        Err(error) => fail(2, &error),
    }
}

fn read(path: &Path) -> Result<Report, String> {
    let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let text = std::fs::read(path).map_err(|error| wrong(&error))?;
    Report::parse(&text).map_err(|error| wrong(&error))
}

fn shown(html: Option<&Path>, page: impl FnOnce() -> String, table: &str) -> ExitCode {
    if let Some(path) = html
        && let Err(error) = std::fs::write(path, page())
    {
        return fail(1, &format!("{} cannot be written: {error}", path.display()));
    }
    print(table)
}

//! Pure. The functions that the External Secrets Operator registers beside Go's own.
mod cast;
mod dates;
mod decimal;
mod dicts;
mod encoding;
mod json;
mod lists;
mod misc;
mod numbers;
mod paths;
mod regexes;
mod semver;
mod strings;
pub(crate) mod time;
mod url;
mod words;
mod yaml;

use crate::registry::Function;

/// All tables, one for each topic.
pub(crate) const TABLES: &[&[Function]] = &[
    dates::TABLE,
    dicts::TABLE,
    encoding::TABLE,
    json::TABLE,
    lists::TABLE,
    misc::TABLE,
    numbers::TABLE,
    paths::TABLE,
    regexes::TABLE,
    semver::TABLE,
    strings::TABLE,
    url::TABLE,
    words::TABLE,
    yaml::TABLE,
];

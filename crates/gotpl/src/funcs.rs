//! Pure. The functions that the External Secrets Operator registers beside Go's own.
mod cast;
mod certs;
mod chain;
mod crypto;
mod dates;
mod decimal;
mod der;
mod dicts;
mod dsa;
mod encoding;
mod json;
mod keys;
mod lists;
mod misc;
mod numbers;
mod paths;
mod pem;
mod pkcs12;
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
    certs::TABLE,
    chain::TABLE,
    crypto::TABLE,
    dates::TABLE,
    dicts::TABLE,
    encoding::TABLE,
    json::TABLE,
    keys::TABLE,
    lists::TABLE,
    misc::TABLE,
    numbers::TABLE,
    paths::TABLE,
    pkcs12::TABLE,
    regexes::TABLE,
    semver::TABLE,
    strings::TABLE,
    url::TABLE,
    words::TABLE,
    yaml::TABLE,
];

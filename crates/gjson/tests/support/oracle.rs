//! Shell. Builds the Go oracle once into the user's cache and asks it.

use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

/// What one look-up gives: type, existence, raw value and text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The type, as Go names it.
    pub(crate) kind: String,
    /// Whether the value exists.
    pub(crate) exists: bool,
    /// The value as written.
    pub(crate) raw: Vec<u8>,
    /// The value as text.
    pub(crate) text: Vec<u8>,
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("oracle")
}

/// Returns the oracle's executable, built if the cache has none of this source.
pub(crate) fn executable() -> Result<PathBuf, String> {
    let parts: Vec<Vec<u8>> = ["main.go", "go.mod", "go.sum"]
        .iter()
        .map(|name| fs::read(source().join(name)).map_err(|e| format!("oracle/{name}: {e}")))
        .collect::<Result<_, _>>()?;
    let cache = match (env::var_os("XDG_CACHE_HOME"), env::var_os("HOME")) {
        (Some(cache), _) if !cache.is_empty() => PathBuf::from(cache),
        (_, Some(home)) => PathBuf::from(home).join(".cache"),
        _ => return Err("neither XDG_CACHE_HOME nor HOME is set".into()),
    };
    let folder = cache.join("tidegate").join("oracle");
    let target = folder.join(format!("gjson-{:016x}", fingerprint(&parts)));
    if target.is_file() {
        return Ok(target);
    }
    fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let _ = writeln!(
        std::io::stderr(),
        "building the Go oracle into {}",
        target.display()
    );
    // Built beside and renamed, so that tests that run at once never see half of it.
    let fresh = folder.join(format!(
        "gjson-{}-{:?}",
        std::process::id(),
        thread::current().id()
    ));
    let built = Command::new("go")
        .args(["build", "-trimpath", "-o"])
        .arg(&fresh)
        .arg(".")
        .current_dir(source())
        .output()
        .map_err(|e| {
            format!("`go` can't be run ({e}): install Go 1.24 or newer, for instance `golang-go`")
        })?;
    if !built.status.success() {
        return Err(format!(
            "go build: {}",
            String::from_utf8_lossy(&built.stderr)
        ));
    }
    fs::rename(&fresh, &target).map_err(|e| format!("{}: {e}", target.display()))?;
    Ok(target)
}

/// FNV-1a: names the executable after its source.
fn fingerprint(parts: &[Vec<u8>]) -> u64 {
    parts
        .iter()
        .flatten()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        })
}

/// Asks Go for the answers to look-ups: document and path.
pub(crate) fn ask(lookups: &[(Vec<u8>, String)]) -> Result<Vec<Answer>, String> {
    let mut oracle = Command::new(executable()?)
        .arg("serve")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| e.to_string())?;
    let mut stdin = oracle.stdin.take().ok_or("no stdin")?;
    let stdout = oracle.stdout.take().ok_or("no stdout")?;
    let answers = thread::scope(|scope| {
        scope.spawn(move || {
            for (document, path) in lookups {
                let line = format!("{} {}\n", hex(document), hex(path.as_bytes()));
                if stdin.write_all(line.as_bytes()).is_err() {
                    return;
                }
            }
        });
        BufReader::new(stdout)
            .lines()
            .map(|line| parse(&line.map_err(|e| e.to_string())?))
            .collect::<Result<Vec<_>, String>>()
    })?;
    oracle.wait().map_err(|e| e.to_string())?;
    if answers.len() != lookups.len() {
        return Err(format!(
            "{} answers to {} look-ups",
            answers.len(),
            lookups.len()
        ));
    }
    Ok(answers)
}

fn parse(line: &str) -> Result<Answer, String> {
    let mut fields = line.split(' ');
    let mut next = || {
        fields
            .next()
            .ok_or_else(|| format!("malformed answer {line:?}"))
    };
    Ok(Answer {
        kind: next()?.to_owned(),
        exists: next()? == "true",
        raw: unhex(next()?)?,
        text: unhex(next()?)?,
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Undoes hexadecimal notation.
pub(crate) fn unhex(digits: &str) -> Result<Vec<u8>, String> {
    (0..digits.len())
        .step_by(2)
        .map(|at| {
            let pair = digits.get(at..at + 2).ok_or("odd number of digits")?;
            u8::from_str_radix(pair, 16).map_err(|e| e.to_string())
        })
        .collect()
}

/// Returns what this library answers.
pub(crate) fn ours(document: &[u8], path: &str) -> Result<Answer, gjson::LimitError> {
    let value = gjson::try_get(document, path)?;
    let kind = match value.kind() {
        gjson::Kind::Json => "JSON".to_owned(),
        kind => format!("{kind:?}"),
    };
    let (raw, text) = (value.raw().to_vec(), value.text().to_vec());
    Ok(Answer {
        kind,
        exists: value.exists(),
        raw,
        text,
    })
}

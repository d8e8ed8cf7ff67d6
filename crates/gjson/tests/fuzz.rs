//! Shell. Fuzz targets: damaged paths and documents of the corpus. No panic, hang or told byte.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

#[allow(dead_code)]
#[path = "../../gotpl/tests/it/fuzz/harness.rs"]
mod harness;

use harness::mutated;

/// Stands in every document; no text of an error and no `Debug` may have it.
const SECRET: &str = "Sq7Zx9";

/// Documents and paths of the corpus.
fn corpus() -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let (mut documents, mut paths) = (Vec::new(), Vec::new());
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus");
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read(entry.unwrap().path()).unwrap();
        let file: serde_json::Value = serde_json::from_slice(&text).unwrap();
        let all = file["documents"].as_object().unwrap().values();
        documents.extend(all.map(|text| text.as_str().unwrap().as_bytes().to_vec()));
        let all = file["cases"].as_array().unwrap().iter();
        paths.extend(all.map(|case| case["path"].as_str().unwrap().as_bytes().to_vec()));
    }
    assert!(documents.len() > 50 && paths.len() > 1000);
    // The same in any order of the folder.
    documents.sort();
    paths.sort();
    (documents, paths)
}

const WORDS: &[&str] = &[
    "#",
    "#(",
    ")#",
    "..",
    "|",
    ".",
    "@",
    "@this",
    "@flatten:{\"deep\":true}",
    "@pretty",
    "@keys",
    "@group",
    "@dig:a",
    "@join",
    "@tostr",
    "@fromstr",
    "@ugly",
    "@reverse",
    "@valid",
    "@values",
    "!\"x\"",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "*",
    "?",
    "%\"*\"",
    "~true",
    "~null",
    "==",
    "!=",
    "<=",
    "\"Sq7Zx9\"",
    "-1",
    "18446744073709551616",
    "1e999",
];

#[test]
fn look_ups_never_panic_hang_or_tell() {
    harness::run("gjson", || {
        let (documents, paths) = corpus();
        Box::new(move |rng, note| {
            let mut document = mutated(rng, &documents, WORDS);
            let path = mutated(rng, &paths, WORDS);
            let path = String::from_utf8_lossy(&path);
            if rng.below(2) == 0 {
                document.extend_from_slice(b"{\"a\":\"Sq7Zx9\"}");
            }
            note(&[&document[..], b" <- ", path.as_bytes()].concat());
            let hidden = |told: String| assert!(!told.contains(SECRET), "told: {told}");
            match gjson::try_get(&document, &path) {
                Ok(value) => {
                    hidden(format!("{value:?} {:?} {:?}", value.text(), value.kind()));
                    drop(value.into_owned().into_text().into_zeroizing());
                }
                Err(limit) => hidden(format!("{limit} {limit:?}")),
            }
            for lookup in [
                gjson::Lookup::Path,
                gjson::Lookup::ExactThenPath,
                gjson::Lookup::EscapedThenPath,
                gjson::Lookup::InnerEscapedThenPath,
                gjson::Lookup::PathThenEscaped,
                gjson::Lookup::KeyThenPathInValue,
            ] {
                if let Err(error) = gjson::property(lookup, &document, &path) {
                    hidden(format!("{error} {error:?}"));
                }
            }
            let _either = gjson::is_valid(&document);
        })
    });
}

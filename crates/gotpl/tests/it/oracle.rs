//! Shell. Compares the engine with what Go answered, case by case; Go itself is not needed.
use std::path::Path;

use crate::support::{Case, Outcome};

/// Functions of the language itself: their errors must be Go's to the letter.
const LANGUAGE: &[&str] = &[
    "and", "or", "not", "call", "eq", "ne", "lt", "le", "gt", "ge", "index", "len", "print",
    "printf", "println", "html", "js", "urlquery",
];

/// What an error must agree in: all of it, or for a function's error its place and kind.
fn essence(error: &[u8]) -> String {
    let text = String::from_utf8_lossy(error).into_owned();
    let marker = ">: error calling ";
    if let Some(at) = text.find(marker) {
        let rest = &text[at + marker.len()..];
        let name = rest.split(':').next().unwrap_or_default();
        if !LANGUAGE.contains(&name) {
            return text[..at + marker.len() + name.len()].to_owned();
        }
    }
    // Go bounds calls of templates by a number of its own, and so stops elsewhere.
    let depth = "exceeded maximum template depth";
    if text.contains(depth) {
        return depth.to_owned();
    }
    text
}

pub(crate) fn agree(ours: &Outcome, go: &Outcome) -> bool {
    match (ours, go) {
        (Outcome::Exec(a), Outcome::Exec(b)) => essence(a) == essence(b),
        (a, b) => a == b,
    }
}

fn corpus() -> Vec<(String, Case)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut files: Vec<_> = std::fs::read_dir(&dir)
        .unwrap_or_else(|err| panic!("{}: {err}", dir.display()))
        .map(|entry| entry.expect("corpus entry").path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "json"))
        .collect();
    files.sort();
    let mut cases = Vec::new();
    for file in files {
        let name = file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let text = std::fs::read(&file).expect("corpus file");
        let list: Vec<serde_json::Value> = serde_json::from_slice(&text).expect("corpus JSON");
        cases.extend(
            list.iter()
                .map(|case| (name.clone(), Case::from_json(case))),
        );
    }
    cases
}

#[test]
fn answers_as_go_does() {
    let cases = corpus();
    let mut wrong = Vec::new();
    for (file, case) in &cases {
        let go = case.go.as_ref().expect("an answer; regenerate the corpus");
        let ours = case.run();
        if !agree(&ours, go) {
            let template = String::from_utf8_lossy(&case.template);
            wrong.push(format!(
                "{file}: {template}\n   go: {go:?}\n ours: {ours:?}"
            ));
        }
    }
    let (total, failed) = (cases.len(), wrong.len());
    assert!(
        wrong.is_empty(),
        "{failed} of {total} differ\n{}",
        wrong.join("\n")
    );
}

#[test]
fn corpus_is_large_enough() {
    let cases = corpus().len();
    assert!(cases >= 1200, "only {cases} cases");
}

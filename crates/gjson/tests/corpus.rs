//! Shell. Compares the committed corpus with Go's answers in it; needs no Go.
//!
//! After a change of cases, Go writes its answers anew:
//! `cd crates/gjson/oracle && go run . corpus ../tests/corpus/*.json`

#[allow(dead_code)]
#[path = "support/oracle.rs"]
mod oracle;

use std::{fs, path::Path};

use oracle::Answer;
use serde_json::Value;

/// Fewer cases than this would mean that files are missing.
const CASES_MIN: usize = 400;

#[test]
fn corpus_answers_are_go_s() -> Result<(), String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut cases = 0;
    let mut different = Vec::new();
    for entry in fs::read_dir(folder).map_err(|e| e.to_string())? {
        let path = entry.map_err(|e| e.to_string())?.path();
        let text = fs::read_to_string(&path).map_err(|e| e.to_string())?;
        let corpus: Value = serde_json::from_str(&text).map_err(|e| e.to_string())?;
        for case in corpus["cases"].as_array().ok_or("no cases")? {
            cases += 1;
            let document = document(&corpus["documents"], case)?;
            let path = case["path"].as_str().ok_or("a case without a path")?;
            let expected = answer(case)?;
            let answer = oracle::ours(&document, path).map_err(|limit| limit.to_string());
            if answer.as_ref() != Ok(&expected) {
                let document = String::from_utf8_lossy(&document);
                different.push(format!("{path}\n{document}\n{expected:?}\n{answer:?}\n"));
            }
        }
    }
    assert!(
        different.is_empty(),
        "{} differ:\n{}",
        different.len(),
        different.join("\n")
    );
    assert!(cases >= CASES_MIN, "only {cases} cases");
    Ok(())
}

fn document(documents: &Value, case: &Value) -> Result<Vec<u8>, String> {
    let name = case["doc"].as_str().ok_or("a case without a document")?;
    let text = documents[name]
        .as_str()
        .ok_or_else(|| format!("no document {name}"))?;
    match text.strip_prefix("hex:") {
        Some(digits) => oracle::unhex(digits),
        None => Ok(text.as_bytes().to_vec()),
    }
}

fn answer(case: &Value) -> Result<Answer, String> {
    let bytes = |plain: &str, hex: &str| match (case[plain].as_str(), case[hex].as_str()) {
        (Some(text), _) => Ok(text.as_bytes().to_vec()),
        (None, Some(digits)) => oracle::unhex(digits),
        (None, None) => Err(format!("a case without {plain}")),
    };
    Ok(Answer {
        kind: case["type"]
            .as_str()
            .ok_or("a case without a type")?
            .to_owned(),
        exists: case["exists"]
            .as_bool()
            .ok_or("a case that doesn't say whether it exists")?,
        raw: bytes("raw", "raw_hex")?,
        text: bytes("string", "string_hex")?,
    })
}

//! Shell. Templates made by a grammar from a seed, compared with what Go answers right now.
mod grammar;

use grammar::Grammar;
use serde_json::{Value, json};

use crate::go;
use crate::oracle::agree;
use crate::support::{Case, Counter, Outcome};

/// Templates of one run.
const COUNT: usize = 2_000;
/// Templates of one run of Go, whose answers are read at once.
const BATCH: usize = 500;

/// What Go answers to the cases that it outlives. A dictionary that holds itself overflows the
/// stack of Go's printing, and the process is gone: there ours must end with an error.
fn answers(mut cases: Vec<Value>, wrong: &mut Vec<String>) -> Vec<Value> {
    if let Some(answers) = go::answers(&[], &cases.clone().into()) {
        return answers;
    }
    if let [one] = &cases[..] {
        let ours = Case::from_json(one).run();
        if !matches!(ours, Outcome::Exec(_)) {
            wrong.push(format!("{one}\n   go: died\n ours: {ours:?}"));
        }
        return Vec::new();
    }
    let rest = cases.split_off(cases.len() / 2);
    let mut all = answers(cases, wrong);
    all.extend(answers(rest, wrong));
    all
}

#[test]
fn generated_templates_agree() {
    let seed = std::env::var("GOTPL_SEED").map_or(1, |seed| seed.parse().expect("a number"));
    let count = std::env::var("GOTPL_COUNT").map_or(COUNT, |n| n.parse().expect("a number"));
    let mut grammar = Grammar::new(Counter(seed));
    let mut wrong = Vec::new();
    let mut done = 0;
    while done < count {
        let batch: Vec<Value> = (0..BATCH.min(count - done))
            .map(|_| {
                let json = json!({"s": "text", "n": 3, "f": 2.5, "e": "", "z": null,
                    "b": true, "l": [1, "x", null, [2]], "m": {"k": "v", "o": {"p": 1}}});
                let mut case = json!({"t": grammar.template()});
                if grammar.below(3) > 0 {
                    case["json"] = json;
                } else {
                    case["strings"] = serde_json::json!({"s": "text", "e": "", "m": "{\"k\":1}"});
                }
                if let Some(mode) = ["zero", "default"].get(grammar.below(4)) {
                    case["missingkey"] = (*mode).into();
                }
                case
            })
            .collect();
        let asked = batch.len();
        for answer in answers(batch, &mut wrong) {
            let case = Case::from_json(&answer);
            let go = case.go.as_ref().expect("an answer");
            let ours = case.run();
            if !agree(&ours, go) {
                let template = String::from_utf8_lossy(&case.template);
                wrong.push(format!("{template}\n   go: {go:?}\n ours: {ours:?}"));
            }
        }
        done += asked;
    }
    let failed = wrong.len();
    wrong.truncate(20);
    assert!(
        wrong.is_empty(),
        "{failed} of {done} differ, seed {seed}\n{}",
        wrong.join("\n")
    );
}

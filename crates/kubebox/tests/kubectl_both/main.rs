//! Shell. Tests that run one kubectl session against kubebox and a real API server, and compare.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

mod normal;
mod session;
mod sides;

use session::{Compare, Line, session};
use sides::{Ran, Sides};

/// What is known to differ, each with its reason.
const KNOWN: [(&str, &str); 4] = [
    (
        "patch-quotes",
        "a patched object that is refused is not quoted: it may hold secrets",
    ),
    (
        "descriptions",
        "texts that describe built-in fields are our own: their names are compared",
    ),
    (
        "fewer-kinds",
        "a real server serves more kinds: ours are compared with its lines of them",
    ),
    ("rbac", "one token may do everything, and is another user's"),
];

fn lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort_unstable();
    lines
}

fn judge(line: &Line, real: &Ran, ours: &Ran) -> Result<(), String> {
    let fails = |what: &str| {
        Err(format!(
            "$ kubectl {}\n{what}\n--- real\n{real}\n--- ours\n{ours}",
            line.arguments
        ))
    };
    if real.code != ours.code {
        return fails("exit codes differ");
    }
    match line.compare {
        Compare::All if (&real.out, &real.err) != (&ours.out, &ours.err) => fails("outputs differ"),
        Compare::Sorted if lines(&real.out) != lines(&ours.out) => fails("lines differ"),
        Compare::Subset => {
            let known = lines(&real.out);
            let strange: Vec<String> = lines(&ours.out)
                .into_iter()
                .filter(|l| !known.contains(l))
                .collect();
            if ours.out.is_empty() || !strange.is_empty() {
                return fails(&format!("not on the real server: {strange:?}"));
            }
            Ok(())
        }
        Compare::Names => {
            let (real, ours) = (normal::names(&real.out), normal::names(&ours.out));
            if real == ours && !ours.is_empty() {
                return Ok(());
            }
            fails(&format!("names differ: {real:?} {ours:?}"))
        }
        Compare::Code | Compare::All | Compare::Sorted => Ok(()),
    }
}

#[tokio::test]
async fn kubectl_prints_the_same_on_both_servers() {
    let sides = Sides::start().await;
    let mut failures = Vec::new();
    for line in session() {
        let (real, ours) = sides.run(&line).await;
        if let Err(failure) = judge(&line, &real, &ours) {
            failures.push(failure);
        }
    }
    let known: Vec<&str> = KNOWN.iter().map(|(name, _)| *name).collect();
    let count = failures.len();
    assert!(
        count == 0,
        "{}\n{count} lines differ; known are {known:?}",
        failures.join("\n\n")
    );
}

#[tokio::test]
async fn kubectl_hears_the_same_changes_on_both_servers() {
    let sides = Sides::start().await;
    let arguments = "get configmaps -w --no-headers --output-watch-events --show-labels";
    let heard = sides
        .watching(arguments, 3, || async {
            for arguments in [
                "create configmap watched --from-literal=a=b",
                "label configmap watched app=x",
                "delete configmap watched",
            ] {
                let (real, ours) = sides.run(&Line::new(arguments)).await;
                assert_eq!((real.code, ours.code), (Some(0), Some(0)), "{real}\n{ours}");
            }
        })
        .await;
    assert_eq!(heard.0, heard.1);
    assert_eq!(heard.1.len(), 3, "{heard:?}");
}

/// Server-side apply is the one thing of kubectl that is refused: in one line that says so.
#[tokio::test]
async fn server_side_apply_is_refused_in_one_clear_line() {
    let sides = Sides::start().await;
    let body = r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}"#;
    let line = Line::new("apply --server-side -f -").input(body);
    let (real, ours) = sides.run(&line).await;
    assert_eq!((real.code, ours.code), (Some(0), Some(1)), "{real}\n{ours}");
    assert_eq!(ours.err.trim().lines().count(), 1, "{ours}");
    assert!(ours.err.contains("server-side apply"), "{ours}");
    let (_, missing) = sides.run(&Line::new("get configmap c")).await;
    assert_eq!(missing.code, Some(1), "half of it was done: {missing}");
}

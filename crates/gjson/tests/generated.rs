//! Shell. Compares generated look-ups with the Go program.
//!
//! `GJSON_SEED` and `GJSON_LOOKUPS` choose others and more of them, `GJSON_SHOWN` how many
//! differences are told.

#[path = "support/generate.rs"]
mod generate;
#[path = "support/oracle.rs"]
mod oracle;
#[path = "support/words.rs"]
mod words;

use generate::Rng;

/// Look-ups that are compared unless `GJSON_LOOKUPS` says otherwise.
const LOOKUPS: usize = 20_000;

fn setting(name: &str, default: usize) -> Result<usize, String> {
    match std::env::var(name) {
        Ok(text) => text.parse().map_err(|_| format!("{name} is not a number")),
        Err(_) => Ok(default),
    }
}

#[test]
fn generated_lookups_agree_with_go() -> Result<(), String> {
    let seed = setting("GJSON_SEED", 1)? as u64;
    let wanted = setting("GJSON_LOOKUPS", LOOKUPS)?;
    let mut rng = Rng(seed);
    let mut lookups = Vec::with_capacity(wanted);
    while lookups.len() < wanted {
        let document = generate::document(&mut rng);
        for _ in 0..8 {
            lookups.push((document.clone(), generate::whole_path(&mut rng, &document)));
        }
    }
    let answers = oracle::ask(&lookups)?;
    let mut found = 0;
    let mut different = Vec::new();
    for ((document, path), expected) in lookups.iter().zip(&answers) {
        found += usize::from(expected.exists);
        match oracle::ours(document, path) {
            Ok(answer) if answer == *expected => {}
            answer => different.push((document, path, expected, answer)),
        }
    }
    different.sort_by_key(|(document, path, ..)| document.len() + 3 * path.len());
    let report: Vec<String> = different
        .iter()
        .take(setting("GJSON_SHOWN", 5)?)
        .map(|(document, path, expected, answer)| {
            let document = String::from_utf8_lossy(document);
            let show = |a: &oracle::Answer| {
                let text = String::from_utf8_lossy(&a.text).into_owned();
                format!(
                    "{} {} {:?} {text:?}",
                    a.kind,
                    a.exists,
                    String::from_utf8_lossy(&a.raw)
                )
            };
            let ours = answer.as_ref().map_or_else(|limit| limit.to_string(), show);
            format!(
                "path  {path}\njson  {document}\ngo    {}\nours  {ours}\n",
                show(expected)
            )
        })
        .collect();
    assert!(
        different.is_empty(),
        "{} of {} differ, for instance\n{}",
        different.len(),
        lookups.len(),
        report.join("\n")
    );
    assert!(
        found * 4 > lookups.len(),
        "only {found} of {} look-ups find anything",
        lookups.len()
    );
    Ok(())
}

//! Pure. Tests of the screen and of the plain lines.

use super::super::fault::Sort;
use super::super::view::id;
use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn row(name: &str, state: State, cause: &str) -> Row {
    Row {
        id: id("ExternalSecret", Some("team"), name),
        store: "vault".to_owned(),
        target: format!("{name}-secret"),
        state,
        reason: "SecretSynced".to_owned(),
        cause: cause.to_owned(),
        changed: Some(at(1_000)),
        next: Some(at(1_100)),
    }
}

fn size(width: usize, height: usize) -> Size {
    Size {
        width,
        height,
        colour: false,
    }
}

fn shown(rows: &[Row], faults: &[Fault], size: Size) -> Vec<String> {
    screen(rows, faults, "", at(1_042), size)
}

#[test]
fn a_row_shows_everything() {
    let lines = shown(
        &[row("db", State::Ready, "secret synced")],
        &[],
        size(120, 20),
    );
    assert_eq!(
        lines,
        [
            "OBJECT   STORE  TARGET     STATE  CAUSE         LAST CHANGE  NEXT REFRESH",
            "team/db  vault  db-secret  Ready  SecretSynced  42s ago      in 58s",
            "",
            "1/1 ExternalSecrets Ready, 0/0 stores Ready",
        ]
    );
}

#[test]
fn no_line_is_wider_and_no_screen_is_higher_than_it_may() {
    let long = "could not get secret data from provider: error processing spec.data[0] (key: app)";
    let mut rows: Vec<Row> = (0..50)
        .map(|n| row(&format!("object-{n:02}"), State::Ready, ""))
        .collect();
    rows[30] = row("broken", State::Failed, long);
    let fault = Fault::new(Sort::Refused, "a.yaml:1", "x".repeat(300));
    for width in [10, 20, 40, 80, 200] {
        for height in [3, 5, 10, 24, 80] {
            let lines = shown(&rows, std::slice::from_ref(&fault), size(width, height));
            let widest = lines.iter().map(|line| line.chars().count()).max().unwrap();
            assert!(lines.len() <= height, "{} of {height}", lines.len());
            // Nobody reads a terminal narrower than that.
            assert!(widest <= width.max(24), "{widest} of {width}");
        }
    }
    let lines = shown(&rows, &[], size(100, 12));
    assert!(
        lines[1].starts_with("team/broken"),
        "failures stay: {lines:?}"
    );
    assert!(
        lines.iter().any(|line| line.starts_with("… 4")),
        "{lines:?}"
    );
}

#[test]
fn troubles_are_told_in_full_with_their_cure() {
    let cause = "could not get secret data from provider: SecretStore \"vault\" does not exist";
    let lines = shown(&[row("db", State::Failed, cause)], &[], size(60, 30)).join("\n");
    let unwrapped = lines.replace("\n    ", " ");
    assert!(
        unwrapped.contains(&format!("ExternalSecret team/db: {cause}")),
        "{lines}"
    );
    assert!(
        unwrapped.contains("to mend it: declare that store"),
        "{lines}"
    );
}

#[test]
fn colours_change_no_letter() {
    let rows = [
        row("a", State::Ready, ""),
        row("b", State::Failed, "no"),
        row("c", State::Waiting, ""),
    ];
    let mut coloured = size(100, 20);
    coloured.colour = true;
    let painted = screen(&rows, &[], "", at(1_042), coloured).join("\n");
    for code in [
        "\x1b[1m",
        "\x1b[32mReady",
        "\x1b[31mFailed",
        "\x1b[33mWaiting",
    ] {
        assert!(painted.contains(code), "{painted:?}");
    }
    let mut plain = painted;
    for code in ["\x1b[1m", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[0m"] {
        plain = plain.replace(code, "");
    }
    assert_eq!(plain, shown(&rows, &[], size(100, 20)).join("\n"));
}

#[test]
fn plain_lines_tell_what_changed_and_nothing_else() {
    let before = [
        row("a", State::Waiting, ""),
        row("b", State::Ready, "secret synced"),
    ];
    let mut after = [row("a", State::Ready, "secret synced"), before[1].clone()];
    after[1].next = Some(at(2_000));
    let told = ["ExternalSecret team/a Ready: secret synced, Secret a-secret"];
    assert_eq!(changes(&before, &after), told);
    assert_eq!(
        changes(&[], &before[..1]),
        [] as [&str; 0],
        "nothing to tell yet"
    );
    after[1].changed = Some(at(1_001));
    let told = ["ExternalSecret team/b: Secret b-secret written"];
    assert_eq!(changes(&after[..1], &after[..1]), [] as [&str; 0]);
    assert_eq!(changes(&before[1..], &after[1..]), told);
    assert_eq!(changes(&before[1..], &[]), ["ExternalSecret team/b gone"]);
    let failed = row("c", State::Failed, "Secret \"x\" does not exist");
    let told = changes(&[], &[failed]);
    assert!(
        told[0].starts_with("ExternalSecret team/c: ") && told.len() == 1,
        "{told:?}"
    );
    assert!(told[0].contains("; to mend it: "), "{told:?}");
}

#[test]
fn spans_have_two_units_at_most() {
    let told = [0, 59, 60, 190, 3600, 86_399, 183_600].map(span);
    assert_eq!(
        told,
        ["0s", "59s", "1m0s", "3m10s", "1h0m", "23h59m", "2d3h"]
    );
}

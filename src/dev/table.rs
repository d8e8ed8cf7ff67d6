//! Pure. The live table as lines for a screen of a size, and changes as plain lines.

use jiff::Timestamp;

use super::cure::cure;
use super::fault::Fault;
use super::view::{Row, State};

#[cfg(test)]
mod tests;

/// Rooms between columns.
const GAP: usize = 2;
/// What is left for the cause before other columns shrink.
const MIN_CAUSE: usize = 16;

/// What the screen takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Columns.
    pub width: usize,
    /// Lines.
    pub height: usize,
    /// Whether colours are wanted.
    pub colour: bool,
}

/// Lays rows out in columns; the last one is not padded.
#[must_use]
pub fn columns(rows: &[Vec<String>]) -> Vec<String> {
    let widths = widths(rows);
    rows.iter().map(|row| line(row, &widths)).collect()
}

fn widths(rows: &[Vec<String>]) -> Vec<usize> {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let cell = |row: &Vec<String>, at: usize| row.get(at).map_or(0, |cell| cell.chars().count());
    let widest = |at| rows.iter().map(|row| cell(row, at)).max().unwrap_or(0);
    (0..count).map(widest).collect()
}

fn line(row: &[String], widths: &[usize]) -> String {
    let mut text = String::new();
    for (at, cell) in row.iter().enumerate() {
        let room = widths.get(at).copied().unwrap_or(0);
        text.push_str(&cut(cell, room));
        if at + 1 < row.len() {
            let used = cell.chars().count().min(room);
            text.extend(std::iter::repeat_n(' ', room - used + GAP));
        }
    }
    text.trim_end().to_owned()
}

/// The text, or what fits of it and an ellipsis.
fn cut(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let kept: String = text.chars().take(room.saturating_sub(1)).collect();
    if room == 0 { kept } else { kept + "…" }
}

/// The whole screen: table, then what is wrong, then what fares how. Never more lines than fit;
/// what is Ready is left out first. `note` ends the last line.
#[must_use]
pub fn screen(
    rows: &[Row],
    faults: &[Fault],
    note: &str,
    now: Timestamp,
    size: Size,
) -> Vec<String> {
    let troubles = troubles(rows, faults, size);
    let mut footer = vec![String::new()];
    footer.extend(wrap(&(summary(rows, faults) + note), size.width));
    let room = size.height.saturating_sub(footer.len() + 2);
    // Half of the screen at most is for troubles, unless the table needs less.
    let objects: Vec<&Row> = rows.iter().filter(|row| !row.is_store()).collect();
    let for_troubles = troubles
        .len()
        .min(room.saturating_sub((objects.len() + 1).min(room / 2)));
    let room = room - for_troubles;
    let mut lines = objects_table(&objects, now, size, room);
    let hidden = troubles.len() - for_troubles;
    let shown = if hidden > 0 {
        for_troubles.saturating_sub(1)
    } else {
        for_troubles
    };
    lines.extend(troubles.into_iter().take(shown));
    if hidden > 0 && for_troubles > 0 {
        lines.push(format!("… {} more lines", hidden + 1));
    }
    lines.extend(footer);
    // The cursor stands below: it could not get back to a line that scrolled away.
    lines.truncate(size.height.saturating_sub(1).max(1));
    lines
}

fn objects_table(objects: &[&Row], now: Timestamp, size: Size, room: usize) -> Vec<String> {
    let head = [
        "OBJECT",
        "STORE",
        "TARGET",
        "STATE",
        "CAUSE",
        "LAST CHANGE",
        "NEXT REFRESH",
    ];
    let mut shown = objects.to_vec();
    let fits = room.saturating_sub(1);
    let hidden = shown.len().saturating_sub(fits);
    if hidden > 0 {
        // What needs a look stays; within, the order of names.
        shown.sort_by_key(|row| row.state);
        shown.truncate(fits.saturating_sub(1));
    }
    let mut table = vec![head.map(str::to_owned).to_vec()];
    table.extend(shown.iter().map(|row| cells(row, now)));
    let mut widths = widths(&table);
    fit(&mut widths, size.width);
    let mut lines: Vec<String> = table.iter().map(|row| line(row, &widths)).collect();
    if size.colour {
        paint(&mut lines, &shown, &widths);
    }
    if hidden > 0 {
        lines.push(format!("… {} more", hidden + 1));
    }
    lines
}

fn cells(row: &Row, now: Timestamp) -> Vec<String> {
    let cause = match row.state {
        State::Failed => row.cause.clone(),
        _ => row.reason.clone(),
    };
    vec![
        row.name(),
        row.store.clone(),
        row.target.clone(),
        row.state.word().to_owned(),
        cause,
        row.changed
            .map_or_else(|| "-".to_owned(), |at| ago(at, now)),
        row.next.map_or_else(|| "-".to_owned(), |at| until(at, now)),
    ]
}

/// Shrinks the cause first, then names, until the line fits.
fn fit(widths: &mut [usize], width: usize) {
    const ORDER: [(usize, usize); 4] = [(4, MIN_CAUSE), (2, 10), (1, 8), (0, 12)];
    for (column, least) in ORDER {
        let used: usize = widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
        let over = used.saturating_sub(width);
        if over == 0 {
            return;
        }
        if let Some(room) = widths.get_mut(column) {
            *room = room.saturating_sub(over).max(least.min(*room));
        }
    }
    // Narrower than any table: the right columns go.
    let mut left = width;
    for room in widths.iter_mut() {
        *room = (*room).min(left);
        left = left.saturating_sub(*room + GAP);
    }
}

/// Colours the state; the column stands at the same place in each line.
fn paint(lines: &mut [String], rows: &[&Row], widths: &[usize]) {
    if let Some(head) = lines.first_mut() {
        *head = format!("\x1b[1m{head}\x1b[0m");
    }
    let start: usize = widths[..3].iter().map(|room| room + GAP).sum();
    for (line, row) in lines.iter_mut().skip(1).zip(rows) {
        let word = cut(row.state.word(), widths[3]);
        let split = line
            .char_indices()
            .nth(start)
            .map_or(line.len(), |(at, _)| at);
        if line[split..].starts_with(&word) && !word.is_empty() {
            let rest = line[split + word.len()..].to_owned();
            line.truncate(split);
            *line = format!("{line}{}{word}\x1b[0m{rest}", colour(row.state));
        }
    }
}

const fn colour(state: State) -> &'static str {
    match state {
        State::Ready => "\x1b[32m",
        State::Failed => "\x1b[31m",
        State::Waiting => "\x1b[33m",
    }
}

/// What is wrong, in full, each with what to do about it.
fn troubles(rows: &[Row], faults: &[Fault], size: Size) -> Vec<String> {
    let failed = rows.iter().filter(|row| row.state == State::Failed);
    let texts = faults
        .iter()
        .map(ToString::to_string)
        .chain(failed.map(trouble));
    let wrapped = texts.flat_map(|text| wrap(&text, size.width));
    let mut lines: Vec<String> = wrapped.collect();
    if !lines.is_empty() {
        lines.insert(0, String::new());
    }
    lines
}

/// A failed object, its cause and its cure in one line.
#[must_use]
pub fn trouble(row: &Row) -> String {
    let mut text = format!("{} {}: {}", row.id.kind, row.name(), row.cause);
    let cure = cure(&row.cause);
    if !cure.is_empty() {
        text.push_str("\n  to mend it: ");
        text.push_str(cure);
    }
    text
}

/// Breaks lines at spaces; what follows the first is indented.
fn wrap(text: &str, width: usize) -> Vec<String> {
    const INDENT: &str = "    ";
    let width = width.max(20);
    let mut lines = Vec::new();
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        let mut current = line[..indent].to_owned();
        let mut fresh = true;
        for word in line.split_whitespace() {
            let room = current.chars().count() + usize::from(!fresh) + word.chars().count();
            if !fresh && room > width {
                lines.push(std::mem::replace(&mut current, INDENT.to_owned()));
                fresh = true;
            }
            if !fresh {
                current.push(' ');
            }
            current.push_str(&cut(word, width - INDENT.len()));
            fresh = false;
        }
        lines.push(current);
    }
    lines
}

/// How many fare how.
#[must_use]
pub fn summary(rows: &[Row], faults: &[Fault]) -> String {
    let count = |store: bool, state| {
        let fits = |row: &&Row| row.is_store() == store && row.state == state;
        rows.iter().filter(fits).count()
    };
    let all = |store| rows.iter().filter(|row| row.is_store() == store).count();
    let mut text = format!(
        "{}/{} ExternalSecrets Ready, {}/{} stores Ready",
        count(false, State::Ready),
        all(false),
        count(true, State::Ready),
        all(true)
    );
    match faults.len() {
        0 => {}
        1 => text.push_str(", 1 problem with the input"),
        many => text.push_str(&format!(", {many} problems with the input")),
    }
    text
}

/// One line for each row that is new or tells something else than before, or is gone.
#[must_use]
pub fn changes(before: &[Row], after: &[Row]) -> Vec<String> {
    let mut lines = Vec::new();
    for row in after {
        let old = before.iter().find(|old| old.id == row.id);
        let told = |row: &Row| (row.state, row.reason.clone(), row.cause.clone());
        let rewritten = old.is_some_and(|old| old.changed != row.changed && row.changed.is_some());
        if old.is_none() && row.state == State::Waiting {
            // It is told once there is something to tell.
            continue;
        }
        if old.map(told) != Some(told(row)) {
            lines.push(told_line(row));
        } else if rewritten {
            lines.push(format!(
                "{} {}: Secret {} written",
                row.id.kind,
                row.name(),
                row.target
            ));
        }
    }
    for old in before
        .iter()
        .filter(|old| !after.iter().any(|row| row.id == old.id))
    {
        lines.push(format!("{} {} gone", old.id.kind, old.name()));
    }
    lines
}

fn told_line(row: &Row) -> String {
    match row.state {
        State::Failed => trouble(row).replace("\n ", ";"),
        State::Waiting => format!("{} {} Waiting", row.id.kind, row.name()),
        State::Ready if row.target.is_empty() => {
            format!("{} {} Ready: {}", row.id.kind, row.name(), row.cause)
        }
        State::Ready => {
            let (kind, name, target) = (&row.id.kind, row.name(), &row.target);
            format!("{kind} {name} Ready: {}, Secret {target}", row.cause)
        }
    }
}

fn ago(at: Timestamp, now: Timestamp) -> String {
    format!("{} ago", span(now.as_second() - at.as_second()))
}

fn until(at: Timestamp, now: Timestamp) -> String {
    let seconds = at.as_second() - now.as_second();
    if seconds <= 0 {
        "now".to_owned()
    } else {
        format!("in {}", span(seconds))
    }
}

/// Two units at most: 42s, 3m10s, 5h20m, 2d3h.
fn span(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{minutes}m{}s", seconds % 60),
        3600..86_400 => format!("{hours}h{}m", minutes % 60),
        _ => format!("{days}d{}h", hours % 24),
    }
}

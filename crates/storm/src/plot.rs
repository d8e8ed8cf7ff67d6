//! Pure. Plots as inline SVG: lines over time, marks of phases, levels to hold against.

use std::fmt::Write;

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 15.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 34.0;
/// Points of a line beyond which neighbours are merged into their maximum: as many as pixels.
const MAX_POINTS: usize = 800;
const COLOURS: [&str; 8] = [
    "#0b66c3", "#c2410c", "#15803d", "#7e22ce", "#b91c1c", "#0e7490", "#a16207", "#4b5563",
];

/// One line.
#[derive(Debug, Clone, Default)]
pub struct Line {
    /// What it shows.
    pub name: String,
    /// Its points: seconds, value.
    pub points: Vec<(f64, f64)>,
}

/// One plot.
#[derive(Debug, Clone, Default)]
pub struct Plot {
    /// Above it.
    pub title: String,
    /// The unit of its vertical axis.
    pub unit: String,
    /// The unit of its horizontal axis; none is seconds.
    pub across: Option<String>,
    /// Lines over time.
    pub lines: Vec<Line>,
    /// Vertical marks: second and name.
    pub marks: Vec<(f64, String)>,
    /// Horizontal levels: name and value.
    pub levels: Vec<(String, f64)>,
}

/// Escapes text for HTML and SVG.
#[must_use]
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// A round step that makes about `count` ticks up to `max`.
fn step(max: f64, count: f64) -> f64 {
    let raw = (max / count).max(f64::MIN_POSITIVE);
    let magnitude = 10f64.powf(raw.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0];
    let round = steps.into_iter().find(|round| round * magnitude >= raw);
    round.unwrap_or(10.0) * magnitude
}

fn number(value: f64) -> String {
    let text = match value.abs() {
        size if size >= 1e6 => format!("{:.1}M", value / 1e6),
        size if size >= 1e4 => format!("{:.0}k", value / 1e3),
        size if size >= 10.0 || size == 0.0 => format!("{value:.0}"),
        size if size >= 0.1 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    };
    if text.contains('.') && !text.ends_with('M') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// Merges neighbours into their maximum until few enough are left: peaks must stay visible.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let size = points.len().div_ceil(MAX_POINTS).max(1);
    let merged = points.chunks(size).filter_map(|chunk| {
        let value = chunk.iter().map(|point| point.1).fold(f64::NAN, f64::max);
        chunk.last().map(|last| (last.0, value))
    });
    merged.collect()
}

impl Plot {
    /// Whether anything would be drawn.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.iter().all(|line| line.points.is_empty())
    }

    /// Draws it.
    #[must_use]
    pub fn svg(&self) -> String {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let end = points().map(|point| point.0).fold(1.0, f64::max);
        let levels = self.levels.iter().map(|level| level.1);
        let top = points()
            .map(|point| point.1)
            .chain(levels)
            .fold(0.0, f64::max);
        let top = if top > 0.0 { top * 1.05 } else { 1.0 };
        let scale = Scale { end, top };
        let mut out = format!(
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">\n",
            escape(&self.title)
        );
        out += &format!(
            "<text class=\"title\" x=\"{LEFT}\" y=\"14\">{} ({})</text>\n",
            escape(&self.title),
            escape(&self.unit)
        );
        scale.axes(self.across.as_deref().unwrap_or("s"), &mut out);
        for (second, name) in &self.marks {
            let x = scale.x(*second);
            push(
                &mut out,
                format_args!(
                    "<g class=\"mark\"><line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{:.1}\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\">{}</text></g>\n",
                    HEIGHT - BOTTOM,
                    x + 3.0,
                    TOP + 9.0,
                    escape(name)
                ),
            );
        }
        for (name, value) in &self.levels {
            let (y, right) = (scale.y(*value), WIDTH - RIGHT);
            push(
                &mut out,
                format_args!(
                    "<g class=\"level\"><line x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y:.1}\" \
                 y2=\"{y:.1}\"/><text x=\"{right}\" y=\"{:.1}\">{}</text></g>\n",
                    y - 3.0,
                    escape(name)
                ),
            );
        }
        self.draw(&scale, &mut out);
        out + "</svg>\n"
    }

    fn draw(&self, scale: &Scale, out: &mut String) {
        let mut legend = LEFT;
        for (line, colour) in self.lines.iter().zip(COLOURS.iter().cycle()) {
            let mut path = String::new();
            for (second, value) in thinned(&line.points) {
                let verb = if path.is_empty() { 'M' } else { 'L' };
                let (x, y) = (scale.x(second), scale.y(value));
                push(&mut path, format_args!("{verb}{x:.1} {y:.1}"));
            }
            let name = escape(&line.name);
            push(
                out,
                format_args!(
                    "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.6\"/>\n\
                 <text class=\"legend\" x=\"{legend:.0}\" y=\"28\" fill=\"{colour}\">{name}</text>\n"
                ),
            );
            legend += 14.0 + 6.4 * crate::figures::float(line.name.chars().count());
        }
    }
}

struct Scale {
    end: f64,
    top: f64,
}

impl Scale {
    fn x(&self, second: f64) -> f64 {
        LEFT + (WIDTH - LEFT - RIGHT) * second / self.end
    }

    fn y(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / self.top
    }

    fn axes(&self, across: &str, out: &mut String) {
        let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
        let by = step(self.top, 5.0);
        let mut value = 0.0;
        while value <= self.top {
            let y = self.y(value);
            push(
                out,
                format_args!(
                    "<g class=\"tick\"><line x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y:.1}\" \
                 y2=\"{y:.1}\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text></g>\n",
                    LEFT - 5.0,
                    y + 3.0,
                    number(value)
                ),
            );
            value += by;
        }
        let by = step(self.end, 8.0);
        let mut second = 0.0;
        while second <= self.end {
            let x = self.x(second);
            push(
                out,
                format_args!(
                    "<text class=\"tick\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{} {across}</text>\n",
                    bottom + 14.0,
                    number(second)
                ),
            );
            second += by;
        }
    }
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String never fails.
    let _infallible = out.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        let check = |max, expected: f64| {
            let found = step(max, 5.0);
            assert!((found - expected).abs() < 1e-9, "{max}: {found}");
        };
        check(10_000.0, 2000.0);
        check(1.0, 0.2);
        check(0.07, 0.02);
        check(33.0, 10.0);
    }

    #[test]
    fn numbers_are_short() {
        for (value, expected) in [
            (0.0, "0"),
            (0.0025, "0.0025"),
            (0.5, "0.5"),
            (12.0, "12"),
            (12_000.0, "12k"),
            (2_500_000.0, "2.5M"),
        ] {
            assert_eq!(number(value), expected);
        }
    }

    #[test]
    fn peaks_survive_thinning() {
        let mut points: Vec<(f64, f64)> = (0..5000).map(|n| (f64::from(n), 1.0)).collect();
        points[1234].1 = 99.0;
        let thin = thinned(&points);
        assert!(thin.len() <= MAX_POINTS);
        assert!(thin.iter().any(|point| point.1 > 98.0));
        assert_eq!(thin.last().map(|point| point.0 as u32), Some(4999));
    }

    #[test]
    fn what_comes_from_outside_is_escaped_and_all_is_inside_the_picture() {
        let plot = Plot {
            title: "<script>".into(),
            unit: "s".into(),
            across: None,
            lines: vec![Line {
                name: "a&b".into(),
                points: vec![(0.0, 1.0), (10.0, 5.0)],
            }],
            marks: vec![(2.0, "x<y".into())],
            levels: vec![("limit".into(), 9.0)],
        };
        let svg = plot.svg();
        assert!(!svg.contains("<script>") && svg.contains("a&amp;b") && svg.contains("x&lt;y"));
        assert!(svg.contains("M70.0 "), "{svg}");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}

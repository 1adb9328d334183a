//! `cargo xtask picture`: what a command printed, as a picture for the README.

use crate::help;
use std::fmt::Write as _;
use std::io::{self, Read as _};

/// `--help`, after the options.
pub fn help() -> String {
    help::help(
        "\
         Reads what a command printed from standard input and writes an SVG to standard output, so \
         that a picture in the documents is of a real run.",
        &[
            (
                "cargo xtask demo \\\n    | cargo xtask picture --title 'cargo xtask demo' \\\n    > docs/demo.svg",
                "the demo",
            ),
            (
                "cargo xtask gate newest \\\n    | cargo xtask picture --title 'cargo xtask gate newest' \\\n    > docs/gate.svg",
                "the gate",
            ),
        ],
    )
}

/// The size of a character and of a line, in the units of the picture.
const CHARACTER: usize = 8;
const LINE: usize = 19;
/// The margin, and the bar on top.
const MARGIN: usize = 16;
const BAR: usize = 34;

/// The words that are shown in colour, where they stand alone.
const COLOURED: [(&str, &str); 6] = [
    ("ok", "#7ee787"),
    ("YES", "#7ee787"),
    ("same", "#7ee787"),
    ("BREAKS", "#ff7b72"),
    ("NO", "#ff7b72"),
    ("DIFFERS", "#e3b341"),
];

/// What the picture can be told.
#[derive(Debug, clap::Args)]
pub struct PictureArgs {
    /// The command, to stand in the bar
    #[arg(long, value_name = "TEXT")]
    title: String,
}

/// Draws standard input on standard output.
///
/// # Errors
/// When one of them fails, or nothing was printed.
pub fn run(args: &PictureArgs) -> anyhow::Result<()> {
    let mut printed = String::new();
    io::stdin().read_to_string(&mut printed)?;
    anyhow::ensure!(!printed.trim().is_empty(), "standard input is empty");
    print!("{}", svg(&args.title, printed.trim_end()));
    Ok(())
}

fn svg(title: &str, printed: &str) -> String {
    let lines: Vec<&str> = printed.lines().collect();
    let longest = lines.iter().map(|line| line.chars().count()).max();
    let width = longest.unwrap_or(0).max(title.len() + 4) * CHARACTER + 2 * MARGIN;
    let height = BAR + lines.len() * LINE + 2 * MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" role=\"img\" aria-label=\"{label}\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#0d1117\"/>\n\
         <g font-family=\"ui-monospace, monospace\" font-size=\"13\" xml:space=\"preserve\">\n\
         <text x=\"{MARGIN}\" y=\"22\" fill=\"#8b949e\">$ {label}</text>\n",
        label = escaped(title),
    );
    for (number, line) in lines.iter().enumerate() {
        let y = BAR + MARGIN + number * LINE;
        let length = line.chars().count() * CHARACTER;
        if length > 0 {
            // Whatever the font, columns stay columns.
            let _ = writeln!(
                svg,
                "<text x=\"{MARGIN}\" y=\"{y}\" textLength=\"{length}\" fill=\"#e6edf3\">{}</text>",
                coloured(line)
            );
        }
    }
    svg.push_str("</g>\n</svg>\n");
    svg
}

/// The line with its telling words in colour.
fn coloured(line: &str) -> String {
    line.split_inclusive(' ')
        .map(|part| {
            let word = part.trim_end();
            match COLOURED.iter().find(|(telling, _)| *telling == word) {
                Some((_, colour)) => format!(
                    "<tspan fill=\"{colour}\">{}</tspan>{}",
                    escaped(word),
                    &part[word.len()..]
                ),
                None => escaped(part),
            }
        })
        .collect()
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_printed_is_in_the_picture() {
        let picture = svg("cargo xtask demo", "  1  ok   a < b\n\nrevision none");
        assert!(
            picture.contains("<tspan fill=\"#7ee787\">ok</tspan>   a &lt; b</text>"),
            "{picture}"
        );
        assert!(picture.contains(">revision none</text>"), "{picture}");
        assert!(picture.contains("$ cargo xtask demo</text>"), "{picture}");
    }
}

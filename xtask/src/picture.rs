//! `cargo xtask picture`: what a command printed, as a picture for the README.

use std::io::{self, Read as _};

use anstyle_svg::Term;

/// The options of the picture.
#[derive(Debug, clap::Args)]
pub struct PictureArgs {
    /// The command, to stand above what it printed
    #[arg(long, value_name = "TEXT")]
    title: String,
}

/// Draws standard input on standard output.
pub fn run(args: &PictureArgs) -> anyhow::Result<()> {
    let mut printed = String::new();
    io::stdin().read_to_string(&mut printed)?;
    anyhow::ensure!(!printed.trim().is_empty(), "standard input is empty");
    print!("{}", svg(&args.title, printed.trim_end()));
    Ok(())
}

fn svg(title: &str, printed: &str) -> String {
    Term::new().render_svg(&format!("$ {title}\n\n{printed}\n"))
}

#[cfg(test)]
mod tests {
    use contract_lab::ui::good;

    use super::svg;

    #[test]
    fn the_picture_shows_each_line_in_its_colours() {
        let picture = svg("cargo xtask demo", &format!("  1  {}   a < b", good("ok")));
        for part in [">$ cargo xtask demo<", ">ok<", "   a &lt; b", "fg-green"] {
            assert!(picture.contains(part), "{part} is not in {picture}");
        }
    }
}

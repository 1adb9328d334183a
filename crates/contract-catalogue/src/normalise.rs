//! Replaces what differs from run to run by placeholders in a recording, and fills them in for a replay.
//!
//! There is one normaliser: the recorder applies it to the output of a binary, and the replay suite to
//! the adapter's result. Everything that it replaces is listed in `contract-fixtures/README.md`.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// The names that belong to one run, each with its placeholder.
#[derive(Debug, Clone, Default)]
pub struct Names(Vec<(String, &'static str)>);

impl Names {
    /// No names.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a name. An empty name is ignored, because it would match everywhere.
    pub fn with(mut self, name: impl Into<String>, placeholder: &'static str) -> Self {
        let name = name.into();
        if !name.is_empty() {
            self.0.push((name, placeholder));
            // A name that contains another one must be found first.
            self.0
                .sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        }
        self
    }

    /// `text` with each placeholder replaced by the name it stands for.
    pub fn expand(&self, text: &str) -> String {
        self.0
            .iter()
            .fold(text.to_owned(), |text, (name, placeholder)| {
                text.replace(placeholder, name)
            })
    }

    /// `text` with each name replaced by its placeholder.
    fn collapse(&self, text: &str) -> String {
        self.0
            .iter()
            .fold(text.to_owned(), |text, (name, placeholder)| {
                text.replace(name, placeholder)
            })
    }
}

/// The patterns of volatile texts, and their replacements, applied in order. A replacement has the same JSON
/// type, so a report is still read as a report.
static RULES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        // Points in time.
        (
            r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d(:?\d\d)?)?",
            "2000-01-01T00:00:00+00:00",
        ),
        (r"_\d{8}_\d{6}\b", "_20000101_000000"),
        // The adapter's private report file.
        (r#"[^\s'"]*/confiture-report-\w+/report\.json"#, "<report>"),
        // The adapter's private directory of links.
        (
            r#"[^\s'"]*/confiture-report-\w+/project(/[^\s'"]+)?/links\b"#,
            "<links>",
        ),
        // The password in a URL, or a word in its place in an example of the form of a URL.
        (
            r#"(postgres(?:ql)?://[^:@/ "]+:)[^@<" ]+@"#,
            "${1}<password>@",
        ),
        // Durations.
        (r#"("[a-z_]*(?:_ms|_seconds|duration)": )[\d.]+"#, "${1}0"),
        (
            r"\b(acquired|in|took|after) \d+(?:\.\d+)? ?(ms|s|seconds)\b",
            "$1 0$2",
        ),
        // Processes and sessions.
        (r"(?i)\b(pid[ =:]+)\d+", "${1}0"),
        (r#"("(?:[a-z_]*_)?pid": )"?\d+"?"#, "${1}0"),
        (
            r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
            "00000000-0000-0000-0000-000000000000",
        ),
        (r"\b0x[0-9a-f]{6,}\b", "0x0"),
        // The migration lock's number follows from the database's name.
        (r"\block \(id=\d+\)", "lock (id=0)"),
        // Versions of the packages that confiture is installed with.
        (r#"("pglast": )"[^"]+""#, r#"${1}"<pglast>""#),
        (r"\bpglast \d[\w.]*", "pglast <pglast>"),
    ]
    .map(|(pattern, replacement)| {
        let pattern = Regex::new(pattern).expect("the pattern is part of this file");
        (pattern, replacement)
    })
    .into()
});

/// A rendered traceback, framed or plain, up to the line that names the exception.
static TRACEBACK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?m)^(?:╭─+ Traceback[^\n]*\n(?:[│╭╰ ][^\n]*\n)*|Traceback \(most recent call last\):\n(?:[ \t]+[^\n]*\n)*)",
    )
    .expect("the pattern is part of this file")
});

/// `text` without what differs from run to run.
pub fn normalise(text: &str, names: &Names) -> String {
    let text = names.collapse(text);
    let text = TRACEBACK.replace_all(&text, |_: &Captures<'_>| "<traceback>\n");
    let rules = RULES.iter();
    rules.fold(text.into_owned(), |text, (pattern, replacement)| {
        pattern.replace_all(&text, *replacement).into_owned()
    })
}

/// The interface that a `--help` page describes, one option or argument a line: its names and the
/// kind of value it takes. The prose around it changes with nearly every release and decides
/// nothing.
pub fn help_interface(page: &str) -> String {
    let is_kind = |word: &&str| word.starts_with('<') && word.ends_with('>');
    let interface = page.lines().filter_map(|line| {
        let words: Vec<&str> = line.strip_prefix('│')?.split_whitespace().collect();
        let words = words.strip_prefix(&["*"]).unwrap_or(&words);
        let named = words
            .iter()
            .take_while(|word| word.starts_with('-') || is_kind(word))
            .count();
        let argument = words.get(1).is_some_and(is_kind);
        let kept = if named > 0 {
            named
        } else if argument {
            2
        } else {
            0
        };
        (kept > 0).then(|| words[..kept].join(" "))
    });
    interface.map(|line| line + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalised(text: &str) -> String {
        normalise(text, &Names::new())
    }

    #[test]
    fn values_that_differ_between_runs_are_replaced_by_the_same_type() {
        for (volatile, fixed) in [
            (
                r#""applied_at": "2026-11-22T18:45:43.772768+00:00""#,
                r#""applied_at": "2000-01-01T00:00:00+00:00""#,
            ),
            (
                "postgresql://user:secret@host",
                "postgresql://user:<password>@host",
            ),
            (r#""duration_ms": 5,"#, r#""duration_ms": 0,"#),
            (r#""total_duration_ms": 12"#, r#""total_duration_ms": 0"#),
            (
                "done in 0.31s, acquired 34s ago",
                "done in 0s, acquired 0s ago",
            ),
            ("a_001_20261122_184548", "a_001_20000101_000000"),
            ("held by PID 4711", "held by PID 0"),
            (r#""pglast": "8.8","#, r#""pglast": "<pglast>","#),
            (
                "parser: pglast 8.8 (PostgreSQL 18",
                "parser: pglast <pglast> (PostgreSQL 18",
            ),
        ] {
            assert_eq!(normalised(volatile), fixed);
        }
    }

    #[test]
    fn values_that_decide_are_not_normalised() {
        for text in [
            r#""migrations_checked": 3, "errors": 1, "exit": 3"#,
            r#""version": "20260101", "checksum": "0c122df5""#,
            "LOCK_1300 PRECON_1001 001_a.up.sql within 30.0s",
        ] {
            assert_eq!(normalised(text), text);
        }
    }

    #[test]
    fn placeholders_replace_the_longest_name_first_and_are_reversible() {
        let names = Names::new()
            .with("/t/p", "<project>")
            .with("/t/p/out.json", "<report>")
            .with("", "<nothing>");
        let text = "wrote /t/p/out.json below /t/p";
        let collapsed = normalise(text, &names);
        assert_eq!(collapsed, "wrote <report> below <project>");
        assert_eq!(names.expand(&collapsed), text);
    }

    #[test]
    fn a_traceback_is_reduced_to_its_exception() {
        let framed = "before\n╭──── Traceback (most recent call last) ────╮\n│ /x/cli.py:120 │\n│ ❱ 1 │ boom │\n╰────╯\nIsADirectoryError: gone\n";
        let plain = "Traceback (most recent call last):\n  File \"/x/a.py\", line 3, in f\n    boom()\nOSError: gone\n";
        assert_eq!(
            normalised(framed),
            "before\n<traceback>\nIsADirectoryError: gone\n"
        );
        assert_eq!(normalised(plain), "<traceback>\nOSError: gone\n");
    }

    #[test]
    fn a_help_page_is_reduced_to_its_options() {
        let page = " Usage: confiture migrate down-to\n│ *    revision   <str>  Where to. │\n│ --format  -f   <str>  text or json │\n│    [default: text]  │\n│ --no-config   <bool>  Only the environment │\n";
        assert_eq!(
            help_interface(page),
            "revision <str>\n--format -f <str>\n--no-config <bool>\n"
        );
    }
}

//! Which lines of confiture's output an answer quotes.

/// Options that the adapter never uses: one lets two writers at a database at once, the other
/// applies what is applied already.
const FORBIDDEN: [&str; 2] = ["--no-lock", "--force"];

/// The text less every sentence that advises an option of [`FORBIDDEN`].
pub(super) fn without_forbidden_advice(text: &str) -> String {
    let forbidden = |text: &str| FORBIDDEN.iter().any(|option| text.contains(option));
    if !forbidden(text) {
        return text.to_owned();
    }
    let lines = text.split('\n').map(|line| {
        if !forbidden(line) {
            return line.to_owned();
        }
        let kept = line.split_inclusive(". ").filter(|it| !forbidden(it));
        kept.collect::<String>().trim_end().to_owned()
    });
    lines.collect::<Vec<String>>().join("\n")
}

/// Adds a line to a log.
pub(crate) fn add_line(log: &mut String, line: &str) {
    if !log.is_empty() && !log.ends_with('\n') {
        log.push('\n');
    }
    log.push_str(line);
}

/// Whether a line only names the report file, which is removed before anybody reads the line.
pub(super) fn names_our_report(line: &str) -> bool {
    ["✅ Output written to ", "✓ JSON report saved to "]
        .iter()
        .any(|start| line.starts_with(start))
}

/// Whether a line says nothing of why a command failed: where the report went, and the paragraph on
/// files whose names confiture does not take for migrations.
pub(super) fn is_a_banner(line: &str) -> bool {
    const BEGINNINGS: &[&str] = &[
        "⚠️  WARNING: Orphaned migration files",
        "These SQL files exist but won't be applied",
        "Confiture only recognizes migration files",
        "• ",
        "Learn more: ",
        "🔐 Checksum verification passed",
        "🔒 Acquired migration lock",
        "📦 Found ",
        "Migration file not found for ",
    ];
    names_our_report(line) || BEGINNINGS.iter().any(|start| line.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_to_work_without_the_lock_is_not_passed_on() {
        let said = "Could not acquire migration lock within 30.0s. Held by pid 7 on vm; acquired \
                    3s ago. Use --no-lock to bypass (dangerous in multi-pod environments).\nmore";
        let kept = without_forbidden_advice(said);
        assert!(kept.starts_with("Could not acquire migration lock within 30.0s. Held by pid 7"));
        assert!(
            !kept.contains("--no-lock") && kept.ends_with("\nmore"),
            "{kept}"
        );
        assert_eq!(without_forbidden_advice("Tip: use --force now"), "");
        assert_eq!(without_forbidden_advice("a\nb"), "a\nb");
    }
}

//! What every command of confiture finds in its environment.

/// The variables that make confiture's output plain, whole and timely whatever the terminal: no colours, no
/// boxes that break words, no line held back.
pub const PLAIN_OUTPUT: [(&str, &str); 8] = [
    ("COLUMNS", "200"),
    ("NO_COLOR", "1"),
    ("PYTHONIOENCODING", "utf-8:backslashreplace"),
    ("PYTHONUNBUFFERED", "1"),
    ("TERM", "dumb"),
    ("TYPER_USE_RICH", "0"),
    // A traceback of rich prints local variables, cut to a width: half a connection string.
    ("TYPER_STANDARD_TRACEBACK", "1"),
    ("_TYPER_STANDARD_TRACEBACK", "1"),
];

/// What would undo [`PLAIN_OUTPUT`].
pub(super) const NOT_INHERITED: [&str; 4] = [
    "CLICOLOR_FORCE",
    "FORCE_COLOR",
    "PY_COLORS",
    "TTY_COMPATIBLE",
];

//! The names of migration files, as confiture reads them.

use std::ffi::OsStr;

/// The version a file of this name has as a migration; `None` when confiture does not read it as
/// one. Only the directory itself is looked at, never a subdirectory.
pub(crate) fn version_of(name: &OsStr) -> Option<String> {
    // Nobody can ask for a version that is not UTF-8, but the file counts.
    let name = name.to_string_lossy();
    let stem = stem_of(&name)?;
    Some(stem.split('_').next().unwrap_or_default().to_owned())
}

/// What stands behind the first `_` of the name of a migration's file; all of it where there is none.
pub(crate) fn name_of(name: &str) -> Option<&str> {
    let stem = stem_of(name)?;
    Some(stem.split_once('_').map_or(stem, |(_, name)| name))
}

/// The name of a migration's file without its ending.
pub(crate) fn stem_of(name: &str) -> Option<&str> {
    match (name.strip_suffix(".up.sql"), name.strip_suffix(".py")) {
        (Some(stem), _) => Some(stem),
        (None, Some(stem)) if !name.starts_with('_') => Some(stem),
        _ => None,
    }
}

//! Makes the parts of an input from bytes.

use arbitrary::Unstructured;
use fraisier_adapter_confiture::tools::process::Exit;

/// One of these choices, chosen by the next bytes.
pub(crate) fn choose<'a, T>(bytes: &mut Unstructured<'_>, from: &'a [T]) -> &'a T {
    bytes.choose(from).unwrap_or(&from[0])
}

/// A number below `end`, chosen by the next bytes; 0 if none are left.
pub(crate) fn below(bytes: &mut Unstructured<'_>, end: usize) -> usize {
    bytes.choose_index(end).unwrap_or(0)
}

/// A short text, made from the next bytes.
pub(crate) fn text(bytes: &mut Unstructured<'_>, longest: usize) -> String {
    let length = below(bytes, longest + 1).min(bytes.len());
    let taken = bytes.bytes(length).unwrap_or_default();
    String::from_utf8_lossy(taken).into_owned()
}

/// How a process ended; `None` for the recorded exit.
pub(crate) fn exit(bytes: &mut Unstructured<'_>) -> Option<Exit> {
    match below(bytes, 9) {
        0..3 => None,
        3..5 => Some(Exit::Code(0)),
        5..7 => Some(Exit::Code(i32::try_from(below(bytes, 10)).unwrap_or(0))),
        7 => Some(Exit::Code(bytes.arbitrary().unwrap_or(0))),
        _ => Some(Exit::Signal(
            1 + i32::try_from(below(bytes, 31)).unwrap_or(0),
        )),
    }
}

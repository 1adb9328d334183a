//! What the fuzz targets share: a property by its name, and libpq's parser for it.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::sync::OnceLock;

use contract_properties::{Libpq, Parsed, Property, property};
use libloading::Library;

/// The variable that names the file of libpq to hold ours against.
const LIBPQ: &str = "FUZZ_LIBPQ";

/// Holds an input against a property.
pub fn check(name: &str, input: &[u8]) {
    static PROPERTY: OnceLock<&Property> = OnceLock::new();
    let property = PROPERTY.get_or_init(|| property(name).expect("a property"));
    static FOUND: OnceLock<Option<Library>> = OnceLock::new();
    let libpq = FOUND.get_or_init(|| {
        let file = std::env::var_os(LIBPQ)?;
        // SAFETY: loading libpq runs no code but its own.
        Some(unsafe { Library::new(file) }.expect("libpq"))
    });
    let parse = libpq.as_ref().map(|library| |text: &str| parse(library, text));
    let libpq: Libpq = parse.as_ref().map(|parse| parse as _);
    (property.check)(input, libpq);
}

/// An option as libpq lays it out.
#[repr(C)]
struct ConninfoOption {
    keyword: *const c_char,
    envvar: *const c_char,
    compiled: *const c_char,
    val: *const c_char,
    label: *const c_char,
    dispchar: *const c_char,
    dispsize: c_int,
}

type ConninfoParse = unsafe extern "C" fn(*const c_char, *mut *mut c_char) -> *mut ConninfoOption;
type ConninfoFree = unsafe extern "C" fn(*mut ConninfoOption);
type FreeMem = unsafe extern "C" fn(*mut c_void);

fn parse(libpq: &Library, text: &str) -> Parsed {
    let text = CString::new(text).map_err(|error| error.to_string())?;
    // SAFETY: the signatures are those of libpq-fe.h; what it allocates is freed by it, once.
    unsafe {
        let parse = libpq.get::<ConninfoParse>(b"PQconninfoParse").expect("libpq");
        let free = libpq.get::<ConninfoFree>(b"PQconninfoFree").expect("libpq");
        let free_text = libpq.get::<FreeMem>(b"PQfreemem").expect("libpq");
        let mut message = std::ptr::null_mut();
        let options = parse(text.as_ptr(), &raw mut message);
        if options.is_null() {
            let said = if message.is_null() {
                "out of memory".to_owned()
            } else {
                CStr::from_ptr(message).to_string_lossy().into_owned()
            };
            free_text(message.cast());
            return Err(said);
        }
        let mut parsed = BTreeMap::new();
        let mut option = options;
        while !(*option).keyword.is_null() {
            if !(*option).val.is_null() {
                let text = |text| CStr::from_ptr(text).to_string_lossy().into_owned();
                parsed.insert(text((*option).keyword), text((*option).val));
            }
            option = option.add(1);
        }
        free(options);
        Ok(parsed)
    }
}

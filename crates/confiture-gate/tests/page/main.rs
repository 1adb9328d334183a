//! The page and the pictures in headless Chromium, the page at the widths of a desktop and of a phone.
//!
//! Without a Chromium the tests are listed as ignored. With `GATE_PAGE=required` they fail instead,
//! which is how `.ci/run` calls them. A Chromium that does not start is a failure, and so is one
//! without its `chromedriver`.

mod browser;
mod sample;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use browser::Browser;
use libtest_mimic::{Arguments, Failed, Trial};

const WIDTHS: [u32; 2] = [1280, 390];
const PICTURES: [&str; 2] = ["demo.svg", "gate.svg"];

/// The keys, as the `WebDriver` protocol encodes them.
const ENTER: char = '\u{e007}';
const ESCAPE: char = '\u{e00c}';
const RIGHT: char = '\u{e014}';
const DOWN: char = '\u{e015}';

type Test = fn(&Browser) -> Result<(), Failed>;

const TESTS: [(&str, Test); 4] = [
    ("a_click_leads_to_the_changed_field", click),
    ("the_keyboard_goes_through_the_matrix", keyboard),
    ("nothing_is_wider_than_the_window", fits),
    ("the_page_loads_nothing_from_elsewhere", silent),
];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let chromium = browser::chromium();
    let required = std::env::var_os("GATE_PAGE").is_some_and(|value| value == "required");
    let missing = chromium.is_none();
    if missing {
        eprintln!("no chromium on PATH: the page is not looked at");
    }
    let mut trials = Vec::new();
    let trial = |name: String, run: Box<dyn FnOnce() -> Result<(), Failed> + Send>| {
        Trial::test(name, run).with_ignored_flag(missing && !required)
    };
    for width in WIDTHS {
        for (name, test) in TESTS {
            let chromium = chromium.clone();
            let run = move || looked_at(chromium, width, true, test);
            trials.push(trial(format!("{name}_at_{width}"), Box::new(run)));
        }
    }
    let without = chromium.clone();
    let run = move || looked_at(without, 390, false, verdict_without_scripts);
    trials.push(trial(
        "the_verdict_needs_no_script".to_owned(),
        Box::new(run),
    ));
    for picture in PICTURES {
        let chromium = chromium.clone();
        let run = move || letters(chromium, picture);
        let name = format!("letters_are_not_stretched_in_{picture}");
        trials.push(trial(name, Box::new(run)));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn started(chromium: Option<PathBuf>, width: u32, scripts: bool) -> Result<Browser, Failed> {
    let chromium = chromium.ok_or("no chromium on PATH")?;
    Browser::start(&chromium, width, scripts).map_err(|error| format!("{error:#}").into())
}

fn looked_at(
    chromium: Option<PathBuf>,
    width: u32,
    scripts: bool,
    test: Test,
) -> Result<(), Failed> {
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("page.html");
    std::fs::write(&file, sample::page())?;
    let browser = started(chromium, width, scripts)?;
    browser.open(&file)?;
    test(&browser)
}

/// Each piece of text has its natural width, and is inside the picture.
fn letters(chromium: Option<PathBuf>, picture: &str) -> Result<(), Failed> {
    const WRONG: &str = "(() => {
        const pen = document.createElementNS('http://www.w3.org/1999/xhtml', 'canvas').getContext('2d');
        const pieces = [...document.querySelectorAll('tspan > tspan')];
        const wrong = pieces.filter(piece => {
            pen.font = getComputedStyle(piece).font;
            const shown = piece.getBoundingClientRect();
            return Math.abs(shown.width - pen.measureText(piece.textContent).width) > 1
                || shown.right > document.documentElement.getBoundingClientRect().right;
        });
        return `${wrong.length} of ${pieces.length}: ${wrong.map(piece => piece.textContent)}`;
    })()";
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let browser = started(chromium, 1280, true)?;
    browser.open(&docs.canonicalize()?.join(picture))?;
    let wrong = browser.text(WRONG)?;
    let right = wrong.starts_with("0 of ") && !wrong.starts_with("0 of 0");
    check(right, wrong)
}

fn check(holds: bool, words: impl Into<String>) -> Result<(), Failed> {
    if holds {
        Ok(())
    } else {
        Err(words.into().into())
    }
}

fn click(page: &Browser) -> Result<(), Failed> {
    const SHOWN: &str = "[...document.querySelectorAll('article')].filter(a => a.offsetHeight > 0)";
    let before = page.text(&format!("String({SHOWN}.length)"))?;
    check(before == "0", format!("{before} cases are open at first"))?;
    page.click("#matrix td.breaks a")?;
    let heading = page.text(&format!(
        "{SHOWN}.map(a => a.querySelector('h2').textContent).join()"
    ))?;
    check(heading == "preflight/add-column", heading)?;
    let changed = page.text(&format!(
        "{SHOWN}[0].querySelector('.changed del').offsetWidth > 50 \
         ? {SHOWN}[0].querySelector('.changed del').innerText : 'hidden'"
    ))?;
    check(changed.contains("\"window_safe\": true"), changed)?;
    let says = page.text(&format!("{SHOWN}[0].innerText"))?;
    check(says.contains("report field `window_safe` is gone"), says)
}

fn keyboard(page: &Browser) -> Result<(), Failed> {
    const HERE: &str = "document.activeElement.getAttribute('aria-label') || ''";
    page.text("document.querySelector('#matrix td a').focus() || ''")?;
    let first = page.text(HERE)?;
    check(first.starts_with("current/fresh on 1.29.0"), &first)?;
    page.key(RIGHT)?;
    let right = page.text(HERE)?;
    check(right.starts_with("current/fresh on 1.30.0rc1"), &right)?;
    page.key(DOWN)?;
    let below = page.text(HERE)?;
    check(
        below.starts_with("preflight/add-column on 1.30.0rc1"),
        &below,
    )?;
    page.key(ENTER)?;
    let open = page.text("location.hash")?;
    check(open.starts_with("#case-"), open)?;
    page.key(ESCAPE)?;
    let back = page.text(HERE)?;
    check(back == below, back)
}

fn fits(page: &Browser) -> Result<(), Failed> {
    let wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
    let over = page.text(&format!("String({wide})"))?;
    check(
        over == "0",
        format!("{over} pixels are outside of the window"),
    )?;
    page.click("#matrix td.breaks a")?;
    let over = page.text(&format!("String({wide})"))?;
    check(
        over == "0",
        format!("{over} pixels of a case are outside of the window"),
    )
}

fn silent(page: &Browser) -> Result<(), Failed> {
    page.click("#matrix td.breaks a")?;
    let asked = page.text("performance.getEntriesByType('resource').map(it => it.name).join()")?;
    check(asked.is_empty(), asked)
}

fn verdict_without_scripts(page: &Browser) -> Result<(), Failed> {
    let verdict = page.read(".verdict.breaks")?;
    check(verdict.contains("NO: it breaks fraisier in 1 way"), verdict)
}

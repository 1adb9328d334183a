//! The page as a browser shows it: Chromium, headless, at the width of a desk and of a phone.
//!
//! Without a Chromium the tests are listed as ignored. With `GATE_PAGE=required` they fail instead,
//! which is how `.ci/run` calls them.

mod browser;
mod sample;

use std::path::PathBuf;
use std::process::ExitCode;

use browser::{Browser, Page};
use libtest_mimic::{Arguments, Failed, Trial};

const WIDTHS: [u32; 2] = [1280, 390];

type Test = fn(&mut Page<'_>) -> Result<(), Failed>;

const TESTS: [(&str, Test); 4] = [
    ("a_click_leads_to_the_changed_field", click),
    ("the_keyboard_goes_through_the_matrix", keyboard),
    ("nothing_is_wider_than_the_window", fits),
    ("it_asks_nothing_of_anybody", silent),
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
            let run = move || looked_at(chromium, width, test);
            trials.push(trial(format!("{name}_at_{width}"), Box::new(run)));
        }
    }
    let without = chromium.clone();
    let run = move || verdict_without_scripts(without);
    trials.push(trial(
        "the_verdict_needs_no_script".to_owned(),
        Box::new(run),
    ));
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn started(chromium: Option<PathBuf>) -> Result<Browser, Failed> {
    Ok(Browser::start(&chromium.ok_or("no chromium on PATH")?)?)
}

fn looked_at(chromium: Option<PathBuf>, width: u32, test: Test) -> Result<(), Failed> {
    let mut browser = started(chromium)?;
    let mut page = browser.open(&sample::page(), width, true)?;
    test(&mut page)
}

fn check(holds: bool, words: impl Into<String>) -> Result<(), Failed> {
    if holds {
        Ok(())
    } else {
        Err(words.into().into())
    }
}

fn click(page: &mut Page<'_>) -> Result<(), Failed> {
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

fn keyboard(page: &mut Page<'_>) -> Result<(), Failed> {
    const HERE: &str = "document.activeElement.getAttribute('aria-label') || ''";
    page.text("document.querySelector('#matrix td a').focus() || ''")?;
    let first = page.text(HERE)?;
    check(first.starts_with("current/fresh on 1.29.0"), &first)?;
    page.key("ArrowRight")?;
    let right = page.text(HERE)?;
    check(right.starts_with("current/fresh on 1.30.0rc1"), &right)?;
    page.key("ArrowDown")?;
    let below = page.text(HERE)?;
    check(
        below.starts_with("preflight/add-column on 1.30.0rc1"),
        &below,
    )?;
    page.key("Enter")?;
    let open = page.text("location.hash")?;
    check(open.starts_with("#case-"), open)?;
    page.key("Escape")?;
    let back = page.text(HERE)?;
    check(back == below, back)
}

fn fits(page: &mut Page<'_>) -> Result<(), Failed> {
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

fn silent(page: &mut Page<'_>) -> Result<(), Failed> {
    page.click("#matrix td.breaks a")?;
    let asked = page.requests();
    let others: Vec<&String> = asked
        .iter()
        .filter(|url| !url.starts_with("file:"))
        .collect();
    check(others.is_empty(), format!("{others:?}"))?;
    check(asked.len() == 1, format!("{asked:?}"))
}

fn verdict_without_scripts(chromium: Option<PathBuf>) -> Result<(), Failed> {
    let mut browser = started(chromium)?;
    let mut page = browser.open(&sample::page(), 390, false)?;
    let markup = page.markup(".verdict.breaks")?;
    check(markup.contains("NO: it breaks fraisier in 1 way"), markup)
}

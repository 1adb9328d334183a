//! A headless Chromium, told what to do over two pipes.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use contract_lab::files::make_fifo;
use serde_json::{Value, json};

/// A browser that does not answer within this time is ended.
const ANSWERS_WITHIN: Duration = Duration::from_secs(180);

/// The Chromium on PATH.
pub(crate) fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    std::env::split_paths(&path)
        .flat_map(|directory| names.map(|name| directory.join(name)))
        .find(|program| program.is_file())
}

/// A browser of one test.
pub(crate) struct Browser {
    child: Arc<Mutex<Child>>,
    ended: Arc<AtomicBool>,
    commands: File,
    answers: BufReader<File>,
    count: u64,
    requests: Vec<String>,
    root: tempfile::TempDir,
}

impl Browser {
    pub(crate) fn start(program: &Path) -> io::Result<Self> {
        let root = tempfile::tempdir()?;
        let pipe = |name: &str| -> io::Result<PathBuf> {
            let path = root.path().join(name);
            make_fifo(&path)?;
            Ok(path)
        };
        let (commands, answers) = (pipe("commands")?, pipe("answers")?);
        let child = Command::new("/bin/sh")
            .args(["-c", r#"exec "$@" 3<"$COMMANDS" 4>"$ANSWERS""#, "sh"])
            .arg(program)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
            ])
            .args(["--disable-dev-shm-usage", "--remote-debugging-pipe"])
            .arg(format!(
                "--user-data-dir={}",
                root.path().join("profile").display()
            ))
            .env("COMMANDS", &commands)
            .env("ANSWERS", &answers)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let browser = Self {
            child: Arc::new(Mutex::new(child)),
            ended: Arc::default(),
            commands: File::options().write(true).open(commands)?,
            answers: BufReader::new(File::open(answers)?),
            count: 0,
            requests: Vec::new(),
            root,
        };
        browser.watch();
        Ok(browser)
    }

    /// Ends a browser that hangs, so that no test waits for it for ever.
    fn watch(&self) {
        let (child, ended) = (Arc::clone(&self.child), Arc::clone(&self.ended));
        std::thread::spawn(move || {
            let end = Instant::now() + ANSWERS_WITHIN;
            while Instant::now() < end {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                std::thread::sleep(Duration::from_millis(200));
            }
            let _ = child.lock().unwrap_or_else(PoisonError::into_inner).kill();
        });
    }

    /// Opens a page in a window of this width.
    pub(crate) fn open(&mut self, text: &str, width: u32, scripts: bool) -> io::Result<Page<'_>> {
        let file = self.root.path().join("page.html");
        fs::write(&file, text)?;
        let target = self.call(None, "Target.createTarget", &json!({"url": "about:blank"}))?;
        let target = json!({"targetId": target["targetId"], "flatten": true});
        let session = self.call(None, "Target.attachToTarget", &target)?;
        let session = session["sessionId"].as_str().unwrap_or_default().to_owned();
        let mut page = Page {
            browser: self,
            session,
        };
        page.call("Page.enable", &json!({}))?;
        page.call("Network.enable", &json!({}))?;
        let disabled = json!({"value": !scripts});
        page.call("Emulation.setScriptExecutionDisabled", &disabled)?;
        let mobile = width < 600;
        let window =
            json!({"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": mobile});
        page.call("Emulation.setDeviceMetricsOverride", &window)?;
        let url = format!("file://{}", file.display());
        page.call("Page.navigate", &json!({"url": url}))?;
        while page.browser.message()?["method"] != "Page.loadEventFired" {}
        Ok(page)
    }

    fn call(&mut self, session: Option<&str>, method: &str, params: &Value) -> io::Result<Value> {
        self.count += 1;
        let mut command = json!({"id": self.count, "method": method, "params": params});
        if let Some(session) = session {
            command["sessionId"] = json!(session);
        }
        self.commands.write_all(command.to_string().as_bytes())?;
        self.commands.write_all(&[0])?;
        loop {
            let message = self.message()?;
            if message["id"] == json!(self.count) {
                return match message.get("error") {
                    Some(error) => Err(io::Error::other(format!("{method}: {error}"))),
                    None => Ok(message["result"].clone()),
                };
            }
        }
    }

    fn message(&mut self) -> io::Result<Value> {
        let mut bytes = Vec::new();
        self.answers.read_until(0, &mut bytes)?;
        if bytes.pop().is_none() {
            return Err(io::Error::other("the browser has ended"));
        }
        let message: Value = serde_json::from_slice(&bytes)?;
        if message["method"] == "Network.requestWillBeSent" {
            let url = message["params"]["request"]["url"].as_str();
            self.requests.push(url.unwrap_or_default().to_owned());
        }
        Ok(message)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// A page that is shown.
pub(crate) struct Page<'a> {
    browser: &'a mut Browser,
    session: String,
}

impl Page<'_> {
    fn call(&mut self, method: &str, params: &Value) -> io::Result<Value> {
        self.browser.call(Some(&self.session), method, params)
    }

    /// The text that an expression gives.
    pub(crate) fn text(&mut self, expression: &str) -> io::Result<String> {
        let params = json!({"expression": expression, "returnByValue": true});
        let answer = self.call("Runtime.evaluate", &params)?;
        let text = answer["result"]["value"].as_str();
        text.map(str::to_owned)
            .ok_or_else(|| io::Error::other(format!("{expression}: {answer}")))
    }

    /// Clicks where the element is.
    pub(crate) fn click(&mut self, selector: &str) -> io::Result<()> {
        let place = self.text(&format!(
            "(() => {{ const found = document.querySelector('{selector}'); \
             found.scrollIntoView({{block: 'center', inline: 'center'}}); \
             const at = found.getBoundingClientRect(); \
             return JSON.stringify([at.x + at.width / 2, at.y + at.height / 2]); }})()"
        ))?;
        let place: [f64; 2] = serde_json::from_str(&place)?;
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({
                "type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1
            });
            self.call("Input.dispatchMouseEvent", &event)?;
        }
        Ok(())
    }

    /// Presses a key.
    pub(crate) fn key(&mut self, key: &str) -> io::Result<()> {
        let code = match key {
            "Enter" => 13,
            "Escape" => 27,
            "ArrowRight" => 39,
            _ => 40,
        };
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({"type": kind, "key": key, "windowsVirtualKeyCode": code});
            if key == "Enter" && kind == "keyDown" {
                event["text"] = json!("\r");
            }
            self.call("Input.dispatchKeyEvent", &event)?;
        }
        Ok(())
    }

    /// The markup of an element, which can be read without scripts.
    pub(crate) fn markup(&mut self, selector: &str) -> io::Result<String> {
        let document = self.call("DOM.getDocument", &json!({}))?;
        let root = &document["root"]["nodeId"];
        let query = json!({"nodeId": root, "selector": selector});
        let found = self.call("DOM.querySelector", &query)?;
        let markup = self.call("DOM.getOuterHTML", &json!({"nodeId": found["nodeId"]}))?;
        Ok(markup["outerHTML"].as_str().unwrap_or_default().to_owned())
    }

    /// What was asked of anybody so far.
    pub(crate) fn requests(&self) -> &[String] {
        &self.browser.requests
    }
}

//! A headless Chromium, driven by `chromedriver`.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use fantoccini::error::CmdError;
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::json;
use tokio::runtime::{Builder, Runtime};

/// A browser that does not answer within this time has failed.
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
    driver: Child,
    runtime: Runtime,
    client: Option<Client>,
}

impl Browser {
    /// Starts it with a window of this width.
    pub(crate) fn start(program: &Path, width: u32, scripts: bool) -> anyhow::Result<Self> {
        let driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("chromedriver, which belongs to the chromium, does not start")?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let mut browser = Self {
            driver,
            runtime,
            client: None,
        };
        let printed = browser.driver.stdout.take().context("it is piped")?;
        let port = BufReader::new(printed)
            .lines()
            .map_while(Result::ok)
            .find_map(|line| {
                let port = line.split_once("successfully on port ")?.1;
                Some(port.trim_end_matches('.').to_owned())
            })
            .context("chromedriver named no port")?;
        let metrics =
            json!({"width": width, "height": 844, "pixelRatio": 1, "mobile": width < 600});
        let options = json!({
            "binary": program,
            "args": ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
            "mobileEmulation": {"deviceMetrics": metrics},
            "prefs": {"profile.managed_default_content_settings.javascript": if scripts { 1 } else { 2 }},
        });
        let mut client =
            ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new());
        client.capabilities(
            [("goog:chromeOptions".to_owned(), options)]
                .into_iter()
                .collect(),
        );
        let url = format!("http://127.0.0.1:{port}");
        let connect = async { tokio::time::timeout(ANSWERS_WITHIN, client.connect(&url)).await };
        let client = browser.runtime.block_on(connect)?;
        browser.client = Some(client.context("the browser does not start")?);
        Ok(browser)
    }

    fn wait<T>(&self, call: impl AsyncFnOnce(&Client) -> Result<T, CmdError>) -> anyhow::Result<T> {
        let client = self.client.as_ref().context("it was started")?;
        let answer = async { tokio::time::timeout(ANSWERS_WITHIN, call(client)).await };
        Ok(self.runtime.block_on(answer)??)
    }

    /// Shows a file.
    pub(crate) fn open(&self, file: &Path) -> anyhow::Result<()> {
        let url = format!("file://{}", file.display());
        self.wait(async |client| client.goto(&url).await)
    }

    /// The value of an expression, as text.
    pub(crate) fn text(&self, expression: &str) -> anyhow::Result<String> {
        let script = format!("return {expression}");
        let value = self.wait(async |client| client.execute(&script, Vec::new()).await)?;
        let text = value.as_str().map(str::to_owned);
        text.with_context(|| format!("{expression}: {value}"))
    }

    /// Clicks an element.
    pub(crate) fn click(&self, selector: &str) -> anyhow::Result<()> {
        self.wait(async |client| client.find(Locator::Css(selector)).await?.click().await)
    }

    /// Presses a key.
    pub(crate) fn key(&self, key: char) -> anyhow::Result<()> {
        let key = key.to_string();
        self.wait(async |client| client.active_element().await?.send_keys(&key).await)
    }

    /// The text of an element.
    pub(crate) fn read(&self, selector: &str) -> anyhow::Result<String> {
        self.wait(async |client| client.find(Locator::Css(selector)).await?.text().await)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            let _ = self.runtime.block_on(client.close());
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

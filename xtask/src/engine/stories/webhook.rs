//! A deploy that a signed request triggers.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::time::{Duration, SystemTime};

use anyhow::ensure;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::database::is_withheld;
use super::story::{Story, product, step};
use crate::engine::look::within;
use crate::engine::stand::{ADMIN, Stand};

const SECRET_VARIABLE: &str = "SHOP_WEBHOOK_SECRET";
const SECRET: &str = "the secret of the webhook";

/// The server of the engine, which deploys in its own process.
pub const WEBHOOK: Story = Story {
    name: "webhook",
    quick: &[],
    before: None,
    steps: &[step("webhook", |stand| {
        product(stand)?;
        stand.build()?;
        stand.set_admin();
        stand.env.insert(SECRET_VARIABLE, SECRET.into());
        stand.config.sections = vec![
            format!("[database]\nadmin_url_env = \"{ADMIN}\"\n"),
            format!("[webhook]\nsecret_env = \"{SECRET_VARIABLE}\"\n"),
        ];
        let server = WebhookServer::start(stand)?;
        let response = server.post(br#"{"version": "v1"}"#)?;
        drop(server);
        ensure!(response.contains("deploy committed"), "{response}");
        stand.is_at(&["001"], &["product"])?;
        is_withheld(stand)
    })],
};

/// A running server; dropping it ends it.
struct WebhookServer {
    process: Child,
    address: SocketAddr,
}

impl WebhookServer {
    fn start(stand: &Stand<'_>) -> anyhow::Result<Self> {
        // A port that was free a moment ago.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let process = stand
            .engine(&["webhook-server", "--listen", &address.to_string()])?
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let server = Self { process, address };
        within(Duration::from_secs(30), || {
            let refused = TcpStream::connect(address).err();
            Ok(refused.map(|why| format!("the server does not listen: {why}")))
        })?;
        Ok(server)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the engine compares it with the time of day"
    )]
    fn timestamp() -> anyhow::Result<String> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
        Ok(now.as_secs().to_string())
    }

    /// The response to a request that is signed as the engine requires.
    fn post(&self, body: &[u8]) -> anyhow::Result<String> {
        let timestamp = Self::timestamp()?;
        let signed = [timestamp.as_bytes(), b".", body].concat();
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes())?;
        mac.update(&signed);
        let mut signature = String::new();
        for byte in mac.finalize().into_bytes() {
            write!(signature, "{byte:02x}")?;
        }
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(240)))?;
        let head = format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\nConnection: close\r\n\
             X-Fraisier-Timestamp: {timestamp}\r\nX-Fraisier-Signature: sha256={signature}\r\n\r\n",
            body.len()
        );
        stream.write_all(&[head.as_bytes(), body].concat())?;
        let mut response = String::new();
        stream.read_to_string(&mut response)?;
        Ok(response)
    }
}

impl Drop for WebhookServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

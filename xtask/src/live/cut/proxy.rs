//! A proxy between confiture and PostgreSQL that cuts a connection after a chosen message.

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use anyhow::Context as _;
use contract_catalogue::connection::Endpoint;

use super::message::{Message, Sender, commits, first_message, message};

/// What a proxy does beside passing messages on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interferes {
    Never,
    /// It cuts a connection after so many messages of all connections together.
    CutsAfter(usize),
    /// It refuses start options, as `PgBouncer` does.
    RefusesOptions,
}

/// A proxy on a port of its own; dropping it closes the port.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    interferes: Interferes,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    passed: Vec<Message>,
    closed: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Proxy {
    /// Listens on a free port of 127.0.0.1 for `server`.
    pub fn start(server: SocketAddr, interferes: Interferes) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            interferes,
            state: Mutex::default(),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming() {
                if accepting.lock().closed {
                    return;
                }
                // A client that cannot be served sees its connection end.
                if let Ok(client) = client {
                    let shared = Arc::clone(&accepting);
                    thread::spawn(move || serve(client, server, &shared));
                }
            }
        });
        Ok(Self { address, shared })
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The messages that passed, in order.
    pub fn passed(&self) -> Vec<Message> {
        self.shared.lock().passed.clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
    }
}

/// Serves one connection to its end.
fn serve(mut client: TcpStream, server: SocketAddr, shared: &Shared) -> Option<()> {
    let mut server = TcpStream::connect(server).ok()?;
    client.set_nodelay(true).ok()?;
    server.set_nodelay(true).ok()?;
    let first = first_message(&mut client)?;
    let options = first.windows(9).any(|it| it == b"\0options\0");
    if options && shared.interferes == Interferes::RefusesOptions {
        let fields = b"SFATAL\0VFATAL\0C08P01\0Munsupported startup parameter: options\0\0";
        let length = u32::try_from(fields.len() + 4).ok()?;
        let refusal = [b"E", &length.to_be_bytes()[..], fields].concat();
        return client.write_all(&refusal).ok();
    }
    let cut = Mutex::new(false);
    let connection = Connection {
        shared,
        cut: &cut,
        client: client.try_clone().ok()?,
        server: server.try_clone().ok()?,
    };
    thread::scope(|scope| {
        scope.spawn(|| connection.pass_on(&mut server, Sender::Server));
        if connection.pass(Sender::Client, &first) {
            connection.pass_on(&mut client, Sender::Client);
        } else {
            drain(&mut client);
        }
    });
    Some(())
}

struct Connection<'a> {
    shared: &'a Shared,
    cut: &'a Mutex<bool>,
    client: TcpStream,
    server: TcpStream,
}

impl Connection<'_> {
    /// Passes on every message that `from` sends, until it ends or the connection is cut.
    fn pass_on(&self, from: &mut TcpStream, sender: Sender) {
        while let Some(message) = message(from) {
            if !self.pass(sender, &message) {
                break;
            }
        }
        let _ = self.receiver(sender).shutdown(Shutdown::Write);
        drain(from);
    }

    /// Passes one message on; whether more may follow.
    fn pass(&self, sender: Sender, message: &[u8]) -> bool {
        // Held until the message is on its way: what passed is in one order.
        let mut state = self.shared.lock();
        let mut cut = self.cut.lock().unwrap_or_else(PoisonError::into_inner);
        if *cut || self.receiver(sender).write_all(message).is_err() {
            return false;
        }
        state.passed.push(Message {
            sender,
            commits: commits(sender, message),
        });
        if self.shared.interferes == Interferes::CutsAfter(state.passed.len()) {
            *cut = true;
            // Each side reads what was sent to it before, and then the end.
            let _ = self.client.shutdown(Shutdown::Write);
            let _ = self.server.shutdown(Shutdown::Write);
        }
        !*cut
    }

    fn receiver(&self, sender: Sender) -> &TcpStream {
        match sender {
            Sender::Client => &self.server,
            Sender::Server => &self.client,
        }
    }
}

/// Closing a socket with something unread in it would discard what the other side has not read.
fn drain(from: &mut TcpStream) {
    let _ = io::copy(from, &mut io::sink());
}

/// The address of a server.
pub fn address(endpoint: &Endpoint) -> anyhow::Result<SocketAddr> {
    let mut addresses = (endpoint.host.as_str(), endpoint.port).to_socket_addrs()?;
    addresses.next().context("the server has no address")
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::super::message::SSL_REQUEST;
    use super::*;

    const STARTUP: &[u8] = b"\x00\x00\x00\x08\x00\x03\x00\x00";
    const COMMIT: &[u8] = b"Q\x00\x00\x00\x0bCOMMIT\x00";
    const DONE: &[u8] = b"C\x00\x00\x00\x0bCOMMIT\x00";

    /// A server that answers each message with [`DONE`], and a thread that returns what it received.
    fn server() -> (SocketAddr, thread::JoinHandle<Vec<u8>>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let thread = thread::spawn(move || {
            let (mut client, _) = listener.accept().unwrap();
            let mut received = first_message(&mut client).unwrap();
            while let Some(message) = message(&mut client) {
                received.extend(&message);
                let _ = client.write_all(DONE);
            }
            received
        });
        (address, thread)
    }

    /// What the client and the server read when the connection is cut after so many messages.
    fn cut(interferes: Interferes) -> (Vec<u8>, Vec<u8>, Vec<Message>) {
        let (address, server) = server();
        let proxy = Proxy::start(address, interferes).unwrap();
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).unwrap();
        // In pieces that are no messages.
        for piece in [STARTUP, &COMMIT[..3], &COMMIT[3..], COMMIT] {
            let _ = client.write_all(piece);
        }
        let _ = client.shutdown(Shutdown::Write);
        let mut read = Vec::new();
        client.read_to_end(&mut read).unwrap();
        (read, server.join().unwrap(), proxy.passed())
    }

    #[test]
    fn without_a_cut_the_proxy_is_transparent() {
        let (read, received, passed) = cut(Interferes::Never);
        assert_eq!(received, [STARTUP, COMMIT, COMMIT].concat());
        assert_eq!(read, [DONE, DONE].concat());
        assert_eq!(passed.iter().filter(|message| message.commits).count(), 4);
        assert_eq!(passed.len(), 5);
    }

    #[test]
    fn only_bytes_before_the_cut_arrive() {
        let (read, received, passed) = cut(Interferes::CutsAfter(1));
        assert_eq!((read.len(), received.as_slice()), (0, STARTUP));
        assert_eq!(passed.len(), 1);
        let (read, received, passed) = cut(Interferes::CutsAfter(2));
        assert_eq!(received, [STARTUP, COMMIT].concat());
        assert_eq!((read.len(), passed.len()), (0, 2));
    }

    #[test]
    fn encryption_is_refused() {
        let (address, server) = server();
        let proxy = Proxy::start(address, Interferes::Never).unwrap();
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).unwrap();
        let request = [&8_u32.to_be_bytes()[..], &SSL_REQUEST.to_be_bytes()].concat();
        client.write_all(&request).unwrap();
        let mut answer = [0];
        client.read_exact(&mut answer).unwrap();
        client.write_all(STARTUP).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(
            (&answer, server.join().unwrap().as_slice()),
            (b"N", STARTUP)
        );
    }
}

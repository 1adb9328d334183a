//! A stand-in for a pooler that refuses start options, as `PgBouncer` does.

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;

use crate::live::cut::message::first_message;

/// Passes connections on to the server on this port, for as long as this process lives; gives its port.
pub(super) fn start(server: u16) -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            thread::spawn(move || serve(client, server));
        }
    });
    Ok(port)
}

fn serve(mut client: TcpStream, server: u16) -> io::Result<()> {
    let Some(start) = first_message(&mut client) else {
        return Ok(());
    };
    if start.windows(9).any(|it| it == b"\0options\0") {
        let fields = b"SFATAL\0VFATAL\0C08P01\0Munsupported startup parameter: options\0\0";
        let length = u32::try_from(fields.len() + 4).unwrap_or_default();
        return client.write_all(&[b"E", &length.to_be_bytes()[..], fields].concat());
    }
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, server))?;
    server.write_all(&start)?;
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || io::copy(&mut from_client, &mut to_server));
    io::copy(&mut server, &mut client).map(drop)
}

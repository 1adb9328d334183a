//! A server behind TLS: the lab's PostgreSQL is built without it, so this ends it in front.

use std::net::{Ipv4Addr, SocketAddr, TcpListener as Listener};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// How long the question is whether the server speaks TLS.
const QUESTION: usize = 8;

/// Takes connections over TLS for as long as it lives, with a certificate for 127.0.0.1.
pub(super) struct Encrypted {
    pub(super) port: u16,
    /// The file with the authority that signed the certificate.
    pub(super) authority: PathBuf,
    _runtime: Runtime,
}

impl Encrypted {
    /// In front of the server on this port; files go into `directory`.
    pub(super) fn start(server: u16, directory: &Path) -> anyhow::Result<Self> {
        let (authority, config) = certified()?;
        let file = directory.join("authority.pem");
        std::fs::write(&file, authority)?;
        let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, server));
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener)?;
            loop {
                let (client, _) = listener.accept().await?;
                let acceptor = acceptor.clone();
                // A client that does not like the certificate goes.
                tokio::spawn(async move { serve(client, acceptor, server).await });
            }
            #[expect(unreachable_code, reason = "it tells the type")]
            std::io::Result::Ok(())
        });
        Ok(Self {
            port,
            authority: file,
            _runtime: runtime,
        })
    }
}

async fn serve(
    mut client: TcpStream,
    acceptor: TlsAcceptor,
    server: SocketAddr,
) -> std::io::Result<()> {
    client.read_exact(&mut [0; QUESTION]).await?;
    client.write_all(b"S").await?;
    let mut client = acceptor.accept(client).await?;
    let mut server = TcpStream::connect(server).await?;
    copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}

/// An authority, and a server whose certificate it signed.
fn certified() -> anyhow::Result<(String, ServerConfig)> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let server = CertificateParams::new(["127.0.0.1".to_owned()])?.signed_by(&key, &authority)?;
    let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from(server)], key)
        .context("the certificate was not taken")?;
    Ok((authority.pem(), config))
}

//! TLS as libpq speaks it: what `sslmode` asks for, and whom it trusts.

use std::path::PathBuf;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject as _};
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{certificate, regular};

/// What the connection string asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tls {
    pub(super) mode: SslMode,
    verifies: Verifies,
    /// Where the authorities come from; none where nothing is verified.
    roots: Option<Roots>,
}

/// What has to be right about the server's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verifies {
    Nothing,
    /// An authority that is trusted signed it.
    Authority,
    /// And it is made out to the host of the connection string.
    Name,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Roots {
    System,
    File(PathBuf),
}

impl Tls {
    /// What these settings ask for: `get` gives a setting by its name, or by that of its variable.
    ///
    /// # Errors
    ///
    /// What this client cannot do.
    pub(super) fn asked(get: impl Fn(&str, &str) -> Option<String>) -> Result<Self, String> {
        for (name, variable) in [
            ("sslcert", "PGSSLCERT"),
            ("sslnegotiation", "PGSSLNEGOTIATION"),
            ("sslcrl", "PGSSLCRL"),
        ] {
            if get(name, variable).is_some() {
                return Err(format!("{name} is set, which is not understood here"));
            }
        }
        let file = get("sslrootcert", "PGSSLROOTCERT");
        let roots = match file.as_deref() {
            Some("system") => Some(Roots::System),
            Some(file) => Some(Roots::File(file.into())),
            None => standard_roots(),
        };
        let mode = get("sslmode", "PGSSLMODE");
        let mode = match mode.as_deref() {
            Some(mode) => mode,
            // libpq does the same.
            None if roots == Some(Roots::System) => "verify-full",
            None => "prefer",
        };
        let (mode, verifies) = match mode {
            "disable" => (SslMode::Disable, Verifies::Nothing),
            "allow" | "prefer" => (SslMode::Prefer, Verifies::Nothing),
            "require" if roots.is_none() => (SslMode::Require, Verifies::Nothing),
            // An authority that is named, or where libpq looks for one, is asked for its word.
            "require" | "verify-ca" => (SslMode::Require, Verifies::Authority),
            "verify-full" => (SslMode::Require, Verifies::Name),
            other => return Err(format!("sslmode={other} is not known here")),
        };
        let roots = roots.filter(|_| verifies != Verifies::Nothing);
        Ok(Self {
            mode,
            verifies,
            roots,
        })
    }

    /// The connector.
    ///
    /// # Errors
    ///
    /// Why the authorities cannot be read.
    pub(super) fn connector(&self) -> Result<MakeRustlsConnect, String> {
        let trusted = match self.verifies {
            Verifies::Nothing => None,
            Verifies::Authority | Verifies::Name => Some(self.trusted()?),
        };
        certificate::connector(trusted, self.verifies == Verifies::Name)
    }

    fn trusted(&self) -> Result<RootCertStore, String> {
        let mut store = RootCertStore::empty();
        let certificates = match &self.roots {
            None => {
                let why = "sslmode asks for an authority, and neither sslrootcert nor \
                           ~/.postgresql/root.crt names one";
                return Err(why.into());
            }
            Some(Roots::System) => rustls_native_certs::load_native_certs().certs,
            Some(Roots::File(file)) => regular::open(file)
                .map_err(pem::Error::Io)
                .and_then(|file| CertificateDer::pem_reader_iter(file).collect())
                .map_err(|why| format!("sslrootcert cannot be read: {why}"))?,
        };
        let (added, _) = store.add_parsable_certificates(certificates);
        if added == 0 {
            return Err("sslrootcert holds no certificate that can be used".into());
        }
        Ok(store)
    }
}

/// The file that libpq looks for.
fn standard_roots() -> Option<Roots> {
    let file = PathBuf::from(std::env::var_os("HOME")?).join(".postgresql/root.crt");
    file.exists().then_some(Roots::File(file))
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::*;

    fn asked(settings: &[(&str, &str)]) -> Result<Tls, String> {
        Tls::asked(|name, _| {
            let found = settings.iter().find(|(set, _)| *set == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn each_mode_asks_for_what_libpq_does() {
        let root = ("sslrootcert", "/ca.pem");
        for (settings, mode, verifies) in [
            (
                &[("sslmode", "disable")][..],
                SslMode::Disable,
                Verifies::Nothing,
            ),
            (&[("sslmode", "allow")], SslMode::Prefer, Verifies::Nothing),
            (
                &[("sslmode", "prefer"), root],
                SslMode::Prefer,
                Verifies::Nothing,
            ),
            (
                &[("sslmode", "require"), root],
                SslMode::Require,
                Verifies::Authority,
            ),
            (
                &[("sslmode", "verify-ca"), root],
                SslMode::Require,
                Verifies::Authority,
            ),
            (
                &[("sslmode", "verify-full"), root],
                SslMode::Require,
                Verifies::Name,
            ),
            (
                &[("sslrootcert", "system")],
                SslMode::Require,
                Verifies::Name,
            ),
        ] {
            let tls = asked(settings).expect("known");
            assert_eq!((tls.mode, tls.verifies), (mode, verifies), "{settings:?}");
        }
        for unknown in [("sslmode", "maybe"), ("sslcert", "/me.pem")] {
            assert!(asked(&[unknown]).is_err(), "{unknown:?}");
        }
    }

    /// Why there is no connector with this file of authorities.
    fn refused(authorities: &Path) -> String {
        let authorities = authorities.to_str().expect("UTF-8");
        let settings = [("sslmode", "verify-ca"), ("sslrootcert", authorities)];
        let tls = asked(&settings).expect("known");
        tls.connector().err().expect("no authority")
    }

    #[test]
    fn an_authority_that_is_missing_or_no_certificate_is_told() {
        let empty = tempfile::NamedTempFile::new().expect("a file");
        for (file, says) in [
            (Path::new("/nowhere"), "cannot be read"),
            (Path::new("/dev/null"), "not a regular file"),
            (empty.path(), "no certificate"),
        ] {
            let why = refused(file);
            assert!(why.contains(says), "{}: {why}", file.display());
        }
    }

    #[test]
    fn a_fifo_of_authorities_is_not_waited_for() {
        let base = tempfile::tempdir().expect("a directory");
        let fifo = base.path().join("ca.pem");
        let made = Command::new("mkfifo").arg(&fifo).status();
        assert!(made.expect("mkfifo").success());
        let (sender, answered) = mpsc::channel();
        thread::spawn(move || sender.send(refused(&fifo)));
        let why = answered.recv_timeout(Duration::from_secs(60));
        let why = why.expect("the FIFO is not opened");
        assert!(why.contains("not a regular file"), "{why}");
    }
}

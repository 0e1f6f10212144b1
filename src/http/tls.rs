//! TLS of the listeners: a certificate and its key from files, read again when they change.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use openssl::error::ErrorStack;
use openssl::ssl::{Ssl, SslAcceptor, SslFiletype, SslMethod};
use tokio::net::TcpStream;
use tokio_openssl::SslStream;
use tracing::{info, warn};

/// The identity that a listener shows.
pub struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    shown: Mutex<Shown>,
}

struct Shown {
    acceptor: SslAcceptor,
    /// Of which files it was made, or could not be made anew.
    of: Stamp,
}

/// When the two files were last changed; none while one is missing.
type Stamp = [Option<SystemTime>; 2];

/// Why there is no identity to show.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificates cannot be used.
    #[error("listen.tls_certificate_file {}: {reason}; it has to hold PEM certificates, the listener's own first", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// In OpenSSL's words.
        reason: ErrorStack,
    },
    /// The key cannot be used.
    #[error("listen.tls_key_file {}: {reason}; it has to hold the private key of the first certificate, PEM, without a passphrase", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// In OpenSSL's words.
        reason: ErrorStack,
    },
    /// OpenSSL itself.
    #[error(transparent)]
    Openssl(#[from] ErrorStack),
}

impl Tls {
    /// The identity of these files: PEM certificates, the own one first, and its private key.
    ///
    /// # Errors
    /// A file is missing or is no such thing, or the key is another certificate's.
    pub fn of(certificate: PathBuf, key: PathBuf) -> Result<Self, TlsError> {
        let of = stamp(&certificate, &key);
        let shown = Mutex::new(Shown { acceptor: acceptor(&certificate, &key)?, of });
        Ok(Self { certificate, key, shown })
    }

    /// Takes a connection over TLS.
    ///
    /// # Errors
    /// The client does not speak TLS, or not with us.
    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<SslStream<TcpStream>> {
        let ssl = Ssl::new(self.current().context())?;
        let mut stream = SslStream::new(ssl, stream)?;
        Pin::new(&mut stream).accept().await.map_err(io::Error::other)?;
        Ok(stream)
    }

    /// What is shown now. Files that changed are read; where they cannot be used, the identity of before stays.
    fn current(&self) -> SslAcceptor {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let now = stamp(&self.certificate, &self.key);
        if now != shown.of {
            shown.of = now;
            match acceptor(&self.certificate, &self.key) {
                Ok(acceptor) => {
                    info!(certificate = %self.certificate.display(), "reloaded the listeners' certificate");
                    shown.acceptor = acceptor;
                }
                Err(error) => warn!(%error, "the listeners keep the certificate that they had"),
            }
        }
        shown.acceptor.clone()
    }
}

fn stamp(certificate: &Path, key: &Path) -> Stamp {
    [certificate, key].map(|path| fs::metadata(path).and_then(|metadata| metadata.modified()).ok())
}

fn acceptor(certificate: &Path, key: &Path) -> Result<SslAcceptor, TlsError> {
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
    let unusable = |reason| TlsError::Certificate { path: certificate.to_owned(), reason };
    acceptor.set_certificate_chain_file(certificate).map_err(unusable)?;
    let unusable = |reason| TlsError::Key { path: key.to_owned(), reason };
    acceptor.set_private_key_file(key, SslFiletype::PEM).map_err(unusable)?;
    acceptor.check_private_key().map_err(unusable)?;
    Ok(acceptor.build())
}

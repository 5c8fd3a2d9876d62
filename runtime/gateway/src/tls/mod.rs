//! The certificate authority of this installation, the certificates it serves under, and rustls set up with it.

mod authority;
mod hosts;
mod keeper;

use std::path::PathBuf;
use std::sync::Arc;

use rustls::ServerConfig;

pub use keeper::Keeper;

pub(crate) use authority::fingerprint;
pub(crate) use keeper::authority_files;

/// Why there is no certificate to serve under.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Reading or writing a file failed.
    #[error("the certificate file {path} could not be read or written: {source}; check that the folder belongs to you and the disk is not full", path = path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Making a key or certificate failed.
    #[error("a certificate could not be made: {0}; delete the folder data/tls and start again")]
    Make(#[from] rcgen::Error),
    /// A file that should hold a certificate or key holds something else.
    #[error("{path} is no certificate or key of Granary's; delete it and start again, then run `granary trust install`", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// rustls refused the configuration.
    #[error("TLS could not be set up: {0}")]
    Rustls(#[from] rustls::Error),
}

/// Protocols offered to the client, the preferred one first.
pub(crate) const H2: &[u8] = b"h2";
const HTTP_1: &[u8] = b"http/1.1";

/// The server side: TLS 1.3 and 1.2, both ALPN protocols, tickets for resumption, no early data.
pub(crate) fn server_config(keeper: Arc<Keeper>) -> Result<Arc<ServerConfig>, TlsError> {
    // One provider for the whole program, named here so that no other crate's default can change it.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(keeper);
    config.alpn_protocols = vec![H2.to_vec(), HTTP_1.to_vec()];
    config.ticketer = rustls::crypto::ring::Ticketer::new()?;
    config.session_storage = rustls::server::ServerSessionMemoryCache::new(1024);
    config.send_tls13_tickets = 2;
    config.max_early_data_size = 0;
    Ok(Arc::new(config))
}

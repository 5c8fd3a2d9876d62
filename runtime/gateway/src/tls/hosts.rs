//! A certificate for each host below Granary's sites, made when a client first asks for it.
//!
//! A browser puts two hosts at one address on one HTTP/2 connection when the certificate it was shown speaks for both. Then they
//! share its streams and windows, and a document's page with enough requests under way would leave the owner's none. So no
//! certificate speaks for two hosts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::sign::{CertifiedKey, SigningKey};
use rustls_pki_types::CertificateDer;

use super::TlsError;
use super::authority::{Pair, another_leaf};

/// How many are kept: twice as many as there can be sessions. The one asked for longest ago goes, and is made anew when it
/// is asked for again.
pub(super) const KEPT: usize = 8192;

/// The certificates that go with one leaf and share its key and its life.
pub(super) struct Hosts {
    authority: Pair,
    leaf: Pair,
    key: Arc<dyn SigningKey>,
    kept: usize,
    made: Mutex<Made>,
}

#[derive(Default)]
struct Made {
    /// Counts questions; what orders them.
    asked: u64,
    hosts: HashMap<String, Host>,
}

struct Host {
    certified: Arc<CertifiedKey>,
    pem: String,
    asked: u64,
}

impl Hosts {
    pub(super) fn new(authority: Pair, leaf: Pair, key: Arc<dyn SigningKey>, kept: usize) -> Self {
        Self { authority, leaf, key, kept, made: Mutex::default() }
    }

    /// What to show to a client that asks for `host`.
    pub(super) fn certified(&self, host: &str) -> Result<Arc<CertifiedKey>, TlsError> {
        self.with(host, |found| Arc::clone(&found.certified))
    }

    /// The same, as PEM.
    pub(super) fn pem(&self, host: &str) -> Result<String, TlsError> {
        self.with(host, |found| found.pem.clone())
    }

    fn with<T>(&self, host: &str, take: impl FnOnce(&Host) -> T) -> Result<T, TlsError> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.asked += 1;
        let asked = made.asked;
        if let Some(found) = made.hosts.get_mut(host) {
            found.asked = asked;
            return Ok(take(found));
        }
        let certificate = another_leaf(&self.authority, &self.leaf, host)?;
        let chain = vec![CertificateDer::from(certificate.der().to_vec())];
        let certified = Arc::new(CertifiedKey::new(chain, Arc::clone(&self.key)));
        let new = Host { certified, pem: certificate.pem(), asked };
        if made.hosts.len() >= self.kept
            && let Some(oldest) = made.hosts.iter().min_by_key(|(_, host)| host.asked).map(|(name, _)| name.clone())
        {
            made.hosts.remove(&oldest);
        }
        let answer = take(&new);
        made.hosts.insert(host.to_owned(), new);
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::authority::{new_authority, new_leaf};
    use std::time::SystemTime;

    #[test]
    fn certificates_are_kept_up_to_a_bound() {
        let now = SystemTime::now();
        let authority = new_authority(now).unwrap();
        let leaf = new_leaf(&authority, "granary.localhost", now).unwrap();
        let key = super::super::keeper::signing_key(&leaf).unwrap();
        let hosts = Hosts::new(authority, leaf, key, 2);
        let first = hosts.pem("a.granary.localhost").unwrap();
        let second = hosts.pem("b.granary.localhost").unwrap();
        assert_ne!(first, second);
        assert_eq!(hosts.pem("a.granary.localhost").unwrap(), first, "both are kept");
        hosts.pem("c.granary.localhost").unwrap();
        assert_eq!(hosts.pem("a.granary.localhost").unwrap(), first, "asked for lately");
        assert_ne!(hosts.pem("b.granary.localhost").unwrap(), second, "it made room");
    }
}

//! Keeps the certificate fresh: renews the leaf while serving, and makes the next CA long before the present one ends.

use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::{CertifiedKey, SigningKey};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use time::OffsetDateTime;
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::health::{HealthEntry, Severity};
use crate::names::{SITE, is_below_a_site};
use crate::owner::write_atomically;

use super::TlsError;
use super::authority::{Pair, new_authority, new_leaf};
use super::hosts::{Hosts, KEPT};

const DAY: Duration = Duration::from_secs(24 * 3600);
/// A leaf is renewed when it has less than this left.
const LEAF_MARGIN: Duration = Duration::from_secs(30 * 24 * 3600);
/// The next CA is made when the present one has less than this left, so that there is time to trust it.
const NEXT_CA_MARGIN: Duration = Duration::from_secs(180 * 24 * 3600);
/// The next CA takes over when the present one has less than this left.
const CA_MARGIN: Duration = LEAF_MARGIN;

/// The certificates of one installation, in its folder `data/tls`.
pub struct Keeper {
    folder: PathBuf,
    clock: Clock,
    state: RwLock<State>,
    /// Rung by a handshake that finds the leaf due for renewal (the computer slept through the timer).
    due: Notify,
}

struct State {
    /// The shell's certificate, also shown to whoever asks for no host of ours.
    leaf: Arc<CertifiedKey>,
    /// Those of all other hosts.
    hosts: Hosts,
    leaf_pem: String,
    renew_at: SystemTime,
    authority_ends: SystemTime,
    next_waits: bool,
    failure: Option<String>,
}

impl Keeper {
    /// Reads the certificates in `folder`, or makes them.
    ///
    /// # Errors
    /// When the folder cannot be read or written, or holds something else.
    pub fn open(folder: &Path, clock: Clock) -> Result<Arc<Self>, TlsError> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|source| TlsError::Io { path: folder.to_owned(), source })?;
        collect_leftovers(folder);
        let state = load(folder, clock.now())?;
        Ok(Arc::new(Self { folder: folder.to_owned(), clock, state: RwLock::new(state), due: Notify::new() }))
    }

    /// Renews whatever is due.
    pub fn refresh(&self) {
        match load(&self.folder, self.clock.now()) {
            Ok(state) => *self.state.write().unwrap_or_else(PoisonError::into_inner) = state,
            Err(error) => {
                tracing::error!(%error, "the certificate could not be renewed");
                self.state.write().unwrap_or_else(PoisonError::into_inner).failure = Some(error.to_string());
            }
        }
    }

    /// Renews for as long as it is polled.
    pub(crate) async fn keep(self: Arc<Self>) {
        // By the hour: the timer stands still while the computer sleeps.
        let mut hourly = tokio::time::interval(Duration::from_secs(3600));
        hourly.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        hourly.tick().await;
        loop {
            tokio::select! {
                _ = hourly.tick() => {}
                () = self.due.notified() => {}
            }
            if self.is_due() {
                let keeper = Arc::clone(&self);
                let _ = tokio::task::spawn_blocking(move || keeper.refresh()).await;
            }
        }
    }

    /// The CA certificates a browser should trust: the present one, and the next one when it waits.
    pub fn authority_files(&self) -> Vec<PathBuf> {
        authority_files(&self.folder)
    }

    /// The certificate of one host of Granary's, as PEM; a webview can be told to trust exactly it there. It stays the
    /// same until it is renewed.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn leaf_pem(&self, host: &str) -> Result<String, TlsError> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        if is_below_a_site(host) { state.hosts.pem(host) } else { Ok(state.leaf_pem.clone()) }
    }

    /// What a person should know about the certificates.
    pub fn health(&self) -> Vec<HealthEntry> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let mut entries = Vec::new();
        if state.next_waits {
            let ends = OffsetDateTime::from(state.authority_ends).date();
            entries.push(HealthEntry {
                code: "certificate-authority-ends",
                title: "Granary's certificate authority ends soon".into(),
                severity: Severity::Warning,
                ok: false,
                text: format!(
                    "Browsers trust Granary through a certificate that ends on {ends}. The next one is ready."
                ),
                remedy: "Run `granary trust install` to make your browsers trust the next one too.".into(),
            });
        }
        if let Some(failure) = &state.failure {
            entries.push(HealthEntry {
                code: "certificate-not-renewed",
                title: "Granary's certificate could not be renewed".into(),
                severity: Severity::Error,
                ok: false,
                text: failure.clone(),
                remedy: "Mend the cause, then restart Granary.".into(),
            });
        }
        entries
    }

    fn is_due(&self) -> bool {
        let now = self.clock.now();
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.renew_at <= now
    }
}

impl std::fmt::Debug for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keeper").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Keeper {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        if state.renew_at <= self.clock.now() {
            self.due.notify_one();
        }
        let Some(host) = hello.server_name().filter(|host| is_below_a_site(host)) else {
            return Some(Arc::clone(&state.leaf));
        };
        state.hosts.certified(host).inspect_err(|error| tracing::error!(%error, "no certificate for a host")).ok()
    }
}

/// The CA files in a folder `data/tls`, whether or not Granary runs.
pub(crate) fn authority_files(folder: &Path) -> Vec<PathBuf> {
    ["ca.pem", "next-ca.pem"].iter().map(|name| folder.join(name)).filter(|path| path.is_file()).collect()
}

fn load(folder: &Path, now: SystemTime) -> Result<State, TlsError> {
    let files = Files { folder };
    let authority = files.authority(now)?;
    let next_waits = files.next_authority(&authority, now)?;
    let leaf = files.leaf(&authority, now)?;
    // Early when the CA's own dates ask for something before the leaf's do.
    let next_step = if next_waits { authority.not_after - CA_MARGIN } else { authority.not_after - NEXT_CA_MARGIN };
    let key = signing_key(&leaf)?;
    Ok(State {
        renew_at: (leaf.not_after - LEAF_MARGIN.min(leaf_margin(&leaf))).min(next_step.max(now + DAY)),
        leaf: Arc::new(CertifiedKey::new(vec![leaf.der.clone()], Arc::clone(&key))),
        leaf_pem: leaf.pem.clone(),
        authority_ends: authority.not_after,
        hosts: Hosts::new(authority, leaf, key, KEPT),
        next_waits,
        failure: None,
    })
}

/// A leaf cut short by its CA's end is renewed after two thirds of its life instead.
fn leaf_margin(leaf: &Pair) -> Duration {
    leaf.not_after.duration_since(leaf.not_before).unwrap_or_default() / 3
}

pub(super) fn signing_key(leaf: &Pair) -> Result<Arc<dyn SigningKey>, TlsError> {
    let key = PrivateKeyDer::from_pem_slice(leaf.key_pem.as_bytes()).map_err(|_| rcgen::Error::CouldNotParseKeyPair)?;
    Ok(rustls::crypto::ring::sign::any_ecdsa_type(&key)?)
}

struct Files<'a> {
    folder: &'a Path,
}

impl Files<'_> {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn read(&self, name: &str) -> Result<Option<Pair>, TlsError> {
        let path = self.path(&format!("{name}.key"));
        close_to_others(&path);
        Pair::read(&path)
    }

    /// `NAME.key` holds the key and its certificate; `NAME.pem` is the certificate again, to give away.
    fn write(&self, name: &str, pair: &Pair) -> Result<(), TlsError> {
        let path = self.path(&format!("{name}.key"));
        write_atomically(&path, pair.text().as_bytes()).map_err(|source| TlsError::Io { path, source })?;
        self.publish(name, pair)
    }

    fn publish(&self, name: &str, pair: &Pair) -> Result<(), TlsError> {
        let path = self.path(&format!("{name}.pem"));
        if std::fs::read(&path).is_ok_and(|there| there == pair.pem.as_bytes()) {
            return Ok(());
        }
        write_atomically(&path, pair.pem.as_bytes()).map_err(|source| TlsError::Io { path, source })
    }

    fn authority(&self, now: SystemTime) -> Result<Pair, TlsError> {
        if let Some(authority) = self.read("ca")?
            && authority.not_before <= now
            && now + CA_MARGIN < authority.not_after
        {
            self.publish("ca", &authority)?;
            return Ok(authority);
        }
        let (authority, had_next) = match self.read("next-ca")? {
            Some(next) if now + CA_MARGIN < next.not_after => (next, true),
            _ => (new_authority(now)?, false),
        };
        self.write("ca", &authority)?;
        if had_next {
            for name in ["next-ca.pem", "next-ca.key"] {
                let _ = std::fs::remove_file(self.path(name));
            }
        }
        Ok(authority)
    }

    /// Whether a next CA waits to be trusted.
    fn next_authority(&self, authority: &Pair, now: SystemTime) -> Result<bool, TlsError> {
        if now + NEXT_CA_MARGIN < authority.not_after {
            return Ok(false);
        }
        match self.read("next-ca")? {
            Some(next) => self.publish("next-ca", &next)?,
            None => self.write("next-ca", &new_authority(now)?)?,
        }
        Ok(true)
    }

    fn leaf(&self, authority: &Pair, now: SystemTime) -> Result<Pair, TlsError> {
        // A damaged leaf costs nothing: another is made.
        if let Ok(Some(leaf)) = self.read("leaf")
            && leaf.not_before <= now
            && now + LEAF_MARGIN.min(leaf_margin(&leaf)) < leaf.not_after
            && leaf.is_signed_by(authority)
            && leaf.is_only_for(SITE)
        {
            return Ok(leaf);
        }
        let leaf = new_leaf(authority, SITE, now)?;
        self.write("leaf", &leaf)?;
        Ok(leaf)
    }
}

/// Files copied by hand may have lost their mode.
fn close_to_others(path: &Path) {
    if let Ok(metadata) = std::fs::metadata(path)
        && metadata.permissions().mode() & 0o077 != 0
    {
        let _ = std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600));
    }
}

/// What a crash in the middle of writing left.
fn collect_leftovers(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(".new-") {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

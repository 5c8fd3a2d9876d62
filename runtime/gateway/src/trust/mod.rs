//! Makes this person's browsers trust Granary's certificate authority, says where that worked, and undoes it.

mod command;
mod nss;
mod system;

use std::path::{Path, PathBuf};

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde::Serialize;

use crate::tls;

/// Where to look for browsers, and which CA it is about.
#[derive(Clone, Debug)]
pub struct TrustOptions {
    /// The instance's data folder.
    pub data_dir: PathBuf,
    /// The person's home folder.
    pub home: PathBuf,
    /// `$XDG_CONFIG_HOME`, if not `~/.config`.
    pub config_home: Option<PathBuf>,
    /// `$XDG_DATA_HOME`, if not `~/.local/share`.
    pub data_home: Option<PathBuf>,
    /// The root of the file system whose system-wide store is meant; `/` but in tests. `None` leaves that store alone.
    pub system_root: Option<PathBuf>,
}

impl TrustOptions {
    /// For the browsers of the person whose home folder is `home`, with the environment's XDG folders, and the system's
    /// store.
    pub fn new(data_dir: impl Into<PathBuf>, home: impl Into<PathBuf>) -> Self {
        let folder = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        Self {
            data_dir: data_dir.into(),
            home: home.into(),
            config_home: folder("XDG_CONFIG_HOME"),
            data_home: folder("XDG_DATA_HOME"),
            system_root: Some("/".into()),
        }
    }

    fn config_home(&self) -> PathBuf {
        self.config_home.clone().unwrap_or_else(|| self.home.join(".config"))
    }

    fn data_home(&self) -> PathBuf {
        self.data_home.clone().unwrap_or_else(|| self.home.join(".local/share"))
    }
}

/// The kinds of places that browsers look in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Store {
    /// The NSS database that Chromium, Chrome and their relatives share.
    Chromium,
    /// One Firefox profile.
    Firefox,
    /// The store of the whole system: curl, git, and others.
    System,
}

/// How things stand in one store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrustState {
    /// Granary's CA is trusted there.
    Trusted,
    /// It is not.
    NotTrusted,
    /// The program that could tell or change it is not installed.
    MissingTool,
    /// An attempt failed.
    Failed,
}

/// One store, and how things stand there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StoreReport {
    /// Which kind.
    pub store: Store,
    /// Where it is.
    pub path: PathBuf,
    /// How things stand.
    pub state: TrustState,
    /// Why, when something failed.
    pub detail: String,
    /// What to do by hand, empty when nothing is to be done.
    pub remedy: String,
}

/// Why there is nothing to report on.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// No CA was made yet.
    #[error("there is no certificate authority in {0}; start Granary once (`granary serve`), it makes one")]
    NoAuthority(PathBuf),
    /// The CA's file holds something else.
    #[error("{0} is no certificate; delete it and start Granary, which makes another")]
    Damaged(PathBuf),
}

/// A CA certificate as the stores want it.
#[derive(Clone, Debug)]
struct Authority {
    file: PathBuf,
    der: Vec<u8>,
    /// The name it has in every store; ends in its fingerprint, so that two instances never mix their CAs up.
    name: String,
}

/// Makes the CA of an instance that was never started, so that it can be trusted before the first page is shown.
///
/// # Errors
/// When the folder cannot be read or written.
pub fn prepare(data_dir: &Path) -> Result<(), tls::TlsError> {
    tls::Keeper::open(&data_dir.join("tls"), crate::clock::Clock::system()).map(drop)
}

/// Trusts the CA wherever it can.
///
/// # Errors
/// When there is no CA yet.
pub fn install(options: &TrustOptions) -> Result<Vec<StoreReport>, TrustError> {
    each_store(options, Action::Install)
}

/// Removes the CA from every store that has it.
///
/// # Errors
/// When there is no CA yet.
pub fn remove(options: &TrustOptions) -> Result<Vec<StoreReport>, TrustError> {
    each_store(options, Action::Remove)
}

/// Looks, and changes nothing.
///
/// # Errors
/// When there is no CA yet.
pub fn status(options: &TrustOptions) -> Result<Vec<StoreReport>, TrustError> {
    each_store(options, Action::Look)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Install,
    Remove,
    Look,
}

fn each_store(options: &TrustOptions, action: Action) -> Result<Vec<StoreReport>, TrustError> {
    let authorities = authorities(&options.data_dir.join("tls"))?;
    let mut reports = nss::run(options, &authorities, action);
    if let Some(root) = &options.system_root {
        reports.extend(system::run(root, &authorities, action));
    }
    Ok(reports)
}

fn authorities(folder: &Path) -> Result<Vec<Authority>, TrustError> {
    let files = tls::authority_files(folder);
    if files.is_empty() {
        return Err(TrustError::NoAuthority(folder.to_owned()));
    }
    let read = |file: PathBuf| {
        let Ok(der) = CertificateDer::from_pem_file(&file) else { return Err(TrustError::Damaged(file)) };
        let fingerprint = tls::fingerprint(&der);
        Ok(Authority { file, der: der.to_vec(), name: format!("Granary local CA {}", &fingerprint[..16]) })
    };
    files.into_iter().map(read).collect()
}

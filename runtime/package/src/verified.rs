//! What is known of a package after it has been checked.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{AppId, BridgeConfig, Manifest, PackageId};

/// What is known of a package after it has been checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verified {
    /// The app it is a version of.
    pub app_id: AppId,
    /// The file it is.
    pub package_id: PackageId,
    /// The key it is signed with, which differs from the app id for apps whose key was replaced.
    pub signer: AppId,
    /// What the app says about itself.
    pub manifest: Manifest,
    /// How its HTTP bridge presents it; `None` for an app that speaks Cap'n Proto itself.
    pub bridge_config: Option<BridgeConfig>,
    /// The fingerprint of the author's PGP key (40 upper-case hexadecimal digits), if the author signed and the
    /// signature is good.
    pub author_fingerprint: Option<String>,
    /// Bytes in all its files together.
    pub unpacked_size: u64,
    /// How many files, links and folders it has.
    pub entries: u64,
    /// Bytes of the package file.
    pub package_size: u64,
}

/// A package that is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// What is known of it.
    pub verified: Verified,
    /// The folder it was unpacked into.
    pub dir: PathBuf,
    /// Whether it had been installed already, so that nothing was written.
    pub already: bool,
}

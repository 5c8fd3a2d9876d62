//! Packages (.spk): read, verify, unpack, install, pack; keys and app ids.
//!
//! A package is a magic number and one xz stream, which holds two Cap'n Proto messages: a signature, and an archive of
//! files that it signs. Reading one is a single pass ([`verify`], [`unpack`], [`install`] all do it): the bytes are
//! hashed as they arrive, decompressed into a file without a name, and that file is then mapped. Nothing of
//! the tree is written before everything about the package has been checked, and an installed package appears whole or
//! not at all.
//!
//! ```no_run
//! use granary_package::{Options, install};
//!
//! let file = std::fs::File::open("app.spk")?;
//! let installed = install(file, "data/apps".as_ref(), Options::default())?;
//! println!("{} {}", installed.verified.app_id, installed.verified.manifest.app_title.default_text);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod author;
mod container;
mod error;
#[doc(hidden)]
pub mod fuzz;
mod ids;
mod install;
mod key;
mod manifest;
mod options;
pub mod pack;
mod replacements;
mod tree;
mod unpack;
mod verified;
mod verify;
mod xz;

pub use error::{Error, Refusal};
pub use ids::{AppId, PackageId, ParseIdError};
pub use install::{collect_leftovers, install, package_dir, remove, unpack};
pub use key::{Key, read_keyring};
pub use manifest::{
    Action, ActionInput, Author, BRIDGE_CONFIG_NAME, BRIDGE_NAME, BridgeConfig, Bytes, Category, Command, Icon, Icons,
    License, Localization, LocalizedText, MANIFEST_NAME, Manifest, Metadata, PermissionDef, RoleDef, ViewInfo,
};
pub use options::{Options, Phase, Progress};
pub use replacements::app_of_signer;
pub use verified::{Installed, Verified};
pub use verify::verify;

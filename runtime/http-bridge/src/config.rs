//! Reads `/sandstorm-http-bridge-config`: what the package says about its views and permissions.

use std::io;
use std::path::Path;

use capnp::message::{Reader, ReaderOptions};
use capnp::serialize::OwnedSegments;
use granary_wire::grain_capnp::ui_view::view_info;
use granary_wire::package_capnp::bridge_config;

/// Why the bridge cannot know what it serves.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("{path} cannot be read ({source}); pack the app again with `granary spk pack`, which writes it")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The file is not a bridge configuration.
    #[error("the bridge configuration is broken ({0}); pack the app again with `granary spk pack`")]
    Broken(#[from] capnp::Error),
}

/// What the package says.
pub struct Config {
    message: Reader<OwnedSegments>,
    permissions: Vec<String>,
    api_path: Option<String>,
}

impl Config {
    /// Reads the file.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let bytes =
            std::fs::read(path).map_err(|source| Error::Unreadable { path: path.display().to_string(), source })?;
        Ok(Self::parse(&bytes)?)
    }

    /// Reads a message in stream framing.
    pub fn parse(mut bytes: &[u8]) -> capnp::Result<Self> {
        // The file lies in the package, beside the app itself: it is walked once for each session, without a limit.
        let options = ReaderOptions { traversal_limit_in_words: None, nesting_limit: 64 };
        let message = capnp::serialize::read_message(&mut bytes, options)?;
        let config = message.get_root::<bridge_config::Reader<'_>>()?;
        let mut permissions = Vec::new();
        for permission in config.get_view_info()?.get_permissions()? {
            permissions.push(permission.get_name()?.to_string()?);
        }
        let api_path = config.get_api_path()?.to_string()?;
        let api_path = (!api_path.is_empty()).then_some(api_path);
        Ok(Self { message, permissions, api_path })
    }

    /// What `getViewInfo` answers.
    pub fn view_info(&self) -> capnp::Result<view_info::Reader<'_>> {
        self.message.get_root::<bridge_config::Reader<'_>>()?.get_view_info()
    }

    /// The names of the permissions, in the order of their bits.
    pub fn permissions(&self) -> &[String] {
        &self.permissions
    }

    /// Below which path programs find the app's API, if it has one.
    pub fn api_path(&self) -> Option<&str> {
        self.api_path.as_deref()
    }
}

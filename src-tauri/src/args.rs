//! What the program may be started with.

use std::path::PathBuf;

use clap::Parser;

/// Granary with windows and a tray.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Args {
    /// The folder that everything is kept in.
    #[arg(long, env = "GRANARY_DATA", value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
    /// The port to listen on; the one used last when missing.
    #[arg(long, value_name = "PORT")]
    pub(crate) port: Option<u16>,
    /// Start in the tray, without a window.
    #[arg(long)]
    pub(crate) hidden: bool,
    /// Packages to look at, and `granary:` or `web+sandstorm:` links.
    #[arg(value_name = "FILE OR LINK")]
    pub(crate) given: Vec<String>,
}

//! What can be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Runs apps, each document in a sandbox of its own, on this computer.
#[derive(Debug, Parser)]
#[command(name = "granary", version, propagate_version = true, disable_help_subcommand = true, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 refused as invalid.")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command accepts.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// The data folder; another one is another, independent Granary
    #[arg(long, global = true, value_name = "DIR", env = "GRANARY_DATA")]
    pub(crate) data: Option<PathBuf>,
    /// Print results as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start Granary and keep it running in the foreground
    Serve(Serve),
    /// Install a package, from a file or a URL
    Install(Install),
    /// Uninstall an app; its grains stay and keep working
    Uninstall(AppName),
    /// List the installed apps
    Apps,
    /// Make a grain
    New(New),
    /// List the grains, the last used first
    Grains(Grains),
    /// Open Granary, or one grain, in the browser; prints a one-time URL where there is no display
    Open(Open),
    /// Print a one-time URL of a grain's own session, which `curl -L -c JAR` can follow
    Url(Url),
    /// Stop a grain; it starts again on its next use
    Stop(GrainName),
    /// End a grain and start it again
    Restart(GrainName),
    /// Print a grain's log
    Log(Log),
    /// Rename a grain
    Rename(Rename),
    /// Delete a grain for good
    Delete(Delete),
    /// Take a grain back out of the trash
    Restore(GrainName),
    /// Show or change settings
    Settings(Settings),
    /// Check what Granary needs of this computer
    Doctor,
    /// Make browsers trust Granary's certificates, or stop it
    Trust(crate::trust::Trust),
    /// Make and examine packages
    Spk(crate::spk::Spk),
    /// Print the OpenAPI document of the local API
    Openapi,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The port of every origin; the one used last, or 6443, when missing
    #[arg(long, value_name = "N")]
    pub(crate) port: Option<u16>,
    /// Open the browser once Granary is ready, if there is a display
    #[arg(long)]
    pub(crate) open: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Install {
    /// A .spk file, or the http or https URL of one
    #[arg(value_name = "FILE|URL")]
    pub(crate) source: String,
    /// Refuse any package but this one
    #[arg(long, value_name = "PACKAGE-ID")]
    pub(crate) expect: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct AppName {
    /// An app's id or title, or the beginning of one
    pub(crate) app: String,
}

#[derive(Debug, Args)]
pub(crate) struct New {
    /// An app's id or title, or the beginning of one
    pub(crate) app: String,
    /// Which of the app's actions, by the number `granary apps` shows
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) action: u32,
    /// The grain's name
    #[arg(long)]
    pub(crate) title: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Grains {
    /// List those in the trash too
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct GrainName {
    /// A grain's id or title, or the beginning of one
    pub(crate) grain: String,
}

#[derive(Debug, Args)]
pub(crate) struct Open {
    /// A grain's id or title, or the beginning of one
    pub(crate) grain: Option<String>,
    /// Print the URL, also where there is a display
    #[arg(long, conflicts_with = "browser")]
    pub(crate) print: bool,
    /// Open the browser, also when the output is not a terminal
    #[arg(long)]
    pub(crate) browser: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Url {
    /// A grain's id or title, or the beginning of one
    pub(crate) grain: String,
    /// Where in the app to begin
    #[arg(long, value_name = "PATH", default_value = "/")]
    pub(crate) path: String,
}

#[derive(Debug, Args)]
pub(crate) struct Log {
    /// A grain's id or title, or the beginning of one
    pub(crate) grain: String,
    /// Go on with what is written from now on
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// How many bytes of what is there
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 20)]
    pub(crate) backlog: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Rename {
    /// A grain's id or title, or the beginning of one
    pub(crate) grain: String,
    /// Its new name
    pub(crate) title: String,
}

#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// A grain's id or title, or the beginning of one
    pub(crate) grain: String,
    /// Only move it to the trash, from where it is deleted after 30 days
    #[arg(long)]
    pub(crate) trash: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// Settings to change, for example `idleSeconds=60` or `limits.memory=1000000000`; none shows them
    #[arg(value_name = "KEY=VALUE")]
    pub(crate) changes: Vec<String>,
}

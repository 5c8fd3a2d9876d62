//! `granary spk`: make packages and look into them. Works on files alone; no Granary needs to be running.

mod keys;
mod look;
mod make;
mod progress;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use granary_package::Error;

use crate::output::{Failure, Output};

/// The definition that is packed when none is named.
const DEFINITION: &str = "sandstorm-pkgdef.capnp";
/// The constant in it.
const CONSTANT: &str = "pkgdef";

#[derive(Debug, Args)]
pub(crate) struct Spk {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a key, and so a new app id; prints the id
    Keygen(Keygen),
    /// Write a package definition to start from; prints the app id
    Init(Init),
    /// Make a package, from a definition or from a plain folder; prints the file's name
    Pack(Box<Pack>),
    /// Check a package and unpack it into a new folder; prints the app id
    Unpack(Unpack),
    /// Check a package
    Verify(Package),
    /// Check a package and print its app id alone
    Appid(Package),
    /// Check a package and print all that is known of it
    Info(Package),
}

#[derive(Debug, Args)]
struct Keygen {
    /// The file to write, readable by you alone; in Granary's own folder of keys when missing
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// The same
    #[arg(long, value_name = "FILE", conflicts_with = "file", hide = true)]
    key: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Init {
    /// The definition to write
    #[arg(short, long, value_name = "FILE", default_value = DEFINITION)]
    output: PathBuf,
    /// The app's name; the folder's when missing
    #[arg(long)]
    title: Option<String>,
    /// The port that the app's web server listens on; without it the app speaks Cap'n Proto itself
    #[arg(long, value_name = "N")]
    port: Option<u16>,
    /// The app's key; a new one when missing
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// How to start the app
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

#[derive(Debug, Args)]
struct Pack {
    /// The package to write; named after the app and its version when missing
    #[arg(value_name = "OUTPUT")]
    file: Option<PathBuf>,
    /// The same
    #[arg(short, long, value_name = "FILE", conflicts_with = "file")]
    output: Option<PathBuf>,
    /// The key to sign with; the app's own in Granary's folder of keys (a new one for a new app) when missing
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The HTTP bridge to put in; Granary's own when missing
    #[arg(long, value_name = "FILE")]
    bridge: Option<PathBuf>,

    /// The definition to pack, and the constant in it
    #[arg(short, long, value_name = "FILE[:NAME]", default_value = DEFINITION, conflicts_with = "from")]
    definition: PathBuf,

    /// Pack this folder instead: it becomes the root of all that the app sees
    #[arg(long, value_name = "DIR", help_heading = "From a plain folder")]
    from: Option<PathBuf>,
    /// The port that the folder's web server listens on
    #[arg(long, value_name = "N", requires = "from", help_heading = "From a plain folder")]
    port: Option<u16>,
    /// The program speaks Cap'n Proto on descriptor 3 itself, so there is no port and no bridge
    #[arg(long, requires = "from", conflicts_with = "port", help_heading = "From a plain folder")]
    raw: bool,
    /// The app's name; the folder's when missing
    #[arg(long, requires = "from", help_heading = "From a plain folder")]
    title: Option<String>,
    /// What one document of the app is called; the app's name when missing
    #[arg(long, requires = "from", help_heading = "From a plain folder")]
    noun: Option<String>,
    /// A sentence about the app
    #[arg(long, requires = "from", value_name = "TEXT", help_heading = "From a plain folder")]
    description: Option<String>,
    /// The version's number; must grow with every version
    #[arg(long, value_name = "N", default_value_t = 1, requires = "from", help_heading = "From a plain folder")]
    app_version: u32,
    /// The version as people know it; the number when missing
    #[arg(long, value_name = "TEXT", requires = "from", help_heading = "From a plain folder")]
    marketing_version: Option<String>,
    /// The app's picture
    #[arg(long, value_name = "FILE.svg", requires = "from", help_heading = "From a plain folder")]
    icon: Option<PathBuf>,
    /// A variable of the app's environment; may be given several times
    #[arg(long, value_name = "NAME=VALUE", requires = "from", help_heading = "From a plain folder")]
    env: Vec<String>,
    /// How to start the app, as seen with the folder as the root
    #[arg(last = true, value_name = "COMMAND", requires = "from")]
    command: Vec<String>,
}

#[derive(Debug, Args)]
struct Unpack {
    /// The package; - is the standard input
    package: PathBuf,
    /// The folder to make; named after the package when missing
    folder: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Package {
    /// The package; - is the standard input
    package: PathBuf,
}

/// Runs `granary spk …`.
pub(crate) fn run(spk: Spk, json: bool) -> ExitCode {
    let output = Output { json };
    progress::stop_on_signals();
    let outcome = match spk.command {
        Command::Keygen(args) => keys::keygen(args, output),
        Command::Init(args) => make::init(args, output),
        Command::Pack(args) => make::pack(*args, output),
        Command::Unpack(args) => look::unpack(&args, output),
        Command::Verify(args) => look::verify(&args, output),
        Command::Appid(args) => look::app_id(&args, output),
        Command::Info(args) => look::info(&args, output),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(json),
    }
}

/// The library's sentences end with the remedy, after a semicolon.
#[expect(clippy::needless_pass_by_value, reason = "it is given to `map_err`")]
fn failure(error: Error) -> Failure {
    let text = error.to_string();
    let (message, remedy) = match text.rsplit_once("; ") {
        Some((message, remedy)) if !remedy.contains('\n') => {
            let mut letters = remedy.chars();
            let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
            (message.to_owned(), format!("{first}{}.", letters.as_str()))
        }
        _ => (text, String::new()),
    };
    if error.is_refusal() {
        Failure::invalid(error.code(), message, remedy)
    } else {
        Failure::failed(error.code(), message, remedy)
    }
}

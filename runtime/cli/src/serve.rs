//! `granary serve`: the appliance in the foreground.

use std::io::IsTerminal as _;
use std::path::Path;
use std::process::ExitCode;

use granary_appliance::{Appliance, Config, FolderError, StartError};
use serde::Serialize;
use tracing_subscriber::EnvFilter;

use crate::args::Serve;
use crate::commands::{has_display, open_browser};
use crate::output::{Failure, Outcome, Output};
use crate::sentence;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Ready<'a> {
    origin: &'a str,
    port: u16,
    /// Works once, for a minute.
    url: Option<&'a str>,
    data_dir: &'a Path,
}

pub(crate) fn run(args: &Serve, data: &Path, output: Output) -> Outcome<ExitCode> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn")))
        .init();
    let config = Config { port: args.port, ..Config::new(data) };
    let mut appliance = Appliance::start(&config).map_err(|error| failure(&error))?;

    if let Some(taken) = appliance.taken_port() {
        output.say(format_args!("Port {taken} is taken; Granary uses {} instead, from now on.", appliance.port()));
    }
    output.say(format_args!(
        "Granary is ready at {}. Its data is in {}.",
        appliance.origin(),
        appliance.data_dir().display()
    ));
    let browser = args.open && has_display();
    let url = (!browser).then(|| appliance.login_url());
    let ready = Ready {
        origin: appliance.origin(),
        port: appliance.port(),
        url: url.as_deref(),
        data_dir: appliance.data_dir(),
    };
    if let Some(url) = &url {
        output.say("Open this within a minute, once; `granary open` makes another:");
        output.result(&ready, |_| url.clone())?;
    } else {
        if output.json {
            output.result(&ready, |_| String::new())?;
        }
        if let Err(failure) = open_browser(&appliance.login_url(), data) {
            output.say(failure.message());
            output.say(format_args!("Open this within a minute, once:\n{}", appliance.login_url()));
        }
    }
    appliance.wait().map_err(|error| failure(&error))?;
    output.say("Granary stops.");
    drop(appliance);
    Ok(ExitCode::SUCCESS)
}

fn failure(error: &StartError) -> Failure {
    let (code, remedy) = match error {
        StartError::Folder(FolderError::Busy { .. }) => ("already-running", ""),
        StartError::Folder(_) => ("data-folder", ""),
        StartError::Store(_) => ("database", ""),
        StartError::Launcher(_) => ("sandbox-launcher", "`granary doctor` says more."),
        StartError::Gateway(_) => ("gateway", ""),
        StartError::Socket(_) => ("socket", ""),
        StartError::System(_) | StartError::Leftovers(_) => ("start", ""),
    };
    Failure::failed(code, sentence(error), remedy)
}

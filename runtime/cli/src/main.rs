//! The headless program and the command line.

mod args;
mod commands;
mod doctor;
mod install;
mod serve;
mod spk;
mod trust;

mod client;
mod names;
mod output;

use std::path::Path;
use std::process::ExitCode;

use clap::Parser as _;

use args::{Cli, Command};
use client::Client;
use output::{Failure, Outcome, Output, write_all};

fn main() -> ExitCode {
    let Cli { global, command } = Cli::parse();
    let output = Output { json: global.json };
    let done = match command {
        Command::Spk(spk) => return spk::run(spk, global.json),
        command => granary_appliance::resolve(global.data.as_deref())
            .map_err(|error| Failure::failed("data-folder", sentence(&error), ""))
            .and_then(|data| run(command, &data, output)),
    };
    match done {
        Ok(code) => code,
        Err(failure) => failure.report(global.json),
    }
}

fn run(command: Command, data: &Path, output: Output) -> Outcome<ExitCode> {
    match command {
        // Before there is any thread: it starts the launcher.
        Command::Serve(args) => return serve::run(&args, data, output),
        Command::Trust(args) => return trust::run(&args, data, output),
        Command::Openapi => {
            let document = granary_appliance::api::document().to_pretty_json().map_err(std::io::Error::other)?;
            write_all(document.as_bytes())?;
            write_all(b"\n")?;
            return Ok(ExitCode::SUCCESS);
        }
        _ => {}
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let code = runtime.block_on(async {
        let client = Client::new(data);
        match command {
            Command::Install(args) => install::run(&args, &client, output).await,
            Command::Uninstall(args) => commands::uninstall(&args, &client, output).await,
            Command::Apps => commands::apps(&client, output).await,
            Command::New(args) => commands::new(&args, &client, output).await,
            Command::Grains(args) => commands::grains(&args, &client, output).await,
            Command::Open(args) => commands::open(&args, &client, data, output).await,
            Command::Url(args) => commands::url(&args, &client, output).await,
            Command::Stop(args) => commands::stop(&args, &client, output).await,
            Command::Restart(args) => commands::restart(&args, &client, output).await,
            Command::Log(args) => commands::log(&args, &client, output).await,
            Command::Rename(args) => commands::rename(&args, &client, output).await,
            Command::Delete(args) => commands::delete(&args, &client, output).await,
            Command::Restore(args) => commands::restore(&args, &client, output).await,
            Command::Settings(args) => commands::settings(&args, &client, output).await,
            Command::Doctor => return doctor::run(&client, output).await,
            Command::Serve(_) | Command::Trust(_) | Command::Spk(_) | Command::Openapi => Ok(()),
        }
        .map(|()| ExitCode::SUCCESS)
    })?;
    // Reading a file for an upload may still be under way on another thread.
    runtime.shutdown_background();
    Ok(code)
}

/// An error that begins in lower case as a sentence of its own.
fn sentence(error: &impl std::fmt::Display) -> String {
    let text = error.to_string();
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let end = if text.ends_with(['.', '`']) { "" } else { "." };
    format!("{first}{}{end}", characters.as_str())
}

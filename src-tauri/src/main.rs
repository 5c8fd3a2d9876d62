//! `granary-desktop`: Granary with windows and a tray. All it does to data it does through the appliance's API.

mod args;
mod environment;
mod instance;

mod autostart;
mod desk;
mod given;
mod places;
mod tray;

mod confined;
mod downloads;
mod features;
mod outside;
mod permissions;

mod dialog;
mod icons;

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser as _;
use granary_appliance::{Appliance, Config, FolderError, StartError};
use tracing_subscriber::EnvFilter;

use args::Args;
use desk::{Desk, Mailbox};
use instance::Handed;

fn main() -> ExitCode {
    let args = Args::parse();
    // Before there is any thread.
    environment::prepare();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn")))
        .init();
    match run(&args) {
        Ok(code) => code,
        Err(text) => {
            dialog::failure_at_start(&text);
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<ExitCode, String> {
    let data = granary_appliance::resolve(args.data.as_deref()).map_err(|error| error.to_string())?;
    let given = given::from_arguments(&args.given);
    match instance::hand_over(&data, &given) {
        Handed::Over => return Ok(ExitCode::SUCCESS),
        Handed::Headless(url) => return outside::open_own(&url, &data).map(|()| ExitCode::SUCCESS),
        Handed::Nobody => {}
    }
    let (mailbox, letters) = Mailbox::new();
    let config = Config { port: args.port, desktop: Some(Arc::new(mailbox)), ..Config::new(&data) };
    // While there is one thread: it starts the program that makes sandboxes.
    let appliance = match Appliance::start(&config) {
        Ok(appliance) => appliance,
        // Somebody else was quicker.
        Err(StartError::Folder(FolderError::Busy { .. }))
            if matches!(instance::hand_over(&data, &given), Handed::Over) =>
        {
            return Ok(ExitCode::SUCCESS);
        }
        Err(error) => return Err(error.to_string()),
    };
    let app = tauri::Builder::default()
        .build(tauri::generate_context!())
        .map_err(|error| format!("The desktop's windows could not be started: {error}"))?;
    let desk = Desk::new(app.handle().clone(), appliance.front_end(), data);
    desk.begin(letters, given, args.hidden);
    let code = app.run_return(move |_, event| desk.hear(event));
    drop(appliance);
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

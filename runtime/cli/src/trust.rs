//! `granary trust`: makes browsers trust Granary's certificates, says where that worked, and undoes it.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use granary_gateway::trust::{self, StoreReport, TrustOptions, TrustState};

use crate::output::{Failure, Outcome, Output};
use crate::sentence;

#[derive(Debug, Args)]
pub(crate) struct Trust {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make this person's browsers, and the system where that is allowed, trust the certificates
    Install {
        /// Ask first, and do nothing where nobody can be asked or nothing is to be done
        #[arg(long)]
        ask: bool,
        /// Leave the system's own list alone
        #[arg(long)]
        user_only: bool,
    },
    /// Undo it
    Remove,
    /// Say who trusts them
    Status,
}

pub(crate) fn run(args: &Trust, data: &Path, output: Output) -> Outcome<ExitCode> {
    let mut options =
        granary_appliance::trust_options(data).map_err(|error| Failure::failed("no-home", sentence(&error), ""))?;
    let reports = match args.action {
        Action::Install { ask, user_only } => {
            granary_appliance::prepare(data).map_err(|error| Failure::failed("data-folder", sentence(&error), ""))?;
            if user_only {
                options.system_root = None;
            }
            if ask && !agreed(&options, output)? {
                return Ok(ExitCode::SUCCESS);
            }
            trust::install(&options)
        }
        Action::Remove => trust::remove(&options),
        Action::Status => trust::status(&options),
    };
    let reports = reports.map_err(|error| failure(&error))?;
    output.result(&reports, |reports| reports.iter().map(line).collect())?;
    if !output.json && reports.is_empty() {
        output.say("No browser's list of certificates was found.");
    }
    for report in reports.iter().filter(|report| !report.remedy.is_empty()) {
        output.say(format_args!("{}: {}", report.path.display(), report.remedy));
    }
    let failed = reports.iter().any(|report| report.state == TrustState::Failed);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn agreed(options: &TrustOptions, output: Output) -> Outcome<bool> {
    let reports = trust::status(options).map_err(|error| failure(&error))?;
    let missing: Vec<&StoreReport> = reports.iter().filter(|report| report.state == TrustState::NotTrusted).collect();
    if missing.is_empty() || !std::io::stdin().is_terminal() {
        if !missing.is_empty() {
            output.say("Browsers will warn of Granary's certificate; `granary trust install` makes them trust it.");
        }
        return Ok(false);
    }
    output.say("Browsers warn of pages whose certificate they do not know. Granary has made one of its own, for");
    output.say("addresses that never leave this computer. These lists do not have it yet:");
    for report in missing {
        output.say(format_args!("  {}", report.path.display()));
    }
    let mut stderr = std::io::stderr();
    write!(stderr, "Add it to them? [Y/n] ").and_then(|()| stderr.flush())?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "" | "y" | "yes"))
}

fn line(report: &StoreReport) -> String {
    let store = crate::output::word(&report.store);
    let state = crate::output::word(&report.state);
    let detail = if report.detail.is_empty() { String::new() } else { format!("\t{}", report.detail) };
    format!("{state}\t{store}\t{}{detail}\n", report.path.display())
}

fn failure(error: &trust::TrustError) -> Failure {
    Failure::failed("no-certificates", sentence(error), "")
}

//! `granary doctor`: what Granary needs of this computer, from the running appliance or without one.

use std::process::ExitCode;

use granary_appliance::LauncherConfig;
use granary_appliance::health::{Entry, Severity};

use crate::client::Client;
use crate::output::{Outcome, Output, plain};

pub(crate) async fn run(client: &Client, output: Output) -> Outcome<ExitCode> {
    let entries: Vec<Entry> = match client.get("/doctor").await {
        Ok(entries) => entries,
        Err(failure) if failure.code() == "not-running" => {
            output.say("Granary is not running, so only this computer is looked at.");
            granary_appliance::self_test(&LauncherConfig::default()).await
        }
        Err(other) => return Err(other),
    };
    output.result(&entries, |entries| {
        entries
            .iter()
            .map(|entry| {
                let mark = match (entry.ok, entry.severity) {
                    (true, _) => "ok     ",
                    (false, Severity::Error) => "ERROR  ",
                    (false, Severity::Warning) => "warning",
                    (false, Severity::Info) => "note   ",
                };
                let mut text = format!("{mark}  {}: {}\n", plain(&entry.title), plain(&entry.text));
                if !entry.ok && !entry.remedy.is_empty() {
                    text += &format!("         {}\n", plain(&entry.remedy));
                }
                text
            })
            .collect()
    })?;
    let sick = entries.iter().any(|entry| !entry.ok && entry.severity == Severity::Error);
    Ok(if sick { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

//! Starting: the sandbox against bubblewrap, the first answer of a stopped grain, and the vat that all grains share.

use std::{net::TcpStream, process::Command, time::Instant};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{
    appliance::{Appliance, guest, output, wait_for},
    peers::{Running, bubblewrap},
    report::{Promise, Report, median},
};

/// Runs one of the crates' own measuring programs, built by `make bench`.
fn example(name: &str, args: &[&str]) -> Result<Value> {
    let program = format!("target/release/examples/{name}");
    let text = output(
        Command::new(program)
            .env("GRANARY_LIBEXEC", std::fs::canonicalize("target/guest/bin")?)
            .arg("--json")
            .args(args),
    )?;
    Ok(serde_json::from_str(&text)?)
}

fn number(value: &Value, key: &str) -> Result<f64> {
    value[key].as_f64().with_context(|| format!("no figure {key} in {value}"))
}

/// From the order to the program's first instruction, the complete system-call policy loaded.
pub(crate) fn sandbox(report: &mut Report) -> Result<()> {
    let figures = example("sandbox-bench", &[])?;
    let median = |case: &str| number(&figures["cases"][case], "median");
    let (bwrap, spawn) = (median("bubblewrap")?, median("posix_spawn")?);
    let (cold, prepared) = (median("ours-cold")?, median("ours-prepared")?);
    report.promise(
        "sandbox ready, cold / bubblewrap",
        cold / bwrap,
        "x",
        Promise::Most(0.35),
        format!("{cold:.0} of {bwrap:.0} us"),
    );
    report.promise(
        "sandbox ready, prepared / bubblewrap",
        prepared / bwrap,
        "x",
        Promise::Most(0.12),
        format!("{prepared:.0} us"),
    );
    report.info("sandbox ready, cold / posix_spawn", cold / spawn, "x", format!("{spawn:.0} us"));
    report.info("sandbox ready, prepared / posix_spawn", prepared / spawn, "x", String::new());
    Ok(())
}

/// bubblewrap, the app in it, and curl until the first byte; seconds. The network stays shared, so that curl reaches the app at all.
fn peer_first_byte() -> Result<f64> {
    let began = Instant::now();
    let mut command = bubblewrap(&guest("granary-test-http"), &["18099"]);
    let _app = Running(command.spawn().context("bwrap")?);
    wait_for("the app in bubblewrap", || TcpStream::connect(("127.0.0.1", 18099)).ok())?;
    output(Command::new("curl").args(["-s", "--fail", "-o", "/dev/null", "http://127.0.0.1:18099/"]))?;
    Ok(began.elapsed().as_secs_f64())
}

/// Request to first byte of a stopped grain.
pub(crate) fn cold(report: &mut Report) -> Result<()> {
    let appliance = Appliance::start()?;
    let raw = appliance.app("raw", &guest("granary-test-raw"), None, &[])?;
    let http = appliance.app("http", &guest("granary-test-http"), Some(8000), &["8000"])?;
    let mut ours = [Vec::new(), Vec::new()];
    let mut peer = Vec::new();
    let grains = [appliance.grain(&raw)?, appliance.grain(&http)?];
    let sessions = [appliance.session(&grains[0])?, appliance.session(&grains[1])?];
    for _ in 0..21 {
        for ((grain, session), times) in grains.iter().zip(&sessions).zip(&mut ours) {
            appliance.cli(&["stop", grain])?;
            times.push(session.first_byte()? * 1000.0);
        }
        peer.push(peer_first_byte()? * 1000.0);
    }
    let [raw, http] = ours.map(median);
    let peer = median(peer);
    report.promise(
        "cold first byte, raw app / bubblewrap + app + curl",
        raw / peer,
        "x",
        Promise::Most(0.8),
        format!("{raw:.1} of {peer:.1} ms"),
    );
    report.promise(
        "cold first byte, behind the bridge / the same",
        http / peer,
        "x",
        Promise::Most(0.8),
        format!("{http:.1} ms"),
    );
    Ok(())
}

/// The thread that all grains share.
pub(crate) fn vat(report: &mut Report) -> Result<()> {
    let figures = example("vat-bench", &[])?;
    for (key, value) in figures.as_object().context("figures of the vat")? {
        if let Some(value) = value.as_f64() {
            report.info(&format!("vat: {key}"), value, "", String::new());
        }
    }
    Ok(())
}

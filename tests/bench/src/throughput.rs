//! Warm requests and one long download through TLS, gateway, bridge and app, against nginx before the same app.

use std::{fs, process::Command};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::{
    appliance::{Appliance, Session, guest, output},
    memory::children,
    peers::{Running, alone, nginx, wrk},
    report::{Promise, Report, median},
};

const APP: u16 = 18100;
const NGINX: u16 = 18443;

/// A grain behind our bridge, and the peers: the same app alone, and nginx before that.
struct Servers {
    appliance: Appliance,
    session: Session,
    _alone: Running,
    _nginx: (Running, TempDir),
}

impl Servers {
    fn start() -> Result<Self> {
        let appliance = Appliance::start()?;
        let app = appliance.app("http", &guest("granary-test-http"), Some(8000), &["8000"])?;
        let session = appliance.session(&appliance.grain(&app)?)?;
        Ok(Self { appliance, session, _alone: alone(APP)?, _nginx: nginx(NGINX, APP)? })
    }
}

/// Seconds of processor time that a process has used.
fn cpu(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let fields: Vec<&str> = stat.rsplit(')').next().context("stat")?.split_whitespace().collect();
    let ticks = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
    Ok(ticks / 100.0)
}

/// Warm GETs of a page of one kilobyte.
pub(crate) fn warm(report: &mut Report) -> Result<()> {
    let servers = Servers::start()?;
    let Servers { appliance, session, .. } = &servers;
    let headers = [format!("Host: {}", session.host), format!("Cookie: {}", session.cookie)];
    let ours = format!("https://127.0.0.1:{}/", appliance.port);
    session.first_byte()?;
    let bridge = children(appliance.pid())?.into_iter().find(|p| p.name == "sandstorm-http-").map(|p| p.pid);
    let measured: Vec<u32> = [Some(appliance.pid()), bridge].into_iter().flatten().collect();
    for connections in [1, 16, 64] {
        let before = measured.iter().map(|p| cpu(*p)).sum::<Result<f64>>()?;
        let (granary, requests) = wrk(&ours, &headers, connections, 5)?;
        let spent = measured.iter().map(|p| cpu(*p)).sum::<Result<f64>>()? - before;
        let (proxied, _) = wrk(&format!("https://127.0.0.1:{NGINX}/"), &[], connections, 5)?;
        let (bare, _) = wrk(&format!("http://127.0.0.1:{APP}/"), &[], connections, 5)?;
        let note = format!("{granary:.0}/s, nginx {proxied:.0}/s, app alone {bare:.0}/s");
        let name = format!("warm GET, {connections} connections / nginx");
        if connections == 64 {
            report.promise(&name, granary / proxied, "x", Promise::Least(0.5), note);
            report.promise(
                "processor time of appliance and bridge a request",
                spent / requests * 1e6,
                "us",
                Promise::Most(220.0),
                String::new(),
            );
        } else {
            report.info(&name, granary / proxied, "x", note);
        }
        report.info(&format!("warm GET, {connections} connections / app alone"), granary / bare, "x", String::new());
    }
    Ok(())
}

/// One download of 100 MiB.
pub(crate) fn download(report: &mut Report) -> Result<()> {
    let servers = Servers::start()?;
    let session = &servers.session;
    let size = 100 << 20;
    let fetch = |url: String, cookie: String| -> Result<f64> {
        let text = output(Command::new("curl").args([
            "-sk",
            "--fail",
            "--http1.1",
            "-o",
            "/dev/null",
            "-w",
            "%{size_download} %{time_total}",
            "-H",
            &format!("Cookie: {cookie}"),
            &url,
        ]))?;
        let (bytes, seconds) = text.split_once(' ').context("two figures")?;
        anyhow::ensure!(bytes.parse::<u64>()? == size, "only {bytes} bytes came");
        Ok(seconds.parse()?)
    };
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        ours.push(fetch(format!("https://{}/bytes/{size}", session.host), session.cookie.clone())?);
        theirs.push(fetch(format!("https://127.0.0.1:{NGINX}/bytes/{size}"), String::new())?);
    }
    let (ours, theirs) = (median(ours), median(theirs));
    let rate = |seconds: f64| 100.0 / seconds;
    report.promise(
        "download of 100 MiB / nginx",
        theirs / ours,
        "x",
        Promise::Least(0.4),
        format!("{:.0} MiB/s, nginx {:.0} MiB/s", rate(ours), rate(theirs)),
    );
    Ok(())
}

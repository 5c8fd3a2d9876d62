//! Memory: the idle appliance, what a grain costs beyond its app, and five hundred grains open at once.

use std::{collections::BTreeMap, fs, time::Instant};

use anyhow::{Context, Result};

use crate::{
    appliance::{Appliance, guest},
    report::{Promise, Report},
};

/// A process below another.
pub(crate) struct Process {
    /// Its id.
    pub(crate) pid: u32,
    /// Its name as the kernel keeps it, at most fifteen letters.
    pub(crate) name: String,
}

/// Every process below `root`.
pub(crate) fn children(root: u32) -> Result<Vec<Process>> {
    let mut below: BTreeMap<u32, Vec<Process>> = BTreeMap::new();
    for entry in fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|n| n.parse::<u32>().ok()) else { continue };
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        let (Some(open), Some(close)) = (stat.find('('), stat.rfind(')')) else { continue };
        let parent = stat[close + 1..].split_whitespace().nth(1).and_then(|p| p.parse().ok()).unwrap_or(0);
        below.entry(parent).or_default().push(Process { pid, name: stat[open + 1..close].to_owned() });
    }
    let (mut found, mut open) = (Vec::new(), vec![root]);
    while let Some(pid) = open.pop() {
        let processes = below.remove(&pid).unwrap_or_default();
        open.extend(processes.iter().map(|p| p.pid));
        found.extend(processes);
    }
    Ok(found)
}

/// One line of a process's memory, in megabytes.
fn megabytes(pid: u32, file: &str, key: &str) -> Result<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/{file}"))?;
    let line = text.lines().find_map(|l| l.strip_prefix(key)).with_context(|| format!("no {key}"))?;
    Ok(line.trim_start_matches(':').trim().trim_end_matches(" kB").trim().parse::<f64>()? / 1000.0)
}

/// The idle appliance, and fifty idle grains behind our bridge.
pub(crate) fn idle(report: &mut Report) -> Result<()> {
    let appliance = Appliance::start()?;
    let resident = megabytes(appliance.pid(), "status", "VmRSS")?;
    report.promise("resident memory of the idle appliance", resident, "MB", Promise::Most(40.0), String::new());
    let app = appliance.app("http", &guest("granary-test-http"), Some(8000), &["8000"])?;
    let grains: Vec<String> = (0..50).map(|_| appliance.grain(&app)).collect::<Result<_>>()?;
    let before = megabytes(appliance.pid(), "smaps_rollup", "Pss:")?;
    for grain in &grains {
        appliance.session(grain)?.first_byte()?;
    }
    let after = megabytes(appliance.pid(), "smaps_rollup", "Pss:")?;
    let mut beyond = 0.0;
    for process in children(appliance.pid())?.iter().filter(|p| p.name != "app") {
        beyond += megabytes(process.pid, "smaps_rollup", "Pss:").unwrap_or(0.0);
    }
    let each = beyond / grains.len() as f64;
    let note = format!("the appliance itself grows by {:.2} MB a grain", (after - before) / grains.len() as f64);
    report.promise("memory (PSS) of an idle grain beyond its app, of 50", each, "MB", Promise::Most(0.4), note);
    Ok(())
}

/// Five hundred grains open at once.
pub(crate) fn many(report: &mut Report) -> Result<()> {
    let appliance = Appliance::start()?;
    let app = appliance.app("raw", &guest("granary-test-raw"), None, &[])?;
    let began = Instant::now();
    let mut sessions = Vec::new();
    for _ in 0..500 {
        sessions.push(appliance.session(&appliance.grain(&app)?)?);
    }
    let opened = began.elapsed().as_secs_f64();
    let mut answered = 0;
    for session in &sessions {
        answered += u32::from(session.first_byte().is_ok());
    }
    let running = children(appliance.pid())?.iter().filter(|p| p.name == "app").count();
    let resident = megabytes(appliance.pid(), "status", "VmRSS")?;
    report.promise("grains open at once, all answering", f64::from(answered), "", Promise::Least(500.0), format!("{running} running; created and opened in {opened:.1} s by command line; appliance {resident:.0} MB resident"));
    Ok(())
}

//! Installing a package of about 12 MB with 49 MB inside, against `xz -dc | tar -x; sync` of the same files.

use std::{fs, path::Path, process::Command, time::Instant};

use anyhow::{Context, Result};

use crate::{
    appliance::{Appliance, guest, output, parts},
    report::{Promise, Report, median},
};

/// Files that compress about four to one, the same every time.
fn fill(folder: &Path) -> Result<()> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for i in 0..490 {
        let mut bytes = Vec::with_capacity(100_000);
        while bytes.len() < 100_000 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            // A quarter of each block is noise, the rest repeats a sentence: about what real packages come to.
            bytes.extend_from_slice(&state.to_le_bytes());
            bytes.extend_from_slice(b"what an app ships: scripts, css ");
            bytes.truncate(100_000);
        }
        let folder = folder.join(format!("d{}", i % 10));
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(format!("f{i}")), bytes)?;
    }
    fs::copy(guest("granary-test-raw"), folder.join("app"))?;
    Ok(())
}

/// Installs and unpacks in turns.
pub(crate) fn install(report: &mut Report) -> Result<()> {
    let folder = tempfile::Builder::new().prefix("granary-bench-").tempdir()?;
    let tree = folder.path().join("tree");
    fill(&tree)?;
    let (package, archive) = (folder.path().join("big.spk"), folder.path().join("big.tar.xz"));
    let key = folder.path().join("key");
    output(Command::new(parts().join("granary")).args(["spk", "keygen"]).arg(&key))?;
    output(
        Command::new(parts().join("granary"))
            .args(["spk", "pack"])
            .arg(&package)
            .arg("--from")
            .arg(&tree)
            .arg("--key")
            .arg(&key)
            .args(["--raw", "--title", "Big", "--", "/app"]),
    )?;
    let script = format!("tar -C {} -cf - . | xz -T0 > {}", tree.display(), archive.display());
    output(Command::new("sh").args(["-c", &script]))?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        let appliance = Appliance::start()?;
        let began = Instant::now();
        appliance.cli(&["install", package.to_str().context("a UTF-8 path")?])?;
        ours.push(began.elapsed().as_secs_f64());
        let out = folder.path().join("out");
        fs::create_dir(&out)?;
        let script = format!("xz -dc {} | tar -C {} -x; sync", archive.display(), out.display());
        let began = Instant::now();
        output(Command::new("sh").args(["-c", &script]))?;
        theirs.push(began.elapsed().as_secs_f64());
        fs::remove_dir_all(&out)?;
    }
    let (ours, theirs) = (median(ours), median(theirs));
    let size = fs::metadata(&package)?.len() as f64 / 1e6;
    report.promise(
        "install of a package / xz | tar; sync",
        ours / theirs,
        "x",
        Promise::Most(1.3),
        format!("{size:.1} MB packed, 49 MB inside: {ours:.2} of {theirs:.2} s"),
    );
    Ok(())
}

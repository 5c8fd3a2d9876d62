//! Installs a package into a folder and says how long each part took: `cargo run --release --example install -- FILE DIR`.

use std::fs::File;
use std::path::PathBuf;
use std::time::Instant;

use granary_package::{Error, Options, Phase, Progress, install};

fn main() -> Result<(), Error> {
    let mut args = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(package), Some(apps)) = (args.next(), args.next()) else {
        eprintln!("usage: install FILE DIR");
        return Ok(());
    };
    let start = Instant::now();
    let mut marks: Vec<(Phase, f64)> = Vec::new();
    let mut progress = |progress: Progress| {
        let now = start.elapsed().as_secs_f64();
        match marks.iter_mut().find(|(phase, _)| *phase == progress.phase) {
            Some((_, last)) => *last = now,
            None => marks.push((progress.phase, now)),
        }
    };
    let source = File::open(&package).map_err(Error::Source)?;
    let installed = install(source, &apps, Options { progress: Some(&mut progress), ..Options::default() })?;
    let total = start.elapsed().as_secs_f64();
    eprintln!(
        "{}: {} files, {} bytes",
        installed.dir.display(),
        installed.verified.entries,
        installed.verified.unpacked_size
    );
    for (phase, last) in marks {
        eprintln!("{phase:?} until {last:.3} s");
    }
    eprintln!("on the disk after {total:.3} s");
    Ok(())
}

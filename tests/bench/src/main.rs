//! Measures Granary against its peers in one run and prints each ratio beside its promise (`README.md` beside this folder says which).
//!
//! `granary-bench [SECTION...]`; with `GRANARY_LIBEXEC` naming the folder with the optimised program and its parts. Absolute figures are
//! for information: only ratios, taken in the same run on the same machine, mean something elsewhere.

mod appliance;
mod install;
mod launch;
mod memory;
mod peers;
mod report;
mod throughput;

use anyhow::Result;

use report::Report;

type Section = (&'static str, fn(&mut Report) -> Result<()>);

const SECTIONS: &[Section] = &[
    ("sandbox", launch::sandbox),
    ("cold", launch::cold),
    ("warm", throughput::warm),
    ("download", throughput::download),
    ("memory", memory::idle),
    ("many", memory::many),
    ("install", install::install),
    ("vat", launch::vat),
];

fn main() -> Result<()> {
    let chosen: Vec<String> = std::env::args().skip(1).collect();
    let mut report = Report::default();
    let mut failed = Vec::new();
    for (name, section) in SECTIONS {
        if chosen.is_empty() || chosen.iter().any(|c| c == name) {
            eprintln!("measuring: {name}");
            // What was measured is printed, whatever another section meets.
            failed.extend(section(&mut report).err().map(|error| format!("measuring {name}: {error:#}")));
        }
    }
    report.print();
    anyhow::ensure!(failed.is_empty(), "{}", failed.join("\n"));
    Ok(())
}

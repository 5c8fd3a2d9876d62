//! The memory that reading a package takes, whatever the package: measured in a process of its own.

#![allow(clippy::print_stdout)]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use granary_package::{Options, Phase, Progress, install, verify};

use crate::build::{self, Entry, file, with_manifest};

/// Says to the test that it is the process to be measured.
const CHILD: &str = "GRANARY_TEST_MEMORY";
const LIMIT: u64 = 160 << 10;

/// A value of `/proc/self/status`, in KiB.
fn status(name: &str) -> u64 {
    let text = fs::read_to_string("/proc/self/status").expect("/proc is there");
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).expect("the kernel says it");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Runs this test once more with a package to read, and gives what that process measured.
fn measure(test: &str, package: &[u8]) -> (u64, u64) {
    let temporary = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let path = temporary.path().join("package");
    fs::write(&path, package).expect("the package is written");
    let exe = std::env::current_exe().expect("this program");
    let output = Command::new(exe).args(["--exact", test, "--nocapture"]).env(CHILD, &path).output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let number = |name: &str| {
        let rest = text.split(name).nth(1).unwrap_or_else(|| panic!("{name} is missing: {text}"));
        rest.split_whitespace().next().and_then(|word| word.parse().ok()).expect("a number")
    };
    (number("peak="), number("anonymous="))
}

/// In the measured process. While the package is decompressed, the kernel's high-water mark of all memory (which also
/// counts the program itself) is the measure; afterwards mapped files count as well, so anonymous memory is sampled.
fn read_measured(package: &Path, installing: bool) {
    let (peak, anonymous, done) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                anonymous.fetch_max(status("RssAnon"), Ordering::Relaxed);
                std::thread::park_timeout(std::time::Duration::from_millis(1));
            }
        });
        let mut progress = |progress: Progress| {
            if progress.phase != Phase::Unpack {
                peak.fetch_max(status("VmHWM"), Ordering::Relaxed);
            }
        };
        let options = Options { progress: Some(&mut progress), ..Options::default() };
        let source = fs::File::open(package).expect("the package is there");
        let result = if installing {
            install(source, &package.with_file_name("apps"), options).map(drop)
        } else {
            verify(source, Options { scratch: package.parent(), ..options }).map(drop)
        };
        done.store(true, Ordering::Relaxed);
        result.expect("a good package");
    });
    println!("peak={} anonymous={}", peak.load(Ordering::Relaxed), anonymous.load(Ordering::Relaxed));
}

/// Blocks for several threads, as large as they may be, then a block with the largest dictionary, then blocks again.
#[test]
fn the_largest_dictionary_after_the_largest_blocks() {
    if let Some(package) = std::env::var_os(CHILD) {
        return read_measured(Path::new(&package), true);
    }
    let entries = with_manifest(vec![
        file("a", &build::noise(48 << 20)),
        file("b", &vec![0; 130 << 20]),
        file("c", &build::noise(4 << 20)),
    ]);
    let inside = build::signed(&build::key(), &build::archive(&entries));
    let parts = [0, 48 << 20, 178 << 20, inside.len()];
    let part = |index: usize| &inside[parts[index]..parts[index + 1]];
    let streams = [
        build::xz_blocks(part(0), 24 << 20),
        build::xz_dictionary(part(1), 128 << 20),
        build::xz_blocks(part(2), 1 << 20),
    ];
    let package = build::compressed(&streams.concat());
    let name = "memory::the_largest_dictionary_after_the_largest_blocks";
    let (peak, anonymous) = measure(name, &package);
    println!("peak {peak} KiB while decompressing, {anonymous} KiB anonymous at most");
    assert!(peak <= LIMIT && anonymous <= LIMIT, "{peak} KiB, {anonymous} KiB");
}

/// Names in reverse order, so that duplicates must be looked for.
#[test]
fn a_million_files() {
    if let Some(package) = std::env::var_os(CHILD) {
        return read_measured(Path::new(&package), false);
    }
    let files = (0..(1_u32 << 20) - 1).rev().map(|index| Entry::File(format!("{index:07}").into(), Vec::new()));
    let package = build::package(&with_manifest(files.collect()));
    let (peak, anonymous) = measure("memory::a_million_files", &package);
    println!("peak {peak} KiB while decompressing, {anonymous} KiB anonymous at most");
    assert!(peak <= LIMIT && anonymous <= LIMIT, "{peak} KiB, {anonymous} KiB");
}

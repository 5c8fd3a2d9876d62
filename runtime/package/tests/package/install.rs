//! What unpacking and installing write, and what they leave when they are interrupted.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use granary_package::{Error, Options, Phase, Progress, collect_leftovers, install, remove, unpack};

use crate::build::{self, Entry, at, file, folder, link, program, with_manifest};

const SECOND: i64 = 1_000_000_000;

fn entries() -> Vec<Entry> {
    with_manifest(vec![
        at(1_234_567_890 * SECOND + 123_456_789, file("text", b"some text")),
        at(-SECOND / 2, file("before 1970", b"old")),
        at(-SECOND, file("a second before 1970", b"old")),
        at(5 * SECOND + 1, program("program", b"#!/bin/sh\n")),
        at(7 * SECOND + 2, link("link", "../../../../etc/passwd")),
        at(8 * SECOND, link("absolute", "/etc")),
        at(9 * SECOND + 3, folder("folder", vec![at(3, file("inner", b"inner")), folder("empty", vec![])])),
        file("empty", b""),
        file("größe", &vec![b'x'; 300_000]),
    ])
}

fn times(path: &Path) -> (i64, i64, i64, i64) {
    let metadata = fs::symlink_metadata(path).expect("the file is there");
    (metadata.mtime(), metadata.mtime_nsec(), metadata.atime(), metadata.atime_nsec())
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).expect("the file is there").permissions().mode() & 0o7777
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_tree_is_written_as_it_was() {
    let package = build::package(&entries());
    let temporary = tempfile::tempdir().expect("a folder");
    let target = temporary.path().join("out");
    let verified = unpack(package.as_slice(), &target, Options::default()).expect("a good package");
    assert_eq!(verified.entries, 12);
    assert_eq!(names(temporary.path()), ["out"]);

    assert_eq!(fs::read(target.join("text")).unwrap(), b"some text");
    assert_eq!(fs::read(target.join("größe")).unwrap(), vec![b'x'; 300_000]);
    assert_eq!(fs::read(target.join("folder/inner")).unwrap(), b"inner");
    assert_eq!(fs::read(target.join("empty")).unwrap(), b"");
    assert_eq!(fs::read_link(target.join("link")).unwrap(), Path::new("../../../../etc/passwd"));
    assert_eq!(fs::read_link(target.join("absolute")).unwrap(), Path::new("/etc"));
    assert_eq!(names(&target.join("folder/empty")), [""; 0]);

    // Reading set access times of the files that were read; modification times are what counts.
    let modified = |name: &str| {
        let (seconds, nanoseconds, ..) = times(&target.join(name));
        (seconds, nanoseconds)
    };
    assert_eq!(modified("text"), (1_234_567_890, 123_456_789));
    assert_eq!(modified("before 1970"), (-1, 500_000_000));
    assert_eq!(modified("a second before 1970"), (-1, 0));
    assert_eq!(times(&target.join("program")), (5, 1, 5, 1));
    assert_eq!(modified("link"), (7, 2));
    assert_eq!(modified("folder"), (9, 3));
    assert_eq!(modified("folder/inner"), (0, 3));
    assert_eq!(modified("folder/empty"), (0, 0));
}

#[test]
fn a_folder_that_is_there_is_not_touched() {
    let package = build::package(&entries());
    let temporary = tempfile::tempdir().expect("a folder");
    for target in ["folder", "file", "dangling"] {
        let target = temporary.path().join(target);
        match target.file_name().and_then(|name| name.to_str()) {
            Some("folder") => fs::create_dir(&target).unwrap(),
            Some("file") => fs::write(&target, "mine").unwrap(),
            _ => std::os::unix::fs::symlink("nowhere", &target).unwrap(),
        }
        let error = unpack(package.as_slice(), &target, Options::default()).expect_err("something is there");
        assert!(matches!(error, Error::TargetExists(_)), "{error}");
    }
    assert_eq!(names(temporary.path()), ["dangling", "file", "folder"]);
    assert_eq!(names(&temporary.path().join("folder")), [""; 0]);
    let missing = temporary.path().join("no/such/folder");
    let error = unpack(package.as_slice(), &missing, Options::default()).expect_err("there is no place for it");
    assert_eq!(error.code(), "file-not-found", "{error}");
}

#[test]
fn an_installed_package_is_ready_to_be_mounted() {
    let dev = folder("dev", vec![file("null", b"the app's own"), at(4, folder("shm", vec![]))]);
    let mut with_dev = entries();
    with_dev.push(at(77 * SECOND, dev));
    let package = build::package(&with_dev);
    let temporary = tempfile::tempdir().expect("a folder");
    let apps = temporary.path().join("data/apps");
    let installed = install(package.as_slice(), &apps, Options::default()).expect("a good package");
    assert_eq!(installed.dir, apps.join(build::package_id(&package)));
    assert!(!installed.already);
    assert_eq!(names(&apps), [build::package_id(&package)]);
    let dir = &installed.dir;
    assert_eq!(names(&dir.join("dev")), ["null", "random", "shm", "urandom", "zero"]);
    assert_eq!(fs::read(dir.join("dev/null")).unwrap(), b"the app's own");
    assert_eq!((mode(&dir.join("dev/zero")), times(&dir.join("dev")).0), (0o644, 77));
    for (name, expected) in
        [(".", 0o755), ("text", 0o644), ("program", 0o755), ("folder", 0o755), ("folder/inner", 0o644)]
    {
        assert_eq!(mode(&dir.join(name)), expected, "{name}");
    }
    let manifest = granary_package::Manifest::from_bytes(&fs::read(dir.join("sandstorm-manifest")).unwrap());
    assert_eq!(manifest, Ok(installed.verified.manifest));
}

#[test]
fn odd_dev_entries_are_left_alone() {
    for (name, dev) in [
        ("none", None),
        ("a link", Some(link("dev", "/dev"))),
        ("a file", Some(file("dev", b""))),
        ("links inside", Some(folder("dev", vec![link("null", "/tmp/granary-escaped"), link("shm", "/tmp")]))),
    ] {
        let package = build::package(&with_manifest(dev.into_iter().collect()));
        let temporary = tempfile::tempdir().expect("a folder");
        let installed = install(package.as_slice(), temporary.path(), Options::default());
        let installed = installed.unwrap_or_else(|error| panic!("{name}: {error}"));
        if name == "links inside" {
            assert_eq!(fs::read_link(installed.dir.join("dev/null")).unwrap(), Path::new("/tmp/granary-escaped"));
            assert!(!Path::new("/tmp/granary-escaped").exists());
        }
    }
}

/// The umask belongs to the whole process, so this test has one of its own.
#[test]
fn modes_follow_the_umask_or_not() {
    const CHILD: &str = "GRANARY_TEST_UMASK";
    let package = build::package(&entries());
    if std::env::var_os(CHILD).is_some() {
        nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
        let temporary = tempfile::tempdir().expect("a folder");
        let out = temporary.path().join("out");
        unpack(package.as_slice(), &out, Options::default()).expect("a good package");
        let modes = ["text", "program", "folder", "folder/inner"].map(|name| mode(&out.join(name)));
        assert_eq!(modes, [0o600, 0o700, 0o700, 0o600]);
        let installed = install(package.as_slice(), temporary.path(), Options::default()).expect("a good package");
        let modes = [".", "text", "program", "folder", "folder/inner"].map(|name| mode(&installed.dir.join(name)));
        assert_eq!(modes, [0o755, 0o644, 0o755, 0o755, 0o644]);
        return;
    }
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "install::modes_follow_the_umask_or_not", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .expect("the test runs itself");
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
}

#[test]
fn installing_again_and_at_once_is_fine() {
    let package = build::package(&entries());
    let temporary = tempfile::tempdir().expect("a folder");
    let apps = temporary.path();
    let results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..4).map(|_| scope.spawn(|| install(package.as_slice(), apps, Options::default()))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    let fresh = results.iter().filter(|result| !result.as_ref().expect("installed").already).count();
    assert_eq!(fresh, 1);
    assert_eq!(names(apps), [build::package_id(&package)]);
    let again = install(package.as_slice(), apps, Options::default()).expect("installed");
    assert!(again.already);
    remove(apps, again.verified.package_id).expect("removed");
    remove(apps, again.verified.package_id).expect("removing what is not there is fine");
    assert_eq!(names(apps), [""; 0]);
}

#[test]
fn another_package_than_expected_stays_invisible() {
    let package = build::package(&entries());
    let temporary = tempfile::tempdir().expect("a folder");
    let expect = Some(granary_package::PackageId::from_bytes([1; 16]));
    let error = install(package.as_slice(), temporary.path(), Options { expect, ..Options::default() });
    assert_eq!(error.expect_err("another package").code(), "package-unexpected");
    assert_eq!(names(temporary.path()), [""; 0]);
}

/// A source that hands out one byte at a time, and then fails or ends.
struct Slow<'a> {
    bytes: &'a [u8],
    fails: bool,
}

impl Read for Slow<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let Some((first, rest)) = self.bytes.split_first() else {
            return if self.fails { Err(std::io::Error::other("the line went dead")) } else { Ok(0) };
        };
        buffer[0] = *first;
        self.bytes = rest;
        Ok(1)
    }
}

#[test]
fn sources_may_be_slow_and_may_fail() {
    let package = build::package(&entries());
    let temporary = tempfile::tempdir().expect("a folder");
    let source = Slow { bytes: &package[..package.len() / 2], fails: true };
    let error = install(source, temporary.path(), Options::default()).expect_err("half a package");
    assert!(matches!(error, Error::Source(_)), "{error}");
    assert_eq!(names(temporary.path()), [""; 0]);
    let source = Slow { bytes: &package, fails: false };
    install(source, temporary.path(), Options::default()).expect("a good package");
}

#[test]
fn progress_is_told_in_order() {
    let noise = build::noise(3_000_000);
    let package = build::package(&with_manifest(vec![file("large", &noise)]));
    let temporary = tempfile::tempdir().expect("a folder");
    let mut told: BTreeMap<Phase2, Vec<(u64, Option<u64>)>> = BTreeMap::new();
    let mut progress = |progress: Progress| {
        told.entry(Phase2::from(progress.phase)).or_default().push((progress.bytes, progress.total));
    };
    let options = Options { size: Some(package.len() as u64), progress: Some(&mut progress), ..Options::default() };
    let installed = install(package.as_slice(), temporary.path(), options).expect("a good package");
    let unpacked = installed.verified.unpacked_size;
    for (phase, last, total) in [
        (Phase2::Download, package.len() as u64, Some(package.len() as u64)),
        (Phase2::Unpack, unpacked, Some(unpacked)),
    ] {
        assert_eq!(told[&phase].last(), Some(&(last, total)), "{phase:?}");
        assert!(told[&phase].iter().is_sorted_by_key(|(bytes, _)| *bytes), "{phase:?}");
        assert!(told[&phase].len() > 2, "{phase:?} is told now and then");
    }
    assert!(told[&Phase2::Verify].last().is_some_and(|(bytes, _)| *bytes > unpacked));
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase2 {
    Download,
    Verify,
    Unpack,
}

impl From<Phase> for Phase2 {
    fn from(phase: Phase) -> Self {
        match phase {
            Phase::Download => Self::Download,
            Phase::Verify => Self::Verify,
            Phase::Unpack => Self::Unpack,
        }
    }
}

#[test]
fn cancelling_leaves_nothing() {
    let noise = build::noise(9_000_000);
    let package = build::package(&with_manifest(vec![file("a", &noise), file("b", b"")]));
    for phase in [Phase::Download, Phase::Verify, Phase::Unpack] {
        let temporary = tempfile::tempdir().expect("a folder");
        let cancel = AtomicBool::new(false);
        let mut progress = |progress: Progress| {
            if progress.phase == phase {
                cancel.store(true, Ordering::Relaxed);
            }
        };
        let options = Options { progress: Some(&mut progress), cancel: Some(&cancel), ..Options::default() };
        let error = install(package.as_slice(), temporary.path(), options).expect_err("cancelled");
        assert!(matches!(error, Error::Cancelled), "{phase:?}: {error}");
        assert_eq!(names(temporary.path()), [""; 0], "{phase:?}");
    }
}

/// What a crash leaves is a folder that nobody has locked.
#[test]
fn leftovers_are_collected_and_living_installations_are_not() {
    let temporary = tempfile::tempdir().expect("a folder");
    let apps = temporary.path();
    assert_eq!(collect_leftovers(&apps.join("missing")).expect("nothing to do"), 0);
    fs::create_dir_all(apps.join(".new-0123456789abcdef/folder")).unwrap();
    fs::write(apps.join(".new-0123456789abcdef/folder/file"), "half").unwrap();
    fs::create_dir(apps.join("b5bb9d8014a0f9b1d61e21e796d78dcc")).unwrap();
    let noise = build::noise(2_000_000);
    let package = build::package(&with_manifest(vec![file("a", &noise), file("b", b"")]));
    let mut seen = Vec::new();
    let mut progress = |progress: Progress| {
        if progress.phase == Phase::Unpack && seen.is_empty() {
            seen = vec![collect_leftovers(apps).expect("collected"), names(apps).len()];
        }
    };
    let options = Options { progress: Some(&mut progress), ..Options::default() };
    install(package.as_slice(), apps, options).expect("a good package");
    assert_eq!(seen, [1, 2], "the leftover is gone, and what is being installed and what was installed stay");
    assert_eq!(names(apps).len(), 2);
}

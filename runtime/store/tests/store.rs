//! The store at its boundary: a life of packages, apps and grains, transactions, and crashes in the middle of one.

#![allow(
    clippy::redundant_closure_for_method_calls,
    reason = "the shorter form is not general over the lifetime of `Read`"
)]

mod common;

use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Command as Process, Stdio};

use granary_store::{Action, Command, Error, Grain, GrainFilter, Icon, IconKind, Package, Result, Store};

fn package(id: &str, app: &str, version: u32) -> Package {
    Package {
        package_id: id.into(),
        app_id: app.into(),
        app_version: version,
        title: format!("App {app}"),
        marketing_version: format!("{version}.0"),
        short_description: Some("Does things".into()),
        author_fingerprint: None,
        author_name: None,
        unpacked_size: 12_345,
        continue_command: Command { argv: vec!["/app".into(), "run".into()], environ: vec![] },
        actions: vec![
            Action {
                title: "New thing".into(),
                noun_phrase: "thing".into(),
                description: None,
                command: Command {
                    argv: vec!["/app".into(), "new".into()],
                    environ: vec![("PATH".into(), "/bin".into())],
                },
            },
            Action {
                title: "New other".into(),
                noun_phrase: "other".into(),
                description: Some("Another".into()),
                command: Command::default(),
            },
        ],
        installed: 1,
        texts: None,
    }
}

fn grain(id: &str, package: &Package) -> Grain {
    Grain { title: format!("Grain {id}"), opened: true, ..common::grain(id, package) }
}

fn open(folder: &Path) -> Store {
    Store::open(&folder.join("granary.db")).unwrap()
}

#[test]
fn values_come_back_as_they_went_in_and_survive_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let one = package("p1", "a", 1);
    let icon = Icon { media_type: "image/png".into(), image: vec![0, 1, 255] };
    let store = open(folder.path());
    store
        .write(|w| {
            w.put_package(&one, &[(IconKind::Grid, icon.clone())])?;
            w.put_app("a", "p1", true, 5)?;
            w.add_grain(&grain("g1", &one))?;
            w.set_setting("port", &6443_u16)
        })
        .unwrap();
    drop(store);

    let store = open(folder.path());
    store
        .read(|r| {
            let app = r.app("a")?.unwrap();
            assert_eq!((app.starter, app.grains), (true, 1));
            assert_eq!(app.package, one);
            assert_eq!(r.apps()?, vec![app]);
            assert_eq!(r.app("b")?, None);
            assert_eq!(r.icon("p1", IconKind::Grid)?, Some(icon));
            assert_eq!(r.icon("p1", IconKind::Grain)?, None);
            assert_eq!(r.grain("g1")?, Some(grain("g1", &one)));
            assert_eq!(r.setting::<u16>("port")?, Some(6443));
            assert_eq!(r.setting::<u16>("other")?, None);
            Ok::<_, Error>(())
        })
        .unwrap();
}

#[test]
fn installing_a_package_again_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let one = package("p1", "a", 1);
    for _ in 0..2 {
        store
            .write(|w| {
                w.put_package(&one, &[])?;
                w.put_app("a", "p1", false, 5)
            })
            .unwrap();
    }
    assert_eq!(store.read(|r| r.apps()).unwrap().len(), 1);
    assert_eq!(store.read(|r| r.package("p1")).unwrap().unwrap(), one);
}

#[test]
fn an_upgrade_moves_grains_of_no_higher_version() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let [one, two, also_two, three] =
        [package("p1", "a", 1), package("p2", "a", 2), package("p2b", "a", 2), package("p3", "a", 3)];
    let other = package("q", "b", 1);
    store
        .write(|w| {
            for package in [&one, &two, &also_two, &three, &other] {
                w.put_package(package, &[])?;
            }
            w.put_app("a", "p2", false, 5)?;
            for (id, package) in [("g1", &one), ("g2", &two), ("g2b", &also_two), ("g3", &three), ("h", &other)] {
                w.add_grain(&grain(id, package))?;
            }
            Ok::<_, Error>(())
        })
        .unwrap();
    let mut moved = store.write(|w| w.upgrade_grains(&two)).unwrap();
    moved.sort();
    assert_eq!(moved, ["g1", "g2b"]);
    assert_eq!(store.read(|r| r.grain("g1")).unwrap().unwrap().app_version, 2);
    assert_eq!(store.read(|r| r.unused_packages()).unwrap(), ["p1", "p2b"]);
    store
        .write(|w| {
            w.remove_package("p1")?;
            w.remove_app("a")
        })
        .unwrap();
    // Grains keep the package they run from.
    assert_eq!(store.read(|r| r.unused_packages()).unwrap(), ["p2b"]);
    assert!(matches!(store.write(|w| w.remove_package("p2")), Err(Error::Sqlite(_))));
}

#[test]
fn grains_are_renamed_used_thrown_away_and_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let one = package("p1", "a", 1);
    store
        .write(|w| {
            w.put_package(&one, &[])?;
            for id in ["g1", "g2", "g3"] {
                w.add_grain(&grain(id, &one))?;
            }
            Ok::<_, Error>(())
        })
        .unwrap();
    let ids = |filter: GrainFilter| -> Vec<String> {
        let grains = store.read(|r| r.grains(&filter)).unwrap();
        grains.into_iter().map(|grain| grain.grain_id).collect()
    };
    assert!(store.note(|w| w.set_grain_used("g2", 30)).unwrap());
    assert!(store.note(|w| w.set_grain_used("g2", 20)).unwrap());
    assert!(store.note(|w| w.set_grain_size("g2", 77)).unwrap());
    assert!(store.write(|w| w.set_grain_title("g2", "Å title")).unwrap());
    assert!(!store.write(|w| w.set_grain_title("nobody", "x")).unwrap());
    assert_eq!(ids(GrainFilter::All), ["g2", "g1", "g3"]);
    let two = store.read(|r| r.grain("g2")).unwrap().unwrap();
    assert_eq!((two.title.as_str(), two.last_used, two.size), ("Å title", 30, 77));

    assert!(store.write(|w| w.set_grain_trashed("g1", Some(100))).unwrap());
    assert!(store.write(|w| w.set_grain_trashed("g1", Some(200))).unwrap());
    assert_eq!(store.read(|r| r.grain("g1")).unwrap().unwrap().trashed, Some(100));
    assert_eq!(ids(GrainFilter::TrashedBefore(100)), [] as [&str; 0]);
    assert_eq!(ids(GrainFilter::TrashedBefore(101)), ["g1"]);
    assert!(store.write(|w| w.set_grain_trashed("g1", None)).unwrap());
    assert_eq!(store.read(|r| r.grain("g1")).unwrap().unwrap().trashed, None);
    assert!(store.write(|w| w.remove_grain("g1")).unwrap());
    assert_eq!(ids(GrainFilter::App("a".into())), ["g2", "g3"]);
    assert_eq!(ids(GrainFilter::App("b".into())), [] as [&str; 0]);
}

#[test]
fn a_failed_operation_undoes_the_whole_transaction() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let result: Result<()> = store.write(|w| {
        w.set_setting("kept", &true)?;
        // No such package.
        w.add_grain(&grain("g", &package("missing", "a", 1)))
    });
    assert!(result.is_err());
    assert_eq!(store.read(|r| r.setting::<bool>("kept")).unwrap(), None);
}

#[test]
fn a_database_of_a_newer_version_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    let path = folder.path().join("granary.db");
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 999).unwrap();
    let error = Store::open(&path).unwrap_err();
    assert!(matches!(error, Error::Newer { .. }), "{error}");
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("granary.db");
    std::fs::write(&path, "not a database, by any means".repeat(100)).unwrap();
    let error = Store::open(&path).unwrap_err();
    assert!(matches!(error, Error::Open { .. }), "{error}");
}

const CRASH: &str = "GRANARY_STORE_TEST_CRASH";

/// Not a test of its own: the process the next test kills in the middle of a transaction.
#[test]
fn crash_child() {
    let Some(folder) = std::env::var_os(CRASH) else { return };
    let store = open(Path::new(&folder));
    store.write(|w| w.set_setting("before", &1)).unwrap();
    let _: Result<()> = store.write(|w| {
        let one = package("p1", "a", 1);
        w.put_package(&one, &[])?;
        w.put_app("a", "p1", false, 5)?;
        // Enough that SQLite spills pages into the log before the commit.
        for number in 0..20_000 {
            w.add_grain(&Grain { grain_id: format!("g{number}"), ..grain("", &one) })?;
        }
        std::io::stdout().write_all(b"\nin the middle\n").unwrap();
        loop {
            std::thread::park();
        }
    });
}

#[test]
fn a_process_killed_in_a_transaction_leaves_the_state_before_it() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        let mut child = Process::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash_child", "--nocapture"])
            .env(CRASH, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.map_while(Result::<String, _>::ok).any(|line| line == "in the middle"));
        child.kill().unwrap();
        child.wait().unwrap();

        let store = open(folder.path());
        store
            .read(|r| {
                assert_eq!(r.setting::<i32>("before")?, Some(1));
                assert_eq!(r.apps()?, []);
                assert_eq!(r.package_ids()?, [] as [&str; 0]);
                assert_eq!(r.grains(&GrainFilter::All)?, []);
                Ok::<_, Error>(())
            })
            .unwrap();
    }
}

#[test]
fn readers_do_not_wait_for_a_writer() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.write(|w| w.set_setting("n", &1)).unwrap();
    store
        .write(|w| {
            w.set_setting("n", &2)?;
            // On this very thread: a store with one connection would deadlock here.
            assert_eq!(store.read(|r| r.setting::<i32>("n"))?, Some(1));
            assert_eq!(w.setting::<i32>("n")?, Some(2));
            Ok::<_, Error>(())
        })
        .unwrap();
    assert_eq!(store.read(|r| r.setting::<i32>("n")).unwrap(), Some(2));
}

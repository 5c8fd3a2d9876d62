//! What the desktop added to the store: notifications, windows, versions of an app, and the way there from the first schema.

#![allow(
    clippy::redundant_closure_for_method_calls,
    reason = "the shorter form is not general over the lifetime of `Read`"
)]

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use granary_store::{
    Command, Error, GrainFilter, NOTIFICATIONS, NewNotification, Package, Severity, Store, WINDOWS, Window,
};

use common::grain;

fn open(folder: &Path) -> Store {
    Store::open(&folder.join("granary.db")).unwrap()
}

fn package(id: &str, version: u32) -> Package {
    Package {
        package_id: id.into(),
        app_id: "a".into(),
        app_version: version,
        title: "App".into(),
        marketing_version: version.to_string(),
        short_description: None,
        author_fingerprint: None,
        author_name: None,
        unpacked_size: 1000,
        continue_command: Command::default(),
        actions: vec![],
        installed: i64::from(version),
        texts: Some("{}".into()),
    }
}

fn news(code: &str, grain: Option<&str>) -> NewNotification {
    NewNotification {
        code: code.into(),
        severity: Severity::Warning,
        title: "Title".into(),
        text: "Text".into(),
        remedy: String::new(),
        details: BTreeMap::from([("bytes".to_owned(), "5".to_owned())]),
        grain_id: grain.map(str::to_owned),
        app_id: None,
    }
}

#[test]
fn the_same_news_is_counted_until_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let one = package("p1", 1);
    store
        .write(|w| {
            w.put_package(&one, &[])?;
            w.add_grain(&grain("g1", &one))?;
            w.add_grain(&grain("g2", &one))
        })
        .unwrap();
    let notify =
        |code: &str, grain: Option<&str>, now: i64| store.write(|w| w.notify(&news(code, grain), now)).unwrap();
    let first = notify("crash", Some("g1"), 1);
    let again = notify("crash", Some("g1"), 2);
    assert_eq!((again.notification_id, again.times, again.created), (first.notification_id, 2, 2));
    assert_ne!(notify("crash", Some("g2"), 3).notification_id, first.notification_id);
    assert_ne!(notify("full", Some("g1"), 4).notification_id, first.notification_id);
    assert_eq!(notify("health", None, 5).what, news("health", None));
    assert_eq!(store.read(|r| r.unread_notifications()).unwrap(), 4);

    assert!(store.write(|w| w.set_notification_read(first.notification_id, 6)).unwrap());
    assert!(!store.write(|w| w.set_notification_read(first.notification_id, 7)).unwrap());
    let fresh = notify("crash", Some("g1"), 8);
    assert_eq!(fresh.times, 1);
    let listed = store.read(|r| r.notifications()).unwrap();
    assert_eq!(listed.len(), 5);
    assert_eq!((&listed[0], listed[4].read), (&fresh, Some(6)));
    assert_eq!(store.write(|w| w.set_notifications_read(i64::MAX, 9)).unwrap(), 4);
    assert_eq!(store.read(|r| r.unread_notifications()).unwrap(), 0);

    // What is about a grain goes with it.
    store.write(|w| w.remove_grain("g1")).unwrap();
    assert_eq!(store.read(|r| r.notifications()).unwrap().len(), 2);
    assert!(store.write(|w| w.remove_notification(listed[1].notification_id)).unwrap());
    assert_eq!(store.write(|w| w.remove_notifications()).unwrap(), 1);
}

#[test]
fn the_list_of_news_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store
        .write(|w| {
            for number in 0..NOTIFICATIONS + 10 {
                w.notify(&news(&format!("code-{number}"), None), i64::try_from(number).unwrap())?;
            }
            Ok::<_, Error>(())
        })
        .unwrap();
    let listed = store.read(|r| r.notifications()).unwrap();
    assert_eq!((listed.len(), listed[NOTIFICATIONS - 1].what.code.as_str()), (NOTIFICATIONS, "code-10"));
    // With a clock that was set back the new one is the oldest.
    let late = store.write(|w| w.notify(&news("late", None), 0)).unwrap();
    assert_eq!(late.what.code, "late");
}

#[test]
fn windows_are_remembered_and_go_with_their_grain() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let one = package("p1", 1);
    let window = |id: &str, grain: Option<&str>, open: bool, updated: i64| Window {
        window_id: id.into(),
        grain_id: grain.map(str::to_owned),
        open,
        place: "{\"width\":800}".into(),
        updated,
    };
    store
        .write(|w| {
            w.put_package(&one, &[])?;
            w.add_grain(&grain("g1", &one))?;
            w.put_window(&window("main", None, true, 1))?;
            w.put_window(&window("grain-g1", Some("g1"), true, 2))?;
            w.put_window(&window("grain-g1", Some("g1"), false, 3))
        })
        .unwrap();
    assert_eq!(
        store.read(|r| r.windows()).unwrap(),
        [window("grain-g1", Some("g1"), false, 3), window("main", None, true, 1)]
    );
    assert!(store.write(|w| w.put_window(&window("x", Some("nobody"), true, 4))).is_err());
    store.write(|w| w.remove_grain("g1")).unwrap();
    assert_eq!(store.read(|r| r.window("grain-g1")).unwrap(), None);
    store
        .write(|w| {
            for number in 0..WINDOWS + 5 {
                w.put_window(&window(&format!("w{number}"), None, false, 10))?;
            }
            Ok::<_, Error>(())
        })
        .unwrap();
    let windows = store.read(|r| r.windows()).unwrap();
    assert_eq!(windows.len(), WINDOWS);
    assert!(windows.iter().any(|window| window.window_id == "main"), "an open one outlives closed ones");
    assert!(store.write(|w| w.remove_window("main")).unwrap());
}

#[test]
fn versions_of_an_app_and_the_grains_of_each() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let [one, two] = [package("p1", 1), package("p2", 2)];
    store
        .write(|w| {
            w.put_package(&one, &[])?;
            w.put_package(&two, &[])?;
            for (id, package) in [("g1", &one), ("g2", &two), ("g3", &two)] {
                w.add_grain(&grain(id, package))?;
            }
            w.set_grain_trashed("g3", Some(5)).map(drop)
        })
        .unwrap();
    let packages = store.read(|r| r.packages("a")).unwrap();
    assert_eq!(packages, [two, one]);
    let uses = store.read(|r| r.package_uses("a")).unwrap();
    let uses: Vec<_> = uses.iter().map(|u| (u.package_id.as_str(), u.app_version, u.grains, u.trashed)).collect();
    assert_eq!(uses, [("p2", 2, 2, 1), ("p1", 1, 1, 0)]);
    assert_eq!(store.read(|r| r.packages_size()).unwrap(), 2000);

    assert!(store.write(|w| w.set_grain_opened("g1", 50)).unwrap());
    assert!(!store.write(|w| w.set_grain_opened("g1", 60)).unwrap());
    let first = store.read(|r| r.grain("g1")).unwrap().unwrap();
    assert_eq!((first.opened, first.last_used), (true, 60));
}

#[test]
fn a_database_of_the_first_schema_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("granary.db");
    let old = rusqlite::Connection::open(&path).unwrap();
    old.execute_batch(include_str!("../src/schema/1-first-grain.sql")).unwrap();
    old.pragma_update(None, "user_version", 1).unwrap();
    old.execute_batch(
        "INSERT INTO packages VALUES ('p1', 'a', 1, 'App', '1', NULL, NULL, NULL, 5, '{\"argv\":[],\"environ\":[]}', 1);
         INSERT INTO grains VALUES ('g1', 'Kept', 'a', 'p1', 1, printf('%064d', 0), 1, 2, 3, NULL);",
    )
    .unwrap();
    drop(old);
    let store = open(folder.path());
    let grains = store.read(|r| r.grains(&GrainFilter::All)).unwrap();
    assert_eq!((grains[0].title.as_str(), grains[0].opened), ("Kept", true));
    assert_eq!(store.read(|r| r.packages_without_texts()).unwrap(), ["p1"]);
    store.write(|w| w.set_package_texts("p1", "{\"title\":1}")).unwrap();
    assert_eq!(store.read(|r| r.texts()).unwrap(), [("p1".to_owned(), "{\"title\":1}".to_owned())]);
}

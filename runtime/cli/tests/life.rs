//! The command line as a person uses it: apps and grains from installing to deleting, with a real appliance and grains.

mod support;

use nix::sys::signal::Signal;
use support::{Granary, Packs, descendants, eventually};

#[test]
fn a_grain_from_its_making_to_its_end() {
    let packs = Packs::new();
    let spk = packs.pack("a", "Raw", 1, &[]);
    let (app_id, package_id) = (packs.app_id(&spk), packs.package_id(&spk));
    let granary = Granary::started();
    assert_eq!(granary.json(&["apps"]), serde_json::json!([]));

    let installed = granary.run(&["install", spk.to_str().unwrap()]);
    assert_eq!((installed.code, installed.stdout.trim()), (0, app_id.as_str()), "{installed:#?}");
    let apps = granary.json(&["apps"]);
    let app = &apps[0];
    assert_eq!(app["appId"], app_id);
    assert_eq!(app["packageId"], package_id);
    assert_eq!((app["title"].as_str(), app["version"].as_u64()), (Some("Raw"), Some(1)));
    assert_eq!((&app["starter"], &app["grains"]), (&serde_json::json!(false), &serde_json::json!(0)));
    assert_eq!(app["actions"][0]["index"], 0);
    assert_eq!(app["actions"][0]["nounPhrase"], "sheet");
    assert!(app["unpackedSize"].as_u64().unwrap() > 100_000);

    let grain = granary.json(&["new", "raw"]);
    let id = grain["grainId"].as_str().unwrap();
    assert_eq!(id.len(), 22);
    assert_eq!((grain["appId"].as_str(), grain["title"].as_str()), (Some(app_id.as_str()), Some("Untitled Raw sheet")));
    assert_eq!((grain["packageId"].as_str(), &grain["trashed"]), (Some(package_id.as_str()), &serde_json::Value::Null));
    assert_eq!(granary.ok(&["new", &app_id, "--title", "Second", "--action", "0"]).trim().len(), 22);
    assert_eq!(granary.json(&["apps"])[0]["grains"], 2);

    assert!(granary.visit(id, "/").contains("Raw app"));
    assert_eq!(granary.visit(id, "/count").trim(), "1");
    assert_eq!(granary.visit("untitled", "/count").trim(), "2");
    let me: serde_json::Value = serde_json::from_str(&granary.visit(id, "/whoami")).unwrap();
    assert!(me.to_string().contains(&granary.json(&["settings"])["accountName"].to_string()), "{me}");
    assert_eq!(granary.state(id), "running");

    granary.visit(id, "/log?text=hello+there");
    eventually("the log line", || granary.ok(&["log", id]).contains("hello there"));
    assert!(granary.ok(&["log", id, "--json"]).lines().any(|line| {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        value["grainId"] == id && value["line"] == "hello there"
    }));

    granary.ok(&["stop", id]);
    assert_eq!(granary.state(id), "stopped");
    assert_eq!(granary.visit(id, "/count").trim(), "3");

    assert_eq!(granary.json(&["rename", id, "My  sheet"])["title"], "My  sheet");
    assert_eq!(granary.json(&["stop", "my"])["grainId"], id);
    let second = granary.json(&["delete", "Second", "--trash"]);
    assert!(second["trashed"].is_i64());
    assert_eq!(granary.json(&["grains"]).as_array().unwrap().len(), 1);
    assert_eq!(granary.json(&["grains", "--all"]).as_array().unwrap().len(), 2);
    granary.fails(1, "grain-in-trash", &["url", "Second"]);
    assert_eq!(granary.json(&["restore", "Second"])["trashed"], serde_json::Value::Null);
    assert!(granary.visit("Second", "/").contains("Raw app"));

    // Without its app a grain works on, and the package goes with its last grain.
    granary.ok(&["uninstall", "Raw"]);
    assert_eq!(granary.json(&["apps"]), serde_json::json!([]));
    granary.ok(&["stop", id]);
    assert_eq!(granary.visit(id, "/count").trim(), "4");
    assert_eq!(granary.package_folders(), [package_id.as_str()]);
    granary.ok(&["delete", "Second"]);
    assert_eq!(granary.grain_folders(), [id]);
    assert_eq!(granary.package_folders(), [package_id]);
    assert_eq!(granary.json(&["delete", id])["grainId"], id);
    assert_eq!(granary.grain_folders(), [] as [&str; 0]);
    assert_eq!(granary.package_folders(), [] as [&str; 0]);
    assert_eq!(granary.json(&["grains", "--all"]), serde_json::json!([]));
}

#[test]
fn a_log_is_followed_until_its_reader_has_enough() {
    use std::io::BufRead as _;
    let packs = Packs::new();
    let granary = Granary::started();
    granary.ok(&["install", packs.pack("a", "Raw", 1, &[]).to_str().unwrap()]);
    let id = granary.ok(&["new", "Raw"]);
    let id = id.trim();
    let mut follower = granary.command(&["log", id, "-f"]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut lines = std::io::BufReader::new(follower.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.next().is_some(), "the log begins with the start of the grain");
    for text in ["one", "two"] {
        granary.visit(id, &format!("/log?text=line-{text}"));
        assert!(lines.any(|line| line == format!("line-{text}")));
    }
    // The grain's end does not end the log, the appliance's does.
    granary.ok(&["stop", id]);
    granary.visit(id, "/log?text=line-three");
    assert!(lines.any(|line| line == "line-three"));
    drop(lines);
    granary.visit(id, "/log?text=nobody+reads+this&n=100");
    assert_eq!(follower.wait().unwrap().code(), Some(0));
}

#[test]
fn a_newer_package_takes_the_grains_along_and_an_older_one_does_not() {
    let packs = Packs::new();
    let versions: Vec<_> = (1..=3).map(|version| packs.pack("a", "Raw", version, &[])).collect();
    let ids: Vec<String> = versions.iter().map(|file| packs.package_id(file)).collect();
    let granary = Granary::started();
    let install = |version: usize| granary.json(&["install", versions[version - 1].to_str().unwrap()]);

    assert_eq!(install(1)["outcome"], "installed");
    assert_eq!(install(1)["outcome"], "alreadyInstalled");
    let first = granary.json(&["new", "Raw", "--title", "First"]);
    assert_eq!(granary.visit("First", "/count").trim(), "1");

    let upgraded = install(2);
    assert_eq!((&upgraded["outcome"], &upgraded["moved"]), (&"upgraded".into(), &1.into()));
    assert_eq!(upgraded["packageId"], ids[1]);
    let grains = granary.json(&["grains"]);
    assert_eq!((&grains[0]["packageId"], &grains[0]["state"]), (&ids[1].as_str().into(), &"stopped".into()));
    assert_eq!(granary.visit("First", "/count").trim(), "2", "the data came along");
    assert_eq!(granary.package_folders(), [ids[1].as_str()], "nobody needs the first package any more");

    assert_eq!(install(3)["outcome"], "upgraded");
    let downgraded = install(2);
    assert_eq!((&downgraded["outcome"], &downgraded["moved"]), (&"downgraded".into(), &0.into()));
    granary.ok(&["new", "Raw", "--title", "Old"]);
    let of = |title: &str| {
        let grains = granary.json(&["grains"]);
        let grain = grains.as_array().unwrap().iter().find(|grain| grain["title"] == title).cloned().unwrap();
        grain["packageId"].as_str().unwrap().to_owned()
    };
    assert_eq!((of("First"), of("Old")), (ids[2].clone(), ids[1].clone()));
    assert_eq!(granary.visit("First", "/count").trim(), "3");
    assert_eq!(first["appId"], granary.json(&["apps"])[0]["appId"]);
}

#[test]
fn a_killed_appliance_leaves_everything_right() {
    let packs = Packs::new();
    let spk = packs.pack("a", "Raw", 1, &[]);
    let mut granary = Granary::started();
    granary.ok(&["install", spk.to_str().unwrap()]);
    let id = granary.ok(&["new", "Raw", "--title", "Kept"]).trim().to_owned();
    assert_eq!(granary.visit(&id, "/count").trim(), "1");
    let pid = granary.pid();
    let descendants = descendants(pid);
    assert!(descendants.len() >= 2, "launcher and grain: {descendants:?}");
    assert_eq!(granary.end(Signal::SIGKILL), -9);
    eventually("the end of every process below the appliance", || descendants.iter().all(|pid| !is_alive(*pid)));

    let error = granary.fails(1, "not-running", &["grains"]);
    assert!(error["remedy"].as_str().unwrap().contains("granary serve --data"), "{error}");
    // What an installation, a creation and a deletion leave that were cut off.
    let package = granary.package_folders().remove(0);
    for path in [
        "apps/.new-0123456789abcdef/part",
        "apps/0123456789abcdef0123456789abcdef",
        "grains/aaaaaaaaaaaaaaaaaaaaaa/var",
    ] {
        std::fs::create_dir_all(granary.data().join(path)).unwrap();
    }
    granary.start();
    assert_eq!(granary.package_folders(), [package]);
    assert_eq!(granary.grain_folders(), [id.as_str()]);
    let grains = granary.json(&["grains"]);
    assert_eq!((&grains[0]["title"], &grains[0]["state"]), (&"Kept".into(), &"stopped".into()));
    assert_eq!(granary.visit(&id, "/count").trim(), "2");

    assert_eq!(granary.end(Signal::SIGTERM), 0);
    assert!(
        !granary
            .folder()
            .join("run/granary")
            .read_dir()
            .unwrap()
            .any(|entry| { entry.unwrap().path().extension().is_some_and(|extension| extension == "sock") })
    );
}

#[test]
fn killed_in_the_middle_of_an_installation() {
    let packs = Packs::new();
    let spk = packs.pack("a", "Raw", 1, &[]);
    let bytes = std::fs::read(&spk).unwrap();
    let mut granary = Granary::started();
    // The first half arrives, the rest never does.
    let mut socket = std::os::unix::net::UnixStream::connect(granary.socket()).unwrap();
    let head = format!("POST /api/v1/packages HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", bytes.len());
    std::io::Write::write_all(&mut socket, head.as_bytes()).unwrap();
    std::io::Write::write_all(&mut socket, &bytes[..bytes.len() / 2]).unwrap();
    let mut first = [0; 12];
    std::io::Read::read_exact(&mut socket, &mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200", "the report begins while the package is on its way");
    granary.end(Signal::SIGKILL);
    granary.start();
    assert_eq!(granary.package_folders(), [] as [&str; 0]);
    assert_eq!(granary.json(&["apps"]), serde_json::json!([]));

    // An upload that its sender gives up leaves nothing either.
    let mut socket = std::os::unix::net::UnixStream::connect(granary.socket()).unwrap();
    std::io::Write::write_all(&mut socket, head.as_bytes()).unwrap();
    std::io::Write::write_all(&mut socket, &bytes[..bytes.len() / 2]).unwrap();
    std::io::Read::read_exact(&mut socket, &mut first).unwrap();
    drop(socket);
    eventually("the end of the installation", || granary.package_folders().is_empty());
    assert_eq!(granary.json(&["install", spk.to_str().unwrap()])["title"], "Raw");
}

#[test]
fn several_installations_of_one_package_at_once() {
    let packs = Packs::new();
    let spk = packs.pack("a", "Raw", 1, &[]);
    let granary = Granary::started();
    let ended: Vec<_> = std::thread::scope(|scope| {
        let install = || granary.run(&["install", spk.to_str().unwrap(), "--json"]);
        let threads: Vec<_> = (0..6).map(|_| scope.spawn(install)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for one in ended {
        assert_eq!(one.code, 0, "{one:#?}");
    }
    assert_eq!(granary.json(&["apps"]).as_array().unwrap().len(), 1);
    assert_eq!(granary.package_folders(), [packs.package_id(&spk)]);
}

#[test]
fn starter_apps_come_by_themselves_and_stay_away_when_sent_away() {
    let packs = Packs::new();
    let mut granary = Granary::new();
    let starter = granary.folder().join("libexec/starter");
    std::fs::create_dir(&starter).unwrap();
    std::fs::copy(packs.pack("a", "First", 1, &[]), starter.join("first.spk")).unwrap();
    std::fs::copy(packs.pack("b", "Second", 1, &[]), starter.join("second.spk")).unwrap();
    std::fs::write(starter.join("broken.spk"), "no package").unwrap();
    granary.start();
    let titles = |granary: &Granary| -> Vec<(String, u64)> {
        let apps = granary.json(&["apps"]);
        let apps = apps.as_array().unwrap().iter();
        apps.map(|app| {
            assert_eq!(app["starter"], true);
            (app["title"].as_str().unwrap().to_owned(), app["version"].as_u64().unwrap())
        })
        .collect()
    };
    assert_eq!(titles(&granary), [("First".to_owned(), 1), ("Second".to_owned(), 1)]);
    granary.ok(&["uninstall", "Second"]);
    granary.end(Signal::SIGTERM);

    std::fs::copy(packs.pack("a", "First", 2, &[]), starter.join("first.spk")).unwrap();
    std::fs::copy(packs.pack("b", "Second", 2, &[]), starter.join("second.spk")).unwrap();
    std::fs::copy(packs.pack("c", "Third", 1, &[]), starter.join("third.spk")).unwrap();
    granary.start();
    assert_eq!(titles(&granary), [("First".to_owned(), 2), ("Third".to_owned(), 1)]);
}

fn is_alive(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('Z')))
}

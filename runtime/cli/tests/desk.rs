//! What the desktop and the settings' pages use: notifications, several grains at once, windows, storage, languages, long lists.

mod support;

use granary_store::{Grain, Store};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use support::{Granary, Packs};

#[test]
fn what_happened_is_told_counted_read_and_dismissed() {
    let packs = Packs::new();
    let mut granary = Granary::started();
    granary.ok(&["install", packs.pack("a", "Raw", 1, &[]).to_str().unwrap()]);
    let id = granary.ok(&["new", "Raw", "--title", "Sheet"]).trim().to_owned();
    let mut events = granary.events();
    let crash = |granary: &Granary| {
        let url = granary.ok(&["url", &id, "--path", "/crash?how=abort"]);
        granary.curl(&["--location", url.trim()]);
    };
    crash(&granary);
    let told = events.wait("the crash", |event| event["notification"]["code"] == "grain-crashed");
    assert_eq!((&told["notification"]["grainId"], &told["notification"]["times"]), (&json!(id), &json!(1)));
    assert_eq!(told["notification"]["details"]["title"], "Sheet");
    crash(&granary);
    events.wait("the second crash", |event| event["notification"]["times"].as_u64() >= Some(2));

    let crashes = |granary: &Granary| -> Vec<Value> {
        let all = granary.done("GET", "/notifications", None);
        all["notifications"].as_array().unwrap().iter().filter(|one| one["code"] == "grain-crashed").cloned().collect()
    };
    // They outlive the appliance.
    granary.end(Signal::SIGTERM);
    granary.start();
    let mut events = granary.events();
    let [one] = crashes(&granary).try_into().unwrap();
    assert!(one["times"].as_u64() >= Some(2) && one["read"] == false, "{one}");
    let number = &one["notificationId"];
    granary.done("POST", "/notifications/read", Some(&json!({ "notificationIds": [number] })));
    events.wait("that it was read", |event| event["type"] == "notifications-changed");
    assert_eq!(crashes(&granary)[0]["read"], true);
    let left = granary.done("POST", "/notifications/read", Some(&json!({ "upTo": i64::MAX })));
    assert_eq!(left["unread"], 0);
    granary.done("DELETE", &format!("/notifications/{number}"), None);
    granary.refuses("no-such-notification", "DELETE", &format!("/notifications/{number}"), None);
    crash(&granary);
    events.wait("the third crash", |event| event["notification"]["times"] == 1);
    // What is about a grain goes with it.
    granary.ok(&["delete", &id]);
    events.wait("that it is gone", |event| event["type"] == "notifications-changed");
    assert_eq!(crashes(&granary), [] as [Value; 0]);
    granary.done("DELETE", "/notifications", None);
    assert_eq!(granary.done("GET", "/notifications", None), json!({ "unread": 0, "notifications": [] }));
}

#[test]
fn several_grains_at_once() {
    let packs = Packs::new();
    let granary = Granary::started();
    granary.ok(&["install", packs.pack("a", "Raw", 1, &[]).to_str().unwrap()]);
    let ids: Vec<String> =
        (0..4).map(|number| granary.ok(&["new", "Raw", "--title", &format!("G{number}")]).trim().to_owned()).collect();
    let grains = granary.done("GET", "/grains", None);
    assert!(grains.as_array().unwrap().iter().all(|grain| grain["neverOpened"] == true && grain["appVersion"] == 1));
    granary.visit(&ids[0], "/");
    let mut events = granary.events();
    let bulk = |action: &str, ids: &[&str]| {
        granary.done("POST", "/grains/bulk", Some(&json!({ "action": action, "grainIds": ids })))
    };
    let result = bulk("trash", &[&ids[0], &ids[1], "nobody", &ids[1], &ids[2]]);
    assert_eq!(result["done"], json!(ids[..3]));
    assert_eq!(result["failed"][0]["grainId"], "nobody");
    assert_eq!(result["failed"][0]["error"]["code"], "no-such-grain");
    events.wait("the change of all three", |event| event["grains"].as_array().is_some_and(|grains| grains.len() == 3));
    assert_eq!(granary.state(&ids[0]), "stopped");
    granary.refuses("grain-in-trash", "POST", &format!("/grains/{}/restart", ids[0]), None);

    assert_eq!(bulk("restore", &[&ids[1]])["done"], json!([ids[1]]));
    let emptied = granary.done("POST", "/trash/empty", None);
    assert_eq!((emptied["done"].as_array().unwrap().len(), &emptied["failed"]), (2, &json!([])));
    let gone = events.wait("their removal", |event| event["type"] == "grains-removed");
    assert_eq!(gone["grainIds"].as_array().unwrap().len(), 2);
    let mut left = granary.grain_folders();
    left.sort();
    let mut expected = vec![ids[1].clone(), ids[3].clone()];
    expected.sort();
    assert_eq!(left, expected);
    assert_eq!(bulk("delete", &[])["done"], json!([]));
    let many: Vec<String> = (0..20_001).map(|number| number.to_string()).collect();
    let many = json!({ "action": "trash", "grainIds": many }).to_string();
    let file = granary.folder().join("many.json");
    std::fs::write(&file, many).unwrap();
    let data = format!("@{}", file.display());
    let json_type = ["--header", "content-type: application/json", "--data-binary", &data];
    let (status, answer) = granary.call_with("POST", "/grains/bulk", &json_type);
    assert!(status == 422 && answer.contains("too-many-grains"), "{status} {answer}");

    // A restart is a new process with the old data.
    assert_eq!(granary.visit(&ids[1], "/count").trim(), "1");
    assert_eq!(granary.done("GET", &format!("/grains/{}", ids[1]), None)["neverOpened"], false);
    granary.done("POST", &format!("/grains/{}/restart", ids[1]), None);
    events.wait("its end", |event| event["grain"]["grainId"] == json!(ids[1]));
    assert_eq!(granary.state(&ids[1]), "running");
    assert_eq!(granary.visit(&ids[1], "/count").trim(), "2");
}

#[test]
fn settings_windows_storage_certificates_and_licences() {
    let packs = Packs::new();
    let mut granary = Granary::started();
    granary.ok(&["install", packs.pack("a", "Raw", 1, &[]).to_str().unwrap()]);
    let id = granary.ok(&["new", "Raw"]).trim().to_owned();
    let mut events = granary.events();
    let settings = granary.done("GET", "/settings", None);
    assert_eq!((&settings["language"], &settings["theme"]), (&json!("auto"), &json!("system")));
    assert_eq!((&settings["restoreWindows"], &settings["openGrainsIn"]), (&json!(true), &json!("window")));
    granary.done("PATCH", "/settings", Some(&json!({ "theme": "dark", "language": "zh-CN", "closeToTray": false })));
    let told = events.wait("the settings", |event| event["type"] == "settings");
    assert_eq!((&told["settings"]["theme"], &told["settings"]["closeToTray"]), (&json!("dark"), &json!(false)));
    granary.refuses("bad-setting", "PATCH", "/settings", Some(&json!({ "language": "no language" })));
    granary.refuses("bad-request", "PATCH", "/settings", Some(&json!({ "theme": "pink" })));
    assert_eq!(granary.json(&["settings", "openGrainsIn=browser"])["openGrainsIn"], "browser");

    let window =
        json!({ "grainId": id, "open": true, "place": { "x": -5, "y": 7, "width": 800, "height": 600, "path": "/a" } });
    let stored = granary.done("PUT", "/windows/grain-1", Some(&window));
    assert_eq!((&stored["place"]["x"], &stored["place"]["maximized"]), (&json!(-5), &json!(false)));
    granary.refuses("bad-window-id", "PUT", "/windows/a%20b", Some(&window));
    granary.refuses("no-such-grain", "PUT", "/windows/x", Some(&json!({ "grainId": "nobody", "open": true })));
    granary.refuses("bad-path", "PUT", "/windows/x", Some(&json!({ "open": true, "place": { "path": "http://x" } })));
    granary.end(Signal::SIGTERM);
    granary.start();
    assert_eq!(granary.done("GET", "/windows", None), json!([stored]));
    assert_eq!(granary.done("GET", "/settings", None)["theme"], "dark");

    granary.visit(&id, "/write?name=big&bytes=3000000");
    support::eventually("the grain's size", || {
        granary.done("GET", "/storage", None)["grains"].as_u64().unwrap() > 3_000_000
    });
    let storage = granary.done("GET", "/storage", None);
    assert_eq!((&storage["byGrain"][0]["grainId"], &storage["trash"]), (&json!(id), &json!(0)));
    let free = storage["diskFree"].as_u64().unwrap();
    assert!(free > 0 && storage["diskSize"].as_u64().unwrap() > free, "{storage}");
    assert!(storage["apps"].as_u64().unwrap() > 100_000 && storage["database"].as_u64().unwrap() > 10_000, "{storage}");
    granary.ok(&["delete", &id]);
    assert_eq!(granary.done("GET", "/windows", None), json!([]), "a window goes with its grain");
    granary.refuses("no-such-window", "DELETE", "/windows/grain-1", None);

    let user_only = json!({ "userOnly": true });
    let installed = granary.done("POST", "/certificates/install", Some(&user_only));
    let own = |answer: &Value| -> Vec<(String, String)> {
        let stores = answer["stores"].as_array().unwrap().iter().filter(|store| store["kind"] != "system");
        stores.map(|s| (s["path"].as_str().unwrap().to_owned(), s["state"].as_str().unwrap().to_owned())).collect()
    };
    assert!(!own(&installed).is_empty() && own(&installed).iter().all(|(_, state)| state == "trusted"), "{installed}");
    assert_eq!(own(&granary.done("GET", "/certificates", None)), own(&installed));
    let told: Vec<Value> = serde_json::from_str(&granary.run(&["trust", "status", "--json"]).stdout).unwrap();
    assert!(told.iter().any(|store| store["state"] == "trusted"), "the same as on the command line: {told:?}");
    let removed = granary.done("POST", "/certificates/remove", Some(&user_only));
    assert!(own(&removed).iter().all(|(_, state)| state == "not-trusted" || state == "notTrusted"), "{removed}");

    let about = granary.done("GET", "/about", None);
    assert_eq!(about["licence"], "Apache-2.0");
    let components = about["components"].as_array().unwrap();
    assert!(components.iter().all(|one| one["licence"].as_str().is_some_and(|licence| !licence.is_empty())), "{about}");
    for (name, kind) in [("axum", "rust"), ("rusqlite", "rust"), ("svelte", "npm")] {
        let one = components.iter().find(|one| one["name"] == name && one["kind"] == kind);
        assert!(one.is_some_and(|one| one["version"].is_string()), "{name}");
    }
    let axum = components.iter().find(|one| one["name"] == "axum").unwrap();
    let (status, text) = granary.call_with("GET", &format!("/about/notices/{}", axum["notice"]), &[]);
    assert!(status == 200 && text.contains("Permission is hereby granted"), "{status} {text}");
    granary.refuses("no-such-notice", "GET", "/about/notices/100000", None);
}

#[test]
fn apps_speak_the_language_of_the_person() {
    let packs = Packs::new();
    let spk = packs.pack_translated("a");
    let granary = Granary::started();
    granary.ok(&["install", spk.to_str().unwrap()]);
    let titles = |accept: &str| {
        let header = format!("accept-language: {accept}");
        let (_, apps) = granary.call_with("GET", "/apps", &["--header", &header]);
        let apps: Value = serde_json::from_str(&apps).unwrap();
        let action = &apps[0]["actions"][0];
        [apps[0]["title"].clone(), action["title"].clone(), action["nounPhrase"].clone()]
            .map(|text| text.as_str().unwrap().to_owned())
    };
    assert_eq!(titles("en"), ["Letters", "New letter", "letter"]);
    assert_eq!(titles("de-AT, en;q=0.5"), ["Briefe", "Neuer Brief", "Brief"]);
    assert_eq!(titles("pt, fr;q=0.9"), ["Lettres", "New letter", "letter"]);
    granary.done("PATCH", "/settings", Some(&json!({ "language": "de" })));
    assert_eq!(titles("fr"), ["Briefe", "Neuer Brief", "Brief"]);
    let mut events = granary.events();
    let id = granary.ok(&["new", "Briefe"]).trim().to_owned();
    let told = events.wait("the grain", |event| event["grain"]["grainId"] == json!(id));
    assert_eq!(
        (&told["grain"]["appTitle"], &told["grain"]["title"]),
        (&json!("Briefe"), &json!("Untitled Briefe Brief"))
    );
    assert_eq!(granary.done("GET", "/grains", None)[0]["appTitle"], "Briefe");
    let details = granary.done("GET", &format!("/apps/{}", packs.app_id(&spk)), None);
    assert_eq!((&details["title"], &details["description"]), (&json!("Briefe"), &json!("Zum **Schreiben**.")));
    assert_eq!(
        (&details["links"]["website"], &details["licence"]["id"]),
        (&json!("https://example.org/"), &json!("MIT"))
    );
}

#[test]
fn ten_thousand_grains_are_listed_quickly_and_only_when_something_changed() {
    const GRAINS: usize = 10_000;
    let packs = Packs::new();
    let spk = packs.pack("a", "Raw", 1, &[]);
    let mut granary = Granary::started();
    granary.ok(&["install", spk.to_str().unwrap()]);
    granary.end(Signal::SIGTERM);
    let store = Store::open(&granary.data().join("granary.db")).unwrap();
    let (app_id, package_id) = (packs.app_id(&spk), packs.package_id(&spk));
    store
        .write(|w| {
            for number in 0..GRAINS {
                w.add_grain(&Grain {
                    grain_id: format!("{number:022}"),
                    title: format!("Document number {number}"),
                    app_id: app_id.clone(),
                    package_id: package_id.clone(),
                    app_version: 1,
                    owner_identity: "ab".repeat(32),
                    created: 1,
                    last_used: i64::try_from(number).unwrap(),
                    size: 4096,
                    trashed: None,
                    opened: true,
                    app_title: String::new(),
                })?;
            }
            Ok::<_, granary_store::Error>(())
        })
        .unwrap();
    drop(store);
    granary.start();
    let (status, answer) = granary.call_with("GET", "/grains", &[]);
    let grains: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!((status, grains.as_array().unwrap().len()), (200, GRAINS));
    assert_eq!(grains[0]["title"], format!("Document number {}", GRAINS - 1));

    let headers = granary.folder().join("headers");
    let tag = |known: Option<&str>| {
        let known = known.map(|tag| format!("if-none-match: {tag}")).unwrap_or_default();
        let (status, _) = granary.call_with(
            "GET",
            "/grains",
            &["--dump-header", headers.to_str().unwrap(), "--output", "/dev/null", "--header", &known],
        );
        let text = std::fs::read_to_string(&headers).unwrap().to_lowercase();
        let tag = text.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap().trim().to_owned();
        (status, tag)
    };
    let (_, first) = tag(None);
    assert_eq!(tag(Some(&first)).0, 304);
    let mut events = granary.events();
    let all: Vec<&Value> = grains.as_array().unwrap().iter().map(|grain| &grain["grainId"]).collect();
    let file = granary.folder().join("all.json");
    std::fs::write(&file, json!({ "action": "trash", "grainIds": all }).to_string()).unwrap();
    let data = format!("@{}", file.display());
    let json_type = ["--header", "content-type: application/json", "--data-binary", &data];
    let (status, result) = granary.call_with("POST", "/grains/bulk", &json_type);
    let result: Value = serde_json::from_str(&result).unwrap();
    assert_eq!((status, result["done"].as_array().unwrap().len()), (200, GRAINS));
    let mut told = 0;
    let mut pieces = 0;
    while told < GRAINS {
        let event = events.wait("the change", |event| event["grains"].is_array());
        told += event["grains"].as_array().unwrap().len();
        pieces += 1;
    }
    assert!(pieces <= 60, "{pieces} events for one change");
    let (status, second) = tag(Some(&first));
    assert!(status == 200 && second != first);
}

//! Packages that are looked at before they are installed: what is told of them, the answers, and what is left without one.

mod support;

use std::io::{Read as _, Write as _};
use std::path::Path;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use support::{Granary, Packs, Server, eventually};

/// Sends a file as an upload and gives how it is then.
#[track_caller]
fn upload(granary: &Granary, file: &Path) -> Value {
    let new = json!({ "source": { "kind": "upload", "name": "a.spk", "size": file.metadata().unwrap().len() } });
    let install = granary.done("POST", "/installs", Some(&new));
    assert_eq!((&install["state"], &install["offer"]), (&json!("waiting"), &Value::Null));
    let id = install["installId"].as_str().unwrap();
    let data = format!("@{}", file.display());
    let (status, body) = granary.call_with("PUT", &format!("/installs/{id}/file"), &["--data-binary", &data]);
    let value: Value = serde_json::from_str(&body).unwrap();
    assert!(status == 200 || value["code"].is_string(), "{status} {body}");
    value
}

fn path(install: &Value, rest: &str) -> String {
    format!("/installs/{}{rest}", install["installId"].as_str().unwrap())
}

#[test]
fn nothing_is_installed_before_the_answer() {
    let packs = Packs::new();
    let spk = packs.pack("a", "Raw\u{202e}\nApp", 3, &[]);
    let granary = Granary::started();
    let mut events = granary.events();
    let install = upload(&granary, &spk);
    assert_eq!(install["state"], "ready");
    let offer = &install["offer"];
    assert_eq!(offer["title"], "Raw App", "a title cannot leave its line");
    assert_eq!((&offer["appId"], &offer["packageId"]), (&json!(packs.app_id(&spk)), &json!(packs.package_id(&spk))));
    assert_eq!((&offer["version"], &offer["author"]["fingerprint"]), (&json!(3), &Value::Null));
    assert_eq!(offer["packageSize"], spk.metadata().unwrap().len());
    assert_eq!((&offer["actions"][0]["nounPhrase"], &offer["asks"]["bridge"]), (&json!("sheet"), &json!(false)));
    assert_eq!((&offer["change"]["kind"], &offer["change"]["installed"]), (&json!("new"), &Value::Null));
    assert_eq!(granary.json(&["apps"]), json!([]));
    granary.refuses("no-icon", "GET", &path(&install, "/icon"), None);
    granary.refuses("install-not-waiting", "PUT", &path(&install, "/file"), None);
    let told = events.wait("that it waits", |event| event["install"]["state"] == "ready");
    assert_eq!(told["install"]["offer"]["title"], "Raw App");

    let done = granary.done("POST", &path(&install, "/confirm"), None);
    assert_eq!((&done["outcome"], &done["app"]["title"]), (&json!("installed"), &json!("Raw App")));
    events.wait("its end", |event| event["install"]["state"] == "installed");
    assert_eq!(granary.json(&["apps"])[0]["packageId"], packs.package_id(&spk));
    granary.refuses("install-not-ready", "POST", &path(&install, "/confirm"), None);
    assert!(granary.visit(granary.ok(&["new", "Raw"]).trim(), "/").contains("Raw app"));

    // Forgetting how it ended changes nothing of the app.
    granary.done("DELETE", &path(&install, ""), None);
    events.wait("that it is forgotten", |event| event["type"] == "install-removed");
    assert_eq!(granary.package_folders(), [packs.package_id(&spk)]);
    granary.refuses("no-such-install", "GET", &path(&install, ""), None);
}

#[test]
fn upgrades_downgrades_and_the_same_again() {
    let packs = Packs::new();
    let versions: Vec<_> = (1..=3).map(|version| packs.pack("a", "Raw", version, &[])).collect();
    let granary = Granary::started();
    granary.ok(&["install", versions[1].to_str().unwrap()]);
    let grain = granary.ok(&["new", "Raw", "--title", "First"]).trim().to_owned();
    let app_id = packs.app_id(&versions[0]);

    let same = upload(&granary, &versions[1]);
    assert_eq!(same["offer"]["change"]["kind"], "reinstall");
    granary.done("DELETE", &path(&same, ""), None);
    assert_eq!(granary.package_folders(), [packs.package_id(&versions[1])], "what is installed stays");

    let newer = upload(&granary, &versions[2]);
    let change = &newer["offer"]["change"];
    assert_eq!(
        (&change["kind"], &change["grainsMoving"], &change["grainsNewer"]),
        (&json!("upgrade"), &json!(1), &json!(0))
    );
    assert_eq!((&change["installed"]["version"], &change["authorChanged"]), (&json!(2), &json!(false)));
    let done = granary.done("POST", &path(&newer, "/confirm"), Some(&json!({ "upgradeGrains": false })));
    assert_eq!((&done["outcome"], &done["moved"]), (&json!("upgraded"), &json!(0)));

    let details = granary.done("GET", &format!("/apps/{app_id}"), None);
    assert_eq!((&details["olderGrains"], &details["newerGrains"]), (&json!(1), &json!(0)));
    let known: Vec<_> =
        details["versions"].as_array().unwrap().iter().map(|v| (&v["version"], &v["current"], &v["grains"])).collect();
    assert_eq!(known, [(&json!(3), &json!(true), &json!(0)), (&json!(2), &json!(false), &json!(1))]);
    assert_eq!((&details["title"], &details["licence"]["kind"]), (&json!("Raw"), &json!("unknown")));

    let moved = granary.done("POST", &format!("/apps/{app_id}/upgrade-grains"), None);
    assert_eq!(moved["grainIds"], json!([grain]));
    assert_eq!(granary.done("GET", &format!("/grains/{grain}"), None)["appVersion"], 3);
    assert_eq!(granary.done("GET", &format!("/apps/{app_id}"), None)["olderGrains"], 0);
    assert_eq!(granary.package_folders(), [packs.package_id(&versions[2])]);
    assert!(granary.visit(&grain, "/").contains("Raw app"));

    let older = upload(&granary, &versions[0]);
    let change = &older["offer"]["change"];
    assert_eq!(
        (&change["kind"], &change["grainsMoving"], &change["grainsNewer"]),
        (&json!("downgrade"), &json!(0), &json!(1))
    );
    assert_eq!(granary.done("POST", &path(&older, "/confirm"), None)["outcome"], "downgraded");
    let details = granary.done("GET", &format!("/apps/{app_id}"), None);
    assert_eq!((&details["olderGrains"], &details["newerGrains"]), (&json!(0), &json!(1)));

    // Uninstalled, its grains still know it.
    granary.ok(&["uninstall", "Raw"]);
    let details = granary.done("GET", &format!("/apps/{app_id}"), None);
    assert_eq!((&details["app"], &details["versions"][0]["grains"]), (&Value::Null, &json!(1)));
    let again = upload(&granary, &versions[2]);
    assert_eq!(
        (&again["offer"]["change"]["kind"], &again["offer"]["change"]["appInstalled"]),
        (&json!("new"), &json!(false))
    );
    granary.refuses("no-such-app", "GET", "/apps/nothing", None);
    granary.refuses("no-such-app", "POST", "/apps/nothing/upgrade-grains", None);
}

#[test]
fn without_an_answer_nothing_stays() {
    let packs = Packs::new();
    let spk = packs.pack("a", "Raw", 1, &[]);
    let mut granary = Granary::started();
    let install = upload(&granary, &spk);
    assert_eq!(granary.package_folders().len(), 1);
    let other = upload(&granary, &spk);
    granary.done("DELETE", &path(&install, ""), None);
    assert_eq!(granary.package_folders().len(), 1, "another one of it waits");
    granary.done("DELETE", &path(&other, ""), None);
    eventually("the end of its files", || granary.package_folders().is_empty());

    // The appliance ends while one waits.
    upload(&granary, &spk);
    granary.end(Signal::SIGKILL);
    granary.start();
    assert_eq!(granary.package_folders(), [] as [&str; 0]);
    assert_eq!(granary.done("GET", "/installs", None), json!([]));

    // More than a person can answer are refused, and cancelled ones make room.
    let new = json!({ "source": { "kind": "upload", "name": "a.spk" } });
    let ids: Vec<Value> = (0..16).map(|_| granary.done("POST", "/installs", Some(&new))).collect();
    granary.refuses("too-many-installs", "POST", "/installs", Some(&new));
    granary.done("DELETE", &path(&ids[0], ""), None);
    granary.done("POST", "/installs", Some(&new));
}

#[test]
fn from_files_and_from_the_web() {
    let packs = Packs::new();
    let spk = packs.pack("a", "Raw", 1, &[]);
    let bytes = std::fs::read(&spk).unwrap();
    let granary = Granary::started();
    let mut events = granary.events();
    let file = json!({ "source": { "kind": "file", "path": spk } });
    let install = granary.done("POST", "/installs", Some(&file));
    events.wait("the file's readiness", |event| {
        event["install"]["installId"] == install["installId"] && event["install"]["state"] == "ready"
    });
    for (code, source) in [
        ("file-unreadable", json!({ "kind": "file", "path": "relative.spk" })),
        ("file-unreadable", json!({ "kind": "file", "path": "/nowhere/a.spk" })),
        ("file-unreadable", json!({ "kind": "file", "path": "/dev/zero" })),
        ("bad-url", json!({ "kind": "url", "url": "file:///etc/passwd" })),
        ("package-too-big", json!({ "kind": "upload", "name": "x", "size": 1_u64 << 40 })),
        ("bad-request", json!({ "kind": "guess" })),
    ] {
        granary.refuses(code, "POST", "/installs", Some(&json!({ "source": source })));
    }

    let server = Server::new(move |path| match path {
        "/good.spk" => Server::answer("200 OK", "", &bytes),
        _ => Server::answer("404 Not Found", "", b""),
    });
    let url = |name: &str| json!({ "source": { "kind": "url", "url": format!("{}/{name}", server.url) }, "background": true });
    granary.done("POST", "/installs", Some(&url("good.spk")));
    let told = events.wait("that it waits", |event| event["notification"]["code"] == "install-ready");
    assert_eq!((&told["notification"]["details"]["title"], &told["unread"].is_u64()), (&json!("Raw"), &true));
    let lost = granary.done("POST", "/installs", Some(&url("missing.spk")));
    let told = events.wait("that it failed", |event| event["notification"]["code"] == "install-failed");
    assert_eq!(told["notification"]["details"]["code"], "download-failed");
    let lost = granary.done("GET", &path(&lost, ""), None);
    assert_eq!((&lost["state"], &lost["error"]["code"]), (&json!("failed"), &json!("download-failed")));

    let broken = spk.with_file_name("broken.spk");
    std::fs::write(&broken, "no package").unwrap();
    assert_eq!(upload(&granary, &broken)["code"], "not-a-package");
    let wrong = json!({ "source": { "kind": "file", "path": spk }, "expect": "0".repeat(32) });
    let wrong = granary.done("POST", "/installs", Some(&wrong));
    events.wait("the refusal", |event| {
        event["install"]["installId"] == wrong["installId"] && event["install"]["state"] == "failed"
    });
}

#[test]
fn a_download_that_stands_still_can_be_cancelled() {
    let packs = Packs::new();
    let bytes = std::fs::read(packs.pack("a", "Raw", 1, &[])).unwrap();
    let granary = Granary::started();
    let mut events = granary.events();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/a.spk", listener.local_addr().unwrap());
    let (tell, closed) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let (tell, half) = (tell.clone(), bytes[..bytes.len() / 2].to_vec());
            let length = bytes.len();
            // Whoever else comes by here is not waited for.
            std::thread::spawn(move || {
                let _ = write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
                let _ = stream.write_all(&half);
                // Until the other side has enough.
                let mut rest = Vec::new();
                let _ = stream.read_to_end(&mut rest);
                if rest.starts_with(b"GET /a.spk ") {
                    let _ = tell.send(());
                }
            });
        }
    });
    let install = granary.done("POST", "/installs", Some(&json!({ "source": { "kind": "url", "url": url } })));
    events.wait("its progress", |event| event["install"]["bytes"].as_u64().is_some_and(|bytes| bytes > 0));
    granary.done("DELETE", &path(&install, ""), None);
    events.wait("its removal", |event| event["type"] == "install-removed");
    closed.recv_timeout(support::PATIENCE).expect("the download ends");
    eventually("the end of its files", || granary.package_folders().is_empty());
    assert_eq!(granary.done("GET", "/installs", None), json!([]));
}

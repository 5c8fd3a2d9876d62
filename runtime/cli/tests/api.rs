//! The local API over its Unix socket and on the shell origin: as documented, and closed to whoever is not the owner.

mod support;

use serde_json::{Value, json};
use support::{Granary, Packs, eventually};

#[test]
fn every_call_of_the_document_exists() {
    let granary = Granary::started();
    let (status, document) = granary.call("GET", "/openapi.json", None);
    assert_eq!(status, 200);
    assert_eq!(document, serde_json::from_str::<Value>(&granary.ok(&["openapi"])).unwrap());
    for (path, item) in document["paths"].as_object().unwrap() {
        // The gateway answers these, and the events never end.
        if path.starts_with("/login") || path == "/logout" || path == "/events" {
            continue;
        }
        let real: Vec<&str> =
            path.split('/').map(|part| if part.starts_with('{') { "nothing" } else { part }).collect();
        let real = real.join("/");
        for method in item.as_object().unwrap().keys() {
            // It would change the lists of whoever runs the test.
            if path.starts_with("/certificates/") {
                continue;
            }
            let body = (method == "post" || method == "patch" || method == "put").then(|| json!({}));
            let (_, answer) = granary.call(&method.to_uppercase(), &real, body.as_ref());
            assert!(
                answer["code"] != "no-such-call" && answer["code"] != "no-such-method",
                "{method} {path}: {answer}"
            );
        }
        let unused = if item.get("put").is_some() { "POST" } else { "PUT" };
        let (status, answer) = granary.call(unused, &real, None);
        assert_eq!((status, &answer["code"]), (405, &json!("no-such-method")), "{path}");
    }
    let (status, answer) = granary.call("GET", "/nonsense", None);
    assert_eq!((status, &answer["code"]), (404, &json!("no-such-call")));
    let (status, answer) = granary.call("POST", "/grains", Some(&json!({"appId": 1})));
    assert_eq!((status, &answer["invalid"]), (422, &json!(true)), "{answer}");
    let (status, answer) = granary.call("POST", "/grains", Some(&json!({"appId": "x", "unknown": 1})));
    assert_eq!((status, &answer["code"]), (422, &json!("bad-request")), "{answer}");
}

#[test]
fn status_and_health() {
    let granary = Granary::started();
    let (_, status) = granary.call("GET", "/status", None);
    assert_eq!(status["origin"], granary.origin);
    assert_eq!(status["port"], granary.port);
    assert_eq!(status["dataDir"], granary.data().to_str().unwrap());
    assert!(status["health"].as_array().unwrap().iter().all(|entry| entry["ok"] == false));
    let (_, doctor) = granary.call("GET", "/doctor", None);
    let cli = granary.run(&["doctor", "--json"]);
    let codes = |entries: &Value| -> Vec<String> {
        entries.as_array().unwrap().iter().map(|entry| entry["code"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(codes(&doctor), codes(&serde_json::from_str(&cli.stdout).unwrap()));
}

#[test]
fn events_tell_what_changes() {
    let packs = Packs::new();
    let granary = Granary::started();
    let mut events = granary.events();
    let mut wait = |what: &str, check: &dyn Fn(&Value) -> bool| {
        events.wait(what, check);
    };
    granary.ok(&["install", packs.pack("a", "Raw", 1, &[]).to_str().unwrap()]);
    wait("the app", &|event| event["type"] == "app" && event["app"]["title"] == "Raw");
    let id = granary.ok(&["new", "Raw"]).trim().to_owned();
    let is = |event: &Value, key: &str, value: &str| event["type"] == "grain" && event["grain"][key] == value;
    wait("the grain", &|event| is(event, "grainId", &id));
    granary.ok(&["stop", &id]);
    wait("its end", &|event| is(event, "state", "stopped"));
    granary.visit(&id, "/");
    wait("its start", &|event| is(event, "state", "running"));
    granary.ok(&["rename", &id, "New name"]);
    wait("its name", &|event| is(event, "title", "New name"));
    granary.visit(&id, "/write?name=big&bytes=3000000");
    wait("its size", &|event| event["grain"]["size"].as_u64().is_some_and(|size| size >= 3_000_000));
    let url = granary.ok(&["url", &id, "--path", "/crash?how=abort"]);
    granary.curl(&["--location", url.trim()]);
    wait("its crash", &|event| {
        event["type"] == "notice" && event["entry"]["code"] == "grain-crashed" && event["grainId"] == id
    });
    granary.visit(&id, "/");
    wait("its recovery", &|event| event["type"] == "notice" && event["entry"]["ok"] == true);
    granary.ok(&["delete", &id]);
    wait("its removal", &|event| event["type"] == "grain-removed" && event["grainId"] == id);
    granary.ok(&["uninstall", "Raw"]);
    wait("the app's removal", &|event| event["type"] == "app-removed");
}

#[test]
fn a_login_opens_the_api_to_a_page_and_nothing_else_does() {
    let packs = Packs::new();
    let granary = Granary::started();
    granary.ok(&["install", packs.pack("a", "Raw", 1, &[]).to_str().unwrap()]);
    let id = granary.ok(&["new", "Raw"]).trim().to_owned();
    let url = granary.json(&["open", &id])["url"].as_str().unwrap().to_owned();
    let (page, code) = url.split_once('#').unwrap();
    assert_eq!(page, format!("{}/login", granary.origin));

    let page = granary.curl(&["--include", page]);
    assert!(page.stdout.contains("text/html") && !page.stdout.contains(&id), "the page holds no data: {page:#?}");
    let origin = format!("origin: {}", granary.origin);
    let call = |path: &str, method: &str, secret: Option<&str>, body: Option<&str>| -> (String, Value) {
        let target = format!("{}/api/v1{path}", granary.origin);
        let secret = secret.map(|secret| format!("x-granary-secret: {secret}"));
        let mut arguments =
            vec!["--request", method, "--write-out", "\n%{http_code}", "--header", "sec-fetch-site: same-origin"];
        arguments.extend(["--header", &origin]);
        if let Some(secret) = &secret {
            arguments.extend(["--header", secret]);
        }
        if let Some(body) = body {
            arguments.extend(["--header", "content-type: application/json", "--data-binary", body]);
        }
        arguments.push(&target);
        let ended = granary.curl(&arguments);
        let (body, status) = ended.stdout.rsplit_once('\n').unwrap_or_else(|| panic!("{ended:#?}"));
        (status.to_owned(), serde_json::from_str(body).unwrap_or_default())
    };
    assert_eq!(call("/grains", "GET", None, None).0, "401");
    let (status, login) = call("/login", "POST", None, Some(&json!({ "code": code }).to_string()));
    assert_eq!((status.as_str(), login["path"].as_str()), ("200", Some(format!("/grain/{id}").as_str())), "{login}");
    let secret = login["secret"].as_str().unwrap();
    assert_eq!(call("/grains", "GET", None, None).0, "401", "the cookie alone opens nothing");
    let (status, grains) = call("/grains", "GET", Some(secret), None);
    assert_eq!((status.as_str(), &grains[0]["grainId"]), ("200", &json!(id)));
    assert_eq!(call("/login", "POST", None, Some(&json!({ "code": code }).to_string())).0, "401", "a code works once");

    for (path, body) in [
        ("/login-code", json!({})),
        ("/installs", json!({ "source": { "kind": "file", "path": "/etc/hostname" } })),
        ("/desktop/given", json!({ "arguments": ["/etc/hostname"] })),
    ] {
        let (status, problem) = call(path, "POST", Some(secret), Some(&body.to_string()));
        assert_eq!((status.as_str(), &problem["code"]), ("403", &json!("socket-only")), "{path}");
    }
    let local = json!({ "url": "http://127.0.0.1:1/x.spk" }).to_string();
    let target = format!("{}/api/v1/packages/from-url", granary.origin);
    let header = format!("x-granary-secret: {secret}");
    let report = granary.curl(&[
        "--header",
        "sec-fetch-site: same-origin",
        "--header",
        &origin,
        "--header",
        &header,
        "--header",
        "content-type: application/json",
        "--data-binary",
        &local,
        &target,
    ]);
    assert!(report.stdout.contains("local-address"), "a page may not knock on local doors: {report:#?}");

    let (status, session) = call(&format!("/grains/{id}/session"), "POST", Some(secret), Some("{}"));
    assert_eq!(status, "200");
    let host = session["host"].as_str().unwrap().to_owned();
    let first = granary.curl(&["--location", session["url"].as_str().unwrap()]);
    assert!(first.stdout.contains("Raw app"), "{first:#?}");
    assert_eq!(call("/logout", "POST", Some(secret), None).0, "200");
    assert_eq!(call("/grains", "GET", Some(secret), None).0, "401");
    eventually("the end of the session with its login", || {
        !granary.curl(&[&format!("https://{host}/")]).stdout.contains("Raw app")
    });
}

#[test]
fn pages_of_the_shell() {
    let granary = Granary::started();
    for path in ["/", "/apps/x", "/install/x", "/grain/x/inside", "/log/x", "/trash", "/settings/about"] {
        let page = granary.curl(&["--include", &format!("{}{path}", granary.origin)]);
        let head = page.stdout.to_lowercase();
        assert!(head.contains("content-type: text/html"), "{path}: {page:#?}");
        assert!(head.contains("frame-ancestors 'none'"), "{path}: {page:#?}");
    }
    let missing = granary.curl(&["--write-out", "%{http_code}", &format!("{}/assets/nothing.js", granary.origin)]);
    assert!(missing.stdout.ends_with("404"), "{missing:#?}");
    let escape =
        granary.curl(&["--path-as-is", "--write-out", "%{http_code}", &format!("{}/../Cargo.toml", granary.origin)]);
    assert!(!escape.stdout.contains("[workspace]") && !escape.stdout.contains("[package]"), "{escape:#?}");
}

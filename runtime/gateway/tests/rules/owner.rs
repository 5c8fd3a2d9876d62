//! The owner's login: codes, cookie and secret together, exact origins, and the ways back in.

use std::sync::Arc;
use std::time::Duration;

use http::header::SET_COOKIE;
use http::{Request, StatusCode};
use http_body_util::Full;

use crate::fixture::{BOUND, Hand, Running, cookie_of, header, location, text};

fn code(answer: &http::Response<bytes::Bytes>) -> String {
    let body: serde_json::Value = serde_json::from_slice(answer.body()).expect("a JSON error");
    for key in ["title", "message", "remedy"] {
        assert!(body[key].as_str().is_some_and(|text| !text.is_empty()), "{body}");
    }
    body["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn cookie_and_secret_open_the_api_together_and_never_alone() {
    let running = Running::start();
    let (client, shell) = (running.client(), running.shell());
    let (cookie, secret) = running.logged_in().await;
    assert!(cookie.starts_with(&format!("{}=", running.owner_cookie())));

    // What a thief on another port, or another page of the site, gets to see.
    let answer = client.get(&shell, "/api/v1/who", &[("cookie", &cookie)]).await;
    assert_eq!((answer.status(), code(&answer).as_str()), (StatusCode::UNAUTHORIZED, "login-needed"));
    let answer = client.get(&shell, "/api/v1/who", &[("x-granary-secret", &secret)]).await;
    assert_eq!((answer.status(), code(&answer).as_str()), (StatusCode::UNAUTHORIZED, "cookie-missing"));
    let answer = client.get(&shell, "/api/v1/who", &[]).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);

    let answer = client.get(&shell, "/api/v1/who", &[("cookie", &cookie), ("x-granary-secret", &secret)]).await;
    assert_eq!((answer.status(), answer.body().len()), (StatusCode::OK, 16));
    assert_eq!(header(&answer, "cache-control"), "no-store");

    // The halves of two logins do not make a whole one.
    let (_, other) = running.logged_in().await;
    let answer = client.get(&shell, "/api/v1/who", &[("cookie", &cookie), ("x-granary-secret", &other)]).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);

    // Neither reaches a handler.
    let answer = client.get(&shell, "/api/v1/headers", &[("cookie", &cookie), ("x-granary-secret", &secret)]).await;
    assert!(!text(&answer).contains(&secret) && !text(&answer).contains("granary-owner"), "{}", text(&answer));
}

#[tokio::test]
async fn a_doubled_cookie_counts_for_nothing() {
    let running = Running::start();
    let (cookie, secret) = running.logged_in().await;
    let name = running.owner_cookie();
    for doubled in [format!("{name}=x; {cookie}"), format!("{cookie}; {cookie}"), format!("{cookie}; {name}")] {
        let headers = [("cookie", doubled.as_str()), ("x-granary-secret", secret.as_str())];
        let answer = running.client().get(&running.shell(), "/api/v1/who", &headers).await;
        assert_eq!((answer.status(), code(&answer).as_str()), (StatusCode::UNAUTHORIZED, "cookies-confused"));
    }
}

#[tokio::test]
async fn writes_come_from_the_shells_own_page() {
    let running = Running::start();
    let (client, shell) = (running.client(), running.shell());
    let (cookie, secret) = running.logged_in().await;
    let origin = format!("https://{shell}");
    let session = format!("https://ui-{}.{shell}", "0".repeat(32));
    let cases = [
        (Some(origin.as_str()), Some("same-origin"), 200),
        (Some(&origin), None, 403),
        (Some(&origin), Some("same-site"), 403),
        (Some(&origin), Some("none"), 403),
        (None, Some("same-origin"), 403),
        (None, None, 403),
        (Some("null"), Some("same-origin"), 403),
        (Some(&session), Some("same-origin"), 403),
        (Some(&session), Some("same-site"), 403),
        (Some("http://granary.localhost"), Some("same-origin"), 403),
        (Some("https://granary.localhost"), Some("same-origin"), 403),
    ];
    for (origin, site, expected) in cases {
        let mut request = Request::post("/api/v1/write").header("cookie", &cookie).header("x-granary-secret", &secret);
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        if let Some(site) = site {
            request = request.header("sec-fetch-site", site);
        }
        let answer = client.send(&shell, request.body(Full::from("abc")).unwrap()).await;
        assert_eq!(answer.status().as_u16(), expected, "{origin:?} {site:?}");
    }
    for foreign in ["same-site", "cross-site", "none"] {
        let headers = [("cookie", cookie.as_str()), ("x-granary-secret", &secret), ("sec-fetch-site", foreign)];
        let answer = client.get(&shell, "/api/v1/who", &headers).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{foreign}");
    }
    let request = Request::options("/api/v1/write")
        .header("origin", &session)
        .header("access-control-request-method", "POST")
        .header("sec-fetch-site", "same-site");
    let answer = client.send(&shell, request.body(Full::default()).unwrap()).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert_eq!(header(&answer, "access-control-allow-origin"), "");
}

#[tokio::test]
async fn a_login_code_works_once_and_for_a_minute() {
    let running = Running::start();
    let url = running.gateway.logins().url("/grain/abc");
    let (page, login_code) = url.split_once('#').expect("the code is in the fragment, which no server sees");
    assert_eq!(page, format!("https://{}/login", running.shell()));
    let answer = running.log_in(login_code).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let body: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(body["path"], "/grain/abc");
    let answer = running.log_in(login_code).await;
    assert_eq!((answer.status(), code(&answer).as_str()), (StatusCode::UNAUTHORIZED, "login-code-invalid"));

    let late = running.gateway.logins().code();
    running.hand.forward(Duration::from_secs(60));
    assert_eq!(running.log_in(&late).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(running.log_in("").await.status(), StatusCode::UNAUTHORIZED);

    for path in ["//evil.example", "https://evil.example", "/\\evil.example", "x"] {
        let url = running.gateway.logins().url(path);
        let answer = running.log_in(url.split_once('#').unwrap().1).await;
        let body: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
        assert_eq!(body["path"], "/", "{path}");
    }
}

#[tokio::test]
async fn a_login_is_posted_by_the_login_page_itself() {
    let running = Running::start();
    let (client, shell) = (running.client(), running.shell());
    let origin = format!("https://{shell}");
    let cases = [
        ("POST", "application/json", origin.as_str(), "same-origin", 200),
        ("POST", "application/json", "https://evil.example", "cross-site", 403),
        ("POST", "application/json", &origin, "same-site", 403),
        ("POST", "text/plain", &origin, "same-origin", 400),
        ("PUT", "application/json", &origin, "same-origin", 405),
    ];
    for (method, kind, origin, site, expected) in cases {
        let body = serde_json::json!({ "code": running.gateway.logins().code() }).to_string();
        let request = Request::builder()
            .method(method)
            .uri("/api/v1/login")
            .header("content-type", kind)
            .header("origin", origin)
            .header("sec-fetch-site", site);
        let answer = client.send(&shell, request.body(Full::from(body)).unwrap()).await;
        assert_eq!(answer.status().as_u16(), expected, "{method} {kind} {origin} {site}");
    }
    assert_eq!(client.get(&shell, "/api/v1/login", &[]).await.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_restart_logs_nobody_out_and_the_file_holds_no_secret() {
    let running = Running::start();
    let (cookie, secret) = running.logged_in().await;
    let token = cookie.split_once('=').unwrap().1.to_owned();
    let port = running.port();
    let folder = running.stop().await;

    let file = folder.path().join("logins.json");
    let kept = std::fs::read_to_string(&file).unwrap();
    assert!(!kept.contains(&secret) && !kept.contains(&token), "{kept}");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);

    let again = Running::in_folder(folder, port, Hand::now(), granary_gateway::Limits::default());
    let headers = [("cookie", cookie.as_str()), ("x-granary-secret", secret.as_str())];
    assert_eq!(again.client().get(&again.shell(), "/api/v1/who", &headers).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_cookie_is_renewed_and_an_unused_login_ends() {
    let running = Running::start();
    let (cookie, secret) = running.logged_in().await;
    let headers = [("cookie", cookie.as_str()), ("x-granary-secret", secret.as_str())];
    let (client, shell) = (running.client(), running.shell());
    let answer = client.get(&shell, "/api/v1/who", &headers).await;
    assert!(!answer.headers().contains_key(SET_COOKIE));
    running.hand.forward(Duration::from_secs(2 * 24 * 3600));
    assert_eq!(cookie_of(&client.get(&shell, "/api/v1/who", &headers).await), cookie);
    assert!(!client.get(&shell, "/api/v1/who", &headers).await.headers().contains_key(SET_COOKIE));
    running.hand.forward(Duration::from_secs(91 * 24 * 3600));
    assert_eq!(client.get(&shell, "/api/v1/who", &headers).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_lost_cookie_comes_back_through_the_secret() {
    let running = Running::start();
    let (client, shell) = (running.client(), running.shell());
    let (_, secret) = running.logged_in().await;
    let answer = client.send(&shell, running.own_page("POST", "/api/v1/login/restore", "a=b", &secret)).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let cookie = cookie_of(&answer);
    let headers = [("cookie", cookie.as_str()), ("x-granary-secret", secret.as_str())];
    assert_eq!(client.get(&shell, "/api/v1/who", &headers).await.status(), StatusCode::OK);

    let answer = client.send(&shell, running.own_page("POST", "/api/v1/login/restore", "a=b", "guess")).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    let mut foreign = running.own_page("POST", "/api/v1/login/restore", "a=b", &secret);
    foreign.headers_mut().insert("sec-fetch-site", "same-site".parse().unwrap());
    assert_eq!(client.send(&shell, foreign).await.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn logging_out_ends_the_login_and_the_sessions_it_opened() {
    let running = Running::start();
    let (client, shell) = (running.client(), running.shell());
    let (cookie, secret) = running.logged_in().await;
    let headers = [("cookie", cookie.as_str()), ("x-granary-secret", secret.as_str())];
    // The appliance hands the login on from the request's extension; the test takes it from the same place.
    let id = text(&client.get(&shell, "/api/v1/who", &headers).await);
    let id: granary_gateway::LoginId = serde_json::from_value(id.into()).unwrap();
    let (host, target) = running.session("g", "/", Some(id));
    let session = cookie_of(&client.get(&host, &target, &[]).await);
    let (other, other_cookie) = running.entered("g").await;
    assert_eq!(client.get(&host, "/", &[("cookie", &session)]).await.status(), StatusCode::OK);

    let waiting = {
        let (client, host, session) = (client.clone(), host.clone(), session.clone());
        tokio::spawn(async move { client.get(&host, "/wait", &[("cookie", &session)]).await.status() })
    };
    let answer = client.send(&shell, running.own_page("POST", "/api/v1/logout", &cookie, &secret)).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let set = answer.headers()[SET_COOKIE].to_str().unwrap();
    assert!(set.starts_with(&format!("{}=;", running.owner_cookie())) && set.contains("Max-Age=0"), "{set}");
    // Another instance in the same browser stays logged in.
    assert_eq!(header(&answer, "clear-site-data"), "");

    assert_eq!(client.get(&shell, "/api/v1/who", &headers).await.status(), StatusCode::UNAUTHORIZED);
    let cut = tokio::time::timeout(BOUND, waiting).await.expect("a request under way ends").unwrap();
    assert_eq!(cut, StatusCode::FORBIDDEN);
    assert_eq!(client.get(&host, "/", &[("cookie", &session)]).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(client.get(&other, "/", &[("cookie", &other_cookie)]).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_browser_stuffed_with_cookies_is_one_click_away() {
    let running = Running::start();
    let (client, shell) = (running.client(), running.shell());
    let (cookie, secret) = running.logged_in().await;
    // As many and as long as a browser keeps for one site.
    let stuffing = (0..179).map(|n| format!("c{n}={}", "x".repeat(4000))).collect::<Vec<_>>().join("; ");
    let all = format!("{stuffing}; {cookie}");
    for h2 in [false, true] {
        let send = async |request: Request<Full<bytes::Bytes>>| {
            if h2 { client.send_h2(&shell, request).await } else { client.send(&shell, request).await }
        };
        let page = Request::get("/apps").header("cookie", &all).body(Full::default()).unwrap();
        let answer = send(page).await;
        assert_eq!(answer.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "h2: {h2}");
        let form = "<form method=\"post\" action=\"/_granary-recover\">";
        assert!(text(&answer).contains(form), "{}", text(&answer));

        let answer = send(running.own_page("GET", "/api/v1/who", &all, &secret)).await;
        assert_eq!(code(&answer), "too-many-cookies");

        let answer = send(running.own_page("POST", "/_granary-recover", &all, "")).await;
        assert_eq!((answer.status(), location(&answer)), (StatusCode::SEE_OTHER, "/"));
        assert_eq!(header(&answer, "clear-site-data"), "\"cookies\"");
        let forgotten: Vec<_> = answer.headers().get_all(SET_COOKIE).iter().collect();
        assert!(forgotten.iter().any(|set| set.to_str().unwrap().starts_with("c0=; ")));
        assert!(forgotten.iter().all(|set| !set.to_str().unwrap().contains("granary-owner")));
    }
    let mut foreign = running.own_page("POST", "/_granary-recover", &all, "");
    foreign.headers_mut().insert("sec-fetch-site", "same-site".parse().unwrap());
    let answer = client.send(&shell, foreign).await;
    assert_eq!((answer.status(), header(&answer, "clear-site-data").as_str()), (StatusCode::FORBIDDEN, ""));
}

#[tokio::test]
async fn two_instances_in_one_browser_keep_out_of_each_others_way() {
    let (first, second) = (Running::start(), Running::start());
    assert_ne!(first.port(), second.port());
    let ((one, one_secret), (two, two_secret)) = (first.logged_in().await, second.logged_in().await);
    let both = format!("{one}; {two}");
    for (running, secret) in [(&first, &one_secret), (&second, &two_secret)] {
        let headers = [("cookie", both.as_str()), ("x-granary-secret", secret.as_str())];
        let answer = running.client().get(&running.shell(), "/api/v1/who", &headers).await;
        assert_eq!(answer.status(), StatusCode::OK);
    }
    let request = first.own_page("POST", "/api/v1/logout", &both, &one_secret);
    assert_eq!(first.client().send(&first.shell(), request).await.status(), StatusCode::OK);
    let headers = [("cookie", both.as_str()), ("x-granary-secret", two_secret.as_str())];
    let answer = second.client().get(&second.shell(), "/api/v1/who", &headers).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let _ = Arc::strong_count(&first.folder);
}

//! UI sessions: the one-time way in, a cookie for one host, origins, framing, and their end.

use std::time::Duration;

use http::header::SET_COOKIE;
use http::{Request, StatusCode};
use http_body_util::Full;

use granary_gateway::{Revoke, SessionEvent};

use crate::fixture::{BOUND, Running, cookie_of, header, location, text};

#[tokio::test]
async fn an_init_url_leads_to_the_page_once_and_again_with_its_cookie() {
    let running = Running::start();
    let client = running.client();
    let (host, target) = running.session("g", "/a/b?c=d&e=f#g", None);
    assert!(host.starts_with("ui-"));

    let answer = client.get(&host, &target, &[]).await;
    assert_eq!((answer.status(), location(&answer)), (StatusCode::SEE_OTHER, "/a/b?c=d&e=f#g"));
    assert_eq!(header(&answer, "cache-control"), "no-store");
    let cookie = cookie_of(&answer);
    assert!(cookie.starts_with(&format!("{}=", running.session_cookie())));
    assert!(!target.contains(cookie.split_once('=').unwrap().1), "the session id stands in no URL");

    let answer = client.get(&host, "/a/b?c=d&e=f", &[("cookie", &cookie)]).await;
    assert_eq!((answer.status(), text(&answer).as_str()), (StatusCode::OK, "path=a/b?c=d&e=f cookies="));
    assert!(!answer.headers().contains_key(SET_COOKIE));

    // Back and reload.
    let answer = client.get(&host, &target, &[("cookie", &cookie)]).await;
    assert_eq!((answer.status(), location(&answer)), (StatusCode::SEE_OTHER, "/a/b?c=d&e=f#g"));
    assert!(!answer.headers().contains_key(SET_COOKIE));
    // The same URL in other hands.
    assert_eq!(client.get(&host, &target, &[]).await.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_code_is_void_after_half_a_minute() {
    let running = Running::start();
    let (host, target) = running.session("g", "/", None);
    running.hand.forward(Duration::from_secs(30));
    assert_eq!(running.client().get(&host, &target, &[]).await.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_session_is_good_for_its_own_host_only() {
    let running = Running::start();
    let client = running.client();
    let ((one, one_cookie), (two, two_cookie)) = (running.entered("g").await, running.entered("g").await);
    assert_eq!(client.get(&one, "/", &[("cookie", &one_cookie)]).await.status(), StatusCode::OK);
    for (host, cookie) in [
        (&one, two_cookie.as_str()),
        (&two, &one_cookie),
        (&one, &format!("{one_cookie}; {two_cookie}")),
        (&one, &format!("{one_cookie}; {one_cookie}")),
        (&one, &format!("{}=", running.session_cookie())),
        (&one, "a=b"),
    ] {
        let answer = client.get(host, "/", &[("cookie", cookie)]).await;
        assert!(matches!(answer.status().as_u16(), 403 | 431), "{}", answer.status());
    }
    // A code is for its own host as well.
    let (three, target) = running.session("g", "/", None);
    assert_eq!(client.get(&one, &target, &[]).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(client.get(&three, &target, &[]).await.status(), StatusCode::SEE_OTHER);
    // The owner's cookie opens no session, and the API is not here.
    let (owner, secret) = running.logged_in().await;
    assert_eq!(client.get(&one, "/", &[("cookie", &owner)]).await.status(), StatusCode::FORBIDDEN);
    let answer = client.send(&one, running.own_page("GET", "/api/v1/who", &owner, &secret)).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn an_app_gets_its_own_cookies_and_none_of_granarys() {
    let running = Running::start();
    let (host, cookie) = running.entered("g").await;
    let port = running.port();
    let all = format!("a=1; {cookie}; __Host-granary-owner-{port}=x; __host-granary-session-1=y; b=2");
    let answer = running.client().get(&host, "/", &[("cookie", &all)]).await;
    assert_eq!(text(&answer), "path= cookies=a=1&b=2");
    // HTTP/2 sends each cookie by itself.
    let mut request = Request::get("/").body(Full::default()).unwrap();
    for one in ["a=1", cookie.as_str(), "b=2"] {
        crate::fixture::cookie(&mut request, one);
    }
    assert_eq!(text(&running.client().send_h2(&host, request).await), "path= cookies=a=1&b=2");
}

/// A method, headers, and the status expected.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], u16);

#[tokio::test]
async fn only_a_pages_own_origin_may_ask() {
    let running = Running::start();
    let client = running.client();
    let (host, cookie) = running.entered("g").await;
    let own = format!("https://{host}");
    let shell = format!("https://{}", running.shell());
    let navigate = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")];
    let cases: [Case<'_>; 17] = [
        ("POST", &[("origin", &own)], 200),
        ("POST", &[("origin", &own), ("sec-fetch-site", "same-origin")], 200),
        ("POST", &[("origin", "null"), ("sec-fetch-site", "same-origin")], 200),
        ("POST", &[("origin", "null")], 403),
        ("POST", &[("origin", "null"), ("sec-fetch-site", "same-site")], 403),
        ("POST", &[("origin", &shell), ("sec-fetch-site", "same-site")], 403),
        ("POST", &[("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")], 403),
        ("POST", &[("origin", "https://evil.example")], 403),
        ("POST", &[("origin", &own), ("origin", &own)], 403),
        ("POST", &[("sec-fetch-site", "same-site"), navigate[0], navigate[1]], 403),
        ("GET", &[("sec-fetch-site", "same-origin")], 200),
        ("GET", &[("sec-fetch-site", "same-site"), navigate[0], navigate[1]], 200),
        ("GET", &[("sec-fetch-site", "same-site"), ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")], 403),
        ("GET", &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")], 403),
        ("GET", &[("origin", &shell), ("sec-fetch-site", "same-site"), ("sec-fetch-mode", "cors")], 403),
        ("GET", &[("origin", "https://evil.example"), ("upgrade", "websocket"), ("connection", "upgrade")], 403),
        ("GET", &[("origin", "null"), ("upgrade", "websocket"), ("connection", "upgrade")], 403),
    ];
    for (method, headers, expected) in cases {
        let mut request = Request::builder().method(method).uri("/").header("cookie", &cookie);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = client.send(&host, request.body(Full::default()).unwrap()).await;
        assert_eq!(answer.status().as_u16(), expected, "{method} {headers:?}: {}", text(&answer));
    }
}

#[tokio::test]
async fn every_answer_of_an_app_carries_its_policy() {
    let running = Running::start();
    let (host, cookie) = running.entered("g").await;
    let answer = running.client().get(&host, "/", &[("cookie", &cookie)]).await;
    let shell = format!("https://{}", running.shell());
    let made = "'self' 'unsafe-inline' 'unsafe-eval' data: blob:";
    let expected = format!(
        "default-src 'none'; webrtc 'block'; img-src {made}; media-src {made}; script-src {made}; style-src {made}; \
         child-src {made}; font-src {made}; frame-src {made} {shell}; worker-src 'none'; \
         connect-src 'self' wss://{host}; form-action 'self'; base-uri 'self'; frame-ancestors 'self' {shell}"
    );
    assert_eq!(answer.headers().get_all("content-security-policy").iter().count(), 1);
    assert_eq!(header(&answer, "content-security-policy"), expected);
    assert_eq!(header(&answer, "origin-agent-cluster"), "?1");
    assert_eq!(header(&answer, "referrer-policy"), "same-origin");
    assert_eq!(header(&answer, "cross-origin-resource-policy"), "same-origin");
    assert_eq!(header(&answer, "access-control-allow-origin"), "");
}

#[tokio::test]
async fn a_lost_session_tells_the_shell_that_frames_it() {
    let running = Running::start();
    let client = running.client();
    let mut events = running.gateway.sessions().subscribe();
    let (host, _) = running.entered("my grain").await;
    let navigate = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe"), ("sec-fetch-site", "same-origin")];
    let answer = client.get(&host, "/", &navigate).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    let page = text(&answer);
    let shell = format!("https://{}", running.shell());
    assert!(page.contains(&format!("data-shell=\"{shell}\"")) && page.contains("granary:'session-lost'"), "{page}");
    assert!(page.contains(&format!("{shell}/grain/my%20grain")), "{page}");
    let csp = header(&answer, "content-security-policy");
    assert!(csp.contains(&format!("frame-ancestors 'self' {shell}")) && csp.contains("script-src 'sha256-"), "{csp}");

    // A page's own script gets plain text, and the shell hears of it in another way.
    let answer = client.get(&host, "/data", &[("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "cors")]).await;
    assert_eq!(header(&answer, "content-type"), "text/plain; charset=utf-8");
    let lost = SessionEvent::Lost { host, grain: "my grain".into(), login: None };
    assert_eq!(events.recv().await.unwrap(), lost);
}

#[tokio::test]
async fn four_hundred_sessions_one_after_another_leave_the_owner_logged_in() {
    let running = Running::start();
    let (owner, secret) = running.logged_in().await;
    let client = running.client();
    // Over one connection, as a browser does it.
    let mut sender = client.h2(&running.shell()).await;
    let mut first = None;
    for n in 0..400 {
        let (host, target) = running.session(&format!("g{n}"), "/", None);
        let request = Request::get(format!("https://{host}{target}")).body(Full::default()).unwrap();
        let answer = sender.send_request(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        let cookie = answer.headers()[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
        let request = Request::get(format!("https://{host}/")).header("cookie", &cookie).body(Full::default()).unwrap();
        assert_eq!(sender.send_request(request).await.unwrap().status(), StatusCode::OK);
        first.get_or_insert((host, cookie));
    }
    let (host, cookie) = first.unwrap();
    assert_eq!(client.get(&host, "/", &[("cookie", &cookie)]).await.status(), StatusCode::OK);
    let headers = [("cookie", owner.as_str()), ("x-granary-secret", secret.as_str())];
    assert_eq!(client.get(&running.shell(), "/api/v1/who", &headers).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn an_open_tab_keeps_its_session_and_its_cookie_is_renewed() {
    let running = Running::start();
    let client = running.client();
    let (host, cookie) = running.entered("g").await;
    for _ in 0..5 {
        running.hand.forward(Duration::from_secs(6 * 24 * 3600));
        let answer = client.get(&host, "/", &[("cookie", &cookie)]).await;
        assert_eq!((answer.status(), cookie_of(&answer)), (StatusCode::OK, cookie.clone()));
        assert!(!client.get(&host, "/", &[("cookie", &cookie)]).await.headers().contains_key(SET_COOKIE));
    }
    running.hand.forward(Duration::from_secs(7 * 24 * 3600));
    assert_eq!(client.get(&host, "/", &[("cookie", &cookie)]).await.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn revoking_ends_what_is_under_way() {
    let running = Running::start();
    let sessions = running.gateway.sessions();
    let (host, cookie) = running.entered("doomed").await;
    let (other, other_cookie) = running.entered("kept").await;
    let client = running.client();
    let mut sender = client.h2(&host).await;
    let waiting = sender.send_request(
        Request::get(format!("https://{host}/wait")).header("cookie", &cookie).body(Full::default()).unwrap(),
    );
    assert_eq!(sessions.revoke(&Revoke::Grain("doomed".into())), 1);
    let answer = tokio::time::timeout(BOUND, waiting).await.expect("it ends").unwrap();
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert_eq!(client.get(&host, "/", &[("cookie", &cookie)]).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(client.get(&other, "/", &[("cookie", &other_cookie)]).await.status(), StatusCode::OK);
    assert_eq!(sessions.revoke(&Revoke::Host(other.clone())), 1);
    assert_eq!(client.get(&other, "/", &[("cookie", &other_cookie)]).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(sessions.count(), 0);
}

#[tokio::test]
async fn a_session_stuffed_with_cookies_points_to_the_way_back() {
    let running = Running::start();
    let (host, cookie) = running.entered("g").await;
    let stuffing = (0..179).map(|n| format!("c{n}={}", "x".repeat(4000))).collect::<Vec<_>>().join("; ");
    let answer = running.client().get(&host, "/", &[("cookie", &format!("{stuffing}; {cookie}"))]).await;
    assert_eq!(answer.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    let link = format!("href=\"https://{}/_granary-recover\"", running.shell());
    assert!(text(&answer).contains(&link), "{}", text(&answer));
    // The button itself is not here, where the page could press it.
    let answer = running.client().send(&host, running.own_page("POST", "/_granary-recover", &cookie, "")).await;
    assert_eq!(header(&answer, "clear-site-data"), "");
}

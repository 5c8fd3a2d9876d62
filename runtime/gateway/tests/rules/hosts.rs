//! Which host a request is for, over both protocols and both addresses.

use http::{Request, StatusCode};
use http_body_util::Full;

use crate::fixture::{Running, header, text};

#[tokio::test]
async fn the_shell_answers_on_both_addresses_and_over_both_protocols() {
    let running = Running::start();
    for v6 in [false, true] {
        let client = crate::fixture::Client { v6, ..running.client() };
        let answer = client.get(&running.shell(), "/", &[]).await;
        assert_eq!((answer.status(), text(&answer).as_str()), (StatusCode::OK, "<!doctype html><p>the shell"));
        let answer = client.send_h2(&running.shell(), Request::get("/").body(Full::default()).unwrap()).await;
        assert_eq!(answer.status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn other_names_get_a_plain_refusal() {
    let running = Running::start();
    let (client, port) = (running.client(), running.port());
    let unknown_session = format!("ui-{}.granary.localhost:{port}", "0".repeat(32));
    let cases = [
        ("evil.example".to_owned(), 421),
        ("granary.localhost".to_owned(), 421),
        (format!("granary.localhost:{}", port ^ 1), 421),
        (format!("GRANARY.localhost:{port}"), 421),
        (format!("127.0.0.1:{port}"), 421),
        (format!("localhost:{port}"), 421),
        (format!("granary.localhost.:{port}"), 421),
        (format!("granary.localhost:{port}.evil.example"), 421),
        (format!("api-0.granary.localhost:{port}"), 404),
        (format!("abcdefghij0123456789.granary-sites.localhost:{port}"), 404),
        (unknown_session, 403),
    ];
    for (host, expected) in cases {
        for h2 in [false, true] {
            let answer = if h2 {
                let mut sender = client.h2("granary.localhost").await;
                let request = Request::get(format!("https://{host}/")).body(Full::default()).unwrap();
                let answer = sender.send_request(request).await.unwrap();
                answer.map(|_| bytes::Bytes::new())
            } else {
                let request = Request::get("/").header("host", &host).body(Full::default()).unwrap();
                client.send("granary.localhost", request).await
            };
            assert_eq!(answer.status().as_u16(), expected, "{host} over h2: {h2}");
            assert_eq!(header(&answer, "content-type"), "text/plain; charset=utf-8", "{host}");
            assert_eq!(header(&answer, "x-content-type-options"), "nosniff", "{host}");
        }
    }
}

#[tokio::test]
async fn host_and_authority_must_agree() {
    let running = Running::start();
    let (client, shell) = (running.client(), running.shell());
    let (session, _) = running.session("g", "/", None);

    let request = Request::get("/").header("host", &session).body(Full::default()).unwrap();
    assert_eq!(client.send_h2(&shell, request).await.status(), StatusCode::BAD_REQUEST);
    let request = Request::get(format!("https://{session}/")).header("host", &shell).body(Full::default()).unwrap();
    assert_eq!(client.send(&shell, request).await.status(), StatusCode::BAD_REQUEST);
    let request = Request::get(format!("https://{shell}/")).body(Full::default()).unwrap();
    assert_eq!(client.send(&shell, request).await.status(), StatusCode::OK);
    let request = Request::get(format!("http://{shell}/")).body(Full::default()).unwrap();
    assert_eq!(client.send(&shell, request).await.status(), StatusCode::BAD_REQUEST);
    let request = Request::connect(&shell).body(Full::default()).unwrap();
    assert_eq!(client.send(&shell, request).await.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn no_answer_to_a_head_request_has_a_body() {
    let running = Running::start();
    let (client, shell) = (running.client(), running.shell());
    let (session, _) = running.session("g", "/", None);
    for host in [&session, &shell, &shell.replace("granary", "nobody.granary")] {
        for path in ["/", "/nothing", "/api/v1/who"] {
            let ask = |method: &str| Request::builder().method(method).uri(path).body(Full::default()).unwrap();
            for h2 in [false, true] {
                let send = async |request| match h2 {
                    true => client.send_h2(host, request).await,
                    false => client.send(host, request).await,
                };
                let (get, head) = (send(ask("GET")).await, send(ask("HEAD")).await);
                assert_eq!((head.status(), head.body().len()), (get.status(), 0), "{host}{path} h2: {h2}");
                let length = header(&head, "content-length");
                assert_eq!(length.parse().unwrap_or(0), get.body().len(), "{host}{path} h2: {h2}");
            }
        }
    }
}

#[tokio::test]
async fn every_answer_of_the_shell_carries_its_policy() {
    let running = Running::start();
    let (client, shell) = (running.client(), running.shell());
    for (path, status) in [("/", 200), ("/nothing", 404), ("/api/v1/who", 401), ("/_granary-recover", 200)] {
        let answer = client.get(&shell, path, &[]).await;
        assert_eq!(answer.status().as_u16(), status, "{path}");
        let csp = header(&answer, "content-security-policy");
        assert!(csp.contains("frame-ancestors 'none'"), "{path}: {csp}");
        let scripts = csp.split("script-src ").nth(1).and_then(|rest| rest.split(';').next()).unwrap();
        assert!(!scripts.contains("unsafe") && !scripts.contains('*'), "{path}: {scripts}");
        for (name, value) in [
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("origin-agent-cluster", "?1"),
            ("referrer-policy", "same-origin"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(header(&answer, name), value, "{path}");
        }
        assert_eq!(header(&answer, "access-control-allow-origin"), "", "{path}");
    }
    let csp = header(&client.get(&shell, "/", &[]).await, "content-security-policy");
    assert!(csp.contains(&format!("frame-src https://*.granary.localhost:{}", running.port())), "{csp}");
}

#[tokio::test]
async fn pages_of_the_same_site_may_look_at_the_shell_and_nothing_more() {
    let running = Running::start();
    let (client, shell) = (running.client(), running.shell());
    let cases: [(&[(&str, &str)], u16); 7] = [
        (&[("sec-fetch-site", "same-site"), ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "script")], 403),
        (&[("sec-fetch-site", "same-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")], 403),
        (&[("sec-fetch-site", "same-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")], 200),
        (&[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")], 200),
        (&[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")], 403),
        (&[("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")], 200),
        (&[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "same-site")], 403),
    ];
    for (headers, expected) in cases {
        assert_eq!(client.get(&shell, "/", headers).await.status().as_u16(), expected, "{headers:?}");
    }
}

#[tokio::test]
async fn what_a_proxy_would_say_is_dropped() {
    let running = Running::start();
    let told = [
        ("x-real-ip", "6.6.6.6"),
        ("forwarded", "for=6.6.6.6"),
        ("x-forwarded-for", "6.6.6.6"),
        ("x-forwarded-host", "evil.example"),
        ("cookie", "__Host-granary-owner-1=6.6.6.6; mine=1"),
    ];
    let seen = text(&running.client().get(&running.shell(), "/headers", &told).await);
    assert!(!seen.contains("6.6.6.6") && !seen.contains("evil"), "{seen}");
    assert!(seen.contains("mine=1"), "{seen}");
}

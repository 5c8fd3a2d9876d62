//! What a browser gets to see of an app's response: every kind, every field, and what must not get out.

use capnp::text;
use granary_wire::web_session_capnp::web_session::response::{self, ClientErrorCode, SuccessCode};

use crate::app::{Answer, Bench, Fixed, request};

type Fill = fn(response::Builder<'_>);

async fn answer(fill: Fill, method: &str, headers: &[(&str, &str)]) -> Answer {
    Bench::direct(move || Fixed(fill)).send(request(method, "/", headers, b"")).await
}

async fn check(fill: Fill, headers: &[(&str, &str)], expected: &str) {
    let answer = answer(fill, "GET", headers).await;
    assert!(!answer.cut_off);
    assert_eq!(answer.dump(), expected);
}

#[tokio::test]
async fn content() {
    #[rustfmt::skip]
    let cases: Vec<(Fill, &str)> = vec![
        (|r| r.init_content().init_body().set_bytes(b"hello"), "200\n\nhello"),
        (|r| { let mut c = r.init_content(); c.set_mime_type("text/html; charset=utf-8"); c.set_encoding("gzip");
               c.set_language("de"); c.init_body().set_bytes(b"x") },
            "200\ncontent-encoding: gzip\ncontent-language: de\ncontent-type: text/html; charset=utf-8\n\nx"),
        (|r| { let mut c = r.init_content(); c.reborrow().init_e_tag().set_value("abc"); c.init_body().set_bytes(b"x") },
            "200\netag: \"abc\"\n\nx"),
        (|r| { let mut c = r.init_content(); let mut e = c.reborrow().init_e_tag(); e.set_value("a\\b c"); e.set_weak(true);
               c.init_body().set_bytes(b"x") },
            "200\netag: W/\"a\\b c\"\n\nx"),
        (|r| { let mut c = r.init_content(); c.reborrow().init_e_tag().set_value("\"twice\""); c.init_body().set_bytes(b"x") },
            "200\n\nx"),
        (|r| { let mut c = r.init_content(); c.reborrow().init_disposition().set_download("a \"b\"\\.txt");
               c.init_body().set_bytes(b"x") },
            "200\ncontent-disposition: attachment; filename=\"a \\\"b\\\"\\\\.txt\"\n\nx"),
        (|r| { let mut c = r.init_content(); c.reborrow().init_disposition().set_download("ä\r\n.txt");
               c.init_body().set_bytes(b"x") },
            "200\ncontent-disposition: attachment; filename=\"ä__.txt\"; filename*=UTF-8''%C3%A4%5F%5F%2Etxt\n\nx"),
        (|r| { let mut c = r.init_content(); c.set_mime_type("text/html\r\nSet-Cookie: a=b"); c.set_language("d\0e");
               c.set_encoding("x\ny"); c.init_body().set_bytes(b"x") },
            "200\n\nx"),
    ];
    for (fill, expected) in cases {
        check(fill, &[], expected).await;
    }
}

#[tokio::test]
async fn success_codes() {
    use SuccessCode::{Accepted, Created, MultiStatus, NoContent, NotModified, Ok, PartialContent};
    for (code, status) in [
        (Ok, 200),
        (Created, 201),
        (Accepted, 202),
        (NoContent, 204),
        (PartialContent, 206),
        (MultiStatus, 207),
        (NotModified, 304),
    ] {
        let fill = move |r: response::Builder<'_>| {
            let mut content = r.init_content();
            content.set_status_code(code);
            content.init_body().set_bytes(b"x");
        };
        let answer = Bench::direct(move || Fixed(fill)).get("/").await;
        // Some kinds of response cannot have a body, whatever the app says.
        let body = if matches!(status, 204 | 304) { "" } else { "\n\nx" };
        assert_eq!(answer.dump(), format!("{status}{body}"));
    }
}

#[tokio::test]
async fn client_errors() {
    for (code, status) in [
        (ClientErrorCode::BadRequest, 400),
        (ClientErrorCode::Forbidden, 403),
        (ClientErrorCode::NotFound, 404),
        (ClientErrorCode::MethodNotAllowed, 405),
        (ClientErrorCode::NotAcceptable, 406),
        (ClientErrorCode::Conflict, 409),
        (ClientErrorCode::Gone, 410),
        (ClientErrorCode::PreconditionFailed, 412),
        (ClientErrorCode::RequestEntityTooLarge, 413),
        (ClientErrorCode::RequestUriTooLong, 414),
        (ClientErrorCode::UnsupportedMediaType, 415),
        (ClientErrorCode::ImATeapot, 418),
        (ClientErrorCode::UnprocessableEntity, 422),
    ] {
        let fill = move |r: response::Builder<'_>| {
            let mut error = r.init_client_error();
            error.set_status_code(code);
            error.set_description_html("<p>no");
        };
        let bench = Bench::direct(move || Fixed(fill));
        let expected = format!("{status}\ncontent-type: text/html; charset=UTF-8\n\n<p>no");
        assert_eq!(bench.get("/").await.dump(), expected);
    }
}

#[tokio::test]
async fn the_other_kinds() {
    #[rustfmt::skip]
    let cases: Vec<(Fill, &[(&str, &str)], &str)> = vec![
        (|r| { r.init_no_content(); }, &[], "204"),
        (|r| r.init_no_content().set_should_reset_form(true), &[], "205"),
        (|r| r.init_no_content().init_e_tag().set_value("v"), &[], "204\netag: \"v\""),
        (|r| { r.init_precondition_failed(); }, &[], "412"),
        (|r| r.init_precondition_failed().init_matching_e_tag().set_value("v"), &[], "412"),
        (|r| r.init_precondition_failed().init_matching_e_tag().set_value("v"), &[("if-match", "\"v\"")], "412"),
        (|r| r.init_precondition_failed().init_matching_e_tag().set_value("v"), &[("if-none-match", "\"v\"")],
            "304\netag: \"v\""),
        (|r| r.init_redirect().set_location("/a"), &[],
            "307\nlocation: /a\ncontent-type: text/plain\n\nTemporary Redirect: /a"),
        (|r| { let mut d = r.init_redirect(); d.set_is_permanent(true); d.set_location("https://x/y?z#f") }, &[],
            "308\nlocation: https://x/y?z#f\ncontent-type: text/plain\n\nPermanent Redirect: https://x/y?z#f"),
        (|r| { let mut d = r.init_redirect(); d.set_switch_to_get(true); d.set_location("a") }, &[],
            "303\nlocation: a\ncontent-type: text/plain\n\nSee Other: a"),
        (|r| { let mut d = r.init_redirect(); d.set_is_permanent(true); d.set_switch_to_get(true); d.set_location("a") }, &[],
            "301\nlocation: a\ncontent-type: text/plain\n\nMoved Permanently: a"),
        (|r| { r.init_client_error().set_status_code(ClientErrorCode::NotFound); }, &[], "404"),
        (|r| { r.init_server_error(); }, &[], "500"),
        (|r| r.init_server_error().set_description_html("<b>"), &[],
            "500\ncontent-type: text/html; charset=UTF-8\n\n<b>"),
        (|r| { let mut b = r.init_server_error().init_non_html_body(); b.set_data(b"{}"); b.set_mime_type("application/json");
               b.set_encoding("gzip"); b.set_language("en") }, &[],
            "500\ncontent-encoding: gzip\ncontent-language: en\ncontent-type: application/json\n\n{}"),
        (|r| { let mut e = r.init_client_error(); e.set_status_code(ClientErrorCode::Conflict);
               e.reborrow().set_description_html("<b>"); let mut b = e.init_non_html_body();
               b.set_data(b"plain"); b.set_mime_type("text/plain") }, &[],
            "409\ncontent-type: text/plain\n\nplain"),
    ];
    for (fill, headers, expected) in cases {
        check(fill, headers, expected).await;
    }
}

#[tokio::test]
async fn cookies() {
    struct Case(&'static [u8], &'static [u8], Option<Result<i64, u64>>, &'static [u8], bool, Option<&'static str>);
    #[rustfmt::skip]
    let cases = [
        Case(b"a", b"b", None, b"", false, Some("a=b; Secure")),
        Case(b"a", b"", None, b"/p", true, Some("a=; Path=/p; HttpOnly; Secure")),
        Case(b"a", b"x=y z", None, b"", false, Some("a=x=y z; Secure")),
        Case(b"a", b"b", Some(Ok(1_795_492_127)), b"", false, Some("a=b; Expires=Tue, 24 Nov 2026 03:48:47 +0000; Secure")),
        Case(b"a", b"b", Some(Ok(0)), b"", false, Some("a=b; Expires=Thu, 01 Jan 1970 00:00:00 +0000; Secure")),
        Case(b"a", b"b", Some(Ok(i64::MIN)), b"", false, Some("a=b; Expires=Thu, 01 Jan 1970 00:00:00 +0000; Secure")),
        Case(b"a", b"b", Some(Ok(i64::MAX)), b"", false, Some("a=b; Expires=Fri, 31 Dec 9999 23:59:59 +0000; Secure")),
        Case(b"a", b"b", Some(Err(u64::MAX)), b"", false, Some("a=b; Max-Age=18446744073709551615; Secure")),
        Case(b"a", b"b; Domain=granary.localhost", None, b"", false, None),
        Case(b"a", b"b", None, b"/; Domain=granary.localhost", false, None),
        Case(b"a=b; Domain=x", b"", None, b"", false, None),
        Case(b"a", b"b,c", None, b"", false, None),
        Case(b"a", b"b\r\nX: y", None, b"", false, None),
        Case(b"a\0", b"b", None, b"", false, None),
        Case(b"__Host-granary-session-6443", b"b", None, b"/", true, None),
        Case(b" __host-GRANARY-owner-6443", b"b", None, b"/", true, None),
        Case(b"", b"__Host-granary-owner-6443=x", None, b"/", true, None),
        Case(b"__Host-mine", b"b", None, b"/", false, Some("__Host-mine=b; Path=/; Secure")),
    ];
    for Case(name, value, expires, path, http_only, expected) in cases {
        let fill = move |mut r: response::Builder<'_>| {
            let mut cookies = r.reborrow().init_set_cookies(2);
            let mut cookie = cookies.reborrow().get(0);
            cookie.set_name(text::Reader(name));
            cookie.set_value(text::Reader(value));
            cookie.set_path(text::Reader(path));
            cookie.set_http_only(http_only);
            match expires {
                None => {}
                Some(Ok(second)) => cookie.init_expires().set_absolute(second),
                Some(Err(seconds)) => cookie.init_expires().set_relative(seconds),
            }
            let mut second = cookies.get(1);
            second.set_name("z");
            second.set_value("1");
            r.init_no_content();
        };
        let answer = Bench::direct(move || Fixed(fill)).get("/").await;
        let set: Vec<_> = answer.headers.iter().filter(|(name, _)| name == "set-cookie").map(|(_, v)| &v[..]).collect();
        let expected: Vec<_> = expected.into_iter().chain(["z=1; Secure"]).collect();
        assert_eq!(set, expected, "{}", String::from_utf8_lossy(name));
    }
}

#[tokio::test]
async fn additional_headers() {
    #[rustfmt::skip]
    let cases: [(&[u8], &[u8], Option<&str>); 9] = [
        (b"X-Sandstorm-App-Foo", b"bar", Some("x-sandstorm-app-foo: bar")),
        (b"x-oc-mtime", b"accepted", Some("x-oc-mtime: accepted")),
        (b"X-Sandstorm-App-Foo", b"a\r\nSet-Cookie: b=c", None),
        (b"X-Sandstorm-App-Foo: x\r\nSet-Cookie", b"b=c", None),
        (b"Set-Cookie", b"a=b; Domain=granary.localhost", None),
        (b"Content-Security-Policy", b"default-src *", None),
        (b"Access-Control-Allow-Origin", b"*", None),
        (b"x-granary-error", b"x", None),
        (b"", b"", None),
    ];
    for (name, value, expected) in cases {
        let fill = move |mut r: response::Builder<'_>| {
            let mut header = r.reborrow().init_additional_headers(1).get(0);
            header.set_name(text::Reader(name));
            header.set_value(text::Reader(value));
            r.init_no_content();
        };
        let answer = Bench::direct(move || Fixed(fill)).get("/").await;
        let expected = expected.map_or("204".to_owned(), |line| format!("204\n{line}"));
        assert_eq!(answer.dump(), expected, "{}", String::from_utf8_lossy(name));
    }
}

#[tokio::test]
async fn a_redirect_cannot_split_the_response() {
    let answer = answer(|r| r.init_redirect().set_location("/\r\nSet-Cookie: a=b"), "GET", &[]).await;
    assert_eq!((answer.status, answer.header("x-granary-error")), (502, Some("bad-response")));
    assert_eq!(answer.header("set-cookie"), None);
}

#[tokio::test]
async fn head_has_the_headers_alone() {
    let fill: Fill = |r| {
        let mut content = r.init_content();
        content.set_mime_type("text/plain");
        content.reborrow().init_e_tag().set_value("v");
    };
    assert_eq!(answer(fill, "HEAD", &[]).await.dump(), "200\ncontent-type: text/plain\netag: \"v\"");
}

#[tokio::test]
async fn an_answer_with_countless_entries_is_no_answer() {
    let cases: [Fill; 3] = [
        |r| {
            let mut cookies = r.init_set_cookies(40_000);
            for n in 0..40_000 {
                let mut cookie = cookies.reborrow().get(n);
                cookie.set_name("n");
                cookie.set_value("v");
            }
        },
        |r| {
            let mut headers = r.init_additional_headers(40_000);
            for n in 0..40_000 {
                let mut header = headers.reborrow().get(n);
                header.set_name("x-oc-mtime");
                header.set_value("v");
            }
        },
        |r| {
            r.init_set_cookies(1001);
        },
    ];
    for fill in cases {
        assert_eq!(answer(fill, "GET", &[]).await.status, 502);
    }
}

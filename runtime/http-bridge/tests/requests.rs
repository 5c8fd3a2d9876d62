//! What the app is asked for each call on a session.

mod common;

use std::rc::Rc;

use common::app::respond;
use common::{Bridge, Sink, TestApp, describe, get, run};
use granary_wire::api_session_capnp::api_session;
use granary_wire::identity_capnp::profile;
use granary_wire::web_session_capnp::web_session::{self, PropfindDepth, context};

fn app() -> TestApp {
    TestApp::start(|_, stream| respond(stream, "200 OK", "Content-Type: text/plain\r\n", b"ok"))
}

const COMMON: &str = "\
Accept-Language: de,en;q=0.5
User-Agent: Test/1.0
X-Sandstorm-Tab-Id: abababababababababababababababab
X-Sandstorm-Username: Zo%C3%AB%20Example
X-Sandstorm-User-Id: 000102030405060708090a0b0c0d0e0f
X-Sandstorm-Preferred-Handle: zoe
X-Sandstorm-User-Picture: https://static.example/p.png
X-Sandstorm-User-Pronouns: female
X-Sandstorm-Session-Type: normal
X-Sandstorm-Permissions: read,admin
X-Sandstorm-Base-Path: https://ui-abc.example:6443
Host: ui-abc.example:6443
X-Forwarded-Proto: https
X-Sandstorm-Session-Id: 0
";

/// The head without the lines that are the same for each request of a session.
fn own_lines(head: &str) -> String {
    head.replace(COMMON, "").replace("Accept: */*\n", "")
}

#[test]
fn a_plain_request_carries_every_header() {
    run(async {
        let app = app();
        let bridge = Bridge::start(app.port);
        let session = bridge.session().await;
        assert_eq!(get(&session, "a/b?c=%20d").await, "content 200 type=text/plain bytes=ok");
        assert_eq!(app.last().head, format!("GET /a/b?c=%20d HTTP/1.1\n{COMMON}Accept: */*\n"));
    });
}

#[test]
fn the_context_becomes_headers() {
    type Case = (&'static str, fn(context::Builder<'_>), &'static str);
    let cases: &[Case] = &[
        (
            "cookies",
            |context| {
                let mut cookies = context.init_cookies(3);
                for (i, (key, value)) in (0..).zip([("a", "b"), ("c", ""), ("d", "e f")]) {
                    cookies.reborrow().get(i).set_key(key);
                    cookies.reborrow().get(i).set_value(value);
                }
            },
            "Cookie: a=b; c=; d=e f\nAccept: */*\n",
        ),
        (
            "accepted types",
            |context| {
                let mut accept = context.init_accept(2);
                accept.reborrow().get(0).set_mime_type("text/html");
                accept.reborrow().get(1).set_mime_type("*/*");
                accept.get(1).set_q_value(0.8);
            },
            "Accept: text/html, */*; q=0.8\n",
        ),
        (
            "accepted encodings",
            |context| {
                let mut accept = context.init_accept_encoding(2);
                accept.reborrow().get(0).set_content_coding("gzip");
                accept.reborrow().get(1).set_content_coding("br");
                accept.get(1).set_q_value(0.25);
            },
            "Accept: */*\nAccept-Encoding: gzip, br; q=0.25\n",
        ),
        (
            "additional headers: those on the list",
            |context| {
                let mut headers = context.init_additional_headers(4);
                let all =
                    [("X-Sandstorm-App-Thing", "1"), ("Host", "evil"), ("OC-Total-Length", "9"), ("x-csrftoken", "t")];
                for (i, (name, value)) in (0..).zip(all) {
                    headers.reborrow().get(i).set_name(name);
                    headers.reborrow().get(i).set_value(value);
                }
            },
            "Accept: */*\nX-Sandstorm-App-Thing: 1\nOC-Total-Length: 9\nx-csrftoken: t\n",
        ),
        ("if it exists", |context| context.init_e_tag_precondition().set_exists(()), "Accept: */*\nIf-Match: *\n"),
        (
            "if it does not exist",
            |context| context.init_e_tag_precondition().set_doesnt_exist(()),
            "Accept: */*\nIf-None-Match: *\n",
        ),
        (
            "if it is one of",
            |context| {
                let mut tags = context.init_e_tag_precondition().init_matches_one_of(2);
                tags.reborrow().get(0).set_value("a");
                tags.reborrow().get(1).set_value("b");
                tags.get(1).set_weak(true);
            },
            "Accept: */*\nIf-Match: \"a\", W/\"b\"\n",
        ),
        (
            "if it is none of",
            |context| context.init_e_tag_precondition().init_matches_none_of(1).get(0).set_value("a"),
            "Accept: */*\nIf-None-Match: \"a\"\n",
        ),
    ];
    run(async {
        let app = app();
        let bridge = Bridge::start(app.port);
        let session = bridge.session().await;
        for (name, fill, expected) in cases {
            let mut request = session.get_request();
            request.get().set_path("x");
            fill(request.get().init_context());
            request.send().promise.await.unwrap();
            assert_eq!(app.last().head, format!("GET /x HTTP/1.1\n{COMMON}{expected}"), "{name}");
        }
    });
}

#[test]
fn each_method_is_sent() {
    run(async {
        let app = app();
        let bridge = Bridge::start(app.port);
        let session = bridge.session().await;
        let check = |expected: &str, body: &str| {
            let request = app.last();
            assert_eq!(own_lines(&request.head), expected);
            assert_eq!(String::from_utf8_lossy(&request.body), body, "{expected}");
        };
        // Each has its own types, so a macro does what a table would.
        macro_rules! call {
            ($request:ident, |$to:ident| $fill:block, $head:expr, $body:expr) => {
                let mut request = session.$request();
                {
                    let mut $to = request.get();
                    $to.set_path("p");
                    $fill
                }
                request.send().promise.await.unwrap();
                check($head, $body);
            };
        }
        macro_rules! content {
            ($to:ident) => {
                let mut content = $to.reborrow().init_content();
                content.set_mime_type("text/x-test");
                content.set_encoding("gzip");
                content.set_content(b"content");
            };
        }
        const CONTENT: &str = "Content-Type: text/x-test\nContent-Encoding: gzip\nContent-Length: 7\n";
        const XML: &str = "Content-Type: application/xml; charset=utf-8\nContent-Length: 4\n";

        call!(
            post_request,
            |to| {
                content!(to);
            },
            &format!("POST /p HTTP/1.1\n{CONTENT}"),
            "content"
        );
        call!(
            put_request,
            |to| {
                content!(to);
            },
            &format!("PUT /p HTTP/1.1\n{CONTENT}"),
            "content"
        );
        call!(
            patch_request,
            |to| {
                content!(to);
            },
            &format!("PATCH /p HTTP/1.1\n{CONTENT}"),
            "content"
        );
        call!(
            mkcol_request,
            |to| {
                content!(to);
            },
            &format!("MKCOL /p HTTP/1.1\n{CONTENT}"),
            "content"
        );
        call!(
            report_request,
            |to| {
                content!(to);
            },
            &format!("REPORT /p HTTP/1.1\n{CONTENT}"),
            "content"
        );
        call!(
            post_request,
            |to| {
                to.reborrow().init_content();
            },
            "POST /p HTTP/1.1\nContent-Length: 0\n",
            ""
        );
        call!(
            delete_request,
            |to| {
                let _ = &mut to;
            },
            "DELETE /p HTTP/1.1\n",
            ""
        );
        for (depth, word) in
            [(PropfindDepth::Zero, "0"), (PropfindDepth::One, "1"), (PropfindDepth::Infinity, "infinity")]
        {
            call!(
                propfind_request,
                |to| {
                    to.set_xml_content("<a/>");
                    to.set_depth(depth);
                },
                &format!("PROPFIND /p HTTP/1.1\n{XML}Depth: {word}\n"),
                "<a/>"
            );
        }
        call!(
            proppatch_request,
            |to| {
                to.set_xml_content("<a/>");
            },
            &format!("PROPPATCH /p HTTP/1.1\n{XML}"),
            "<a/>"
        );
        call!(
            acl_request,
            |to| {
                to.set_xml_content("<a/>");
            },
            &format!("ACL /p HTTP/1.1\n{XML}"),
            "<a/>"
        );
        for (shallow, word) in [(true, "0"), (false, "infinity")] {
            call!(
                lock_request,
                |to| {
                    to.set_xml_content("<a/>");
                    to.set_shallow(shallow);
                },
                &format!("LOCK /p HTTP/1.1\n{XML}Depth: {word}\n"),
                "<a/>"
            );
            call!(
                copy_request,
                |to| {
                    to.set_destination("q/r");
                    to.set_shallow(shallow);
                    to.set_no_overwrite(shallow);
                },
                &format!(
                    "COPY /p HTTP/1.1\nDestination: https://ui-abc.example:6443/q/r\nOverwrite: {}\nDepth: {word}\n",
                    if shallow { "F" } else { "T" }
                ),
                ""
            );
        }
        call!(
            move_request,
            |to| {
                to.set_destination("q");
            },
            "MOVE /p HTTP/1.1\nDestination: https://ui-abc.example:6443/q\nOverwrite: T\n",
            ""
        );
        call!(
            unlock_request,
            |to| {
                to.set_lock_token("<urn:x>");
            },
            "UNLOCK /p HTTP/1.1\nLock-Token: <urn:x>\n",
            ""
        );

        let mut request = session.get_request();
        request.get().set_path("p");
        request.get().set_ignore_body(true);
        let response = request.send().promise.await.unwrap();
        // The head of the answer says that two bytes would follow; none do.
        assert_eq!(describe(response.get().unwrap()), "content 200 type=text/plain bytes=");
        check("HEAD /p HTTP/1.1\n", "");
    });
}

#[test]
fn options_tell_what_dav_says() {
    run(async {
        let app = TestApp::start(|_, stream| {
            respond(stream, "405 No", "DAV: 1, 3\r\nDAV: calendar-access, addressbook\r\n", b"no")
        });
        let bridge = Bridge::start(app.port);
        let session = bridge.session().await;
        let response = session.options_request().send().promise.await.unwrap();
        let options = response.get().unwrap();
        assert_eq!((options.get_dav_class1(), options.get_dav_class2(), options.get_dav_class3()), (true, false, true));
        let extensions = options.get_dav_extensions().unwrap().iter().map(|e| e.unwrap().to_string().unwrap());
        assert_eq!(extensions.collect::<Vec<_>>(), ["calendar-access", "addressbook"]);
    });
}

#[test]
fn strangers_and_programs_are_described_too() {
    run(async {
        let app = app();
        let bridge = Bridge::start(app.port);
        let anonymous = bridge
            .session_as(|mut to| {
                let mut user = to.reborrow().init_user_info();
                user.reborrow().init_display_name().set_default_text("Anonymous User");
                user.set_preferred_handle("anonymous");
                user.set_pronouns(profile::Pronouns::Robot);
                let mut params = to.init_session_params().init_as::<web_session::params::Builder<'_>>();
                params.set_base_path("http://ui-x.local");
            })
            .await;
        get(&anonymous, "").await;
        assert_eq!(
            app.last().head,
            "GET / HTTP/1.1\nX-Sandstorm-Tab-Id: abababababababababababababababab\nX-Sandstorm-Username: Anonymous%20User\n\
             X-Sandstorm-Session-Type: normal\nX-Sandstorm-Permissions: \nX-Sandstorm-Base-Path: http://ui-x.local\n\
             Host: ui-x.local\nX-Forwarded-Proto: http\nX-Sandstorm-Session-Id: 0\nAccept: */*\n"
        );
        for (upper, lower, expected) in [(0, 0xffff_c000_0201, "192.0.2.1"), (0x2001_0db8_0000_0000, 1, "2001:db8::1")]
        {
            let program = bridge
                .session_as(|mut to| {
                    to.set_session_type(0xc879_e379_c625_cdc7);
                    let params = to.init_session_params().init_as::<api_session::params::Builder<'_>>();
                    let mut address = params.init_remote_address();
                    address.set_upper64(upper);
                    address.set_lower64(lower);
                })
                .await;
            get(&program, "things?x").await;
            let request = app.last();
            assert_eq!(request.path(), "/api/v1/things?x");
            assert_eq!(request.header("Host"), Some("sandbox"));
            assert_eq!(request.header("X-Real-IP"), Some(expected));
            assert_eq!(request.header("X-Sandstorm-Base-Path"), None);
            assert_eq!(request.header("User-Agent"), None);
        }
        assert_eq!(app.last().header("X-Sandstorm-Session-Id"), Some("2"));
    });
}

#[test]
fn sessions_are_of_known_types_and_tell_their_purpose() {
    run(async {
        let app = app();
        let bridge = Bridge::start(app.port);
        let mut unknown = bridge.view.new_session_request();
        unknown.get().set_session_type(0x1234);
        let error = unknown.send().promise.await.err().unwrap();
        assert!(error.extra.contains("Unsupported session type."), "{error}");

        let mut request = bridge.view.new_request_session_request();
        request.get().set_session_type(0xa507_11a1_4d35_a8ce);
        let response = request.send().promise.await.unwrap();
        let session = response.get().unwrap().get_session().unwrap();
        let session: web_session::Client = capnp::capability::FromClientHook::new(session.client.hook);
        get(&session, "").await;
        assert_eq!(app.last().header("X-Sandstorm-Session-Type"), Some("request"));

        let mut offer = bridge.view.new_offer_session_request();
        offer.get().set_session_type(0xa507_11a1_4d35_a8ce);
        let response = offer.send().promise.await.unwrap();
        let session = response.get().unwrap().get_session().unwrap();
        let session: web_session::Client = capnp::capability::FromClientHook::new(session.client.hook);
        get(&session, "").await;
        assert_eq!(app.last().header("X-Sandstorm-Session-Type"), Some("offer"));

        // Without an API there is no session for programs.
        let bridge = Bridge::start_with(app.port, &no_api(), &["sleep", "600"]);
        let mut request = bridge.view.new_session_request();
        request.get().set_session_type(0xc879_e379_c625_cdc7);
        let error = request.send().promise.await.err().unwrap();
        assert!(error.extra.contains("Unsupported session type."), "{error}");
    });
}

fn no_api() -> capnp::message::Builder<capnp::message::HeapAllocator> {
    let mut message = capnp::message::Builder::new_default();
    message.init_root::<granary_wire::package_capnp::bridge_config::Builder<'_>>();
    message
}

#[test]
fn the_view_is_described_as_the_package_says() {
    run(async {
        let app = app();
        let bridge = Bridge::start(app.port);
        let response = bridge.view.get_view_info_request().send().promise.await.unwrap();
        let info = response.get().unwrap();
        assert_eq!(info.get_app_title().unwrap().get_default_text().unwrap(), "Test app");
        let names = info.get_permissions().unwrap().iter().map(|p| p.get_name().unwrap().to_string().unwrap());
        assert_eq!(names.collect::<Vec<_>>(), common::PERMISSIONS);
    });
}

#[test]
fn nothing_is_smuggled_into_a_request() {
    run(async {
        let app = app();
        let bridge = Bridge::start(app.port);
        let session = bridge.session().await;
        for path in ["a b", "a\r\nX: y", "a\nX: y"] {
            assert!(get(&session, path).await.contains("the path"), "{path}");
        }
        for value in ["a\r\nX: y", "a\nX: y", "a\0"] {
            let mut request = session.get_request();
            request.get().set_path("x");
            request.get().init_context().init_cookies(1).get(0).set_value(value);
            assert!(request.send().promise.await.is_err(), "{value:?}");
            let mut request = session.post_request();
            request.get().set_path("x");
            request.get().init_content().set_mime_type(value);
            assert!(request.send().promise.await.is_err(), "{value:?}");
            let mut request = session.get_request();
            request.get().set_path("x");
            let mut header = request.get().init_context().init_additional_headers(1).get(0);
            header.set_name("x-csrftoken");
            header.set_value(value);
            assert!(request.send().promise.await.is_err(), "{value:?}");
        }
        let mut bad = bridge.view.new_session_request();
        bad.get().set_session_type(0xa507_11a1_4d35_a8ce);
        bad.get()
            .init_session_params()
            .init_as::<web_session::params::Builder<'_>>()
            .set_base_path("https://a\r\nX: y");
        assert!(bad.send().promise.await.is_err());
        assert!(app.requests().is_empty());
    });
}

#[test]
fn mail_lands_in_the_maildir() {
    run(async {
        let app = app();
        let bridge = Bridge::start(app.port);
        let mut request = bridge.view.new_session_request();
        request.get().set_session_type(0xc3b5_ced7_344b_04a6);
        let response = request.send().promise.await.unwrap();
        let session = response.get().unwrap().get_session().unwrap();
        let mailbox: granary_wire::email_capnp::email_send_port::Client =
            capnp::capability::FromClientHook::new(session.client.hook);
        let send = || {
            let mut request = mailbox.send_request();
            let mut email = request.get().init_email();
            email.set_subject("Hello");
            email.set_text("World");
            request.send().promise
        };
        // The app has to make the folders.
        assert!(send().await.err().unwrap().extra.contains("the app has to make the folders"));
        let mail = bridge.folder.path().join("mail");
        for folder in ["new", "cur", "tmp"] {
            std::fs::create_dir_all(mail.join(folder)).unwrap();
        }
        send().await.unwrap();
        assert_eq!(std::fs::read_dir(mail.join("tmp")).unwrap().count(), 0);
        let files = std::fs::read_dir(mail.join("new")).unwrap().map(|entry| entry.unwrap()).collect::<Vec<_>>();
        let name = files[0].file_name().into_string().unwrap();
        assert_eq!((files.len(), name.len(), &name[..1]), (1, 24, "_"));
        let text = std::fs::read_to_string(files[0].path()).unwrap();
        assert!(text.contains("Subject: Hello\n") && text.contains("\n\nWorld\n"), "{text}");
    });
}

#[test]
fn an_unused_response_stream_is_let_go() {
    run(async {
        let app = app();
        let bridge = Bridge::start(app.port);
        let session = bridge.session().await;
        let sink = Rc::new(Sink::default());
        let mut request = session.get_request();
        request.get().set_path("x");
        request.get().init_context().set_response_stream(sink.client());
        request.send().promise.await.unwrap();
        // The bridge gives the capability back, else each request would leave something behind.
        while Rc::strong_count(&sink) > 1 {
            tokio::task::yield_now().await;
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    });
}

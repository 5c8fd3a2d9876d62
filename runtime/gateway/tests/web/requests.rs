//! What an app gets to see of a request: every method, every context field, and what must not reach it.

use std::fmt::Write as _;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use capnp::Error;
use futures::FutureExt as _;
use granary_gateway::web::{WebParams, WebSettings};
use granary_wire::grain_capnp::ui_session;
use granary_wire::web_session_capnp::web_session::{self, context, e_tag};

use crate::app::{BASE, Bench, request};

type Log = Arc<Mutex<String>>;

/// Writes down what it gets and answers 204.
struct Recorder(Log);

impl ui_session::Server for Recorder {}

fn text(reader: capnp::Result<capnp::text::Reader<'_>>) -> String {
    reader.expect("a text").to_string().expect("UTF-8")
}

fn tags(list: capnp::Result<capnp::struct_list::Reader<'_, e_tag::Owned>>) -> String {
    let list = list.expect("a list");
    let tags: Vec<_> =
        list.iter().map(|tag| format!("{}{}", if tag.get_weak() { "~" } else { "" }, text(tag.get_value()))).collect();
    tags.join(" ")
}

fn dump(log: &mut String, context: capnp::Result<context::Reader<'_>>) {
    let context = context.expect("a context");
    assert!(context.has_response_stream());
    for cookie in context.get_cookies().expect("cookies") {
        let _ = write!(log, "\ncookie [{}] [{}]", text(cookie.get_key()), text(cookie.get_value()));
    }
    for accept in context.get_accept().expect("accept") {
        let _ = write!(log, "\naccept [{}] {}", text(accept.get_mime_type()), accept.get_q_value());
    }
    for accept in context.get_accept_encoding().expect("acceptEncoding") {
        let _ = write!(log, "\nencoding [{}] {}", text(accept.get_content_coding()), accept.get_q_value());
    }
    match context.get_e_tag_precondition().which().expect("a precondition") {
        context::e_tag_precondition::None(()) => {}
        context::e_tag_precondition::Exists(()) => log.push_str("\nexists"),
        context::e_tag_precondition::DoesntExist(()) => log.push_str("\ndoesntExist"),
        context::e_tag_precondition::MatchesOneOf(list) => *log += &format!("\nmatchesOneOf {}", tags(list)),
        context::e_tag_precondition::MatchesNoneOf(list) => *log += &format!("\nmatchesNoneOf {}", tags(list)),
    }
    for header in context.get_additional_headers().expect("headers") {
        let _ = write!(log, "\nheader {}: {}", text(header.get_name()), text(header.get_value()));
    }
}

/// One method of the recorder: the fields named, then the context.
macro_rules! record {
    ($method:ident, $Params:ident, $Results:ident, |$params:ident| $what:expr) => {
        fn $method(
            self: Rc<Self>,
            params: web_session::$Params,
            mut results: web_session::$Results,
        ) -> impl Future<Output = Result<(), Error>> + 'static {
            let $params = params.get().expect("parameters");
            let mut log = self.0.lock().expect("no panic");
            *log = format!("{} [{}]{}", stringify!($method), text($params.get_path()), $what);
            dump(&mut log, $params.get_context());
            results.get().init_no_content();
            std::future::ready(Ok(()))
        }
    };
}

macro_rules! content {
    ($params:ident) => {{
        let content = $params.get_content().expect("content");
        format!(
            "\ncontent {} [{}] [{}]",
            text(content.get_mime_type()),
            text(content.get_encoding()),
            String::from_utf8_lossy(content.get_content().expect("data"))
        )
    }};
}

impl web_session::Server for Recorder {
    record!(get, GetParams, GetResults, |params| format!("\nignoreBody {}", params.get_ignore_body()));
    record!(post, PostParams, PostResults, |params| content!(params));
    record!(put, PutParams, PutResults, |params| content!(params));
    record!(patch, PatchParams, PatchResults, |params| content!(params));
    record!(report, ReportParams, ReportResults, |params| content!(params));
    record!(mkcol, MkcolParams, MkcolResults, |params| content!(params));
    record!(delete, DeleteParams, DeleteResults, |params| "");
    record!(propfind, PropfindParams, PropfindResults, |params| format!(
        "\n{:?} {}",
        params.get_depth().expect("a depth"),
        text(params.get_xml_content())
    ));
    record!(proppatch, ProppatchParams, ProppatchResults, |params| format!("\n{}", text(params.get_xml_content())));
    record!(acl, AclParams, AclResults, |params| format!("\n{}", text(params.get_xml_content())));
    record!(lock, LockParams, LockResults, |params| format!(
        "\nshallow {} {}",
        params.get_shallow(),
        text(params.get_xml_content())
    ));
    record!(unlock, UnlockParams, UnlockResults, |params| format!("\n{}", text(params.get_lock_token())));
    record!(copy, CopyParams, CopyResults, |params| format!(
        "\nto [{}] noOverwrite {} shallow {}",
        text(params.get_destination()),
        params.get_no_overwrite(),
        params.get_shallow()
    ));
    record!(move_, MoveParams, MoveResults, |params| format!(
        "\nto [{}] noOverwrite {}",
        text(params.get_destination()),
        params.get_no_overwrite()
    ));

    fn options(
        self: Rc<Self>,
        params: web_session::OptionsParams,
        mut results: web_session::OptionsResults,
    ) -> impl Future<Output = Result<(), Error>> + 'static {
        let params = params.get().expect("parameters");
        *self.0.lock().expect("no panic") = format!("options [{}]", text(params.get_path()));
        let mut options = results.get();
        options.set_dav_class1(true);
        options.set_dav_class3(true);
        let count = if text(params.get_path()) == "countless" { 1001 } else { 1 };
        options.init_dav_extensions(count).set(0, "<http://example.com/ext>");
        std::future::ready(Ok(()))
    }
}

fn recorder() -> (Bench, Log) {
    let log = Log::default();
    let for_app = Arc::clone(&log);
    (Bench::direct(move || Recorder(Arc::clone(&for_app))), log)
}

fn gzip(data: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(data).expect("memory");
    encoder.finish().expect("memory")
}

#[tokio::test]
async fn every_method() {
    let (bench, log) = recorder();
    let xml = [("content-type", "text/xml; charset=utf-8")];
    let there = format!("{BASE}/new/place?x");
    let zipped = gzip(b"<zipped/>");
    #[rustfmt::skip]
    let cases: Vec<(&str, &str, Vec<(&str, &str)>, &[u8], &str)> = vec![
        ("GET", "/", vec![], b"", "get []\nignoreBody false"),
        ("GET", "/a%2Fb/c%20d?q=%26&r", vec![], b"", "get [a%2Fb/c%20d?q=%26&r]\nignoreBody false"),
        ("GET", "//double", vec![], b"", "get [/double]\nignoreBody false"),
        ("GET", "/a?", vec![], b"", "get [a?]\nignoreBody false"),
        ("HEAD", "/a", vec![], b"", "get [a]\nignoreBody true"),
        ("POST", "/a", vec![("content-type", "text/plain"), ("content-encoding", "gzip")], b"body",
            "post [a]\ncontent text/plain [gzip] [body]"),
        ("POST", "/a", vec![], b"", "post [a]\ncontent application/octet-stream [] []"),
        ("PUT", "/a", vec![("content-type", "x/y")], b"body", "put [a]\ncontent x/y [] [body]"),
        ("PATCH", "/a", vec![], b"body", "patch [a]\ncontent application/octet-stream [] [body]"),
        ("DELETE", "/a", vec![], b"ignored", "delete [a]"),
        ("OPTIONS", "/a", vec![], b"", "options [a]"),
        ("PROPFIND", "/a", vec![], b"<x/>", "propfind [a]\nInfinity <x/>"),
        ("PROPFIND", "/a", vec![("depth", "0")], b"", "propfind [a]\nZero "),
        ("PROPFIND", "/a", vec![("depth", "1"), xml[0]], b"<x/>", "propfind [a]\nOne <x/>"),
        ("PROPFIND", "/a", vec![("depth", "9")], b"<x/>", "propfind [a]\nInfinity <x/>"),
        ("PROPFIND", "/a", vec![("content-encoding", "gzip")], &zipped, "propfind [a]\nInfinity <zipped/>"),
        ("PROPPATCH", "/a", vec![], b"<x/>", "proppatch [a]\n<x/>"),
        ("ACL", "/a", vec![], b"<x/>", "acl [a]\n<x/>"),
        ("LOCK", "/a", vec![("depth", "0")], b"<x/>", "lock [a]\nshallow true <x/>"),
        ("LOCK", "/a", vec![("depth", "infinity")], b"<x/>", "lock [a]\nshallow false <x/>"),
        ("UNLOCK", "/a", vec![("lock-token", "<urn:uuid:1>")], b"", "unlock [a]\n<urn:uuid:1>"),
        ("REPORT", "/a", vec![("content-type", "text/xml")], b"<x/>", "report [a]\ncontent text/xml [] [<x/>]"),
        ("MKCOL", "/a", vec![], b"", "mkcol [a]\ncontent application/octet-stream [] []"),
        ("COPY", "/a", vec![("destination", "/b/c"), ("depth", "0"), ("overwrite", "F")], b"",
            "copy [a]\nto [b/c] noOverwrite true shallow true"),
        ("COPY", "/a", vec![("destination", &there)], b"", "copy [a]\nto [new/place?x] noOverwrite false shallow false"),
        ("MOVE", "/a", vec![("destination", "/b"), ("overwrite", "T")], b"", "move_ [a]\nto [b] noOverwrite false"),
    ];
    for (method, path, headers, body, expected) in cases {
        let answer = bench.send(request(method, path, &headers, body)).await;
        assert_eq!(answer.status, if method == "OPTIONS" { 200 } else { 204 }, "{method} {path}: {answer:?}");
        assert_eq!(*log.lock().expect("no panic"), expected, "{method} {path}");
    }
    assert_eq!(bench.opened(), 1);
}

#[tokio::test]
async fn every_context_field() {
    let (bench, log) = recorder();
    #[rustfmt::skip]
    let cases: Vec<(Vec<(&str, &str)>, &str)> = vec![
        (vec![("cookie", "a=b; c; d=e=f;  g = h ;;=v")],
            "\ncookie [a] [b]\ncookie [c] []\ncookie [d] [e=f]\ncookie [g] [h]\ncookie [] [v]"),
        (vec![("cookie", "a=1"), ("cookie", "__Host-granary-session-6443=x; b=2")], "\ncookie [a] [1]\ncookie [b] [2]"),
        (vec![("cookie", "__HOST-Granary-owner-1=x")], ""),
        (vec![("cookie", "ü=ä")], "\ncookie [ü] [ä]"),
        (vec![("accept", "text/html, application/xml;q=0.9,*/*;q=0.8")],
            "\naccept [text/html] 1\naccept [application/xml] 0.9\naccept [*/*] 0.8"),
        (vec![("accept", "a/b;level=1; Q=0.25 ;v=\"x,y;q=0\"")], "\naccept [a/b;level=1;v=\"x,y;q=0\"] 0.25"),
        (vec![("accept", "a/b;q=7, c/d;q=x, , e/f;q=NaN")], "\naccept [a/b] 1\naccept [c/d] 1\naccept [e/f] 1"),
        (vec![("accept-encoding", "gzip, br;q=0.5, identity;q=0")],
            "\nencoding [gzip] 1\nencoding [br] 0.5\nencoding [identity] 0"),
        (vec![("if-match", "*")], "\nexists"),
        (vec![("if-match", "\"a\", W/\"b,c\"")], "\nmatchesOneOf a ~b,c"),
        (vec![("if-none-match", "*")], "\ndoesntExist"),
        (vec![("if-none-match", "W/\"x\"")], "\nmatchesNoneOf ~x"),
        (vec![("if-none-match", "\"x\""), ("if-none-match", "\"\"")], "\nmatchesNoneOf x "),
        (vec![("if-match", "\"a\""), ("if-none-match", "nonsense")], "\nmatchesOneOf a"),
        (vec![("x-sandstorm-app-thing", "1"), ("x-sandstorm-app-thing", "2"), ("X-Requested-With", "XMLHttpRequest"),
              ("x-csrftoken", "t"), ("oc-total-length", "9"), ("x-hgarg-1", "h"), ("x-phabricator-csrf", "p")],
            "\nheader x-sandstorm-app-thing: 1\nheader x-sandstorm-app-thing: 2\nheader x-requested-with: XMLHttpRequest\
             \nheader x-csrftoken: t\nheader oc-total-length: 9\nheader x-hgarg-1: h\nheader x-phabricator-csrf: p"),
        (vec![("range", "bytes=0-1"), ("if-range", "\"x\""), ("if-modified-since", "x"), ("referer", "x"), ("origin", "x"),
              ("authorization", "Bearer x"), ("cache-control", "x"), ("forwarded", "x"), ("x-forwarded-for", "x"),
              ("x-forwarded-proto", "x"), ("x-real-ip", "x"), ("x-sandstorm-user-id", "x"), ("x-sandstorm-username", "x"),
              ("x-sandstorm-permissions", "x"), ("x-granary-secret", "x"), ("host", "x"), ("oc-total-length2", "x")], ""),
    ];
    for (headers, expected) in cases {
        let answer = bench.send(request("GET", "/", &headers, b"")).await;
        assert_eq!(answer.status, 204, "{headers:?}: {answer:?}");
        assert_eq!(*log.lock().expect("no panic"), format!("get []\nignoreBody false{expected}"), "{headers:?}");
    }
}

#[tokio::test]
async fn what_is_refused_never_reaches_the_app() {
    let (bench, log) = recorder();
    let bomb = gzip(&vec![b' '; 9 * 1024 * 1024]);
    #[rustfmt::skip]
    let cases: Vec<(&str, Vec<(&str, &str)>, &[u8], u16, &str)> = vec![
        ("TRACE", vec![], b"", 501, "not-implemented"),
        ("BREW", vec![], b"", 501, "not-implemented"),
        ("GET", vec![("if-match", "unquoted")], b"", 400, "bad-etag"),
        ("GET", vec![("if-none-match", "\"open")], b"", 400, "bad-etag"),
        ("GET", vec![("if-none-match", "\"a\" \"b\"")], b"", 400, "bad-etag"),
        ("GET", vec![("if-none-match", "*, \"a\"")], b"", 400, "bad-etag"),
        ("PROPFIND", vec![("content-type", "application/json")], b"{}", 415, "unsupported-media-type"),
        ("PROPFIND", vec![("content-type", "application/atom+xml")], b"<x/>", 415, "unsupported-media-type"),
        ("LOCK", vec![("content-encoding", "br")], b"<x/>", 415, "unsupported-media-type"),
        ("ACL", vec![("content-encoding", "gzip")], b"<x/>", 400, "bad-gzip"),
        ("PROPPATCH", vec![("content-encoding", "gzip")], &bomb, 413, "body-too-large"),
        ("UNLOCK", vec![], b"", 400, "no-lock-token"),
        ("COPY", vec![], b"", 400, "bad-destination"),
        ("MOVE", vec![("destination", "b")], b"", 400, "bad-destination"),
        ("MOVE", vec![("destination", "https://granary.localhost:6443/b")], b"", 502, "foreign-destination"),
    ];
    for (method, headers, body, status, code) in cases {
        let answer = bench.send(request(method, "/", &headers, body)).await;
        assert_eq!((answer.status, answer.header("x-granary-error")), (status, Some(code)), "{method} {headers:?}");
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(*log.lock().expect("no panic"), "", "{method} {headers:?}");
    }
}

#[tokio::test]
async fn options_tell_what_the_app_knows_of_webdav() {
    let (bench, _) = recorder();
    let answer = bench.send(request("OPTIONS", "/", &[], b"")).await;
    assert_eq!(answer.dump(), "200\ndav: 1, 3, <http://example.com/ext>\naccess-control-expose-headers: DAV");
    assert_eq!(bench.send(request("OPTIONS", "/countless", &[], b"")).await.status, 502);
}

#[tokio::test]
async fn the_first_request_tells_the_session_who_asks() {
    #[rustfmt::skip]
    let cases: [(&[(&str, &str)], &str, &[&str]); 3] = [
        (&[], "UnknownAgent/0.0", &["en-US", "en"]),
        (&[("user-agent", "Browser/1"), ("accept-language", "de-CH, de;q=0.9 ,en;q=0.5")], "Browser/1",
            &["de-CH", "de;q=0.9", "en;q=0.5"]),
        (&[("user-agent", "Bröwser"), ("accept-language", "")], "Bröwser", &["en-US", "en"]),
    ];
    for (headers, user_agent, languages) in cases {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Log::default();
        let (for_open, for_app) = (Arc::clone(&seen), Arc::clone(&log));
        let bench = Bench::new(WebSettings::default(), move |_, params| {
            for_open.lock().expect("no panic").push(params);
            let client = capnp_rpc::new_client(Recorder(Arc::clone(&for_app)));
            async move { Ok(client) }.boxed_local()
        });
        bench.send(request("GET", "/", headers, b"")).await;
        bench.send(request("GET", "/", &[("user-agent", "Other")], b"")).await;
        let expected = WebParams {
            base_path: BASE.to_owned(),
            user_agent: user_agent.to_owned(),
            languages: languages.iter().map(|language| (*language).to_owned()).collect(),
        };
        assert_eq!(*seen.lock().expect("no panic"), [expected]);
    }
}

#[test]
fn the_header_lists_are_the_schemas() {
    use granary_gateway::web::headers::{REQUEST, RESPONSE};
    use granary_wire::web_session_capnp::web_session::response;
    let sorted = |mut list: Vec<String>| {
        list.sort();
        list
    };
    let schema = |list: capnp::text_list::Reader<'_>| {
        sorted(list.iter().map(|name| name.expect("a name").to_string().expect("ASCII")).collect())
    };
    assert_eq!(sorted(REQUEST.entries().collect()), schema(context::HEADER_WHITELIST.get().expect("a constant")));
    assert_eq!(sorted(RESPONSE.entries().collect()), schema(response::HEADER_WHITELIST.get().expect("a constant")));
}

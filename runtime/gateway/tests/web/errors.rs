//! Apps that fail, sessions that do not open, grains that go away.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use capnp::Error;
use futures::FutureExt as _;
use granary_gateway::web::{OpenError, WebSettings, forward};
use granary_wire::grain_capnp::ui_session;
use granary_wire::vat::Local;
use granary_wire::web_session_capnp::web_session;
use http::StatusCode;
use tokio::sync::watch;

use crate::app::{Bench, Wire, request, wire};

/// An app that fails in a given way, after letting others run, or answers.
#[derive(Clone)]
struct Failing {
    error: Option<Error>,
    calls: Arc<Mutex<Vec<&'static str>>>,
}

impl ui_session::Server for Failing {}

macro_rules! fail {
    ($method:ident, $Params:ident, $Results:ident) => {
        fn $method(
            self: Rc<Self>,
            _: web_session::$Params,
            mut results: web_session::$Results,
        ) -> impl Future<Output = Result<(), Error>> + 'static {
            async move {
                self.calls.lock().expect("no panic").push(stringify!($method));
                tokio::task::yield_now().await;
                if let Some(error) = &self.error {
                    return Err(error.clone());
                }
                results.get().init_no_content();
                Ok(())
            }
        }
    };
}

impl web_session::Server for Failing {
    fail!(get, GetParams, GetResults);
    fail!(post, PostParams, PostResults);
    fail!(delete, DeleteParams, DeleteResults);
    fail!(propfind, PropfindParams, PropfindResults);
}

#[tokio::test]
async fn failures_become_pages_that_tell_nothing_of_the_inside() {
    const SECRET: &str = "secret-of-the-inside";
    for (error, status, code) in [
        (Error::failed(SECRET.into()), 500, "app-failed"),
        (Error::overloaded(SECRET.into()), 503, "overloaded"),
        (Error::unimplemented(SECRET.into()), 501, "not-implemented"),
        (Error::disconnected(SECRET.into()), 502, "grain-stopped"),
    ] {
        let app = Failing { error: Some(error), calls: Arc::default() };
        let bench = Bench::wired(WebSettings::default(), move || app.clone());
        let answer = bench.get("/").await;
        assert_eq!((answer.status, answer.header("x-granary-error")), (status, Some(code)));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(!String::from_utf8_lossy(&answer.body).contains(SECRET));
    }
    // OPTIONS of an app that does not know it is no failure.
    let bench = Bench::wired(WebSettings::default(), || Failing { error: None, calls: Arc::default() });
    assert_eq!(bench.send(request("OPTIONS", "/", &[], b"")).await.dump(), "200");
    assert_eq!(bench.send(request("PATCH", "/", &[], b"")).await.status, 501);
}

#[tokio::test]
async fn a_session_that_does_not_open_says_why() {
    let error = OpenError {
        code: "user-namespaces".into(),
        message: "This computer forbids <sandboxes>; run granary doctor.".into(),
        status: StatusCode::SERVICE_UNAVAILABLE,
    };
    let bench = Bench::new(WebSettings::default(), move |_, _| {
        let error = error.clone();
        async move { Err(error) }.boxed_local()
    });
    for asked in 1..=2 {
        let answer = bench.get("/").await;
        assert_eq!((answer.status, answer.header("x-granary-error")), (503, Some("user-namespaces")));
        assert!(String::from_utf8_lossy(&answer.body).contains("forbids &lt;sandboxes&gt;; run granary doctor."));
        // Nothing is remembered: the next request tries again.
        assert_eq!(bench.opened(), asked);
    }
}

#[tokio::test]
async fn a_session_that_takes_too_long_is_a_timeout() {
    let settings = WebSettings { open_timeout: Duration::from_millis(10), ..WebSettings::default() };
    let bench = Bench::new(settings, |_, _| std::future::pending().boxed_local());
    let answer = bench.get("/").await;
    assert_eq!((answer.status, answer.header("x-granary-error")), (504, Some("open-timeout")));
}

/// Sessions whose n-th fails as told, and a gate for opening.
fn sessions(failing: &'static [bool]) -> (Bench, Arc<Mutex<Vec<&'static str>>>, watch::Sender<bool>) {
    let calls = Arc::<Mutex<Vec<&'static str>>>::default();
    let for_apps = Arc::clone(&calls);
    let (gate, wait) = watch::channel(true);
    let bench = Bench::new(WebSettings::default(), move |nth, _| {
        let error = failing[nth].then(|| Error::disconnected("the grain died".into()));
        let client = capnp_rpc::new_client(Failing { error, calls: Arc::clone(&for_apps) });
        let mut wait = wait.clone();
        async move {
            wait.wait_for(|open| *open).await.expect("a test that lives");
            Ok(client)
        }
        .boxed_local()
    });
    (bench, calls, gate)
}

#[tokio::test]
async fn what_is_safe_is_asked_again_and_the_rest_is_not() {
    for (method, status, calls, opened) in [
        ("GET", 204, &["get", "get"][..], 2),
        ("HEAD", 204, &["get", "get"], 2),
        ("PROPFIND", 204, &["propfind", "propfind"], 2),
        ("POST", 502, &["post"], 1),
        ("DELETE", 502, &["delete"], 1),
    ] {
        let (bench, seen, _gate) = sessions(&[true, false]);
        let answer = bench.send(request(method, "/", &[], b"")).await;
        assert_eq!(answer.status, status, "{method}");
        assert_eq!(*seen.lock().expect("no panic"), calls, "{method}");
        assert_eq!(bench.opened(), opened, "{method}");
        // Whatever became of it, the next request finds a new session.
        assert_eq!(bench.send(request(method, "/", &[], b"")).await.status, 204, "{method}");
        assert_eq!(bench.opened(), 2, "{method}");
    }
}

#[tokio::test]
async fn a_grain_that_goes_away_again_is_not_asked_a_third_time() {
    let (bench, seen, _gate) = sessions(&[true, true, false]);
    let answer = bench.get("/").await;
    assert_eq!((answer.status, answer.header("x-granary-error")), (502, Some("grain-stopped")));
    assert_eq!(seen.lock().expect("no panic").len(), 2);
}

#[tokio::test]
async fn requests_at_once_share_one_opening_and_one_opening_again() {
    let (bench, _, gate) = sessions(&[true, false]);
    gate.send_replace(false);
    let target = Arc::clone(&bench.target);
    let asked: Vec<_> = (0..50)
        .map(|_| {
            let target = Arc::clone(&target);
            tokio::spawn(async move { forward(&target, request("GET", "/", &[], b"")).await.status() })
        })
        .collect();
    bench.settle().await;
    assert_eq!(bench.opened(), 1);
    gate.send_replace(true);
    for asked in asked {
        assert_eq!(asked.await.expect("an answer"), StatusCode::NO_CONTENT);
    }
    assert_eq!(bench.opened(), 2);
}

#[tokio::test]
async fn an_opening_goes_on_when_the_first_who_asked_gives_up() {
    let (bench, _, gate) = sessions(&[false]);
    gate.send_replace(false);
    let target = Arc::clone(&bench.target);
    let asked = tokio::spawn(async move { forward(&target, request("GET", "/", &[], b"")).await });
    bench.settle().await;
    asked.abort();
    assert!(asked.await.is_err());
    gate.send_replace(true);
    assert_eq!(bench.get("/").await.status, 204);
    assert_eq!(bench.opened(), 1);
}

#[tokio::test]
async fn an_opening_that_panics_is_an_error_page_and_tried_again() {
    let bench = Bench::new(WebSettings::default(), |nth, _| {
        async move {
            assert!(nth > 0, "the first opening is to panic; this text in the output is right");
            Ok(capnp_rpc::new_client(Failing { error: None, calls: Arc::default() }))
        }
        .boxed_local()
    });
    assert_eq!(bench.get("/").await.status, 500);
    assert_eq!(bench.get("/").await.status, 204);
}

/// Apps behind connections that the test can cut, as a dying process does.
struct Mortal {
    bench: Bench,
    wires: Arc<Mutex<Vec<Local<Wire>>>>,
    hang: watch::Sender<bool>,
    calls: Arc<Mutex<Vec<&'static str>>>,
}

/// Answers POST at once, and GET when it may.
struct Hanging {
    hang: watch::Receiver<bool>,
    calls: Arc<Mutex<Vec<&'static str>>>,
    count: Cell<u32>,
}

impl ui_session::Server for Hanging {}

impl web_session::Server for Hanging {
    fn get(
        self: Rc<Self>,
        _: web_session::GetParams,
        mut results: web_session::GetResults,
    ) -> impl Future<Output = Result<(), Error>> + 'static {
        self.calls.lock().expect("no panic").push("get");
        let mut hang = self.hang.clone();
        async move {
            hang.wait_for(|hang| !hang).await.map_err(|_| Error::failed("the test is over".into()))?;
            results.get().init_no_content();
            Ok(())
        }
    }

    fn post(
        self: Rc<Self>,
        _: web_session::PostParams,
        mut results: web_session::PostResults,
    ) -> impl Future<Output = Result<(), Error>> + 'static {
        self.calls.lock().expect("no panic").push("post");
        self.count.set(self.count.get() + 1);
        results.get().init_content().init_body().set_bytes(self.count.get().to_string().as_bytes());
        std::future::ready(Ok(()))
    }
}

impl Mortal {
    fn new() -> Self {
        let wires = Arc::<Mutex<Vec<Local<Wire>>>>::default();
        let calls = Arc::<Mutex<Vec<&'static str>>>::default();
        let (hang, wait) = watch::channel(false);
        let vat = Arc::<std::sync::OnceLock<granary_wire::vat::Vat>>::default();
        let (for_wires, for_calls, for_vat) = (Arc::clone(&wires), Arc::clone(&calls), Arc::clone(&vat));
        let bench = Bench::new(WebSettings::default(), move |_, _| {
            let app = Hanging { hang: wait.clone(), calls: Arc::clone(&for_calls), count: Cell::new(0) };
            let (client, wire) = wire(capnp_rpc::new_client(app));
            let vat = for_vat.get().expect("was set");
            for_wires.lock().expect("no panic").push(vat.bind(wire));
            async move { Ok(client) }.boxed_local()
        });
        vat.set(bench.vat.clone()).expect("set once");
        Self { bench, wires, hang, calls }
    }

    async fn kill(&self) {
        let wire = self.wires.lock().expect("no panic").last().expect("a connection").clone();
        wire.call(|wire| async move { wire.cut() }).await.expect("the vat lives");
        self.bench.settle().await;
    }
}

#[tokio::test]
async fn after_a_grains_death_every_request_is_answered_because_nothing_was_sent() {
    let mortal = Mortal::new();
    let body = vec![0; 100_000];
    for (method, body) in [("GET", &b""[..]), ("POST", b"small"), ("POST", &body)] {
        assert_eq!(mortal.bench.get("/").await.status, 204);
        mortal.kill().await;
        let answer = mortal.bench.send(request(method, "/", &[], body)).await;
        assert!(answer.status < 300, "{method}: {answer:?}");
    }
    assert_eq!(mortal.bench.opened(), 4);
    let posts = mortal.calls.lock().expect("no panic").iter().filter(|call| **call == "post").count();
    assert_eq!(posts, 2);
}

#[tokio::test]
async fn a_get_under_way_when_the_grain_dies_is_answered_by_the_next() {
    let mortal = Mortal::new();
    mortal.hang.send_replace(true);
    let target = Arc::clone(&mortal.bench.target);
    let asked = tokio::spawn(async move { forward(&target, request("GET", "/", &[], b"")).await.status() });
    mortal.bench.settle().await;
    assert_eq!(*mortal.calls.lock().expect("no panic"), ["get"]);
    mortal.hang.send_replace(false);
    mortal.kill().await;
    assert_eq!(asked.await.expect("an answer"), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_closed_target_answers_nothing_and_ends_what_is_under_way() {
    let mortal = Mortal::new();
    mortal.hang.send_replace(true);
    let target = Arc::clone(&mortal.bench.target);
    let asked = tokio::spawn(async move { forward(&target, request("GET", "/", &[], b"")).await.status() });
    mortal.bench.settle().await;
    mortal.bench.target.close();
    assert_eq!(asked.await.expect("an answer"), StatusCode::FORBIDDEN);
    assert_eq!(mortal.bench.get("/").await.status, 403);
    assert_eq!(mortal.bench.opened(), 1);
}

#[tokio::test]
async fn a_target_at_rest_opens_again() {
    let (bench, _, _gate) = sessions(&[false, false]);
    assert_eq!(bench.get("/").await.status, 204);
    bench.target.rest();
    assert_eq!(bench.get("/").await.status, 204);
    assert_eq!(bench.opened(), 2);
}

#[tokio::test]
async fn a_target_with_a_request_under_way_does_not_rest() {
    let mortal = Mortal::new();
    mortal.hang.send_replace(true);
    let target = Arc::clone(&mortal.bench.target);
    let asked = tokio::spawn(async move { forward(&target, request("GET", "/", &[], b"")).await.status() });
    mortal.bench.settle().await;
    mortal.bench.target.rest();
    mortal.hang.send_replace(false);
    assert_eq!(asked.await.expect("an answer"), StatusCode::NO_CONTENT);
    assert_eq!(mortal.bench.get("/").await.status, 204);
    assert_eq!(mortal.bench.opened(), 1);
}

#[tokio::test]
async fn without_a_vat_granary_is_shutting_down() {
    let (bench, _, _gate) = sessions(&[false]);
    assert_eq!(bench.get("/").await.status, 204);
    bench.vat.stop().await;
    let answer = bench.get("/").await;
    assert_eq!((answer.status, answer.header("x-granary-error")), (503, Some("shutting-down")));
}

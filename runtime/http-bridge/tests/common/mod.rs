//! A platform and an app to put around the real bridge program.

#![allow(dead_code, reason = "each test file uses its part")]

pub mod app;

use std::cell::RefCell;
use std::fmt::Write as _;
use std::future::Future;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use capnp::any_pointer;
use capnp::message::{Builder, HeapAllocator};
use capnp_rpc::rpc_twoparty_capnp::Side;
use capnp_rpc::{RpcSystem, twoparty};
use futures::AsyncReadExt as _;
use granary_wire::grain_capnp::{main_view, session_context, ui_view};
use granary_wire::package_capnp::bridge_config;
use granary_wire::util_capnp::byte_stream;
use granary_wire::web_session_capnp::web_session::{self, response};

pub use app::TestApp;

/// No test waits longer for anything.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Runs a test on a thread of its own with everything capabilities need.
pub fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async { tokio::time::timeout(PATIENCE, test).await.expect("the test takes too long") })
}

/// The bridge, started as in a grain, and the platform's end of its socket.
pub struct Bridge {
    pub view: ui_view::Client,
    pub process: Child,
    platform: tokio::task::AbortHandle,
    pub folder: tempfile::TempDir,
}

impl Drop for Bridge {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub const PERMISSIONS: [&str; 3] = ["read", "write", "admin"];

/// A bridge configuration with three permissions and an API.
pub fn config() -> Builder<HeapAllocator> {
    let mut message = Builder::new_default();
    let mut config = message.init_root::<bridge_config::Builder<'_>>();
    config.set_api_path("/api/v1/");
    let mut info = config.init_view_info();
    info.reborrow().init_app_title().set_default_text("Test app");
    let mut permissions = info.init_permissions(3);
    for (i, name) in (0..).zip(PERMISSIONS) {
        permissions.reborrow().get(i).set_name(name);
    }
    message
}

/// The program as it is packed, when it has been built (`make guests`), else as cargo has just built it.
pub fn program() -> PathBuf {
    let packed = std::env::var_os("GRANARY_LIBEXEC").map(|dir| PathBuf::from(dir).join("granary-http-bridge"));
    packed.filter(|file| file.exists()).unwrap_or_else(|| env!("CARGO_BIN_EXE_granary-http-bridge").into())
}

impl Bridge {
    /// Starts the bridge for an app that is there already.
    pub fn start(port: u16) -> Self {
        Self::start_with(port, &config(), &["sleep", "600"])
    }

    pub fn start_with(port: u16, config: &Builder<HeapAllocator>, command: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config_file = folder.path().join("config");
        std::fs::write(&config_file, capnp::serialize::write_message_to_words(config)).unwrap();
        let (ours, theirs) = StdUnixStream::pair().unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let mut program = Command::new(program());
        program.arg("--config").arg(&config_file).arg("--mail").arg(folder.path().join("mail"));
        program.arg(port.to_string()).arg("--").args(command);
        program.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let theirs = OwnedFd::from(theirs);
        let number = theirs.as_raw_fd();
        // SAFETY: dup2 is async-signal-safe, and the descriptor stays open until the process is spawned.
        unsafe {
            program.pre_exec(
                move || if libc::dup2(number, 3) == 3 { Ok(()) } else { Err(std::io::Error::last_os_error()) },
            );
        }
        let process = program.spawn().unwrap();
        drop(theirs);
        let (view, platform) = connect(ours);
        Self { view, process, platform, folder }
    }

    /// A browser's session of a user with these permissions.
    pub async fn session(&self) -> web_session::Client {
        self.session_as(|_| ()).await
    }

    pub async fn session_as(&self, fill: impl FnOnce(ui_view::new_session_params::Builder<'_>)) -> web_session::Client {
        let mut request = self.view.new_session_request();
        fill_session(request.get());
        fill(request.get());
        let response = request.send().promise.await.unwrap();
        let session = response.get().unwrap().get_session().unwrap();
        capnp::capability::FromClientHook::new(session.client.hook)
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// Waits until the log contains a text.
    pub async fn logged(&self, text: &str) {
        while !self.log().contains(text) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// The platform goes away.
    pub fn disconnect(&self) {
        self.platform.abort();
    }

    /// Waits for the end of the bridge.
    pub async fn exit_code(&mut self) -> i32 {
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status.code().expect("the bridge was killed");
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

/// Takes the server's side of the connection.
fn connect(socket: StdUnixStream) -> (ui_view::Client, tokio::task::AbortHandle) {
    use tokio_util::compat::TokioAsyncReadCompatExt as _;
    socket.set_nonblocking(true).unwrap();
    let stream = tokio::net::UnixStream::from_std(socket).unwrap();
    let (reader, writer) = stream.compat().split();
    let network = twoparty::VatNetwork::new(
        futures::io::BufReader::new(reader),
        futures::io::BufWriter::new(writer),
        Side::Server,
        capnp::message::ReaderOptions { traversal_limit_in_words: None, nesting_limit: 64 },
    );
    let mut system = RpcSystem::new(Box::new(network), None);
    let view: main_view::Client<any_pointer::Owned> = system.bootstrap(Side::Client);
    let task = tokio::task::spawn_local(async move {
        let _ = system.await;
    });
    (capnp::capability::FromClientHook::new(view.client.hook), task.abort_handle())
}

fn fill_session(mut to: ui_view::new_session_params::Builder<'_>) {
    to.set_session_type(0xa507_11a1_4d35_a8ce);
    to.set_tab_id(&[0xab; 16]);
    to.set_context(capnp_rpc::new_client::<session_context::Client, _>(Nothing));
    let mut params = to.reborrow().init_session_params().init_as::<web_session::params::Builder<'_>>();
    params.set_base_path("https://ui-abc.example:6443");
    params.set_user_agent("Test/1.0");
    let mut languages = params.init_acceptable_languages(2);
    languages.set(0, "de");
    languages.set(1, "en;q=0.5");
    let mut user = to.init_user_info();
    user.reborrow().init_display_name().set_default_text("Zoë Example");
    user.set_identity_id(&(0..32).collect::<Vec<u8>>());
    user.set_preferred_handle("zoe");
    user.set_picture_url("https://static.example/p.png");
    user.set_pronouns(granary_wire::identity_capnp::profile::Pronouns::Female);
    let mut permissions = user.init_permissions(3);
    permissions.set(0, true);
    permissions.set(2, true);
}

struct Nothing;
impl session_context::Server for Nothing {}

/// A response stream that keeps what it gets.
#[derive(Default)]
pub struct Sink {
    pub received: RefCell<Received>,
    pub changed: tokio::sync::Notify,
    /// When set, writes wait for `resume`.
    pub blocked: std::cell::Cell<bool>,
    pub resume: tokio::sync::Notify,
}

#[derive(Default)]
pub struct Received {
    pub expected: Option<u64>,
    pub writes: Vec<usize>,
    pub bytes: Vec<u8>,
    /// Counts without keeping.
    pub total: usize,
    pub discard: bool,
    pub done: bool,
}

impl Sink {
    pub fn client(self: &Rc<Self>) -> byte_stream::Client {
        capnp_rpc::new_client(SinkServer(Rc::clone(self)))
    }

    pub async fn until(&self, what: impl Fn(&Received) -> bool) {
        loop {
            let changed = self.changed.notified();
            if what(&self.received.borrow()) {
                return;
            }
            changed.await;
        }
    }
}

struct SinkServer(Rc<Sink>);

impl byte_stream::Server for SinkServer {
    async fn write(self: Rc<Self>, params: byte_stream::WriteParams) -> capnp::Result<()> {
        while self.0.blocked.get() {
            self.0.resume.notified().await;
        }
        let data = params.get()?.get_data()?;
        let mut received = self.0.received.borrow_mut();
        received.writes.push(data.len());
        received.total += data.len();
        if !received.discard {
            received.bytes.extend_from_slice(data);
        }
        self.0.changed.notify_waiters();
        Ok(())
    }

    async fn done(self: Rc<Self>, _: byte_stream::DoneParams, _: byte_stream::DoneResults) -> capnp::Result<()> {
        self.0.received.borrow_mut().done = true;
        self.0.changed.notify_waiters();
        Ok(())
    }

    async fn expect_size(
        self: Rc<Self>,
        params: byte_stream::ExpectSizeParams,
        _: byte_stream::ExpectSizeResults,
    ) -> capnp::Result<()> {
        self.0.received.borrow_mut().expected = Some(params.get()?.get_size());
        self.0.changed.notify_waiters();
        Ok(())
    }
}

/// A GET, its response in one line.
pub async fn get(session: &web_session::Client, path: &str) -> String {
    let mut request = session.get_request();
    request.get().set_path(path);
    let sink = Rc::new(Sink::default());
    request.get().init_context().set_response_stream(sink.client());
    match request.send().promise.await {
        Ok(response) => describe(response.get().unwrap()),
        Err(error) => format!("error {:?}: {}", error.kind, error.extra),
    }
}

/// A response in one line.
pub fn describe(response: response::Reader<'_>) -> String {
    let mut out = String::new();
    let text = |t: capnp::text::Reader<'_>| t.to_string().unwrap();
    let bytes = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
    let tag = |out: &mut String, tag: web_session::e_tag::Reader<'_>| {
        let weak = if tag.get_weak() { "W/" } else { "" };
        let _ = write!(out, " etag={weak}\"{}\"", text(tag.get_value().unwrap()));
    };
    match response.which().unwrap() {
        response::Content(content) => {
            let status = match content.get_status_code().unwrap() {
                response::SuccessCode::Ok => 200,
                response::SuccessCode::Created => 201,
                response::SuccessCode::Accepted => 202,
                response::SuccessCode::NoContent => 204,
                response::SuccessCode::PartialContent => 206,
                response::SuccessCode::MultiStatus => 207,
                response::SuccessCode::NotModified => 304,
            };
            let _ = write!(out, "content {status}");
            for (name, value) in [
                ("type", content.get_mime_type()),
                ("encoding", content.get_encoding()),
                ("language", content.get_language()),
            ] {
                let value = text(value.unwrap());
                if !value.is_empty() {
                    let _ = write!(out, " {name}={value}");
                }
            }
            if content.has_e_tag() {
                tag(&mut out, content.get_e_tag().unwrap());
            }
            if let Ok(response::content::disposition::Download(name)) = content.get_disposition().which() {
                let _ = write!(out, " download={}", text(name.unwrap()));
            }
            match content.get_body().which().unwrap() {
                response::content::body::Bytes(data) => {
                    let _ = write!(out, " bytes={}", bytes(data.unwrap()));
                }
                response::content::body::Stream(_) => out.push_str(" stream"),
            }
        }
        response::NoContent(none) => {
            let _ = write!(out, "no content{}", if none.get_should_reset_form() { " reset" } else { "" });
            if none.has_e_tag() {
                tag(&mut out, none.get_e_tag().unwrap());
            }
        }
        response::PreconditionFailed(failed) => {
            out.push_str("precondition failed");
            if failed.has_matching_e_tag() {
                tag(&mut out, failed.get_matching_e_tag().unwrap());
            }
        }
        response::Redirect(redirect) => {
            let _ = write!(
                out,
                "redirect permanent={} get={} {}",
                redirect.get_is_permanent(),
                redirect.get_switch_to_get(),
                text(redirect.get_location().unwrap())
            );
        }
        response::ClientError(error) => {
            let _ = write!(out, "client error {:?}", error.get_status_code().unwrap());
            error_body(&mut out, error.get_description_html().unwrap(), error.get_non_html_body().unwrap());
        }
        response::ServerError(error) => {
            out.push_str("server error");
            error_body(&mut out, error.get_description_html().unwrap(), error.get_non_html_body().unwrap());
        }
    }
    for cookie in response.get_set_cookies().unwrap() {
        let expires = match cookie.get_expires().which().unwrap() {
            web_session::cookie::expires::None(()) => String::new(),
            web_session::cookie::expires::Absolute(at) => format!(" at={at}"),
            web_session::cookie::expires::Relative(seconds) => format!(" in={seconds}"),
        };
        let http_only = if cookie.get_http_only() { " httponly" } else { "" };
        let path = text(cookie.get_path().unwrap());
        let path = if path.is_empty() { path } else { format!(" path={path}") };
        let (name, value) = (text(cookie.get_name().unwrap()), text(cookie.get_value().unwrap()));
        let _ = write!(out, " [cookie {name}={value}{expires}{path}{http_only}]");
    }
    for header in response.get_additional_headers().unwrap() {
        let _ = write!(out, " [{}: {}]", text(header.get_name().unwrap()), text(header.get_value().unwrap()));
    }
    out
}

fn error_body(out: &mut String, html: capnp::text::Reader<'_>, other: response::error_body::Reader<'_>) {
    let html = html.to_string().unwrap();
    if !html.is_empty() {
        let _ = write!(out, " html={html}");
    }
    let data = other.get_data().unwrap();
    if !data.is_empty() {
        let kind = other.get_mime_type().unwrap().to_string().unwrap();
        let encoding = other.get_encoding().unwrap().to_string().unwrap();
        let _ = write!(out, " {kind} {encoding}{}", String::from_utf8_lossy(data));
    }
}

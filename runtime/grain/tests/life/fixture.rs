//! A folder of grains that run the raw test app, and short ways to use them.

use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use granary_grain::{
    Command, GrainEvent, GrainSource, GrainSpec, Grains, IdentityId, Permissions, Session, SessionRequest, Settings,
    SourceError, Ticks, User, WebParams, new_grain_id,
};
use granary_sandbox::{Delegation, Launcher, LauncherConfig};
use granary_wire::util_capnp::byte_stream;
use granary_wire::vat::Vat;
use granary_wire::web_session_capnp::web_session;
use tokio::sync::broadcast;

/// How long anything may take here; far more than it does.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A program beside the raw app, whose only purpose is to be refused or stopped.
pub(crate) const HOSTILE: &str = "hostile";

pub(crate) struct Fixture {
    pub(crate) grains: Grains,
    pub(crate) events: broadcast::Receiver<GrainEvent>,
    pub(crate) ticks: broadcast::Sender<()>,
    source: Arc<Source>,
    _folder: tempfile::TempDir,
}

struct Source {
    root: PathBuf,
    options: Mutex<HashMap<String, Vec<String>>>,
}

impl Source {
    fn make(&self, id: &str, options: &[String]) -> GrainSpec {
        // A command of another program, or options of the usual one.
        let mut argv =
            if options.first().is_some_and(|first| first == HOSTILE) { vec![] } else { vec!["raw".to_owned()] };
        argv.extend_from_slice(options);
        GrainSpec {
            id: id.to_owned(),
            package_dir: self.root.join("package"),
            dir: self.root.join("grains").join(id),
            command: Command { argv, environ: vec![("GRAIN".into(), id.into())] },
        }
    }
}

impl GrainSource for Source {
    fn spec(&self, id: &str) -> Result<GrainSpec, SourceError> {
        let options = self.options.lock().unwrap();
        let options =
            options.get(id).ok_or(SourceError { code: "no-such-grain", message: format!("There is no grain {id}") })?;
        Ok(self.make(id, options))
    }
}

fn guest(name: &str) -> PathBuf {
    let folder = std::env::var_os("GRANARY_LIBEXEC")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/guest/bin"), PathBuf::from);
    let program = folder.join(name);
    assert!(program.is_file(), "{} is missing; `make test-guests` builds it", program.display());
    program
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let launcher = Launcher::start(&LauncherConfig {
            program: Some(guest("granary-launcher")),
            prepared: 0,
            delegation: Delegation::default(),
        })
        .unwrap();
        let folder = tempfile::Builder::new().permissions(std::fs::Permissions::from_mode(0o755)).tempdir().unwrap();
        let package = folder.path().join("package");
        for name in ["dev", "tmp", "var", "proc"] {
            std::fs::create_dir_all(package.join(name)).unwrap();
        }
        std::fs::write(package.join("proc/cpuinfo"), "").unwrap();
        std::fs::copy(guest("granary-test-raw"), package.join("raw")).unwrap();
        std::fs::copy(guest("granary-hostile"), package.join(HOSTILE)).unwrap();
        std::fs::create_dir(folder.path().join("grains")).unwrap();
        let ticks = broadcast::Sender::new(16);
        let mut settings = Settings { ticks: Ticks::Manual(ticks.clone()), ..Settings::default() };
        change(&mut settings);
        let source = Arc::new(Source { root: folder.path().to_owned(), options: Mutex::default() });
        let grains = Grains::new(Vat::start().unwrap(), launcher, source.clone(), settings).unwrap();
        Self { events: grains.subscribe(), grains, ticks, source, _folder: folder }
    }

    /// The specification a new grain is created from, known to the source from then on.
    pub(crate) fn spec(&self, options: &[&str]) -> GrainSpec {
        let id = new_grain_id().unwrap();
        let options: Vec<_> = options.iter().map(ToString::to_string).collect();
        let spec = self.source.make(&id, &options);
        self.source.options.lock().unwrap().insert(id, options);
        spec
    }

    /// Creates a grain whose app has these options.
    pub(crate) async fn create(&self, options: &[&str]) -> String {
        let spec = self.spec(options);
        let id = spec.id.clone();
        self.grains.create(spec).await.unwrap();
        id
    }

    pub(crate) fn dir(&self, id: &str) -> PathBuf {
        self.source.root.join("grains").join(id)
    }

    pub(crate) async fn open(&self, id: &str) -> Session {
        self.grains.open_session(id, request()).await.unwrap()
    }

    /// Opens a session, asks for a path and gives the body.
    pub(crate) async fn get(&self, id: &str, path: &str) -> String {
        get(&self.open(id).await, path).await.unwrap()
    }

    /// A tick, which every grain has taken when this returns.
    pub(crate) async fn tick(&self) {
        self.ticks.send(()).unwrap();
        let taken = async {
            while !self.ticks.is_empty() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, taken).await.expect("the tick is taken");
    }

    /// Waits for an event of this grain.
    pub(crate) async fn event(&mut self, id: &str, wanted: impl Fn(&GrainEvent) -> bool) -> GrainEvent {
        let search = async {
            loop {
                let event = self.events.recv().await.unwrap();
                if event.grain_id() == id && wanted(&event) {
                    return event;
                }
            }
        };
        tokio::time::timeout(PATIENCE, search).await.expect("the event comes")
    }

    pub(crate) async fn crash(&mut self, id: &str) -> String {
        match self.event(id, |event| matches!(event, GrainEvent::Crashed { .. })).await {
            GrainEvent::Crashed { reason, .. } => reason,
            _ => String::new(),
        }
    }

    pub(crate) async fn stopped(&mut self, id: &str) {
        let state = granary_grain::GrainState::Stopped;
        self.event(id, |event| matches!(event, GrainEvent::State { state: now, .. } if *now == state)).await;
    }

    /// The log, once it contains `text`.
    pub(crate) async fn log_with(&self, id: &str, text: &str) -> String {
        let mut all = Vec::new();
        let mut stream = std::pin::pin!(self.grains.log(&self.dir(id), 1 << 20, true));
        let search = async {
            while let Some(piece) = stream.next().await {
                all.extend_from_slice(&piece.unwrap());
                if String::from_utf8_lossy(&all).contains(text) {
                    return;
                }
            }
        };
        if tokio::time::timeout(PATIENCE, search).await.is_err() {
            panic!("no {text:?} in the log: {}", String::from_utf8_lossy(&all));
        }
        String::from_utf8_lossy(&all).into_owned()
    }
}

/// The owner, in a browser.
pub(crate) fn request() -> SessionRequest {
    SessionRequest {
        user: User {
            display_name: "Ada Lovelace".into(),
            handle: "ada".into(),
            identity_id: Some(IdentityId([7; 32])),
            permissions: Permissions::Owner,
        },
        params: WebParams {
            base_path: "https://ui-0.granary.localhost:6443".into(),
            user_agent: "TestAgent/1.0".into(),
            acceptable_languages: vec!["de".into(), "en;q=0.5".into()],
        },
        tab_id: [9; 16],
    }
}

/// A failed call: the kind of error and its text.
pub(crate) type Failure = (capnp::ErrorKind, String);

/// GET, with the whole body.
pub(crate) async fn get(session: &Session, path: &str) -> Result<String, Failure> {
    let path = path.to_owned();
    let call = session.client.call(move |client| {
        let mut request = client.get_request();
        let mut params = request.get();
        params.set_path(&path);
        let nowhere: byte_stream::Client = capnp_rpc::new_client(Nowhere);
        params.init_context().set_response_stream(nowhere);
        let answer = request.send().promise;
        async move {
            let read = async {
                let response = answer.await?;
                match response.get()?.which()? {
                    web_session::response::Which::Content(content) => match content.get_body().which()? {
                        web_session::response::content::body::Which::Bytes(bytes) => {
                            Ok(String::from_utf8_lossy(bytes?).into_owned())
                        }
                        web_session::response::content::body::Which::Stream(_) => Ok("(stream)".to_owned()),
                    },
                    web_session::response::Which::ClientError(_) => Ok("(client error)".to_owned()),
                    _ => Ok("(other)".to_owned()),
                }
            };
            read.await.map_err(|error: capnp::Error| (error.kind, error.extra))
        }
    });
    tokio::time::timeout(PATIENCE, call).await.expect("the app answers or fails").unwrap()
}

struct Nowhere;

impl byte_stream::Server for Nowhere {}

/// The processes of a grain, found by their environment.
pub(crate) fn processes(id: &str) -> Vec<i32> {
    let marker = format!("GRAIN={id}");
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| {
            let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|variable| variable == marker.as_bytes())
        })
        .collect()
}

//! One UI session as the gateway sees it: how to open it, and the one shared opening of it.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{LocalBoxFuture, Shared};
use granary_wire::vat::{Local, Vat};
use granary_wire::web_session_capnp::web_session;
use http::{HeaderMap, StatusCode};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::page::Page;
use super::request;

/// What an app learns about the browser when its session opens (`WebSession.Params`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebParams {
    /// Scheme and authority the app is reached at, `https://ui-….granary.localhost:6443`.
    pub base_path: String,
    /// The browser's `User-Agent`.
    pub user_agent: String,
    /// The parts of `Accept-Language`, q-values left in.
    pub languages: Vec<String>,
}

/// Why a session could not be opened; all of it is shown to the person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct OpenError {
    /// A stable kebab-case code, for programs.
    pub code: String,
    /// A sentence or two in plain words, with the remedy.
    pub message: String,
    /// The HTTP status of the page that says so.
    pub status: StatusCode,
}

/// Opens web sessions of one grain for one person.
pub trait SessionOpener: Send + Sync {
    /// Starts the grain if need be and opens a session. Called on the vat thread, at most once at a time per target; it
    /// is called again when the grain has gone away.
    fn open(&self, params: WebParams) -> LocalBoxFuture<'static, Result<web_session::Client, OpenError>>;
}

/// The limits of the translation; shared by all sessions of one gateway.
#[derive(Clone, Debug)]
pub struct WebSettings {
    /// How long opening a session may take, the start of the grain included.
    pub open_timeout: Duration,
    /// Bytes of a response on the way from an app to one client before the app has to wait.
    pub response_window: usize,
    /// Bytes of an upload on the way to an app before the client has to wait.
    pub upload_window: usize,
    /// The longest request body that is collected in memory for an app which cannot take a stream.
    pub buffered_body: usize,
    /// The longest XML body of a WebDAV request, after decompression.
    pub xml_body: usize,
    /// Open WebSockets per session.
    pub websockets: usize,
    /// How often an app's handle on a streamed response is pinged.
    pub ping_interval: Duration,
    /// How long the headers of a streamed response wait for the app to tell its size.
    pub header_grace: Duration,
    /// How long one side of a finished exchange may linger without progress (an upload whose response is out, a
    /// WebSocket of which one direction has ended).
    pub linger: Duration,
    /// How long an upload may stand still because the client sends nothing.
    pub body_idle: Duration,
    /// Memory for collected bodies of all sessions together, in KiB.
    pub buffer_budget: Arc<Semaphore>,
}

impl Default for WebSettings {
    fn default() -> Self {
        Self {
            open_timeout: Duration::from_secs(60),
            response_window: 256 * 1024,
            upload_window: 256 * 1024,
            buffered_body: 32 * 1024 * 1024,
            xml_body: 8 * 1024 * 1024,
            websockets: 256,
            ping_interval: Duration::from_secs(60),
            header_grace: Duration::from_millis(100),
            linger: Duration::from_secs(10),
            body_idle: Duration::from_secs(120),
            buffer_budget: Arc::new(Semaphore::new(128 * 1024)),
        }
    }
}

/// One UI session: opens the app's `WebSession` when the first request comes, and again after the grain has gone away.
pub struct WebTarget {
    pub(super) vat: Vat,
    pub(super) settings: WebSettings,
    pub(super) websockets: Arc<Semaphore>,
    opener: Arc<dyn SessionOpener>,
    base_path: String,
    closed: CancellationToken,
    openings: AtomicU64,
    /// One more reference for everything that is under way on the app's session.
    busy: Arc<()>,
    slot: Mutex<Option<Local<Slot>>>,
}

/// Lives on the vat thread.
#[derive(Default)]
struct Slot(RefCell<SlotState>);

#[derive(Default)]
struct SlotState {
    generation: u64,
    session: Option<web_session::Client>,
    opening: Option<Opening>,
    /// What the first request told; a session opened again gets the same.
    params: Option<WebParams>,
}

type Opening = Shared<LocalBoxFuture<'static, Result<(web_session::Client, u64), Rc<OpenFailure>>>>;

enum OpenFailure {
    Refused(OpenError),
    Timeout,
    Lost,
}

/// While one of these is held, the app's session is not let go for want of use.
pub(super) struct Busy {
    _count: Arc<()>,
}

/// A session in use, and which opening it came from.
pub(super) struct Session {
    pub(super) client: web_session::Client,
    pub(super) generation: u64,
}

impl WebTarget {
    /// A session at `base_path` (`https://host:port`, no slash at the end); nothing is opened yet.
    pub fn new(
        vat: Vat,
        opener: Arc<dyn SessionOpener>,
        base_path: impl Into<String>,
        settings: WebSettings,
    ) -> Arc<Self> {
        Arc::new(Self {
            vat,
            websockets: Arc::new(Semaphore::new(settings.websockets)),
            settings,
            opener,
            base_path: base_path.into(),
            closed: CancellationToken::new(),
            openings: AtomicU64::new(0),
            busy: Arc::new(()),
            slot: Mutex::new(None),
        })
    }

    /// Scheme and authority the app is reached at.
    pub fn base_path(&self) -> &str {
        &self.base_path
    }

    /// Ends the session: requests and WebSockets under way are cut off, and whatever comes later is refused.
    pub fn close(&self) {
        self.closed.cancel();
        self.slot.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Lets go of the app's session when nothing is under way on it; the next request opens one again. For sessions that
    /// have not been used for a while.
    pub fn rest(&self) {
        if Arc::strong_count(&self.busy) == 1 {
            self.slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
    }

    /// Whether [`WebTarget::close`] was called.
    pub fn is_closed(&self) -> bool {
        self.closed.is_cancelled()
    }

    /// To be held by whatever is under way on the app's session.
    pub(super) fn busy(&self) -> Busy {
        Busy { _count: Arc::clone(&self.busy) }
    }

    pub(super) fn closed(&self) -> &CancellationToken {
        &self.closed
    }

    pub(super) fn authority(&self) -> &str {
        self.base_path.split_once("://").map_or("", |(_, authority)| authority)
    }

    pub(super) fn is_secure(&self) -> bool {
        self.base_path.starts_with("https:")
    }

    /// The session, opened if need be. On the vat. Requests that come while it is being opened wait for the same opening,
    /// which goes on even when all of them are given up: the next reload finds the grain started.
    pub(super) async fn session(self: &Arc<Self>, headers: &HeaderMap) -> Result<Session, Page> {
        let slot = self.slot()?;
        let opening = {
            let mut state = slot.0.borrow_mut();
            if let Some(client) = &state.session {
                return Ok(Session { client: client.clone(), generation: state.generation });
            }
            if self.is_closed() {
                return Err(Page::session_closed());
            }
            match &state.opening {
                Some(opening) => opening.clone(),
                None => {
                    let params = state.params.get_or_insert_with(|| request::params(headers, &self.base_path)).clone();
                    let opening = self.open(&slot, params);
                    state.opening.insert(opening).clone()
                }
            }
        };
        match opening.await {
            Ok((client, generation)) => Ok(Session { client, generation }),
            Err(failure) => Err(match &*failure {
                OpenFailure::Refused(error) => Page::open_failed(error),
                OpenFailure::Timeout => Page::open_timeout(self.settings.open_timeout.as_secs()),
                OpenFailure::Lost => Page::app_failed(),
            }),
        }
    }

    fn open(self: &Arc<Self>, slot: &Rc<Slot>, params: WebParams) -> Opening {
        let (slot, after_panic) = (Rc::clone(slot), Rc::clone(slot));
        let timeout = self.settings.open_timeout;
        let generation = self.openings.fetch_add(1, Ordering::Relaxed);
        let opening = self.opener.open(params);
        let task = tokio::task::spawn_local(async move {
            let opened = match tokio::time::timeout(timeout, opening).await {
                Ok(Ok(client)) => Ok(client),
                Ok(Err(error)) => Err(Rc::new(OpenFailure::Refused(error))),
                Err(_) => Err(Rc::new(OpenFailure::Timeout)),
            };
            let mut state = slot.0.borrow_mut();
            state.opening = None;
            let client = opened?;
            state.generation = generation;
            state.session = Some(client.clone());
            Ok((client, generation))
        });
        let opening = async move {
            task.await.unwrap_or_else(|error| {
                tracing::debug!(%error, "opening a session failed");
                after_panic.0.borrow_mut().opening = None;
                Err(Rc::new(OpenFailure::Lost))
            })
        };
        opening.boxed_local().shared()
    }

    /// The session of this opening has gone away: the next request opens a new one.
    pub(super) fn forget(&self, generation: u64) {
        if let Ok(slot) = self.slot() {
            let mut state = slot.0.borrow_mut();
            if state.generation == generation {
                state.session = None;
            }
        }
    }

    fn slot(&self) -> Result<Rc<Slot>, Page> {
        let mut slot = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
        let local = slot.get_or_insert_with(|| self.vat.bind(Slot::default()));
        local.get().map_err(|gone| {
            tracing::debug!(%gone, "a session was out of reach");
            Page::shutting_down()
        })
    }
}

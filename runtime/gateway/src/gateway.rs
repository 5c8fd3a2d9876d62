//! The gateway put together: what it is made from, what the appliance holds of it, and how a request finds its answer.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use granary_wire::vat::Vat;
use http::header::{ALLOW, CONNECTION, COOKIE, HOST, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode, Uri, Version};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use crate::body::Body;
use crate::clock::Clock;
use crate::fetch::{self, Site};
use crate::health::{HealthEntry, Severity};
use crate::listen::{BindError, Limits, Listeners, Peers, Registry, Server, Service};
use crate::names::{Names, Place};
use crate::owner::{self, Logins, LoginsError, Owner, Reach};
use crate::policy::{self, Policy};
use crate::proxy::{self, Pass, Proxy, Window};
use crate::reply::{self, Refusal};
use crate::session::{self, Revoke, Sessions};
use crate::tls::{self, Keeper, TlsError};
use crate::web::WebSettings;
use crate::{cookies, host, pages, recover};

/// What a gateway is made from.
#[derive(Clone)]
pub struct GatewayConfig {
    /// Certificates are in its folder `tls`, the list of logins beside it.
    pub data_dir: PathBuf,
    /// Whether there are windows of the desktop, which come through a proxy.
    pub windows: bool,
    /// The port wished for; the next free one is taken. 0 lets the kernel choose.
    pub port: u16,
    /// Where apps' capabilities live.
    pub vat: Vat,
    /// The bounds of the listener.
    pub limits: Limits,
    /// The bounds of the translation to apps.
    pub web: WebSettings,
    /// The time of day.
    pub clock: Clock,
}

impl GatewayConfig {
    /// The default bounds, and the computer's clock.
    pub fn new(data_dir: impl Into<PathBuf>, port: u16, vat: Vat) -> Self {
        Self {
            data_dir: data_dir.into(),
            windows: false,
            port,
            vat,
            limits: Limits::default(),
            web: WebSettings::default(),
            clock: Clock::system(),
        }
    }
}

/// Why there is no gateway.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// No port.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// No certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// No list of logins.
    #[error(transparent)]
    Logins(#[from] LoginsError),
    /// The listening sockets could not be handed to the runtime.
    #[error("the listening sockets could not be used: {0}")]
    Io(#[from] std::io::Error),
}

/// One instance's gateway. It listens from the start and answers while `serve` runs.
pub struct Gateway {
    names: Names,
    limits: Limits,
    listeners: std::sync::Mutex<Option<Listeners>>,
    keeper: Arc<Keeper>,
    acceptor: TlsAcceptor,
    logins: Logins,
    sessions: Sessions,
    registry: Arc<Registry>,
    refused: Arc<AtomicU64>,
    peers_unknown: Option<String>,
    proxy: Option<Arc<Proxy>>,
    ipv4_only: bool,
    tasks: TaskTracker,
    kill: CancellationToken,
}

impl Gateway {
    /// Takes the port, and reads or makes certificates and logins.
    ///
    /// # Errors
    /// When no port is free or the data folder cannot be used.
    pub fn new(config: GatewayConfig) -> Result<Self, GatewayError> {
        let keeper = Keeper::open(&config.data_dir.join("tls"), config.clock.clone())?;
        let listeners = Listeners::bind(config.port)?;
        let names = Names::new(listeners.port);
        let answers = session::answers(config.vat, config.web);
        let sessions = Sessions::new(names.clone(), config.clock.clone(), answers);
        let ending = sessions.clone();
        let logins = Logins::open(
            config.data_dir.join("logins.json"),
            names.clone(),
            config.clock,
            Box::new(move |login| {
                ending.revoke(&Revoke::Login(login.clone()));
            }),
        )?;
        Ok(Self {
            acceptor: TlsAcceptor::from(tls::server_config(Arc::clone(&keeper))?),
            peers_unknown: try_peers().err(),
            proxy: config.windows.then(Proxy::bind).transpose()?.map(Arc::new),
            ipv4_only: listeners.ipv4_only,
            registry: Registry::new(config.limits.clone()),
            listeners: std::sync::Mutex::new(Some(listeners)),
            names,
            limits: config.limits,
            keeper,
            logins,
            sessions,
            refused: Arc::default(),
            tasks: TaskTracker::new(),
            kill: CancellationToken::new(),
        })
    }

    /// The port taken.
    pub fn port(&self) -> u16 {
        self.names.port()
    }

    /// The shell origin, `https://granary.localhost:6443`.
    pub fn origin(&self) -> &str {
        self.names.shell_origin()
    }

    /// The owner's logins.
    pub fn logins(&self) -> Logins {
        self.logins.clone()
    }

    /// The UI sessions.
    pub fn sessions(&self) -> Sessions {
        self.sessions.clone()
    }

    /// A place for a window of the desktop; `None` when the gateway was made without windows.
    pub fn window(&self, reach: Reach) -> Option<Window> {
        let proxy = self.proxy.as_ref()?;
        Some(proxy.window(reach, &self.names, self.logins(), self.sessions(), self.kill.child_token()))
    }

    /// The CA certificates that browsers should trust.
    pub fn certificates(&self) -> Vec<PathBuf> {
        self.keeper.authority_files()
    }

    /// The certificate of one host, as PEM, for a webview that trusts exactly it there: each host has its own.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn leaf_pem(&self, host: &str) -> Result<String, TlsError> {
        self.keeper.leaf_pem(host)
    }

    /// How many connections there are.
    pub fn connections(&self) -> usize {
        self.registry.count()
    }

    /// What a person should know.
    pub fn health(&self) -> Vec<HealthEntry> {
        let mut entries = self.keeper.health();
        if let Some(reason) = &self.peers_unknown {
            entries.push(HealthEntry {
                code: "peer-check-unavailable",
                title: "Browsers cannot connect".into(),
                severity: Severity::Error,
                ok: false,
                text: format!(
                    "Granary lets in only programs of your own user, and cannot tell whose they are. {reason}"
                ),
                remedy: "Use a kernel with CONFIG_INET_TCP_DIAG (`sudo modprobe tcp_diag` where it is a module)."
                    .into(),
            });
        }
        let refused = self.refused.load(Ordering::Relaxed);
        if refused > 0 {
            entries.push(HealthEntry {
                code: "other-user-refused",
                title: "Another user of this computer tried to connect".into(),
                severity: Severity::Warning,
                ok: false,
                text: format!("{refused} connections of other users were closed unanswered since Granary started."),
                remedy: "Nothing has to be done; Granary's log names their user ids.".into(),
            });
        }
        if self.ipv4_only {
            entries.push(HealthEntry {
                code: "ipv4-only",
                title: "Granary listens on IPv4 only".into(),
                severity: Severity::Info,
                ok: true,
                text: "This computer has no IPv6 loopback address.".into(),
                remedy: String::new(),
            });
        }
        entries
    }

    /// Answers until `shutdown` ends, then for a moment more what is in flight. `shell` holds the pages of the shell
    /// origin and its API below `/api/`, which only logged-in pages reach. Called once.
    ///
    /// # Errors
    /// When the listening sockets cannot be used, or are in use already.
    pub async fn serve(&self, shell: Router, shutdown: impl Future<Output = ()>) -> Result<(), GatewayError> {
        let listeners = self.listeners.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        let listeners = listeners.ok_or_else(|| std::io::Error::other("they are being served already"))?;
        let dispatch = Arc::new(self.dispatch(shell));
        let server = Arc::new(self.server(Entry { dispatch: Arc::clone(&dispatch), pass: None }, self.kill.clone()));

        let running = CancellationToken::new();
        for socket in listeners.sockets {
            let accept = Arc::clone(&server).accept(TcpListener::from_std(socket)?);
            self.tasks.spawn(running.clone().run_until_cancelled_owned(accept));
        }
        if let Some(proxy) = &self.proxy {
            let accept = Arc::clone(proxy).accept(server.uid, self.take_windows(dispatch));
            self.tasks.spawn(running.clone().run_until_cancelled_owned(accept));
        }
        self.tasks.spawn(running.clone().run_until_cancelled_owned(Arc::clone(&self.keeper).keep()));
        self.tasks.spawn(running.clone().run_until_cancelled_owned(self.housekeeping()));
        shutdown.await;

        running.cancel();
        self.registry.stop_all();
        self.tasks.close();
        let _ = tokio::time::timeout(self.limits.shutdown_grace, self.tasks.wait()).await;
        self.kill.cancel();
        self.sessions.revoke(&Revoke::All);
        self.tasks.wait().await;
        Ok(())
    }

    /// Serves what the proxy hands over: each window has answers of its own, and an end of its own.
    fn take_windows(&self, dispatch: Arc<Dispatch>) -> proxy::Hand {
        let common = self.server(Entry { dispatch: Arc::clone(&dispatch), pass: None }, self.kill.clone());
        Arc::new(move |stream, pass| {
            let service = Arc::new(Entry { dispatch: Arc::clone(&dispatch), pass: Some(Arc::clone(pass)) });
            let server = common.with(service, pass.ended.clone());
            Arc::new(server).take(stream);
        })
    }

    fn dispatch(&self, shell: Router) -> Dispatch {
        Dispatch {
            names: self.names.clone(),
            policy: Policy::new(&self.names),
            owner: Owner { names: self.names.clone(), logins: self.logins.clone(), router: shell },
            sessions: self.sessions.clone(),
            header_bytes: self.limits.header_bytes_without_cookies,
        }
    }

    fn server(&self, service: Entry, kill: CancellationToken) -> Server {
        Server {
            limits: self.limits.clone(),
            registry: Arc::clone(&self.registry),
            acceptor: self.acceptor.clone(),
            peers: Peers::default(),
            uid: nix::unistd::geteuid().as_raw(),
            service: Arc::new(service),
            tasks: self.tasks.clone(),
            kill,
            refused: Arc::clone(&self.refused),
        }
    }

    fn housekeeping(&self) -> impl Future<Output = ()> + Send + 'static {
        let (registry, sessions) = (Arc::clone(&self.registry), self.sessions.clone());
        let period = self.limits.first_request_timeout.min(self.limits.idle_timeout) / 2;
        async move {
            let mut timer = tokio::time::interval(period.max(Duration::from_millis(10)));
            timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                timer.tick().await;
                registry.reap();
                sessions.sweep();
            }
        }
    }
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").field("names", &self.names).finish_non_exhaustive()
    }
}

/// Asks for the owner of a connection of our own.
fn try_peers() -> Result<(), String> {
    let try_it = || -> Result<u32, Box<dyn std::error::Error>> {
        let listener = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0))?;
        let _client = std::net::TcpStream::connect(listener.local_addr()?)?;
        let (server, peer) = listener.accept()?;
        Ok(Peers::default().uid(server.local_addr()?, peer)?)
    };
    match try_it() {
        Ok(uid) if uid == nix::unistd::geteuid().as_raw() => Ok(()),
        Ok(uid) => Err(format!("The kernel says that our own connections belong to user {uid}.")),
        Err(error) => Err(error.to_string()),
    }
}

/// Answers the connections of browsers, or of one window.
struct Entry {
    dispatch: Arc<Dispatch>,
    pass: Option<Arc<Pass>>,
}

impl Service for Entry {
    fn answer(&self, request: Request<axum::body::Body>) -> BoxFuture<'static, Response<Body>> {
        let (dispatch, pass) = (Arc::clone(&self.dispatch), self.pass.clone());
        async move { dispatch.answer(request, pass.as_deref()).await }.boxed()
    }

    fn is_for_shell(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let named = uri.authority().map(|authority| authority.as_str().as_bytes());
        let host = named.or_else(|| headers.get(HOST).map(HeaderValue::as_bytes));
        host == Some(self.dispatch.names.shell_authority().as_bytes())
    }
}

struct Dispatch {
    names: Names,
    policy: Policy,
    owner: Owner,
    sessions: Sessions,
    header_bytes: usize,
}

impl Dispatch {
    async fn answer(&self, mut request: Request<axum::body::Body>, pass: Option<&Pass>) -> Response<Body> {
        let authority = match host::authority(&mut request) {
            Ok(authority) => authority,
            Err(host::BadTarget(status, text)) => {
                let mut response = own(reply::text(status, text));
                // Whatever follows on this connection is not to be believed either.
                if request.version() < Version::HTTP_2 {
                    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                return response;
            }
        };
        if bytes_without_cookies(request.headers()) > self.header_bytes {
            let text = "This request's headers are longer than Granary takes.";
            return own(reply::text(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, text));
        }
        // What a window's connection was opened for is not all that can be asked over it.
        if pass.is_some_and(|pass| !pass.may_reach(&authority)) {
            let text = "This window shows something else, and may not ask for this.";
            return own(reply::text(StatusCode::MISDIRECTED_REQUEST, text));
        }
        match self.names.place(&authority) {
            Place::Shell => {
                let mut response = self.shell(request, pass).await;
                self.policy.shell(&mut response, pass.map(|pass| &pass.holder.reach));
                response
            }
            Place::Session(label) => session::handle(&self.sessions, &label, request).await,
            Place::Nothing => own(reply::text(StatusCode::NOT_FOUND, "Nothing of Granary's has this name.")),
            Place::Foreign => {
                let text = format!("This is not the address of Granary, which is {}.", self.names.shell_origin());
                own(reply::text(StatusCode::MISDIRECTED_REQUEST, text))
            }
        }
    }

    async fn shell(&self, mut request: Request<axum::body::Body>, pass: Option<&Pass>) -> Response<Body> {
        let path = request.uri().path();
        let (is_api, is_recovery) = (owner::is_api(path), path == recover::PATH);
        let headers = request.headers();
        // Pages of grains are of the same site: only the shell's own pages may ask for anything but a page to look at.
        let foreign = matches!(Site::of(headers), Site::Sibling | Site::Foreign);
        if foreign && !(*request.method() == Method::GET && fetch::is_top_navigation(headers) && !is_api) {
            return reply::text(StatusCode::FORBIDDEN, "This request comes from another page, which may not ask here.");
        }
        if is_recovery {
            return recover::answer(&self.names, &request);
        }
        if cookies::size(headers) > recover::MAX_COOKIES {
            return if is_api { self.too_many_cookies() } else { pages::too_many_cookies(&self.names, false) };
        }
        if is_api {
            return owner::handle(&self.owner, request, pass.and_then(|pass| pass.holder.window)).await;
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut response = reply::text(StatusCode::METHOD_NOT_ALLOWED, "Pages can only be read.");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        policy::clean_request(request.headers_mut());
        match self.owner.router.clone().oneshot(request).await {
            Ok(response) => response.map(Body::new),
            Err(never) => match never {},
        }
    }

    fn too_many_cookies(&self) -> Response<Body> {
        let refusal = Refusal {
            status: StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            code: "too-many-cookies",
            title: "Too many cookies".into(),
            message: "Some document has left so many cookies in this browser that Granary cannot be used with them."
                .into(),
            remedy: format!("Open {}{} and clear them.", self.names.shell_origin(), recover::PATH),
        };
        refusal.to_response()
    }
}

fn own(mut response: Response<Body>) -> Response<Body> {
    Policy::own(&mut response);
    response
}

fn bytes_without_cookies(headers: &HeaderMap) -> usize {
    headers.iter().filter(|(name, _)| *name != COOKIE).map(|(name, value)| name.as_str().len() + value.len() + 4).sum()
}

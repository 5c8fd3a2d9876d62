//! Which UI sessions there are, and what opens each.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::names::Names;
use crate::owner::{LoginId, is_local_path};
use crate::policy;
use crate::secret::{Token, TokenHash, random};
use crate::web::SessionOpener;

use super::answer::Answer;

/// How long the code in an init URL opens the session.
pub(crate) const CODE_LIFE: Duration = Duration::from_secs(30);
/// A session unused for this long is over; also the Max-Age of its cookie.
pub(crate) const SESSION_LIFE: Duration = Duration::from_secs(7 * 24 * 3600);
/// How often the cookie's Max-Age is renewed.
pub(crate) const RENEWAL: Duration = Duration::from_secs(6 * 3600);
/// Sessions at once; the one unused longest ends when there would be more.
const MAX_SESSIONS: usize = 4096;
/// The app's own session is let go after this long without a request; the next one opens it again.
const APP_IDLE: Duration = Duration::from_secs(120);

/// What a new session is for.
pub struct NewSession {
    /// Opens the app's side of it.
    pub opener: Arc<dyn SessionOpener>,
    /// The grain it shows; names it for `Revoke::Grain` and for the way back to the shell.
    pub grain: String,
    /// The app's page to begin with.
    pub path: String,
    /// The owner's login it was opened from, whose end is its end too.
    pub login: Option<LoginId>,
}

/// The way into a session.
#[derive(Clone)]
pub struct SessionUrl {
    /// Opens the session once, for 30 seconds; it then goes on to the app's page.
    pub init_url: String,
    /// The session's own host, with port.
    pub host: String,
}

/// Does not show the code.
impl fmt::Debug for SessionUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionUrl").field("host", &self.host).finish_non_exhaustive()
    }
}

/// Which sessions to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revoke {
    /// The one on this host (`ui-….granary.localhost:6443`).
    Host(String),
    /// All of a grain.
    Grain(String),
    /// All that were opened from a login.
    Login(LoginId),
    /// Every one.
    All,
}

/// Something the shell may want to mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionEvent {
    /// A page asked without its cookie: the browser has thrown it away. A new session mends it.
    Lost {
        /// The host of the page.
        host: String,
        /// The grain it shows.
        grain: String,
        /// The login it was opened from.
        login: Option<LoginId>,
    },
}

/// Makes what answers a session's requests, for its authority and opener.
pub(crate) type MakeAnswer = Box<dyn Fn(&str, Arc<dyn SessionOpener>) -> Arc<dyn Answer> + Send + Sync>;

/// The sessions of one instance. Cheap to clone.
#[derive(Clone)]
pub struct Sessions(Arc<Inner>);

struct Inner {
    names: Names,
    clock: Clock,
    make: MakeAnswer,
    sessions: Mutex<HashMap<String, Arc<Session>>>,
    events: broadcast::Sender<SessionEvent>,
}

pub(crate) struct Session {
    pub(crate) authority: String,
    pub(crate) origin: String,
    pub(crate) csp: HeaderValue,
    pub(crate) grain: String,
    pub(crate) login: Option<LoginId>,
    pub(crate) answer: Arc<dyn Answer>,
    /// Ends every request on it.
    pub(crate) ended: CancellationToken,
    keys: Mutex<Keys>,
    /// Seconds since 1970.
    used: AtomicU64,
}

struct Keys {
    code: Option<TokenHash>,
    code_expires: u64,
    cookie: Option<TokenHash>,
    renewed: u64,
}

/// What a presented cookie is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Worth {
    Nothing,
    Valid { renew: bool },
}

impl Sessions {
    pub(crate) fn new(names: Names, clock: Clock, make: MakeAnswer) -> Self {
        Self(Arc::new(Inner { names, clock, make, sessions: Mutex::default(), events: broadcast::channel(64).0 }))
    }

    /// A new session on a host of its own. Nothing is opened before its first request.
    pub fn create(&self, new: NewSession) -> SessionUrl {
        let names = &self.0.names;
        let label = format!("ui-{}", hex::encode(random::<16>()));
        let authority = names.session_authority(&label);
        let code = Token::random();
        let now = self.0.clock.seconds();
        let answer = (self.0.make)(&authority, new.opener);
        let session = Arc::new(Session {
            origin: format!("https://{authority}"),
            csp: policy::session_csp(names, &authority),
            authority: authority.clone(),
            grain: new.grain,
            login: new.login,
            answer,
            ended: CancellationToken::new(),
            keys: Mutex::new(Keys {
                code: Some(code.hash()),
                code_expires: now + CODE_LIFE.as_secs(),
                cookie: None,
                renewed: now,
            }),
            used: AtomicU64::new(now),
        });
        let mut sessions = self.lock();
        if sessions.len() >= MAX_SESSIONS {
            let oldest = sessions.iter().min_by_key(|(_, session)| session.used.load(Ordering::Relaxed));
            if let Some(oldest) = oldest.map(|(label, _)| label.clone())
                && let Some(session) = sessions.remove(&oldest)
            {
                session.end();
            }
        }
        sessions.insert(label, session);
        drop(sessions);

        let path = if is_local_path(&new.path) { new.path.as_str() } else { "/" };
        let path = percent_encoding::utf8_percent_encode(path, QUERY);
        let code = code.expose();
        SessionUrl { init_url: format!("https://{authority}{INIT}?code={code}&path={path}"), host: authority }
    }

    /// Ends sessions, with every request and WebSocket on them. Tells how many.
    pub fn revoke(&self, which: &Revoke) -> usize {
        let ended: Vec<_> = self
            .lock()
            .extract_if(|_, session| match which {
                Revoke::Host(host) => session.authority == *host,
                Revoke::Grain(grain) => session.grain == *grain,
                Revoke::Login(login) => session.login.as_ref() == Some(login),
                Revoke::All => true,
            })
            .collect();
        for (_, session) in &ended {
            session.end();
        }
        ended.len()
    }

    /// What happens to sessions from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<SessionEvent> {
        self.0.events.subscribe()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// The session of a host label, which counts as used.
    pub(crate) fn get(&self, label: &str) -> Option<Arc<Session>> {
        let session = Arc::clone(self.lock().get(label)?);
        let now = self.0.clock.seconds();
        if session.is_over(now) {
            return None;
        }
        Some(session)
    }

    /// Ends what nobody used for too long. Called now and then.
    pub(crate) fn sweep(&self) {
        let now = self.0.clock.seconds();
        let mut sessions = self.lock();
        let over: Vec<_> = sessions.extract_if(|_, session| session.is_over(now)).collect();
        let idle: Vec<_> = sessions
            .values()
            .filter(|session| session.used.load(Ordering::Relaxed) + APP_IDLE.as_secs() <= now)
            .cloned()
            .collect();
        drop(sessions);
        for (_, session) in over {
            session.end();
        }
        for session in idle {
            session.answer.rest();
        }
    }

    pub(crate) fn names(&self) -> &Names {
        &self.0.names
    }

    pub(crate) fn lost(&self, session: &Session) {
        let _ = self.0.events.send(SessionEvent::Lost {
            host: session.authority.clone(),
            grain: session.grain.clone(),
            login: session.login.clone(),
        });
    }

    /// Trades the code of an init URL for a cookie.
    pub(crate) fn redeem(&self, session: &Session, code: &str) -> Option<Token> {
        let now = self.0.clock.seconds();
        let presented = TokenHash::of(code);
        let mut keys = session.keys();
        if keys.code_expires <= now || keys.code != Some(presented) {
            return None;
        }
        keys.code = None;
        let cookie = Token::random();
        keys.cookie = Some(cookie.hash());
        keys.renewed = now;
        session.used.store(now, Ordering::Relaxed);
        Some(cookie)
    }

    /// Whether `cookie` is this session's; then the session counts as used.
    pub(crate) fn worth(&self, session: &Session, cookie: &str) -> Worth {
        let now = self.0.clock.seconds();
        let presented = TokenHash::of(cookie);
        let mut keys = session.keys();
        if keys.cookie != Some(presented) {
            return Worth::Nothing;
        }
        session.used.store(now, Ordering::Relaxed);
        let renew = keys.renewed + RENEWAL.as_secs() <= now;
        if renew {
            keys.renewed = now;
        }
        Worth::Valid { renew }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Session>>> {
        self.0.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("count", &self.count()).finish_non_exhaustive()
    }
}

impl Session {
    pub(crate) fn end(&self) {
        self.ended.cancel();
        self.answer.end();
    }

    /// Unused for too long, or never entered while its code was good.
    fn is_over(&self, now: u64) -> bool {
        let keys = self.keys();
        let never_entered = keys.cookie.is_none() && keys.code_expires <= now;
        drop(keys);
        never_entered || self.used.load(Ordering::Relaxed) + SESSION_LIFE.as_secs() <= now
    }

    fn keys(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a session is entered.
pub(crate) const INIT: &str = "/_granary-init";

/// What may stand unescaped in the value of a query parameter.
const QUERY: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

//! Which browsers are logged in, kept as hashes in a 0600 file so that a restart logs nobody out.

use std::fmt;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::names::Names;
use crate::secret::{Token, TokenHash, random};

use super::reach::{Holder, Reach, WindowId};

/// How long a login code opens anything.
pub const CODE_LIFE: Duration = Duration::from_secs(60);
/// A login unused for this long is forgotten, by the browser and by us.
pub const LOGIN_LIFE: Duration = Duration::from_secs(90 * 24 * 3600);
/// How often the cookie's Max-Age is renewed, and the use of a login written down.
const RENEWAL: Duration = Duration::from_secs(24 * 3600);
/// Browsers logged in at once; the one unused longest is logged out when there would be more. Windows have a place each.
const MAX_LOGINS: usize = 64;
/// Logins of one window at once.
const MAX_WINDOW_LOGINS: usize = 4;
/// Codes waiting at once; the oldest is void when there would be more.
const MAX_CODES: usize = 64;
/// Cookies that one login accepts: tabs that restore a lost cookie at the same moment each get one, and which of them
/// the browser keeps is its choice.
const MAX_COOKIES: usize = 4;

/// Why the logins could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LoginsError {
    /// Reading or writing the file failed.
    #[error("the list of logged-in browsers, {path}, could not be read or written: {source}; check that the folder belongs to you and the disk is not full", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not what was written.
    #[error("the list of logged-in browsers, {path}, is damaged: {source}; delete it and log in again with `granary open`", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// Names one login; opens nothing.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LoginId(String);

impl LoginId {
    /// The id as text, for the appliance's own records.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for LoginId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LoginId({})", self.0)
    }
}

/// The logins of one instance. Cheap to clone.
#[derive(Clone)]
pub struct Logins(Arc<Inner>);

struct Inner {
    path: PathBuf,
    names: Names,
    clock: Clock,
    state: Mutex<State>,
    on_end: OnEnd,
}

/// Told of each login that ends, before anybody else is.
pub(crate) type OnEnd = Box<dyn Fn(&LoginId) + Send + Sync>;

#[derive(Default)]
struct State {
    codes: Vec<Code>,
    logins: Vec<Login>,
}

struct Code {
    hash: TokenHash,
    expires: u64,
    path: String,
    holder: Holder,
}

#[derive(Clone, Serialize, Deserialize)]
struct Login {
    id: LoginId,
    secret: TokenHash,
    /// The newest last.
    cookies: Vec<TokenHash>,
    /// Seconds since 1970.
    created: u64,
    /// When it was last used, to the precision of `RENEWAL`.
    used: u64,
    /// Logins of windows end with the program, and are not written down.
    #[serde(skip)]
    holder: Holder,
}

#[derive(Serialize, Deserialize)]
struct File {
    version: u32,
    logins: Vec<Login>,
}

/// A login just made.
pub(crate) struct NewLogin {
    pub(crate) cookie: Token,
    pub(crate) secret: Token,
    /// Where the person wanted to go.
    pub(crate) path: String,
    /// What it opens.
    pub(crate) reach: Reach,
}

/// A login that a request proved.
pub(crate) struct Proven {
    pub(crate) id: LoginId,
    /// What it opens.
    pub(crate) reach: Reach,
    /// Whether the cookie should be sent again with its full Max-Age.
    pub(crate) renew: bool,
}

impl Logins {
    /// Reads the logins kept in `path`, which need not exist yet.
    ///
    /// # Errors
    /// When the file exists and cannot be read.
    pub(crate) fn open(path: PathBuf, names: Names, clock: Clock, on_end: OnEnd) -> Result<Self, LoginsError> {
        let logins = match std::fs::read(&path) {
            Ok(bytes) => {
                serde_json::from_slice::<File>(&bytes)
                    .map_err(|source| LoginsError::Damaged { path: path.clone(), source })?
                    .logins
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(source) => return Err(LoginsError::Io { path, source }),
        };
        let state = Mutex::new(State { codes: Vec::new(), logins });
        Ok(Self(Arc::new(Inner { path, names, clock, state, on_end })))
    }

    /// A new login code that leads to the first page. It opens once, for a minute.
    pub fn code(&self) -> String {
        self.new_code("/", &Holder::default())
    }

    /// A login URL whose code, in the fragment, leads to `path`. It opens once, for a minute.
    pub fn url(&self, path: &str) -> String {
        self.url_for(path, &Holder::default())
    }

    pub(crate) fn url_for(&self, path: &str, holder: &Holder) -> String {
        format!("{}/login#{}", self.0.names.shell_origin(), self.new_code(path, holder))
    }

    /// Logs a browser out, and ends the sessions it opened.
    pub fn revoke(&self, id: &LoginId) {
        let mut state = self.state();
        state.logins.retain(|login| login.id != *id);
        self.save(&state);
        drop(state);
        (self.0.on_end)(id);
    }

    /// Ends every login of a window.
    pub(crate) fn revoke_window(&self, window: WindowId) {
        let mut state = self.state();
        state.codes.retain(|code| code.holder.window != Some(window));
        let ended: Vec<_> = state.logins.extract_if(.., |login| login.holder.window == Some(window)).collect();
        drop(state);
        for login in &ended {
            (self.0.on_end)(&login.id);
        }
    }

    /// The window a login belongs to.
    pub(crate) fn window_of(&self, id: &LoginId) -> Option<WindowId> {
        self.state().logins.iter().find(|login| login.id == *id).and_then(|login| login.holder.window)
    }

    /// How many browsers are logged in.
    pub fn count(&self) -> usize {
        self.state().logins.iter().filter(|login| login.holder.window.is_none()).count()
    }

    /// Takes a code, which counts over the connections of its own holder only.
    pub(crate) fn redeem(&self, code: &str, window: Option<WindowId>) -> Option<NewLogin> {
        let presented = TokenHash::of(code);
        let now = self.0.clock.seconds();
        let mut state = self.state();
        state.codes.retain(|code| code.expires > now);
        let at = state.codes.iter().position(|code| code.hash == presented && code.holder.window == window)?;
        let Code { path, holder, .. } = state.codes.remove(at);
        let reach = holder.reach.clone();

        let (cookie, secret) = (Token::random(), Token::random());
        let dropped = make_room(&mut state.logins, window, now);
        state.logins.push(Login {
            id: LoginId(hex::encode(random::<8>())),
            secret: secret.hash(),
            cookies: vec![cookie.hash()],
            created: now,
            used: now,
            holder,
        });
        self.save(&state);
        drop(state);
        for id in &dropped {
            (self.0.on_end)(id);
        }
        Some(NewLogin { cookie, secret, path, reach })
    }

    /// The login that both the cookie and the secret belong to.
    pub(crate) fn check(&self, cookie: &str, secret: &str, window: Option<WindowId>) -> Option<Proven> {
        let (cookie, secret) = (TokenHash::of(cookie), TokenHash::of(secret));
        let now = self.0.clock.seconds();
        let mut state = self.state();
        let login = state
            .logins
            .iter_mut()
            .find(|login| login.secret == secret && login.cookies.contains(&cookie) && login.holder.window == window)?;
        if login.used.saturating_add(LOGIN_LIFE.as_secs()) <= now {
            return None;
        }
        let renew = login.used.saturating_add(RENEWAL.as_secs()) <= now;
        let (id, reach) = (login.id.clone(), login.holder.reach.clone());
        if renew {
            login.used = now;
            self.save(&state);
        }
        Some(Proven { id, reach, renew })
    }

    /// A new cookie for the login of `secret`: browsers throw cookies of a site away when its pages set too many.
    pub(crate) fn restore(&self, secret: &str, window: Option<WindowId>) -> Option<Token> {
        let secret = TokenHash::of(secret);
        let now = self.0.clock.seconds();
        let mut state = self.state();
        let login = state.logins.iter_mut().find(|login| login.secret == secret && login.holder.window == window)?;
        if login.used.saturating_add(LOGIN_LIFE.as_secs()) <= now {
            return None;
        }
        let cookie = Token::random();
        login.used = now;
        login.cookies.push(cookie.hash());
        if login.cookies.len() > MAX_COOKIES {
            login.cookies.remove(0);
        }
        self.save(&state);
        Some(cookie)
    }

    fn new_code(&self, path: &str, holder: &Holder) -> String {
        let code = Token::random();
        let path = if is_local_path(path) { path.to_owned() } else { "/".to_owned() };
        let now = self.0.clock.seconds();
        let mut state = self.state();
        state.codes.retain(|code| code.expires > now);
        if state.codes.len() >= MAX_CODES {
            state.codes.remove(0);
        }
        state.codes.push(Code { hash: code.hash(), expires: now + CODE_LIFE.as_secs(), path, holder: holder.clone() });
        code.expose().to_owned()
    }

    /// Failure to write is no reason to refuse: the login then lasts until the next start.
    fn save(&self, state: &State) {
        let file = File { version: 1, logins: browsers(state) };
        if let Err(error) = write_atomically(&self.0.path, &serde_json::to_vec(&file).expect("plain data")) {
            tracing::warn!(path = %self.0.path.display(), %error, "logins could not be written down");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Logins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logins").field("count", &self.count()).finish_non_exhaustive()
    }
}

fn browsers(state: &State) -> Vec<Login> {
    state.logins.iter().filter(|login| login.holder.window.is_none()).cloned().collect()
}

fn make_room(logins: &mut Vec<Login>, window: Option<WindowId>, now: u64) -> Vec<LoginId> {
    let mut dropped = Vec::new();
    logins.retain(|login| {
        let alive = login.used.saturating_add(LOGIN_LIFE.as_secs()) > now;
        if !alive {
            dropped.push(login.id.clone());
        }
        alive
    });
    let most = if window.is_some() { MAX_WINDOW_LOGINS } else { MAX_LOGINS };
    loop {
        let of_holder = logins.iter().enumerate().filter(|(_, login)| login.holder.window == window);
        if of_holder.clone().count() < most {
            break;
        }
        let oldest = of_holder.min_by_key(|(_, login)| login.used).map_or(0, |(at, _)| at);
        dropped.push(logins.remove(oldest).id);
    }
    dropped
}

/// Whether `path` stays on its own origin when it is put into a Location header or given to a router.
pub(crate) fn is_local_path(path: &str) -> bool {
    path.starts_with('/')
        && !path.starts_with("//")
        && !path.starts_with("/\\")
        && path.len() <= 8192
        && path.bytes().all(|b| (0x21..0x7f).contains(&b))
}

/// Writes beside the target, makes it durable, and renames it into place; 0600.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let aside = folder.join(format!(".new-{}", hex::encode(random::<8>())));
    let written = (|| {
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&aside, path)?;
        std::fs::File::open(folder)?.sync_all()
    })();
    if written.is_err() {
        let _ = std::fs::remove_file(&aside);
    }
    written
}

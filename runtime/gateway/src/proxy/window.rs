//! One window of the desktop as the gateway knows it: its login, its place in the proxy, and what it reaches.

use std::fmt;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use crate::names::{Names, Place};
use crate::owner::{Holder, Logins, Reach, WindowId};
use crate::secret::{Token, TokenHash};
use crate::session::Sessions;

use super::Windows;

/// One window's way to Granary. Dropping it ends the window's logins, their sessions, and its connections.
pub struct Window {
    pub(super) pass: Arc<Pass>,
    pub(super) windows: Arc<Windows>,
    pub(super) password: Token,
    pub(super) proxy_port: u16,
}

/// What the gateway keeps of a window.
pub(crate) struct Pass {
    pub(crate) holder: Holder,
    pub(super) password: TokenHash,
    pub(super) names: Names,
    pub(super) logins: Logins,
    pub(super) sessions: Sessions,
    /// Ends the window's connections.
    pub(crate) ended: CancellationToken,
}

impl Window {
    /// What it reaches.
    pub fn reach(&self) -> &Reach {
        &self.pass.holder.reach
    }

    /// A login URL for this window alone, which leads to `path`. It opens once, for a minute.
    pub fn login_url(&self, path: &str) -> String {
        self.pass.logins.url_for(path, &self.pass.holder)
    }

    /// Where the window's webview connects to, whatever it wants: `socks5://name:password@127.0.0.1:port`.
    pub fn proxy(&self) -> Zeroizing<String> {
        let (name, password) = (name(self.pass.id()), self.password.expose());
        Zeroizing::new(format!("socks5://{name}:{password}@127.0.0.1:{}", self.proxy_port))
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        self.windows.forget(self.pass.id());
        self.pass.ended.cancel();
        self.pass.logins.revoke_window(self.pass.id());
    }
}

impl fmt::Debug for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Window").field("holder", &self.pass.holder).finish_non_exhaustive()
    }
}

impl Pass {
    pub(super) fn id(&self) -> WindowId {
        self.holder.window.expect("a window has a number")
    }

    /// Whether the window may speak to `authority` (`host:port`): the shell origin, and the sessions it opened itself.
    pub(crate) fn may_reach(&self, authority: &str) -> bool {
        match self.names.place(authority) {
            Place::Shell => true,
            Place::Session(label) => self.holds_session(&label),
            Place::Nothing | Place::Foreign => false,
        }
    }

    fn holds_session(&self, label: &str) -> bool {
        let Reach::Grain(grain) = &self.holder.reach else { return false };
        let Some(session) = self.sessions.get(label) else { return false };
        let opener = session.login.as_ref().and_then(|login| self.logins.window_of(login));
        session.grain == *grain && opener == self.holder.window
    }
}

/// The proxy's name of a window.
pub(super) fn name(id: WindowId) -> String {
    format!("window-{}", id.0)
}

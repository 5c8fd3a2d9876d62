//! The desktop's proxy: webviews connect to nothing else. It dials nowhere: what a window may reach, the shell origin and
//! its own grain's sessions, is handed to the gateway inside the process, and everything else is refused.

mod socks;
mod window;

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::listen::Peers;
use crate::names::Names;
use crate::owner::{Holder, Logins, Reach, WindowId};
use crate::secret::{Token, TokenHash};
use crate::session::Sessions;

use socks::{Destination, Reply, SocksError};
pub(crate) use window::Pass;
pub use window::Window;

/// How long a webview may take to say where it wants to go.
const PATIENCE: Duration = Duration::from_secs(10);
/// Connections at once that have not said it.
const UNDECIDED: usize = 256;

/// Takes a stream whose window and destination were checked.
pub(crate) type Hand = Arc<dyn Fn(TcpStream, &Arc<Pass>) + Send + Sync>;

/// The windows there are, and the socket they connect to.
pub(crate) struct Proxy {
    listener: Mutex<Option<StdListener>>,
    port: u16,
    windows: Arc<Windows>,
}

/// The windows there are.
#[derive(Default)]
pub(crate) struct Windows {
    next: AtomicU64,
    passes: Mutex<HashMap<WindowId, Arc<Pass>>>,
}

impl Proxy {
    /// Takes a port of loopback.
    pub(crate) fn bind() -> std::io::Result<Self> {
        let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        Ok(Self { listener: Mutex::new(Some(listener)), port, windows: Arc::default() })
    }

    /// A new window.
    pub(crate) fn window(
        &self,
        reach: Reach,
        names: &Names,
        logins: Logins,
        sessions: Sessions,
        ended: CancellationToken,
    ) -> Window {
        let id = WindowId(self.windows.next.fetch_add(1, Ordering::Relaxed));
        let password = Token::random();
        let pass = Arc::new(Pass {
            holder: Holder { window: Some(id), reach },
            password: password.hash(),
            names: names.clone(),
            logins,
            sessions,
            ended,
        });
        self.windows.lock().insert(id, Arc::clone(&pass));
        Window { pass, windows: Arc::clone(&self.windows), password, proxy_port: self.port }
    }

    /// Serves webviews for as long as it is polled. Called once.
    pub(crate) async fn accept(self: Arc<Self>, uid: u32, hand: Hand) {
        let listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner).take();
        let listener = match listener.map(TcpListener::from_std) {
            Some(Ok(listener)) => listener,
            Some(Err(error)) => return tracing::error!(%error, "windows cannot be served"),
            None => return,
        };
        let peers = Peers::default();
        let undecided = Arc::new(Semaphore::new(UNDECIDED));
        loop {
            let Ok(place) = Arc::clone(&undecided).acquire_owned().await else { return };
            let (stream, peer) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection to the proxy could not be accepted");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                    continue;
                }
            };
            if !is_ours(&peers, &stream, peer, uid) {
                continue;
            }
            let (windows, hand) = (Arc::clone(&self.windows), Arc::clone(&hand));
            tokio::spawn(async move {
                let decided = tokio::time::timeout(PATIENCE, decide(stream, &windows)).await;
                drop(place);
                match decided {
                    Ok(Ok(Some((stream, pass)))) => hand(stream, &pass),
                    Ok(Ok(None)) => {}
                    Ok(Err(error)) => tracing::debug!(%error, "a connection to the proxy was closed"),
                    Err(_) => tracing::debug!("a connection to the proxy did not say where to"),
                }
            });
        }
    }
}

fn is_ours(peers: &Peers, stream: &TcpStream, peer: SocketAddr, uid: u32) -> bool {
    match stream.local_addr().map_err(Into::into).and_then(|local| peers.uid(local, peer)) {
        Ok(owner) if owner == uid => true,
        Ok(owner) => {
            tracing::warn!(uid = owner, "closed a connection of another user of this computer to the proxy");
            false
        }
        Err(error) => {
            tracing::warn!(%error, "closed a connection of an unknown user to the proxy");
            false
        }
    }
}

/// Finds out whose connection it is and where it goes. `None` when it may not.
async fn decide(mut stream: TcpStream, windows: &Windows) -> Result<Option<(TcpStream, Arc<Pass>)>, SocksError> {
    let _ = stream.set_nodelay(true);
    let presented = socks::greet(&mut stream).await?;
    let pass = windows.find(&presented.name, &presented.password);
    socks::admit(&mut stream, pass.is_some()).await?;
    let Some(pass) = pass else { return Ok(None) };
    let Destination { host, port } = socks::request(&mut stream).await?;
    // A browser leaves out the default port in the authority; here it always stands.
    let authority = if port == 443 { host } else { format!("{host}:{port}") };
    if !pass.may_reach(&authority) {
        tracing::debug!(%authority, "a window asked for what it may not reach");
        socks::reply(&mut stream, Reply::NotAllowed).await?;
        return Ok(None);
    }
    socks::reply(&mut stream, Reply::Connected).await?;
    Ok(Some((stream, pass)))
}

impl Windows {
    fn find(&self, name: &str, password: &str) -> Option<Arc<Pass>> {
        let presented = TokenHash::of(password);
        let passes = self.lock();
        passes.values().find(|pass| window::name(pass.id()) == name && pass.password == presented).cloned()
    }

    fn forget(&self, id: WindowId) {
        self.lock().remove(&id);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<WindowId, Arc<Pass>>> {
        self.passes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! All connections there are, what each is doing, and which one goes when there would be too many.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::limits::Limits;

/// The connections of one gateway.
#[derive(Debug)]
pub(crate) struct Registry {
    limits: Limits,
    start: Instant,
    next: AtomicU64,
    requests: AtomicUsize,
    connections: Mutex<HashMap<u64, Arc<Connection>>>,
}

/// What is known of one connection.
#[derive(Debug)]
pub(crate) struct Connection {
    /// The TLS handshake is done.
    open: AtomicBool,
    /// A request has come.
    asked: AtomicBool,
    /// It carries a WebSocket, or did: it is never idle again.
    upgraded: AtomicBool,
    /// Requests being answered.
    active: AtomicUsize,
    /// When it last changed between busy and idle, in milliseconds since the registry began.
    since: AtomicU64,
    /// Asks it to finish.
    pub(crate) stop: CancellationToken,
}

/// A place in the registry, given back on drop.
#[derive(Debug)]
pub(crate) struct Place {
    registry: Arc<Registry>,
    id: u64,
    pub(crate) connection: Arc<Connection>,
}

/// One request being answered.
#[derive(Debug)]
pub(crate) struct Busy {
    registry: Arc<Registry>,
    connection: Arc<Connection>,
}

impl Registry {
    pub(crate) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            start: Instant::now(),
            next: AtomicU64::new(0),
            requests: AtomicUsize::new(0),
            connections: Mutex::default(),
        })
    }

    /// A place for a new connection. When there are too many, an unfinished handshake or an idle connection goes; when
    /// all are busy, the new one gets no place.
    pub(crate) fn admit(self: &Arc<Self>) -> Option<Place> {
        let mut connections = self.lock();
        // A connection told to stop has no place any more, though it may take a moment to go.
        connections.retain(|_, connection| !connection.stop.is_cancelled() || connection.is_busy());
        let shaking = connections.iter().filter(|(_, connection)| !connection.is_open());
        if shaking.clone().count() >= self.limits.handshakes
            && let Some((_, oldest)) = shaking.min_by_key(age)
        {
            oldest.stop.cancel();
        } else if connections.len() >= self.limits.connections {
            let idle = connections.iter().filter(|(_, connection)| !connection.is_busy());
            idle.min_by_key(age)?.1.stop.cancel();
        }
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let connection = Arc::new(Connection {
            open: AtomicBool::new(false),
            asked: AtomicBool::new(false),
            upgraded: AtomicBool::new(false),
            active: AtomicUsize::new(0),
            since: AtomicU64::new(self.now()),
            stop: CancellationToken::new(),
        });
        connections.insert(id, Arc::clone(&connection));
        Some(Place { registry: Arc::clone(self), id, connection })
    }

    /// Stops the connection that has been idle longest, or the oldest unfinished handshake.
    pub(crate) fn make_room(&self) {
        let connections = self.lock();
        let idle =
            connections.iter().filter(|(_, connection)| !connection.is_busy() && !connection.stop.is_cancelled());
        if let Some((_, oldest)) = idle.min_by_key(age) {
            oldest.stop.cancel();
        }
    }

    /// Notes that a request begins. `None` when too many are being answered already; the shell has some beyond that.
    pub(crate) fn begin(self: &Arc<Self>, connection: &Arc<Connection>, is_for_shell: bool) -> Option<Busy> {
        let limit = self.limits.requests + if is_for_shell { self.limits.shell_requests } else { 0 };
        if self.requests.fetch_add(1, Ordering::Relaxed) >= limit {
            self.requests.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        connection.asked.store(true, Ordering::Relaxed);
        connection.active.fetch_add(1, Ordering::Relaxed);
        Some(Busy { registry: Arc::clone(self), connection: Arc::clone(connection) })
    }

    /// Stops connections that have been idle too long.
    pub(crate) fn reap(&self) {
        let now = self.now();
        for connection in self.lock().values() {
            if !connection.is_open() || connection.is_busy() {
                continue;
            }
            let asked = connection.asked.load(Ordering::Relaxed);
            let limit = if asked { self.limits.idle_timeout } else { self.limits.first_request_timeout };
            if u128::from(now - connection.since().min(now)) >= limit.as_millis() {
                connection.stop.cancel();
            }
        }
    }

    /// Asks every connection to finish.
    pub(crate) fn stop_all(&self) {
        for connection in self.lock().values() {
            connection.stop.cancel();
        }
    }

    /// How many connections there are.
    pub(crate) fn count(&self) -> usize {
        self.lock().len()
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Arc<Connection>>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What makes one connection older than another; the number decides within the same millisecond.
fn age((id, connection): &(&u64, &Arc<Connection>)) -> (u64, u64) {
    (connection.since(), **id)
}

impl Connection {
    pub(crate) fn is_busy(&self) -> bool {
        self.upgraded.load(Ordering::Relaxed) || self.active.load(Ordering::Relaxed) > 0
    }

    pub(crate) fn upgrade(&self) {
        self.upgraded.store(true, Ordering::Relaxed);
    }

    fn is_open(&self) -> bool {
        self.open.load(Ordering::Relaxed)
    }

    fn since(&self) -> u64 {
        self.since.load(Ordering::Relaxed)
    }
}

impl Place {
    /// The handshake is done.
    pub(crate) fn opened(&self) {
        self.connection.since.store(self.registry.now(), Ordering::Relaxed);
        self.connection.open.store(true, Ordering::Relaxed);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.registry.lock().remove(&self.id);
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.registry.requests.fetch_sub(1, Ordering::Relaxed);
        self.connection.since.store(self.registry.now(), Ordering::Relaxed);
        self.connection.active.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn registry(connections: usize, handshakes: usize) -> Arc<Registry> {
        Registry::new(Limits {
            connections,
            handshakes,
            requests: 3,
            shell_requests: 2,
            idle_timeout: Duration::ZERO,
            first_request_timeout: Duration::from_secs(1000),
            ..Limits::default()
        })
    }

    #[test]
    fn the_idle_make_room_and_the_busy_do_not() {
        let registry = registry(2, 10);
        let (first, second) = (registry.admit().unwrap(), registry.admit().unwrap());
        first.opened();
        second.opened();
        let busy = registry.begin(&first.connection, false).unwrap();
        let third = registry.admit().expect("the second makes room");
        assert!(second.connection.stop.is_cancelled() && !first.connection.stop.is_cancelled());
        third.opened();
        let _busy = registry.begin(&third.connection, false).unwrap();
        assert!(registry.admit().is_none(), "all are busy");
        drop(busy);
        assert!(registry.admit().is_some(), "the first is idle now");
        assert!(first.connection.stop.is_cancelled());
    }

    #[test]
    fn an_unfinished_handshake_makes_room_for_the_next() {
        let registry = registry(100, 2);
        let (first, second) = (registry.admit().unwrap(), registry.admit().unwrap());
        let _third = registry.admit().unwrap();
        assert!(first.connection.stop.is_cancelled() && !second.connection.stop.is_cancelled());
    }

    #[test]
    fn requests_are_counted_and_idle_connections_reaped() {
        let registry = registry(100, 100);
        let (asked, silent, websocket) =
            (registry.admit().unwrap(), registry.admit().unwrap(), registry.admit().unwrap());
        for place in [&asked, &silent, &websocket] {
            place.opened();
        }
        let begin = |is_for_shell| registry.begin(&asked.connection, is_for_shell);
        let mut all: Vec<_> = std::iter::from_fn(|| begin(false)).collect();
        assert_eq!(all.len(), 3);
        all.extend(std::iter::from_fn(|| begin(true)));
        assert_eq!(all.len(), 5, "the shell has two more");
        registry.reap();
        assert!(!asked.connection.stop.is_cancelled(), "busy");
        drop(all);
        drop(registry.begin(&websocket.connection, false));
        websocket.connection.upgrade();
        registry.reap();
        assert!(asked.connection.stop.is_cancelled(), "idle");
        assert!(!silent.connection.stop.is_cancelled(), "still has time for its first request");
        assert!(!websocket.connection.stop.is_cancelled());
        drop(asked);
        assert_eq!(registry.count(), 2);
    }
}

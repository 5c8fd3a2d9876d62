//! The app's server: when it listens, and the connections to it.
//!
//! Connections stay open between requests. A request that must not be sent twice never uses an old one, because the app
//! may be closing it at that moment; any other is sent again, once, when an old connection turns out to be dead.
//!
//! Some servers do one connection at a time. To them an idle connection is a customer who says nothing while the others
//! wait. So whenever a request has waited a while for the first byte, idle connections are closed, and when that
//! turns out to help, none are kept any more.

use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures::future::{Either, select};
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockProtocol, SockType, SockaddrIn, SockaddrIn6, connect, setsockopt, socket, sockopt,
};
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use tokio::io::unix::AsyncFd;
use tokio::net::TcpStream;
use tokio::sync::Notify;

use crate::http::{self, Decoder, Method, RequestHead, ResponseHead};
use crate::log::log;

/// The first read of a response; most fit.
const READ_SIZE: usize = 8 << 10;
/// Between two attempts to connect to an app that starts there is this part of the time it has taken so far.
const START_FRACTION: u32 = 32;
const START_MIN: Duration = Duration::from_micros(100);
const START_MAX: Duration = Duration::from_millis(5);
/// When to say that the app does not listen.
const START_WARNING: Duration = Duration::from_secs(30);
/// How long an app that once listened may refuse connections.
const RESTART_PATIENCE: Duration = Duration::from_secs(10);
/// Servers close idle connections after five seconds and more; some say two.
const IDLE_MAX: Duration = Duration::from_secs(4);
const IDLE_COUNT: usize = 64;
/// A connection this new, on which nothing was sent, is as good as a new one.
const UNUSED_MAX: Duration = Duration::from_secs(1);
/// How long a request waits before idle connections are suspected.
const PATIENCE: Duration = Duration::from_millis(100);
/// How soon an answer must come after idle connections were closed, to conclude that they were in the way.
const RELIEF: Duration = Duration::from_millis(20);
const RELIEFS_TO_LEARN: u8 = 2;
/// How often idle connections are looked at while there are any.
const JANITOR: Duration = Duration::from_secs(1);
/// Interim answers (102, 103) before the real one.
const MAX_INTERIM: usize = 16;

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Http(#[from] http::Error),
    #[error("the app closed the connection without an answer")]
    Closed,
    #[error("the app closed the connection in the middle of its answer")]
    CutOff,
    #[error("the connection to the app broke: {0}")]
    Io(#[from] io::Error),
    #[error("the app does not accept connections on port {0} any more")]
    NotListening(u16),
    #[error("{0}")]
    Answer(String),
}

impl From<Error> for capnp::Error {
    fn from(error: Error) -> Self {
        let text = format!("http-bridge: {error}");
        match &error {
            Error::Io(e) if matches!(e.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS)) => {
                Self::overloaded(text)
            }
            _ => Self::failed(text),
        }
    }
}

/// The app's server.
pub(crate) struct App {
    port: u16,
    /// Where it was found.
    address: Cell<IpAddr>,
    listening: Cell<bool>,
    changed: Notify,
    idle: RefCell<Vec<Idle>>,
    busy: Cell<usize>,
    /// Requests that have waited so long that idle connections are suspected.
    starving: Cell<usize>,
    reliefs: Cell<u8>,
    janitor: Cell<bool>,
    /// Header names that responses may pass on.
    response_names: Vec<String>,
}

struct Idle {
    stream: Rc<TcpStream>,
    since: Instant,
    used: bool,
}

impl Idle {
    /// Whether the app can be expected to wait for a request on it still.
    fn is_fresh(&self) -> bool {
        self.since.elapsed() < if self.used { IDLE_MAX } else { UNUSED_MAX }
    }
}

impl App {
    pub(crate) fn new(port: u16, response_names: Vec<String>) -> Rc<Self> {
        Rc::new(Self {
            port,
            address: Cell::new(Ipv4Addr::LOCALHOST.into()),
            listening: Cell::new(false),
            changed: Notify::new(),
            idle: RefCell::default(),
            busy: Cell::new(0),
            starving: Cell::new(0),
            reliefs: Cell::new(0),
            janitor: Cell::new(false),
            response_names,
        })
    }

    fn keeps_connections(&self) -> bool {
        self.reliefs.get() < RELIEFS_TO_LEARN
    }

    /// Tries to connect until the app listens. There is no event to wait for inside a sandbox without /proc and netlink,
    /// so the pause between attempts follows the time that has passed: a hundredth more or less of the app's own start.
    pub(crate) async fn wait_until_it_listens(self: Rc<Self>) {
        let begin = Instant::now();
        let timer = FineTimer::new();
        let mut warned = false;
        for attempt in 0_u32.. {
            // Servers told to listen on "localhost" may choose IPv6.
            let address = if attempt % 4 == 3 { Ipv6Addr::LOCALHOST.into() } else { IpAddr::from(Ipv4Addr::LOCALHOST) };
            if let Ok(stream) = self.try_connect(address).await {
                self.address.set(address);
                self.listening.set(true);
                // The first request will use it.
                self.keep(Idle { stream: Rc::new(stream), since: Instant::now(), used: false });
                self.changed.notify_waiters();
                return;
            }
            let elapsed = begin.elapsed();
            if elapsed > START_WARNING && !warned {
                warned = true;
                log!(
                    "The app has not begun to listen on port {} within {} seconds. Does its command start a server there?",
                    self.port,
                    START_WARNING.as_secs()
                );
            }
            timer.wait((elapsed / START_FRACTION).clamp(START_MIN, START_MAX)).await;
        }
    }

    async fn try_connect(&self, address: IpAddr) -> io::Result<TcpStream> {
        let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let fd = socket(family, SockType::Stream, flags, SockProtocol::Tcp)?;
        let attempt = || match address {
            IpAddr::V4(ip) => {
                let [a, b, c, d] = ip.octets();
                connect(fd.as_raw_fd(), &SockaddrIn::new(a, b, c, d, self.port))
            }
            IpAddr::V6(ip) => {
                connect(fd.as_raw_fd(), &SockaddrIn6::from(std::net::SocketAddrV6::new(ip, self.port, 0, 0)))
            }
        };
        // On the loopback device all is decided when the first call returns, but only a second one tells.
        let waiting = match attempt() {
            Ok(()) => false,
            Err(Errno::EINPROGRESS) => match attempt() {
                Ok(()) | Err(Errno::EISCONN) => false,
                // The app's backlog is full.
                Err(Errno::EALREADY | Errno::EINPROGRESS) => true,
                Err(error) => return Err(error.into()),
            },
            Err(error) => return Err(error.into()),
        };
        setsockopt(&fd, sockopt::TcpNoDelay, &true)?;
        let stream = TcpStream::from_std(fd.into())?;
        if waiting {
            stream.writable().await?;
            if let Some(error) = stream.take_error()? {
                return Err(error);
            }
        }
        // With nobody there, a port among the ephemeral ones can be connected to itself.
        if self.port >= 1024 && stream.local_addr()? == SocketAddr::new(address, self.port) {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        Ok(stream)
    }

    /// A connection: a new one if the request must not be repeated.
    pub(crate) async fn connection(self: &Rc<Self>, must_be_new: bool) -> Result<Connection, Error> {
        loop {
            self.listens().await;
            if let Some(idle) = self.take_idle(must_be_new) {
                return Ok(Connection::new(self, idle.stream, idle.used));
            }
            match self.try_connect(self.address.get()).await {
                Ok(stream) => return Ok(Connection::new(self, Rc::new(stream), false)),
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                    // Some servers close their socket to reload.
                    if self.listening.replace(false) {
                        tokio::task::spawn_local(Rc::clone(self).wait_until_it_listens());
                    }
                    if tokio::time::timeout(RESTART_PATIENCE, self.listens()).await.is_err() {
                        return Err(Error::NotListening(self.port));
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn listens(&self) {
        loop {
            let changed = self.changed.notified();
            if self.listening.get() {
                return;
            }
            changed.await;
        }
    }

    fn take_idle(&self, must_be_new: bool) -> Option<Idle> {
        loop {
            let idle = {
                let mut idle = self.idle.borrow_mut();
                let fits = |i: &Idle| !must_be_new || !i.used;
                let at = idle.iter().rposition(fits)?;
                idle.swap_remove(at)
            };
            // Anything that can be read now is the end of the connection, or something nobody asked for.
            let mut probe = [0];
            let quiet = matches!(idle.stream.try_read(&mut probe), Err(e) if e.kind() == io::ErrorKind::WouldBlock);
            if quiet && idle.is_fresh() {
                return Some(idle);
            }
        }
    }

    fn keep(self: &Rc<Self>, connection: Idle) {
        if !self.keeps_connections() || self.starving.get() > 0 {
            return;
        }
        let mut idle = self.idle.borrow_mut();
        if idle.len() < IDLE_COUNT {
            idle.push(connection);
        }
        drop(idle);
        self.tidy_later();
    }

    /// Starts the janitor, who goes home when there is nothing left to tidy.
    fn tidy_later(self: &Rc<Self>) {
        if self.janitor.replace(true) {
            return;
        }
        let app = Rc::clone(self);
        tokio::task::spawn_local(async move {
            loop {
                tokio::time::sleep(JANITOR).await;
                let mut idle = app.idle.borrow_mut();
                idle.retain(Idle::is_fresh);
                if idle.is_empty() {
                    *idle = Vec::new();
                    break;
                }
            }
            app.janitor.set(false);
            give_memory_back();
        });
    }

    /// Sends a request and reads the head of the answer.
    pub(crate) async fn exchange(
        self: &Rc<Self>,
        method: Method,
        mut head: RequestHead,
        body: &[u8],
    ) -> Result<Reply, Error> {
        if !self.keeps_connections() {
            head.header("Connection", "close")?;
        }
        let head = head.finish();
        let mut connection = self.connection(!method.may_repeat()).await?;
        let answer = match connection.ask(&head, body).await {
            Err(error) if connection.used && !connection.heard && error.is_broken_connection() => {
                // It was closed between two requests, and with it, mostly, all the others.
                self.idle.borrow_mut().clear();
                connection = self.connection(true).await?;
                connection.ask(&head, body).await
            }
            other => other,
        };
        let head = answer?;
        let decoder = Decoder::new(head.framing(method == Method::Head));
        Ok(Reply { head, decoder, connection, complete_request: true })
    }
}

impl Error {
    fn is_broken_connection(&self) -> bool {
        matches!(self, Self::Closed | Self::Io(_))
    }
}

/// A connection that somebody uses.
pub(crate) struct Connection {
    app: Rc<App>,
    pub(crate) stream: Rc<TcpStream>,
    /// Whether a request was sent on it before this one.
    used: bool,
    buffer: Vec<u8>,
    at: usize,
    /// Whether anything came back.
    heard: bool,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.app.busy.set(self.app.busy.get() - 1);
        self.app.tidy_later();
    }
}

impl Connection {
    fn new(app: &Rc<App>, stream: Rc<TcpStream>, used: bool) -> Self {
        app.busy.set(app.busy.get() + 1);
        Self { app: Rc::clone(app), stream, used, buffer: Vec::new(), at: 0, heard: false }
    }

    /// What was received and not used yet.
    pub(crate) fn unread(&self) -> &[u8] {
        &self.buffer[self.at..]
    }

    pub(crate) fn consume(&mut self, count: usize) {
        self.at += count;
    }

    /// Receives more. False at the end of the connection.
    pub(crate) async fn receive(&mut self, at_most: usize) -> io::Result<bool> {
        if self.at == self.buffer.len() {
            self.buffer.clear();
            self.at = 0;
        } else if self.at >= at_most {
            self.buffer.drain(..self.at);
            self.at = 0;
        }
        loop {
            self.stream.readable().await?;
            self.buffer.reserve(at_most);
            match self.stream.try_read_buf(&mut self.buffer) {
                Ok(count) => {
                    self.heard |= count > 0;
                    return Ok(count > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Sends a request and reads the head of the answer, which may come before the request is all sent.
    async fn ask(&mut self, head: &[u8], body: &[u8]) -> Result<ResponseHead, Error> {
        let sent = match send_now(&self.stream, head, body) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(error) => return self.last_words(error).await,
        };
        if sent == head.len() + body.len() {
            return self.patient_head().await;
        }
        let stream = Rc::clone(&self.stream);
        let rest_of_head = &head[sent.min(head.len())..];
        let rest_of_body = &body[sent.saturating_sub(head.len())..];
        let send = async {
            send_all(&stream, rest_of_head).await?;
            send_all(&stream, rest_of_body).await
        };
        let outcome = match select(Box::pin(send), Box::pin(self.read_head())).await {
            Either::Left((Ok(()), reading)) => return reading.await,
            Either::Left((Err(error), reading)) => {
                drop(reading);
                Err(error)
            }
            Either::Right((answer, _)) => Ok(answer),
        };
        match outcome {
            // Whatever the app does with the rest of the request, nothing may follow it.
            Ok(answer) => answer.map(|mut head| {
                head.keeps_alive = false;
                head
            }),
            Err(error) => self.last_words(error).await,
        }
    }

    /// An app that refuses a request may answer, close, and not read the rest.
    async fn last_words(&mut self, error: io::Error) -> Result<ResponseHead, Error> {
        match self.read_head().await {
            Ok(mut head) => {
                head.keeps_alive = false;
                Ok(head)
            }
            Err(_) => Err(error.into()),
        }
    }

    /// Reads the head; when that takes long, sees to it that no idle connection is the reason.
    async fn patient_head(&mut self) -> Result<ResponseHead, Error> {
        let app = Rc::clone(&self.app);
        let alone = app.busy.get() == 1 && app.idle.borrow().is_empty();
        if alone || self.used || !app.keeps_connections() {
            return self.read_head().await;
        }
        if let Ok(head) = tokio::time::timeout(PATIENCE, self.read_head()).await {
            return head;
        }
        let closed = std::mem::take(&mut *app.idle.borrow_mut());
        let suspects = closed.len();
        drop(closed);
        let _starving = Counted::new(&app);
        let since = Instant::now();
        let head = self.read_head().await;
        if suspects > 0 {
            let relieved = since.elapsed() < RELIEF;
            app.reliefs.set(if relieved { app.reliefs.get() + 1 } else { 0 });
            if !app.keeps_connections() {
                log!("The app serves one connection at a time; from now on each request gets its own.");
            }
        }
        head
    }

    pub(crate) async fn read_head(&mut self) -> Result<ResponseHead, Error> {
        let app = Rc::clone(&self.app);
        let passes = |name: &str| on_list(&app.response_names, name);
        let mut interim = 0;
        let mut seen = 0;
        loop {
            // A head can only have become complete by a line's end.
            if self.unread().get(seen..).is_some_and(|new| new.contains(&b'\n'))
                && let Some((head, length)) = http::parse_response(self.unread(), &passes)?
            {
                self.consume(length);
                if !matches!(head.status, 100 | 102..=199) {
                    return Ok(head);
                }
                interim += 1;
                if interim > MAX_INTERIM {
                    return Err(http::Error::Malformed("it never gets beyond interim answers").into());
                }
                seen = 0;
                continue;
            }
            seen = self.unread().len();
            if seen > http::MAX_HEAD {
                return Err(http::Error::HeadTooLong.into());
            }
            match self.receive(READ_SIZE).await {
                Ok(true) => {}
                Ok(false) if seen == 0 => return Err(Error::Closed),
                Ok(false) => return Err(Error::CutOff),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// The number of requests that starve, for as long as this one does.
struct Counted<'a>(&'a App);

impl<'a> Counted<'a> {
    fn new(app: &'a App) -> Self {
        app.starving.set(app.starving.get() + 1);
        Self(app)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.starving.set(self.0.starving.get() - 1);
    }
}

/// An answer whose head has been read.
pub(crate) struct Reply {
    pub(crate) head: ResponseHead,
    pub(crate) decoder: Decoder,
    pub(crate) connection: Connection,
    /// Whether the whole request has been sent.
    pub(crate) complete_request: bool,
}

impl Reply {
    /// Gives the connection back, if it is at a point where another request can follow.
    pub(crate) fn finish(self) {
        let clean = self.decoder.is_done() && self.connection.unread().is_empty();
        if clean && self.complete_request && self.head.keeps_alive {
            let stream = Rc::clone(&self.connection.stream);
            self.connection.app.keep(Idle { stream, since: Instant::now(), used: true });
        }
    }
}

/// Whether a lower-case name is on a list in which a `*` at the end stands for anything.
pub(crate) fn on_list(list: &[String], name: &str) -> bool {
    list.iter().any(|entry| match entry.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == entry,
    })
}

/// One attempt, without asking whether the socket is ready: it nearly always is.
fn send_now(stream: &TcpStream, head: &[u8], body: &[u8]) -> io::Result<usize> {
    let slices = [IoSlice::new(head), IoSlice::new(body)];
    let slices = if body.is_empty() { &slices[..1] } else { &slices[..] };
    Ok(nix::sys::uio::writev(stream, slices)?)
}

/// Sends all of it, as fast as the app takes it.
pub(crate) async fn send_all(stream: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match stream.try_write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => stream.writable().await?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The runtime's own timers have a resolution of a millisecond, which is a long time for an app that starts in two.
struct FineTimer(Option<AsyncFd<Timer>>);

struct Timer(TimerFd);

impl AsRawFd for Timer {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

impl FineTimer {
    fn new() -> Self {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags).ok();
        // SAFETY: `Timer` owns its descriptor and gives away no other.
        Self(timer.and_then(|timer| unsafe { AsyncFd::register(Timer(timer)) }.ok()))
    }

    async fn wait(&self, pause: Duration) {
        if let Some(timer) = &self.0
            && timer.get_ref().0.set(Expiration::OneShot(pause.into()), TimerSetTimeFlags::empty()).is_ok()
            && let Ok(mut ready) = timer.readable().await
        {
            // It is set anew before it is waited for again, which also clears what it has counted.
            ready.clear_ready();
        } else {
            tokio::time::sleep(pause).await;
        }
    }
}

/// After a burst, hands free pages back to the kernel.
fn give_memory_back() {
    // SAFETY: malloc_trim takes no pointers and may be called at any time.
    unsafe {
        libc::malloc_trim(0);
    }
}

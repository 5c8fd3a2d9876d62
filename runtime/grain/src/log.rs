//! A grain's log: what the app prints and what we say, in one file with a bound, readable while it grows.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use tokio::net::unix::pipe;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

/// What lines of ours begin with.
pub const PREFIX: &str = "** GRANARY: ";

/// How much is copied from an app's output at once.
const CHUNK: usize = 64 << 10;
/// How much is read from a log file at once.
const PIECE: usize = 64 << 10;

/// The logs of all grains: who writes them and who follows them.
#[derive(Clone, Default)]
pub(crate) struct Logs {
    followers: Arc<Mutex<HashMap<PathBuf, Weak<Notify>>>>,
}

/// How large a log may become and how fast.
#[derive(Clone, Copy)]
pub(crate) struct LogLimits {
    pub(crate) bytes: u64,
    pub(crate) rate: u64,
    pub(crate) burst: u64,
}

/// Where our own lines about a running grain go.
#[derive(Clone)]
pub(crate) struct LogWriter(mpsc::UnboundedSender<String>);

impl LogWriter {
    /// Adds a line of ours, after all that the app has printed so far.
    pub(crate) fn line(&self, text: &str) {
        // An error means that the log cannot be written any more, which was told.
        let _ = self.0.send(format!("{PREFIX}{}\n", text.replace(['\n', '\r'], " ")));
    }
}

impl Logs {
    fn notify(&self, dir: &Path) -> Arc<Notify> {
        let mut followers = self.followers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = followers.get(dir).and_then(Weak::upgrade) {
            return known;
        }
        followers.retain(|_, notify| notify.strong_count() > 0);
        let notify = Arc::new(Notify::new());
        followers.insert(dir.to_owned(), Arc::downgrade(&notify));
        notify
    }

    /// Starts to write the log in `dir`: gives the end for the app's output and the way for our lines.
    ///
    /// The copying happens on `runtime`, never on the vat.
    pub(crate) fn open(
        &self,
        runtime: &tokio::runtime::Handle,
        dir: &Path,
        limits: LogLimits,
    ) -> io::Result<(OwnedFd, LogWriter)> {
        let (ours, theirs) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC)?;
        nix::fcntl::fcntl(&ours, nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::O_NONBLOCK))?;
        let file = Rotating::open(dir, limits.bytes)?;
        let notify = self.notify(dir);
        let (lines, queue) = mpsc::unbounded_channel();
        let _runtime = runtime.enter();
        let pipe = pipe::Receiver::from_owned_fd(ours)?;
        runtime.spawn(copy(pipe, queue, file, limits, notify));
        Ok((theirs, LogWriter(lines)))
    }

    /// The last `backlog` bytes of the log in `dir`, and what is added afterwards if `follow`.
    pub(crate) fn read(
        &self,
        dir: &Path,
        backlog: u64,
        follow: bool,
    ) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
        let notify = self.notify(dir);
        let reader = Reader { dir: dir.to_owned(), backlog: Some(backlog), file: None };
        futures::stream::try_unfold((Some(reader), notify), move |(reader, notify)| async move {
            let Some(mut reader) = reader else { return Ok(None) };
            loop {
                // Registered before the look, so that nothing falls in between.
                let changed = notify.notified();
                let mut changed = std::pin::pin!(changed);
                changed.as_mut().enable();
                let (back, result) = tokio::task::spawn_blocking(move || {
                    let result = reader.next();
                    (reader, result)
                })
                .await
                .map_err(io::Error::other)?;
                reader = back;
                let data = result?;
                if !data.is_empty() {
                    return Ok(Some((data, (Some(reader), notify.clone()))));
                }
                if !follow {
                    return Ok(None);
                }
                changed.await;
            }
        })
    }
}

/// The file, put aside as `log.1` when it is full.
struct Rotating {
    dir: PathBuf,
    file: File,
    length: u64,
    limit: u64,
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC).open(path)
}

impl Rotating {
    fn open(dir: &Path, limit: u64) -> io::Result<Self> {
        let file = append(&dir.join("log"))?;
        let length = file.metadata()?.len();
        Ok(Self { dir: dir.to_owned(), file, length, limit })
    }

    fn write(&mut self, mut data: &[u8]) -> io::Result<()> {
        while !data.is_empty() {
            if self.length >= self.limit {
                std::fs::rename(self.dir.join("log"), self.dir.join("log.1"))?;
                self.file = append(&self.dir.join("log"))?;
                self.length = 0;
            }
            let room = usize::try_from(self.limit - self.length).unwrap_or(usize::MAX);
            let (now, later) = data.split_at(room.min(data.len()));
            self.file.write_all(now)?;
            self.length += now.len() as u64;
            data = later;
        }
        Ok(())
    }
}

/// Copies until the app's last process has closed the pipe and nobody has anything to say any more.
async fn copy(
    pipe: pipe::Receiver,
    mut lines: mpsc::UnboundedReceiver<String>,
    mut file: Rotating,
    limits: LogLimits,
    notify: Arc<Notify>,
) {
    let mut buffer = vec![0; CHUNK];
    let mut open = true;
    let mut talking = true;
    let mut rate = Rate { tokens: limits.burst, since: Instant::now(), limits };
    while open || talking {
        let written = tokio::select! {
            biased;
            line = lines.recv(), if talking => {
                if let Some(line) = line {
                    // What the app printed before stands before.
                    let mut result = Ok(());
                    let mut left = 16;
                    while left > 0 && open && let Ok(count) = pipe.try_read(&mut buffer) {
                        open = count > 0;
                        left -= 1;
                        result = result.and_then(|()| file.write(&buffer[..count]));
                    }
                    result.and_then(|()| file.write(line.as_bytes()))
                } else {
                    talking = false;
                    Ok(())
                }
            }
            ready = pipe.readable(), if open => match ready.and_then(|()| pipe.try_read(&mut buffer)) {
                Ok(0) => {
                    open = false;
                    Ok(())
                }
                Ok(count) => {
                    let result = file.write(&buffer[..count]);
                    notify.notify_waiters();
                    rate.spend(count as u64).await;
                    result
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
                Err(_) => {
                    open = false;
                    Ok(())
                }
            },
        };
        if let Err(error) = written {
            // The disk is full or broken: the app goes on, its output is lost until writing works again.
            tracing::warn!(dir = %file.dir.display(), %error, "a grain's log cannot be written");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        notify.notify_waiters();
    }
}

/// A bucket of bytes that fills at a steady rate.
struct Rate {
    tokens: u64,
    since: Instant,
    limits: LogLimits,
}

impl Rate {
    async fn spend(&mut self, bytes: u64) {
        let now = Instant::now();
        let passed = u64::try_from((now - self.since).as_micros()).unwrap_or(u64::MAX);
        let earned = passed.saturating_mul(self.limits.rate) / 1_000_000;
        if earned > 0 {
            self.tokens = self.tokens.saturating_add(earned).min(self.limits.burst);
            self.since = now;
        }
        if self.tokens < bytes {
            let missing = bytes - self.tokens;
            tokio::time::sleep(Duration::from_micros(missing.saturating_mul(1_000_000) / self.limits.rate.max(1)))
                .await;
            self.tokens = 0;
            self.since = Instant::now();
        } else {
            self.tokens -= bytes;
        }
    }
}

/// Reads a log that may be put aside meanwhile.
struct Reader {
    dir: PathBuf,
    /// Before the first read: how much of the past is wanted.
    backlog: Option<u64>,
    file: Option<File>,
}

impl Reader {
    /// The next piece; empty when there is none yet.
    fn next(&mut self) -> io::Result<Bytes> {
        if let Some(backlog) = self.backlog.take() {
            return self.begin(backlog);
        }
        if let Some(data) = self.piece()? {
            return Ok(data);
        }
        // All is read: has the file been put aside since?
        let current = match std::fs::metadata(self.dir.join("log")) {
            Ok(current) => current,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Bytes::new()),
            Err(error) => return Err(error),
        };
        let same = match &self.file {
            Some(file) => {
                let known = file.metadata()?;
                known.ino() == current.ino() && known.dev() == current.dev()
            }
            None => false,
        };
        if same {
            return Ok(Bytes::new());
        }
        // Something may have been added between the last read and the renaming.
        if let Some(data) = self.piece()? {
            return Ok(data);
        }
        self.file = Some(open(&self.dir.join("log"))?);
        Ok(self.piece()?.unwrap_or_default())
    }

    fn begin(&mut self, backlog: u64) -> io::Result<Bytes> {
        let mut file = match open(&self.dir.join("log")) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Bytes::new()),
            Err(error) => return Err(error),
        };
        let length = file.metadata()?.len();
        let missing = backlog.saturating_sub(length);
        let mut data = Vec::new();
        if missing > 0
            && let Ok(mut older) = open(&self.dir.join("log.1"))
        {
            let start = older.metadata()?.len().saturating_sub(missing);
            older.seek(SeekFrom::Start(start))?;
            older.take(missing).read_to_end(&mut data)?;
        }
        file.seek(SeekFrom::Start(length.saturating_sub(backlog)))?;
        self.file = Some(file);
        if data.is_empty() { Ok(self.piece()?.unwrap_or_default()) } else { Ok(data.into()) }
    }

    fn piece(&mut self) -> io::Result<Option<Bytes>> {
        let Some(file) = &mut self.file else { return Ok(None) };
        let mut data = vec![0; PIECE];
        let count = file.read(&mut data)?;
        data.truncate(count);
        Ok((count > 0).then(|| data.into()))
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC).open(path)
}

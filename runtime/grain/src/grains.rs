//! The handle of all grains, and the table on the vat that says which one is in which phase of its life.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use bytes::Bytes;
use futures::Stream;
use futures::future::{FutureExt, LocalBoxFuture, Shared};
use granary_sandbox::Launcher;
use granary_wire::vat::{Gone, Local, Vat};
use tokio::runtime::Runtime;
use tokio::sync::broadcast;

use crate::log::Logs;
use crate::run::{self, Run, Stop, off_the_vat};
use crate::session::{self, Opened, Session};
use crate::size::{self, Watcher};
use crate::transport::Pool;
use crate::{Error, GrainEvent, GrainSource, GrainSpec, GrainState, GrainStatus, SessionRequest, Settings, remove};

/// How many events wait for a slow listener before it misses some.
const EVENTS: usize = 1024;

/// All grains of the appliance. Clones are handles of the same ones.
#[derive(Clone)]
pub struct Grains {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    vat: Vat,
    pub(crate) launcher: Launcher,
    source: Arc<dyn GrainSource>,
    settings: RwLock<Arc<Settings>>,
    events: broadcast::Sender<GrainEvent>,
    status: Mutex<HashMap<String, GrainStatus>>,
    table: OnceLock<Local<Table>>,
    pub(crate) logs: Logs,
    pub(crate) watcher: Arc<Watcher>,
    /// Where files are watched and logs are copied: not the vat, which must not wait for a disk.
    files: Option<Runtime>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(files) = self.files.take() {
            files.shutdown_background();
        }
    }
}

/// What the vat knows.
struct Table {
    grains: RefCell<HashMap<String, Phase>>,
    pool: Pool,
}

type Starting = Shared<LocalBoxFuture<'static, Result<Rc<Run>, Error>>>;

#[derive(Clone)]
enum Phase {
    /// A start is under way; whoever asks meanwhile waits for the same one.
    Starting(Starting),
    Running(Rc<Run>),
    /// It is going away for good.
    Deleting,
}

impl Inner {
    pub(crate) fn runtime(&self) -> &tokio::runtime::Handle {
        // Taken only by drop.
        match &self.files {
            Some(files) => files.handle(),
            None => unreachable!("the files' runtime lives as long as this"),
        }
    }

    /// The settings as they are now; a grain keeps those it was started with.
    pub(crate) fn settings(&self) -> Arc<Settings> {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn table(&self) -> Result<Rc<Table>, Error> {
        let table = self.table.get_or_init(|| {
            self.vat.bind(Table { grains: RefCell::default(), pool: Pool::new(self.settings().api_memory) })
        });
        table.get().map_err(|_| Error::ShuttingDown)
    }

    pub(crate) fn emit(&self, event: GrainEvent) {
        // An error means that nobody listens.
        let _ = self.events.send(event);
    }

    fn status(&self) -> MutexGuard<'_, HashMap<String, GrainStatus>> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update(&self, id: &str, change: impl FnOnce(&mut GrainStatus)) {
        change(self.status().entry(id.to_owned()).or_insert(GrainStatus {
            state: GrainState::Stopped,
            size: None,
            starts: 0,
            last_crash: None,
        }));
    }

    fn set_state(&self, id: &str, state: GrainState) {
        self.update(id, |status| {
            status.state = state;
            if state == GrainState::Running {
                status.starts += 1;
            }
        });
        self.emit(GrainEvent::State { grain_id: id.to_owned(), state });
    }

    pub(crate) fn set_size(&self, id: &str, bytes: u64) {
        let mut changed = false;
        self.update(id, |status| changed = status.size.replace(bytes) != Some(bytes));
        if changed {
            self.emit(GrainEvent::Size { grain_id: id.to_owned(), bytes });
        }
    }

    pub(crate) fn set_crash(&self, id: &str, reason: &str) {
        self.update(id, |status| status.last_crash = Some(reason.to_owned()));
        self.emit(GrainEvent::Crashed { grain_id: id.to_owned(), reason: reason.to_owned() });
    }
}

impl Grains {
    /// Makes the handle. Nothing is started before it is needed.
    ///
    /// # Errors
    /// When the thread that works on files cannot be started.
    pub fn new(vat: Vat, launcher: Launcher, source: Arc<dyn GrainSource>, settings: Settings) -> io::Result<Self> {
        let files = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(8)
            .thread_name("granary-files")
            .enable_all()
            .build()?;
        let watcher = Watcher::start(files.handle());
        Ok(Self {
            inner: Arc::new(Inner {
                vat,
                launcher,
                source,
                settings: RwLock::new(Arc::new(settings)),
                events: broadcast::Sender::new(EVENTS),
                status: Mutex::default(),
                table: OnceLock::new(),
                logs: Logs::default(),
                watcher,
                files: Some(files),
            }),
        })
    }

    /// Changes the settings for grains that start from now on. What concerns all of them together stays as it was.
    pub fn change_settings(&self, settings: Settings) {
        *self.inner.settings.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
    }

    /// Makes a new grain and starts it with `spec.command`, which is the chosen action's.
    ///
    /// # Errors
    /// When the folder is there already, or the app cannot be started; then nothing of the grain is left.
    pub async fn create(&self, spec: GrainSpec) -> Result<(), Error> {
        check_id(&spec.id)?;
        {
            let spec = spec.clone();
            off_the_vat(move || make_folder(&spec)).await?;
        }
        let dir = spec.dir.clone();
        let inner = self.inner.clone();
        let started =
            self.on_vat(move || async move { ensure(&inner, &spec.id.clone(), Some(spec)).await.map(|_| ()) }).await;
        if started.is_err() {
            off_the_vat(move || {
                remove::remove_tree(&dir)
                    .map_err(|error| Error::io("The new grain's folder cannot be removed again", &error))
            })
            .await?;
        }
        started
    }

    /// Opens a session, and starts the grain for it where it does not run. Two at once start one grain.
    ///
    /// # Errors
    /// When the grain cannot be started, or the app does not open a session (see [`Settings::start_timeout`]).
    pub async fn open_session(&self, id: &str, request: SessionRequest) -> Result<Session, Error> {
        check_id(id)?;
        let (inner, id) = (self.inner.clone(), id.to_owned());
        self.on_vat(move || async move {
            let opened = open(&inner, &id, &request).await?;
            Ok(Session { client: inner.vat.bind(opened.client), view: opened.view, permissions: opened.permissions })
        })
        .await
    }

    /// Starts the grain if it does not run. Counts as a use.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn start(&self, id: &str) -> Result<(), Error> {
        check_id(id)?;
        let (inner, id) = (self.inner.clone(), id.to_owned());
        self.on_vat(move || async move {
            ensure(&inner, &id, None).await?.control.set_used();
            Ok(())
        })
        .await
    }

    /// Stops the grain and waits until no process of it is left. Gives whether it ran.
    ///
    /// # Errors
    /// When the appliance is shutting down.
    pub async fn stop(&self, id: &str) -> Result<bool, Error> {
        let (inner, id) = (self.inner.clone(), id.to_owned());
        self.on_vat(move || async move { Ok(stop(&inner, &id).await?.is_some()) }).await
    }

    /// Stops every grain and waits for it.
    ///
    /// # Errors
    /// When the appliance is shutting down.
    pub async fn stop_all(&self) -> Result<(), Error> {
        let inner = self.inner.clone();
        self.on_vat(move || async move {
            let ids: Vec<_> = inner.table()?.grains.borrow().keys().cloned().collect();
            futures::future::join_all(ids.iter().map(|id| stop(&inner, id))).await;
            Ok(())
        })
        .await
    }

    /// Stops the grain and deletes its folder `dir` with all in it. It cannot be opened from the call on.
    ///
    /// The folder is out of sight when this returns; what is left of a deletion that was interrupted is removed by
    /// [`crate::collect_leftovers`].
    ///
    /// # Errors
    /// When the folder cannot be moved aside or emptied.
    pub async fn delete(&self, id: &str, dir: &Path) -> Result<(), Error> {
        check_id(id)?;
        let (inner, id, dir) = (self.inner.clone(), id.to_owned(), dir.to_owned());
        // In one piece, even when the caller goes away.
        let work = self.on_vat(move || async move {
            tokio::task::spawn_local(delete(inner, id, dir)).await.unwrap_or(Err(Error::ShuttingDown))
        });
        work.await
    }

    /// What is known of a grain. One that nobody used in this run of the appliance is stopped, of unknown size.
    #[must_use]
    pub fn status(&self, id: &str) -> GrainStatus {
        let status = self.inner.status().get(id).cloned();
        status.unwrap_or(GrainStatus { state: GrainState::Stopped, size: None, starts: 0, last_crash: None })
    }

    /// Everything that happens to grains from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<GrainEvent> {
        self.inner.events.subscribe()
    }

    /// Measures the folder of a grain, running or not, and remembers the result.
    ///
    /// # Errors
    /// When the folder cannot be opened.
    pub async fn measure(&self, id: &str, dir: &Path) -> Result<u64, Error> {
        let dir = dir.to_owned();
        let bytes = off_the_vat(move || {
            size::measure(&dir).map_err(|error| Error::io("The grain's folder cannot be measured", &error))
        })
        .await?;
        self.inner.set_size(id, bytes);
        Ok(bytes)
    }

    /// The last `backlog` bytes of the log in the grain's folder `dir`, and with `follow` what is added later, also
    /// over restarts. The stream without `follow` ends; the other one never does.
    pub fn log(&self, dir: &Path, backlog: u64, follow: bool) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
        self.inner.logs.read(dir, backlog, follow)
    }

    /// The vat on which all sessions live.
    #[must_use]
    pub fn vat(&self) -> &Vat {
        &self.inner.vat
    }

    async fn on_vat<F, Fut, T>(&self, work: F) -> Result<T, Error>
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, Error>> + 'static,
        T: Send + 'static,
    {
        match self.inner.vat.call(work).await {
            Ok(result) => result,
            Err(Gone::Stopped | Gone::Elsewhere) => Err(Error::ShuttingDown),
            Err(gone @ Gone::Panicked) => Err(Error::Io { what: "The grain".into(), error: gone.to_string() }),
        }
    }
}

fn check_id(id: &str) -> Result<(), Error> {
    if crate::is_grain_id(id) { Ok(()) } else { Err(Error::BadGrainId(id.to_owned())) }
}

/// The folder of a new grain: `var` belongs to the app, the rest to us.
fn make_folder(spec: &GrainSpec) -> Result<(), Error> {
    let folder = |path: &Path, mode| {
        std::fs::DirBuilder::new().mode(mode).create(path).and_then(|()| {
            // The umask of whoever started us shall not decide.
            std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))
        })
    };
    match folder(&spec.dir, 0o770) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(Error::Exists(spec.id.clone())),
        Err(error) => return Err(Error::io("The grain's folder cannot be made", &error)),
    }
    let var = spec.dir.join("var");
    let made = folder(&var, 0o770).and_then(|()| granary_sandbox::own_var(&var));
    made.map_err(|error| {
        let _ = remove::remove_tree(&spec.dir);
        Error::io("The grain's /var cannot be made", &error)
    })
}

fn check_folder(spec: &GrainSpec) -> Result<(), Error> {
    if spec.dir.join("var").is_dir() { Ok(()) } else { Err(Error::NoSuchGrain(spec.id.clone())) }
}

/// The grain's run: the present one, the one that is being started, or a new one.
async fn ensure(inner: &Arc<Inner>, id: &str, new: Option<GrainSpec>) -> Result<Rc<Run>, Error> {
    let table = inner.table()?;
    loop {
        let phase = table.grains.borrow().get(id).cloned();
        match phase {
            Some(Phase::Deleting) => return Err(Error::Deleting(id.to_owned())),
            Some(Phase::Starting(starting)) => return starting.await,
            Some(Phase::Running(run)) if run.is_alive() => return Ok(run),
            // Two runs of one grain must never share its /var.
            Some(Phase::Running(run)) => {
                run.ended().await;
                forget(inner, &table, id, &run);
            }
            None => {
                let starting = begin(inner.clone(), table.clone(), id.to_owned(), new).boxed_local().shared();
                table.grains.borrow_mut().insert(id.to_owned(), Phase::Starting(starting.clone()));
                // Goes on though whoever asked for it should go away: others may wait for it too.
                tokio::task::spawn_local(starting.clone().map(drop));
                return starting.await;
            }
        }
    }
}

/// Starts the grain, and says in the table what became of it.
async fn begin(inner: Arc<Inner>, table: Rc<Table>, id: String, new: Option<GrainSpec>) -> Result<Rc<Run>, Error> {
    inner.set_state(&id, GrainState::Starting);
    let again = inner.status().get(&id).and_then(|status| status.last_crash.clone());
    let started = async {
        let spec = match new {
            Some(spec) => spec,
            None => {
                let (inner, id) = (inner.clone(), id.clone());
                off_the_vat(move || Ok(inner.source.spec(&id)?)).await?
            }
        };
        {
            let spec = spec.clone();
            off_the_vat(move || check_folder(&spec)).await?;
        }
        run::start(&inner, &table.pool, spec, again).await
    }
    .await;
    match &started {
        Ok(run) => {
            inner.update(&id, |status| status.last_crash = None);
            table.grains.borrow_mut().insert(id.clone(), Phase::Running(run.clone()));
            inner.set_state(&id, GrainState::Running);
            let run = run.clone();
            tokio::task::spawn_local(async move {
                run.ended().await;
                forget(&inner, &table, &id, &run);
            });
        }
        Err(_) => {
            table.grains.borrow_mut().remove(&id);
            inner.set_state(&id, GrainState::Stopped);
        }
    }
    started
}

/// Takes a run that has ended out of the table. Done once, whoever notices first.
fn forget(inner: &Inner, table: &Table, id: &str, run: &Rc<Run>) {
    let is_this = matches!(table.grains.borrow().get(id), Some(Phase::Running(known)) if Rc::ptr_eq(known, run));
    if is_this {
        table.grains.borrow_mut().remove(id);
        inner.set_state(id, GrainState::Stopped);
    }
}

async fn open(inner: &Arc<Inner>, id: &str, request: &SessionRequest) -> Result<Opened, Error> {
    let limit = inner.settings().start_timeout;
    let run = ensure(inner, id, None).await?;
    match session::open(&run, request, limit).await {
        // It was on its way out, idle or crashed: once more, with a new run.
        Err(Error::Ended(_)) => {
            let run = ensure(inner, id, None).await?;
            session::open(&run, request, limit).await
        }
        other => other,
    }
}

async fn stop(inner: &Arc<Inner>, id: &str) -> Result<Option<()>, Error> {
    let table = inner.table()?;
    let phase = table.grains.borrow().get(id).cloned();
    let run = match phase {
        None | Some(Phase::Deleting) => return Ok(None),
        // A launch takes milliseconds; then there is something to kill.
        Some(Phase::Starting(starting)) => match starting.await {
            Ok(run) => run,
            Err(_) => return Ok(None),
        },
        Some(Phase::Running(run)) => run,
    };
    run.kill(Stop::Asked);
    run.ended().await;
    forget(inner, &table, id, &run);
    Ok(Some(()))
}

async fn delete(inner: Arc<Inner>, id: String, dir: PathBuf) -> Result<(), Error> {
    let table = inner.table()?;
    // A start that is under way is waited for; nothing new begins afterwards.
    loop {
        stop(&inner, &id).await?;
        let mut grains = table.grains.borrow_mut();
        match grains.get(&id) {
            None => {
                grains.insert(id.clone(), Phase::Deleting);
                break;
            }
            Some(Phase::Deleting) => return Err(Error::Deleting(id)),
            // Somebody opened it in the meantime.
            Some(_) => {}
        }
    }
    let result = {
        let id = id.clone();
        off_the_vat(move || {
            let aside = dir.with_file_name(remove::aside_name(&id));
            match std::fs::rename(&dir, &aside) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(Error::io("The grain's folder cannot be moved aside", &error)),
            }
            remove::remove_tree(&aside).map_err(|error| Error::io("The grain's folder cannot be deleted", &error))
        })
        .await
    };
    table.grains.borrow_mut().remove(&id);
    if result.is_ok() {
        inner.status().remove(&id);
        inner.emit(GrainEvent::Deleted { grain_id: id });
    }
    result
}

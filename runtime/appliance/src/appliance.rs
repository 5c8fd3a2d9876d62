//! Starts everything in the right order, keeps it going, and ends it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use granary_gateway::{Gateway, GatewayConfig, GatewayError};
use granary_grain::Grains;
use granary_sandbox::{Launcher, LauncherConfig};
use granary_store::Store;
use granary_wire::vat::Vat;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::core::{Core, now};
use crate::folder::{Folder, FolderError, Holder};
use crate::front::{Desktop, FrontEnd};
use crate::health::{Entry, Health, Subject};
use crate::installs::Installs;
use crate::settings::Chosen;
use crate::socket::SocketError;
use crate::source::Source;
use crate::updates::Updates;
use crate::words::Dictionary;
use crate::{api, changes, leftovers, notices, serve, socket, starters, ui};

/// What an appliance is started with.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// The port wished for; the one used last, or 6443, when missing.
    pub port: Option<u16>,
    /// Where the program that makes sandboxes is.
    pub launcher: LauncherConfig,
    /// Folders in which there may be a folder `starter` with packages.
    pub libexec: Vec<PathBuf>,
    /// The desktop that this process is; `None` without windows.
    pub desktop: Option<Arc<dyn Desktop>>,
}

impl Config {
    /// An appliance on `data_dir`, with programs and starter apps from the usual places.
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            port: None,
            launcher: LauncherConfig { prepared: PREPARED, ..LauncherConfig::default() },
            libexec: starters::folders(),
            desktop: None,
        }
    }
}

/// Each open grain and each connection takes a few descriptors: what the computer allows is used. Grains get limits of their own.
fn raise_file_limit() {
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && let Err(error) = setrlimit(Resource::RLIMIT_NOFILE, hard, hard)
    {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
}

/// Sandboxes made ahead of need.
const PREPARED: usize = 2;

/// Why an appliance did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder cannot be used, for example because another appliance uses it.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] granary_store::Error),
    /// The launcher did not start.
    #[error(transparent)]
    Launcher(#[from] granary_sandbox::Error),
    /// No port, no certificate or no list of logins.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// The Unix socket cannot be offered.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// Threads or file descriptors are missing, as a rule.
    #[error("this computer refused something that Granary needs: {0}; close other programs and try again")]
    System(#[from] std::io::Error),
    /// Leftovers of an earlier run could not be looked at.
    #[error("leftovers of an earlier run could not be looked at: {0}")]
    Leftovers(crate::api::problem::Problem),
}

/// A running appliance. Dropping it ends it, and all grains with it.
#[derive(Debug)]
pub struct Appliance {
    runtime: Option<Runtime>,
    core: Arc<Core>,
    gateway: Arc<Gateway>,
    vat: Vat,
    wished: u16,
    socket: PathBuf,
    serving: Option<JoinHandle<Result<(), GatewayError>>>,
}

impl Appliance {
    /// Starts everything. When it returns, the API answers and the starter apps are installed.
    ///
    /// The launcher is started first, while this process has as few threads as it ever has; call it from the main
    /// thread, before others are started, and outside of any async runtime.
    ///
    /// # Errors
    /// When another appliance runs on the folder, or the computer lacks something.
    pub fn start(config: &Config) -> Result<Self, StartError> {
        let mut folder = Folder::open(&config.data_dir)?;
        raise_file_limit();
        let launcher = Launcher::start(&config.launcher)?;
        let store = Arc::new(Store::open(&folder.database())?);
        let mut chosen = Chosen::load(&store)?;
        leftovers::collect_grains(&store, &folder).map_err(StartError::Leftovers)?;
        leftovers::collect_packages(&store, &folder).map_err(StartError::Leftovers)?;
        let dictionary = Dictionary::load(&store, &folder).map_err(StartError::Leftovers)?;

        let runtime = tokio::runtime::Builder::new_multi_thread()
            // What is measured in memory and what two cores can do agree on this: the work is in the kernel, in the
            // grains and on the vat.
            .worker_threads(2)
            .max_blocking_threads(32)
            .thread_name("granary")
            .enable_all()
            .build()?;
        let vat = Vat::start()?;
        let entered = runtime.enter();
        let wished = config.port.unwrap_or(chosen.port);
        let gateway = Arc::new(Gateway::new(GatewayConfig {
            windows: config.desktop.is_some(),
            ..GatewayConfig::new(folder.root(), wished, vat.clone())
        })?);
        if chosen.port != gateway.port() {
            chosen.port = gateway.port();
            chosen.save(&store)?;
        }
        let socket_path = socket::place(folder.root());
        let listener = socket::bind(&socket_path)?;
        folder.announce(&Holder { pid: std::process::id().cast_signed(), socket: socket_path.clone() })?;
        drop(entered);

        let source = Source { store: Arc::clone(&store), apps: folder.apps(), grains: folder.grains() };
        let grains = Grains::new(vat.clone(), launcher.clone(), Arc::new(source), chosen.grain_settings())?;
        let ending = CancellationToken::new();
        let core = Arc::new(Core {
            instance: instance(&store)?,
            started: now(),
            logins: gateway.logins(),
            sessions: gateway.sessions(),
            health: Health::default(),
            updates: Updates::new(ending.clone()),
            changes: Arc::default(),
            dictionary,
            installs: Installs::default(),
            settings: RwLock::new(chosen),
            packages: tokio::sync::RwLock::new(()),
            launcher: LauncherConfig { prepared: 0, ..config.launcher.clone() },
            desktop: config.desktop.clone(),
            origin: gateway.origin().to_owned(),
            port: gateway.port(),
            folder,
            store,
            grains,
            ending: ending.clone(),
        });

        runtime.block_on(core.install_starters(&config.libexec));
        runtime.spawn(changes::follow(Arc::clone(&core)));
        runtime.spawn(notices::follow_grains(Arc::clone(&core), core.grains.subscribe()));
        runtime.spawn(notices::follow_sessions(Arc::clone(&core), core.sessions.subscribe()));
        runtime.spawn(keep_house(Arc::clone(&core), Arc::clone(&gateway)));
        runtime.spawn(async move {
            if let Err(error) = launcher.prepare().await {
                tracing::warn!(%error, "no sandbox could be prepared");
            }
        });
        let shell = api::router(Arc::clone(&core)).merge(ui::router());
        let serving = {
            let gateway = Arc::clone(&gateway);
            runtime.spawn(async move { gateway.serve(shell, ending.cancelled_owned()).await })
        };
        runtime.spawn(serve::serve_socket(Arc::clone(&core), listener));
        Ok(Self { runtime: Some(runtime), core, gateway, vat, wished, socket: socket_path, serving: Some(serving) })
    }

    /// The port of every origin.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.core.port
    }

    /// The port that was wished for and is taken, when there is another one instead.
    #[must_use]
    pub fn taken_port(&self) -> Option<u16> {
        Some(self.wished).filter(|&wished| wished != 0 && wished != self.core.port)
    }

    /// The shell origin, `https://granary.localhost:6443`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.core.origin
    }

    /// Where everything is kept.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        self.core.folder.root()
    }

    /// The API, for the front end in this process.
    ///
    /// # Panics
    /// Never: an appliance that ended is gone.
    #[must_use]
    pub fn front_end(&self) -> FrontEnd {
        let runtime = self.runtime.as_ref().expect("it runs until it is dropped").handle().clone();
        FrontEnd::new(Arc::clone(&self.core), Arc::clone(&self.gateway), runtime)
    }

    /// A one-time URL that logs a browser in, for a minute.
    #[must_use]
    pub fn login_url(&self) -> String {
        self.core.logins.url("/")
    }

    /// What a person should know.
    #[must_use]
    pub fn health(&self) -> Vec<Entry> {
        self.core.health.problems()
    }

    /// Waits for SIGTERM, SIGINT or SIGHUP, or for the gateway to fail.
    ///
    /// # Errors
    /// When the gateway failed, or signals cannot be waited for.
    pub fn wait(&mut self) -> Result<(), StartError> {
        let (Some(runtime), Some(serving)) = (&self.runtime, &mut self.serving) else { return Ok(()) };
        runtime.block_on(async {
            let mut terminate = signal(SignalKind::terminate())?;
            let mut interrupt = signal(SignalKind::interrupt())?;
            let mut hangup = signal(SignalKind::hangup())?;
            tokio::select! {
                _ = terminate.recv() => Ok(()),
                _ = interrupt.recv() => Ok(()),
                _ = hangup.recv() => Ok(()),
                ended = serving => match ended {
                    Ok(result) => Ok(result?),
                    Err(error) => Err(StartError::System(std::io::Error::other(error))),
                },
            }
        })
    }

    fn end(&mut self) {
        let Some(runtime) = self.runtime.take() else { return };
        self.core.ending.cancel();
        let serving = self.serving.take();
        runtime.block_on(async {
            let orderly = async {
                if let Some(serving) = serving
                    && !serving.is_finished()
                    && let Ok(Err(error)) = serving.await
                {
                    tracing::warn!(%error, "the gateway did not end in order");
                }
                if let Err(error) = self.core.grains.stop_all().await {
                    tracing::warn!(%error, "the grains did not end in order");
                }
                self.vat.stop().await;
            };
            if tokio::time::timeout(PATIENCE, orderly).await.is_err() {
                tracing::warn!("Granary did not end in order; the rest is ended by force");
            }
        });
        // While the lock is still held: nobody else can have put a socket of theirs there.
        let _ = std::fs::remove_file(&self.socket);
        runtime.shutdown_timeout(Duration::from_secs(2));
    }
}

/// How long an orderly end may take.
const PATIENCE: Duration = Duration::from_secs(10);

impl Drop for Appliance {
    fn drop(&mut self) {
        self.end();
    }
}

/// Runs the self-test and looks after what changes slowly, until the appliance ends.
async fn keep_house(core: Arc<Core>, gateway: Arc<Gateway>) {
    let mut hours = tokio::time::interval(Duration::from_secs(3600));
    let mut minutes = tokio::time::interval(Duration::from_secs(60));
    if let Err(problem) = core.doctor().await {
        tracing::warn!(%problem, "the self-test did not run");
    }
    loop {
        tokio::select! {
            () = core.ending.cancelled() => return,
            _ = hours.tick() => {
                if let Err(problem) = core.delete_old_trash().await {
                    tracing::warn!(%problem, "the trash could not be emptied");
                }
            }
            _ = minutes.tick() => {
                core.expire_installs().await;
                for entry in gateway.health() {
                    core.notice(Subject::Appliance, entry.into()).await;
                }
            }
        }
    }
}

/// Makes the data folder and its certificates if there are none, so that browsers can be told of them before the first
/// start.
///
/// # Errors
/// When the folder cannot be used.
pub fn prepare(data_dir: &Path) -> Result<(), StartError> {
    match Folder::open(data_dir) {
        Ok(folder) => Ok(granary_gateway::trust::prepare(folder.root()).map_err(GatewayError::from)?),
        // Whoever runs there has made them.
        Err(FolderError::Busy { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Looks at this computer: each thing that Granary needs of it, good or bad.
pub async fn self_test(launcher: &LauncherConfig) -> Vec<Entry> {
    granary_sandbox::doctor(launcher).await.into_iter().map(Entry::from).collect()
}

/// The id of this data folder, made at its first start.
fn instance(store: &Store) -> Result<String, StartError> {
    const KEY: &str = "instance";
    if let Some(known) = store.read(|r| r.setting::<String>(KEY))? {
        return Ok(known);
    }
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| std::io::Error::other(error.to_string()))?;
    let new = hex::encode(bytes);
    store.write(|w| w.set_setting(KEY, &new))?;
    Ok(new)
}

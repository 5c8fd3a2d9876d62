//! One run of a grain: from the sandbox's first instruction until no process of it is left.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use capnp_rpc::RpcSystem;
use capnp_rpc::rpc_twoparty_capnp::Side;
use granary_sandbox::{Exit, Launch, Sandbox};
use granary_wire::grain_capnp::main_view;
use tokio::sync::watch;

use crate::grains::Inner;
use crate::log::{LogLimits, LogWriter};
use crate::settings::DiskLimits;
use crate::size::{Accounting, Size};
use crate::transport::{Closed, Control, Network, Pool};
use crate::{Error, GrainEvent, GrainSpec, api};

/// How long an app that has closed its socket may take to end by itself.
const GRACE: Duration = Duration::from_secs(1);

/// The app's view, of whatever object ids.
pub(crate) type MainView = main_view::Client<capnp::any_pointer::Owned>;

/// Why we ended a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Nobody used it.
    Idle,
    /// Somebody asked for it.
    Asked,
    /// It takes too much disk space.
    DiskFull(String),
}

/// A running grain. It lives on the vat.
pub(crate) struct Run {
    pub(crate) view: MainView,
    pub(crate) control: Control,
    sandbox: Arc<Sandbox>,
    log: LogWriter,
    stop: RefCell<Option<Stop>>,
    stalled: Cell<bool>,
    ended: watch::Sender<Option<String>>,
}

impl Run {
    /// Kills the grain. [`Run::ended`] tells when it is gone.
    pub(crate) fn kill(&self, why: Stop) {
        let text = match &why {
            Stop::Idle => "the grain was not used any more and was stopped",
            Stop::Asked => "the grain was stopped",
            Stop::DiskFull(_) => "the grain was stopped since it takes too much disk space",
        };
        self.stop.borrow_mut().get_or_insert(why);
        self.control.close(text);
        self.sandbox.kill();
    }

    /// Whether new sessions can still be opened in this run.
    pub(crate) fn is_alive(&self) -> bool {
        self.ended.borrow().is_none() && self.control.closed().is_none() && self.stop.borrow().is_none()
    }

    /// Waits until no process of the run is left; gives the sentence that says why.
    pub(crate) async fn ended(&self) -> String {
        let mut ended = self.ended.subscribe();
        // The sender is part of `self`, so the channel cannot close.
        let text = ended.wait_for(Option::is_some).await.map(|text| text.clone());
        text.ok().flatten().unwrap_or_default()
    }
}

/// Starts the grain's app.
pub(crate) async fn start(
    inner: &Arc<Inner>,
    pool: &Pool,
    spec: GrainSpec,
    again: Option<String>,
) -> Result<Rc<Run>, Error> {
    let settings = inner.settings();
    let limits = LogLimits { bytes: settings.log_bytes, rate: settings.log_rate, burst: settings.log_burst };
    let (output, log) = {
        let (inner, dir) = (inner.clone(), spec.dir.clone());
        off_the_vat(move || {
            inner
                .logs
                .open(inner.runtime(), &dir, limits)
                .map_err(|error| Error::io("The grain's log cannot be opened", &error))
        })
        .await?
    };
    log.line(&format!(
        "Starting up grain. Sandbox type: {}",
        if nix::unistd::geteuid().is_root() { "privileged" } else { "userns" }
    ));
    if let Some(reason) = again {
        log.line(&format!("It had ended before: {reason}"));
    }
    let result = launch(inner, pool, &spec, output, log.clone()).await;
    if let Err(error) = &result {
        log.line(&error.to_string());
    }
    result
}

/// Runs `work` where it may block.
pub(crate) async fn off_the_vat<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Err(Error::ShuttingDown),
    }
}

async fn launch(
    inner: &Arc<Inner>,
    pool: &Pool,
    spec: &GrainSpec,
    output: std::os::fd::OwnedFd,
    log: LogWriter,
) -> Result<Rc<Run>, Error> {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()
        .map_err(|error| Error::io("No socket can be made for the grain", &error))?;
    let sandbox = inner
        .launcher
        .launch(Launch {
            name: spec.id.clone(),
            package: spec.package_dir.clone(),
            var: spec.dir.join("var"),
            argv: spec.command.argv.iter().map(Into::into).collect(),
            env: spec.command.environ.iter().map(|(key, value)| (key.into(), value.into())).collect(),
            api: theirs.into(),
            log: output,
            limits: inner.settings().limits,
        })
        .await
        .map_err(|error| Error::Sandbox { code: Some(error.code().to_owned()), message: error.to_string() })?;
    let sandbox = Arc::new(sandbox);
    let (network, control) = Network::new(ours, inner.settings().api.clone(), pool.clone())
        .map_err(|error| Error::io("The grain's socket cannot be used", &error))?;
    let api: granary_wire::grain_capnp::sandstorm_api::Client<capnp::any_pointer::Owned> =
        capnp_rpc::new_client(api::Api);
    let mut rpc = RpcSystem::new(Box::new(network), Some(api.client));
    let view: MainView = rpc.bootstrap(Side::Client);
    let run = Rc::new(Run {
        view,
        control,
        sandbox,
        log,
        stop: RefCell::new(None),
        stalled: Cell::new(false),
        ended: watch::Sender::new(None),
    });
    tokio::task::spawn_local(supervise(inner.clone(), spec.id.clone(), spec.dir.clone(), run.clone(), rpc));
    Ok(run)
}

/// Looks after a run to its end.
async fn supervise(inner: Arc<Inner>, id: String, dir: PathBuf, run: Rc<Run>, rpc: RpcSystem<Side>) {
    // Kept outside of the task, so that calls fail as disconnected even if the library should panic.
    let disconnector = rpc.get_disconnector();
    let mut rpc = tokio::task::spawn_local(rpc);
    let mut rpc_ended = false;
    let settings = inner.settings();
    let mut ticker = settings.ticks.ticker();
    let disk = settings.disk;
    let accounting = Accounting::start(inner.runtime(), &inner.watcher, &dir, run.sandbox.pid(), disk.hard)
        .inspect_err(|error| tracing::warn!(%error, grain = id, "the grain's size cannot be watched"))
        .ok();
    let mut size = accounting.as_ref().map(|accounting| accounting.size.clone());
    let mut ledger = Ledger { limit: disk.hard, ..Ledger::default() };
    let grace = tokio::time::sleep(Duration::ZERO);
    let mut grace = std::pin::pin!(grace);
    // One future for all turns of the loop: half-way dropped, it would lose what the sandbox's init has told.
    let mut exit = std::pin::pin!(run.sandbox.wait());
    let exit = loop {
        tokio::select! {
            biased;
            exit = &mut exit => break exit,
            result = &mut rpc, if !rpc_ended => {
                rpc_ended = true;
                if result.is_err_and(|error| error.is_panic()) {
                    run.control.close("the connection to the grain failed inside Granary");
                    run.sandbox.kill();
                }
                match run.control.closed() {
                    // The app may be on its way out; its exit status says more than a kill of ours.
                    Some(Closed::ByApp) | None => {
                        grace.as_mut().reset(tokio::time::Instant::now() + GRACE);
                        run.stalled.set(true);
                    }
                    Some(Closed::Fault(_) | Closed::ByUs(_)) => run.sandbox.kill(),
                }
            }
            () = &mut grace, if run.stalled.get() => {
                run.stalled.set(false);
                run.log.line("App disconnected API socket but didn't actually exit; killing it.");
                run.sandbox.kill();
            }
            () = ticker.tick() => {
                if !run.control.take_used() && run.stop.borrow().is_none() {
                    run.log.line("Grain no longer in use; shutting down.");
                    run.kill(Stop::Idle);
                }
            }
            Some(size) = changed(&mut size) => look_at_size(&inner, &id, &run, size, disk, &mut ledger),
        }
    };
    drop(accounting);
    let told = tell_end(&inner, &id, &run, exit);
    run.control.close(&told);
    if !rpc_ended {
        let _ = rpc.await;
    }
    // Does nothing where the connection ended in order.
    let _ = disconnector.await;
    run.ended.send_replace(Some(told));
}

async fn changed(size: &mut Option<watch::Receiver<Option<Size>>>) -> Option<Size> {
    let Some(receiver) = size else { return std::future::pending().await };
    if receiver.changed().await.is_err() {
        *size = None;
        return None;
    }
    *receiver.borrow_and_update()
}

/// What was told of a grain's size so far.
#[derive(Default)]
struct Ledger {
    /// The first walk was done.
    known: bool,
    warned: bool,
    limit: u64,
}

fn look_at_size(inner: &Inner, id: &str, run: &Run, size: Size, disk: DiskLimits, ledger: &mut Ledger) {
    let bytes = size.bytes;
    if !ledger.known {
        ledger.known = true;
        // Too large already: it may be opened to make it smaller.
        if bytes > disk.hard {
            ledger.limit = bytes + DiskLimits::LEEWAY;
        }
    }
    inner.set_size(id, bytes);
    if bytes > disk.soft && !ledger.warned {
        run.log.line(&format!(
            "The grain takes {} MiB on disk; it is stopped at {} MiB.",
            bytes >> 20,
            disk.hard >> 20
        ));
        inner.emit(GrainEvent::DiskWarning { grain_id: id.to_owned(), bytes, limit: disk.soft });
    }
    ledger.warned = bytes > disk.soft;
    if (bytes > ledger.limit || size.too_deep) && run.stop.borrow().is_none() {
        let text = if size.too_deep {
            "Its folders nest too deep to be measured; stopping it.".to_owned()
        } else {
            format!(
                "The grain takes {} MiB on disk, more than its limit of {} MiB; stopping it.",
                bytes >> 20,
                ledger.limit >> 20
            )
        };
        run.log.line(&text);
        run.kill(Stop::DiskFull(text));
        inner.emit(GrainEvent::DiskFull { grain_id: id.to_owned(), bytes, limit: ledger.limit });
    }
}

/// Writes the log's last line of the run, and remembers a crash.
fn tell_end(inner: &Inner, id: &str, run: &Run, exit: Exit) -> String {
    let stop = run.stop.borrow().clone();
    let (text, crashed) = match (&stop, run.control.closed(), exit) {
        (Some(Stop::Idle), ..) => ("It was not in use any more.".to_owned(), false),
        (Some(Stop::Asked), ..) => ("It was stopped.".to_owned(), false),
        (Some(Stop::DiskFull(text)), ..) => (text.clone(), true),
        (None, Some(Closed::Fault(text)), _) => {
            let text = format!("App was disconnected and killed: {text}.");
            run.log.line(&text);
            (text, true)
        }
        (None, _, exit) => {
            let text = format!("App {exit}.");
            run.log.line(&text);
            (text, exit != Exit::Code(0))
        }
    };
    if crashed {
        inner.set_crash(id, &text);
    }
    text
}

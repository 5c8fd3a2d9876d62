//! How far a long operation is, and how a signal ends it in order.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

use granary_package::{Phase, Progress};

use crate::output::Output;

/// Set when the person wants to stop, so that nothing half done stays behind.
pub(super) static STOPPED: AtomicBool = AtomicBool::new(false);

pub(super) fn stop_on_signals() {
    use tokio::signal::unix::{SignalKind, signal};
    let wait = || -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        runtime.block_on(async {
            let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            STOPPED.store(true, Ordering::Relaxed);
            Ok(())
        })
    };
    // Without it, a signal ends the program at once.
    std::thread::spawn(wait);
}

/// How far a long operation is, on a terminal.
pub(super) struct Show {
    verb: &'static str,
    wanted: bool,
    shown: Option<u64>,
}

impl Show {
    pub(super) fn new(output: Output, verb: &'static str) -> Self {
        Self { verb, wanted: !output.json && io::stderr().is_terminal(), shown: None }
    }

    pub(super) fn progress(&mut self, progress: Progress) {
        let Some(total) = progress.total.filter(|&total| self.wanted && total > 0) else { return };
        let percent = (progress.bytes * 100 / total).min(100);
        let verb = if progress.phase == Phase::Unpack && self.verb == "reading" { "unpacking" } else { self.verb };
        if self.shown != Some(percent) {
            self.shown = Some(percent);
            let _ = write!(io::stderr().lock(), "\r{verb} {percent:3} %");
        }
    }

    pub(super) fn end(&mut self) {
        if self.shown.take().is_some() {
            let _ = write!(io::stderr().lock(), "\r\x1b[K");
        }
    }
}

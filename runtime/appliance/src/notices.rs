//! Follows what happens to grains and sessions: writes down what is worth it, tells front ends, keeps the registry.

use std::sync::Arc;

use granary_gateway::SessionEvent;
use granary_grain::{GrainEvent, GrainState};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::api::types::Event;
use crate::core::{Core, now};
use crate::health::{Entry, Severity, Subject};

const CRASHED: &str = "grain-crashed";
const NEARLY_FULL: &str = "grain-storage-nearly-full";
const FULL: &str = "grain-storage-full";

/// Runs until the appliance ends.
pub(crate) async fn follow_grains(core: Arc<Core>, mut events: Receiver<GrainEvent>) {
    loop {
        let event = tokio::select! {
            () = core.ending.cancelled() => return,
            event = events.recv() => event,
        };
        match event {
            Ok(event) => core.grain_event(event).await,
            // States are asked for when they are shown, so front ends only have to look again.
            Err(RecvError::Lagged(_)) => core.updates.tell(Event::Resync),
            Err(RecvError::Closed) => return,
        }
    }
}

/// Runs until the appliance ends.
pub(crate) async fn follow_sessions(core: Arc<Core>, mut events: Receiver<SessionEvent>) {
    loop {
        let event = tokio::select! {
            () = core.ending.cancelled() => return,
            event = events.recv() => event,
        };
        match event {
            Ok(SessionEvent::Lost { host, grain, .. }) => {
                core.updates.tell(Event::SessionLost { grain_id: grain, host });
            }
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

impl Core {
    async fn grain_event(&self, event: GrainEvent) {
        let id = event.grain_id().to_owned();
        let subject = Subject::Grain(id.clone());
        match event {
            GrainEvent::State { state, .. } => {
                if state == GrainState::Running {
                    self.settle(&subject, CRASHED);
                    self.write_down(&id, |w, id| w.set_grain_used(id, now())).await;
                }
            }
            GrainEvent::Size { bytes, .. } => {
                let limits = self.chosen().limits;
                if bytes < limits.storage_warning {
                    self.settle(&subject, NEARLY_FULL);
                }
                if bytes < limits.storage {
                    self.settle(&subject, FULL);
                }
                self.write_down(&id, move |w, id| w.set_grain_size(id, bytes)).await;
            }
            GrainEvent::Crashed { reason, .. } => {
                let reason = crate::install::sentence(&reason);
                let remedy = "It starts again on its next use; its log says more.";
                let about = About {
                    code: CRASHED,
                    severity: Severity::Warning,
                    remedy,
                    details: vec![("reason", reason.clone())],
                };
                self.about_grain(&id, about, |title| format!("{title} ended by itself"), reason).await;
            }
            GrainEvent::DiskWarning { bytes, limit, .. } => {
                let remedy = "Delete something in it, or raise the limit in the settings.";
                let details = sizes(bytes, limit);
                let about = About { code: NEARLY_FULL, severity: Severity::Warning, remedy, details };
                let text = format!("It takes {} MB; the warning comes at {} MB.", bytes / 1_000_000, limit / 1_000_000);
                self.about_grain(&id, about, |title| format!("{title} takes much space"), text).await;
            }
            GrainEvent::DiskFull { bytes, limit, .. } => {
                let remedy = "Raise the limit in the settings, open it, and delete something in it.";
                let details = sizes(bytes, limit);
                let about = About { code: FULL, severity: Severity::Error, remedy, details };
                let text = format!("It takes {} MB; {} MB is the limit.", bytes / 1_000_000, limit / 1_000_000);
                self.about_grain(&id, about, |title| format!("{title} was stopped: it takes too much space"), text)
                    .await;
            }
            GrainEvent::Deleted { .. } => {
                self.health.forget(&subject);
                return;
            }
        }
        self.changes.grain(&id);
    }

    /// Puts an entry about a grain into the registry.
    async fn about_grain(&self, id: &str, about: About, sentence: impl FnOnce(&str) -> String, text: String) {
        // One that was deleted meanwhile concerns nobody.
        let Ok(grain) = self.grain(id).await else { return };
        let details = about.details.into_iter().chain([("title", grain.title.clone())]);
        let entry = Entry {
            code: about.code.into(),
            title: sentence(&grain.title),
            severity: about.severity,
            ok: false,
            text,
            remedy: about.remedy.into(),
            details: details.map(|(name, value)| (name.to_owned(), value)).collect(),
        };
        self.notice(Subject::Grain(id.to_owned()), entry).await;
    }

    async fn write_down(
        &self,
        id: &str,
        change: impl FnOnce(&granary_store::Write<'_>, &str) -> granary_store::Result<bool> + Send + 'static,
    ) {
        let id = id.to_owned();
        if let Err(problem) = self.db(move |store| Ok(store.note(|w| change(w, &id))?)).await {
            tracing::warn!(%problem, "a change of a grain was not written down");
        }
    }
}

/// What an entry about a grain has besides its sentences.
struct About {
    code: &'static str,
    severity: Severity,
    remedy: &'static str,
    details: Vec<(&'static str, String)>,
}

fn sizes(bytes: u64, limit: u64) -> Vec<(&'static str, String)> {
    vec![("bytes", bytes.to_string()), ("limit", limit.to_string())]
}

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
                let title = self.title_of(&id).await;
                let entry = Entry {
                    code: CRASHED.into(),
                    title: format!("{title} ended by itself"),
                    severity: Severity::Warning,
                    ok: false,
                    text: crate::install::sentence(&reason),
                    remedy: "It starts again on its next use; its log says more.".into(),
                };
                self.notice(subject, entry);
            }
            GrainEvent::DiskWarning { bytes, limit, .. } => {
                let title = self.title_of(&id).await;
                let entry = Entry {
                    code: NEARLY_FULL.into(),
                    title: format!("{title} takes much space"),
                    severity: Severity::Warning,
                    ok: false,
                    text: format!("It takes {} MB; the warning comes at {} MB.", bytes / 1_000_000, limit / 1_000_000),
                    remedy: "Delete something in it, or raise the limit in the settings.".into(),
                };
                self.notice(subject, entry);
            }
            GrainEvent::DiskFull { bytes, limit, .. } => {
                let title = self.title_of(&id).await;
                let entry = Entry {
                    code: FULL.into(),
                    title: format!("{title} was stopped: it takes too much space"),
                    severity: Severity::Error,
                    ok: false,
                    text: format!("It takes {} MB; {} MB is the limit.", bytes / 1_000_000, limit / 1_000_000),
                    remedy: "Raise the limit in the settings, open it, and delete something in it.".into(),
                };
                self.notice(subject, entry);
            }
            GrainEvent::Deleted { .. } => {
                self.health.forget(&subject);
                return;
            }
        }
        self.tell_grain(&id).await;
    }

    async fn title_of(&self, id: &str) -> String {
        self.grain(id).await.map_or_else(|_| "A grain".into(), |grain| grain.title)
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

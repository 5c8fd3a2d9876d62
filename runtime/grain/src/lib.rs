//! A grain's life: create, start, keep alive, idle stop, crash, log, size; sessions, and the transport around fd 3.
//!
//! The handle is `Grains` (`Clone + Send + Sync`):
//!
//! ```text
//! Grains::new(vat: Vat, launcher: granary_sandbox::Launcher, source: Arc<dyn GrainSource>, settings: Settings) -> Grains
//! async create(&self, spec: GrainSpec) -> Result<(), Error>                 // spec.command = the action's; fails when it exists
//! async open_session(&self, id: &str, request: SessionRequest) -> Result<Session, Error>
//!        Session { client: Local<web_session::Client>, view: ViewInfo, permissions: Vec<bool> }
//! async start(&self, id: &str) -> Result<(), Error>                          // without a session
//! async stop(&self, id: &str) -> bool                                        // whether it ran
//! async stop_all(&self)
//! async delete(&self, id: &str, dir: &Path) -> Result<(), Error>
//! status(&self, id: &str) -> GrainStatus
//! subscribe(&self) -> tokio::sync::broadcast::Receiver<GrainEvent>
//! async measure(&self, id: &str, dir: &Path) -> Result<u64, Error>           // size of a grain that does not run
//! log(&self, dir: &Path, backlog: u64, follow: bool) -> impl Stream<Item = io::Result<Bytes>> + Send
//! collect_leftovers(grains_dir: &Path) -> io::Result<usize>                  // half-deleted folders, at start
//! ```

mod error;
mod event;
mod id;
mod request;
pub mod transport;

pub use error::Error;
pub use event::{GrainEvent, GrainState, GrainStatus};
pub use id::{GRAIN_ID_LENGTH, IdentityId, is_grain_id, new_grain_id};
pub use request::{
    Command, GrainSource, GrainSpec, PermissionDef, Permissions, RoleDef, SessionRequest, SourceError, User, ViewInfo,
    WebParams,
};

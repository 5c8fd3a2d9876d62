//! A grain's life: create, start, keep alive, idle stop, crash, log, size; sessions, and the transport around fd 3.
//!
//! [`Grains`] is the handle. A grain is started by its first use ([`Grains::open_session`]) and ended when nobody used it
//! for one to two [`Settings::ticks`]; there is no supervisor process, its duties are tasks on the vat. Logs are copied and
//! folders measured on threads of their own.
//!
//! A run ends in one of these ways, each with a line in the grain's log:
//!
//! | how | log | event |
//! |---|---|---|
//! | not used | `Grain no longer in use; shutting down.` | |
//! | [`Grains::stop`], [`Grains::delete`] | | |
//! | the app ended | `App exited with status code: N`, `App exited due to signal N (NAME)` | [`GrainEvent::Crashed`] unless N = 0 |
//! | it closed fd 3 and lived on for a second | `App disconnected API socket but didn't actually exit; killing it.` | `Crashed` |
//! | it broke the protocol or its limits | `App was disconnected and killed: …` | `Crashed` |
//! | too much disk space | `The grain takes … more than its limit` | [`GrainEvent::DiskFull`], `Crashed` |
//!
//! There is no automatic restart: the next use starts it again, and the log says why it had ended before. Live
//! capabilities do not survive; calls on them fail as *disconnected*, which means "open a session again".
//!
//! **Architecture Invariant:** no grain can hold the vat, grow the appliance's memory without bound, or delay another
//! grain's answers; see [`transport`] for how.

mod api;
mod error;
mod event;
mod grains;
mod guard;
mod id;
mod log;
mod remove;
mod request;
mod run;
mod session;
mod settings;
mod size;
pub mod transport;
mod view;

pub use error::Error;
pub use event::{GrainEvent, GrainState, GrainStatus};
pub use grains::Grains;
pub use id::{GRAIN_ID_LENGTH, IdentityId, is_grain_id, new_grain_id};
pub use log::PREFIX as LOG_PREFIX;
pub use remove::collect_leftovers;
pub use request::{
    Command, GrainSource, GrainSpec, PermissionDef, Permissions, RoleDef, SessionRequest, SourceError, User, ViewInfo,
    WebParams,
};
pub use session::Session;
pub use settings::{DiskLimits, Settings, Ticks};

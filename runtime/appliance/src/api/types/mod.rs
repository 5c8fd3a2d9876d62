//! The values that front ends and the appliance exchange; their JSON names are the API.

mod appliance;
mod apps;
mod desktop;
mod events;
mod grains;
mod installs;
mod notifications;
mod settings;
mod show;

pub use appliance::*;
pub use apps::*;
pub use desktop::*;
pub use events::*;
pub use grains::*;
pub use installs::*;
pub use notifications::*;
pub use settings::*;
pub use show::*;

use utoipa::ToSchema;

/// Bytes of a file.
#[derive(Debug, ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "it stands for bodies in the OpenAPI document")]
pub(in crate::api) struct Binary(Vec<u8>);

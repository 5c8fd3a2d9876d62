//! What the grain crate asks of the database, and how its failures are told.

use std::path::PathBuf;
use std::sync::Arc;

use granary_grain::{GrainSource, GrainSpec, SourceError};
use granary_store::Store;
use hyper::StatusCode;

use crate::api::problem::Problem;
use crate::install::sentence;

/// What the grain crate asks of the database.
pub(crate) struct Source {
    pub(crate) store: Arc<Store>,
    pub(crate) apps: PathBuf,
    pub(crate) grains: PathBuf,
}

impl GrainSource for Source {
    fn spec(&self, grain_id: &str) -> Result<GrainSpec, SourceError> {
        let error = |code, message: String| SourceError { code, message };
        let (grain, package) = self
            .store
            .read(|r| {
                let grain = r.grain(grain_id)?;
                let package = grain.as_ref().map(|grain| r.package(&grain.package_id)).transpose()?.flatten();
                Ok::<_, granary_store::Error>((grain, package))
            })
            .map_err(|failure| error("internal", sentence(&failure.to_string())))?;
        let grain = grain.ok_or_else(|| error("no-such-grain", format!("There is no grain {grain_id}.")))?;
        if grain.trashed.is_some() {
            return Err(error("grain-in-trash", in_trash().message));
        }
        let package = package
            .filter(|package| self.apps.join(&package.package_id).is_dir())
            .ok_or_else(|| error("missing-package", "Grain's package not installed; install the app again.".into()))?;
        if package.continue_command.argv.is_empty() {
            return Err(error("no-command", format!("{} has no command to open existing grains with.", package.title)));
        }
        Ok(GrainSpec {
            id: grain_id.to_owned(),
            package_dir: self.apps.join(&package.package_id),
            dir: self.grains.join(grain_id),
            command: command(&package.continue_command),
        })
    }
}

pub(crate) fn command(command: &granary_store::Command) -> granary_grain::Command {
    granary_grain::Command { argv: command.argv.clone(), environ: command.environ.clone() }
}

pub(crate) fn in_trash() -> Problem {
    Problem::new(StatusCode::CONFLICT, "grain-in-trash", "The document is in the trash", "Grain is in the trash bin.")
        .remedy("Restore it first.")
}

/// A failure of the grain crate as the API tells it.
pub(crate) fn refused(error: &granary_grain::Error) -> Problem {
    use granary_grain::Error as E;
    let status = match error {
        E::BadGrainId(_) | E::NoSuchGrain(_) => StatusCode::NOT_FOUND,
        E::Exists(_) | E::Deleting(_) | E::Source(_) => StatusCode::CONFLICT,
        E::Timeout(_) => StatusCode::GATEWAY_TIMEOUT,
        E::Ended(_) | E::App(_) => StatusCode::BAD_GATEWAY,
        E::AccessDenied => StatusCode::FORBIDDEN,
        E::ShuttingDown => StatusCode::SERVICE_UNAVAILABLE,
        E::Sandbox { .. } | E::Io { .. } | E::Random(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let remedy = match error {
        E::Sandbox { .. } => "`granary doctor` says what this computer lacks.",
        E::Timeout(_) | E::Ended(_) | E::App(_) => "`granary log` shows what the app said.",
        _ => "",
    };
    Problem::new(status, error.code(), "The grain could not be used", sentence(&error.to_string())).remedy(remedy)
}

//! Who trusts Granary's certificates: the same looks and changes as `granary trust`.

use std::path::Path;

use granary_gateway::trust::{self, StoreReport, TrustError, TrustOptions};
use hyper::StatusCode;

use crate::api::problem::{Problem, Result};
use crate::api::types::{Certificates, TrustStore, TrustStoreKind, TrustStoreState};
use crate::core::{Core, blocking};
use crate::install::sentence;

/// Browsers keep their lists in the home folder.
#[derive(Debug, thiserror::Error)]
#[error("browsers' lists are in the home folder, and HOME is not set; set HOME")]
pub struct NoHome;

/// Where this person's browsers look, and which authority it is about.
///
/// # Errors
/// When there is no home folder.
pub fn trust_options(data_dir: &Path) -> Result<TrustOptions, NoHome> {
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty()).ok_or(NoHome)?;
    Ok(TrustOptions::new(data_dir, home))
}

type Work = fn(&TrustOptions) -> Result<Vec<StoreReport>, TrustError>;

impl Core {
    pub(crate) async fn certificates(&self) -> Result<Certificates> {
        self.with_trust(trust::status, false).await
    }

    pub(crate) async fn install_certificates(&self, user_only: bool) -> Result<Certificates> {
        self.with_trust(trust::install, user_only).await
    }

    pub(crate) async fn remove_certificates(&self, user_only: bool) -> Result<Certificates> {
        self.with_trust(trust::remove, user_only).await
    }

    async fn with_trust(&self, work: Work, user_only: bool) -> Result<Certificates> {
        let failed = |code: &str, message: String| {
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, code, "The certificates could not be looked for", message)
        };
        let mut options =
            trust_options(self.folder.root()).map_err(|error| failed("no-home", sentence(&error.to_string())))?;
        if user_only {
            options.system_root = None;
        }
        // Programs are run and waited for.
        let reports =
            blocking(move || work(&options).map_err(|error| failed("no-certificates", sentence(&error.to_string()))))
                .await?;
        Ok(Certificates {
            trusted: reports.iter().all(|report| report.state == trust::TrustState::Trusted),
            stores: reports.into_iter().map(shown).collect(),
        })
    }
}

fn shown(report: StoreReport) -> TrustStore {
    TrustStore {
        kind: match report.store {
            trust::Store::Chromium => TrustStoreKind::Chromium,
            trust::Store::Firefox => TrustStoreKind::Firefox,
            trust::Store::System => TrustStoreKind::System,
        },
        path: report.path.display().to_string(),
        state: match report.state {
            trust::TrustState::Trusted => TrustStoreState::Trusted,
            trust::TrustState::NotTrusted => TrustStoreState::NotTrusted,
            trust::TrustState::MissingTool => TrustStoreState::MissingTool,
            trust::TrustState::Failed => TrustStoreState::Failed,
        },
        detail: report.detail,
        remedy: report.remedy,
    }
}

//! What the API's calls do.

use axum::body::{Body, Bytes};
use futures::Stream;

use crate::api::problem::{Problem, Result};
use crate::api::types::*;
use crate::health::Entry;

pub(crate) struct Core;

fn not_yet<T>() -> Result<T> {
    Err(Problem::internal("not connected yet"))
}

impl Core {
    pub(crate) fn status(&self) -> Status {
        Status { version: String::new(), port: 0, origin: String::new(), instance: String::new(), data_dir: String::new(), health: vec![] }
    }
    pub(crate) async fn apps(&self) -> Result<Vec<App>> { not_yet() }
    pub(crate) async fn uninstall(&self, _: &str) -> Result<()> { not_yet() }
    pub(crate) async fn icon(&self, _: &str, _: granary_store::IconKind) -> Result<granary_store::Icon> { not_yet() }
    pub(crate) fn install_upload(&self, _: Body, _: Option<u64>, _: Option<String>) -> Result<impl Stream<Item = InstallEvent> + use<>> { not_yet::<futures::stream::Empty<InstallEvent>>() }
    pub(crate) fn install_from_url(&self, _: &str, _: Option<String>, _: bool) -> Result<impl Stream<Item = InstallEvent> + use<>> { not_yet::<futures::stream::Empty<InstallEvent>>() }
    pub(crate) async fn list_grains(&self) -> Result<Vec<Grain>> { not_yet() }
    pub(crate) async fn grain(&self, _: &str) -> Result<Grain> { not_yet() }
    pub(crate) async fn create_grain(&self, _: NewGrain) -> Result<Grain> { not_yet() }
    pub(crate) async fn rename_grain(&self, _: &str, _: &str) -> Result<Grain> { not_yet() }
    pub(crate) async fn trash_grain(&self, _: &str) -> Result<Grain> { not_yet() }
    pub(crate) async fn restore_grain(&self, _: &str) -> Result<Grain> { not_yet() }
    pub(crate) async fn stop_grain(&self, _: &str) -> Result<Grain> { not_yet() }
    pub(crate) async fn delete_grain(&self, _: &str) -> Result<()> { not_yet() }
    pub(crate) async fn open_session(&self, _: &str, _: &str) -> Result<Session> { not_yet() }
    pub(crate) async fn grain_log(&self, _: &str, _: u64, _: bool) -> Result<impl Stream<Item = std::io::Result<Bytes>> + use<>> { not_yet::<futures::stream::Empty<_>>() }
    pub(crate) fn login_url(&self, _: Option<&str>) -> Result<String> { not_yet() }
    pub(crate) fn watch(&self) -> impl Stream<Item = Event> + use<> { futures::stream::empty() }
    pub(crate) async fn doctor(&self) -> Result<Vec<Entry>> { not_yet() }
    pub(crate) fn settings(&self) -> Settings { unreachable!() }
    pub(crate) async fn change_settings(&self, _: SettingsPatch) -> Result<Settings> { not_yet() }
}

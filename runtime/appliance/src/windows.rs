//! The desktop's windows: what they show and where they are, so that they can stand there again.

use hyper::StatusCode;

use crate::api::problem::{Problem, Result};
use crate::api::types::{Window, WindowPatch, WindowPlace};
use crate::core::{Core, now};

impl Core {
    pub(crate) async fn windows(&self) -> Result<Vec<Window>> {
        let windows = self.db(|store| Ok(store.read(|r| r.windows())?)).await?;
        Ok(windows.into_iter().map(shown).collect())
    }

    pub(crate) async fn put_window(&self, id: &str, patch: WindowPatch) -> Result<Window> {
        let fits =
            (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if !fits {
            return Err(Problem::invalid(
                "bad-window-id",
                "Not a name of a window",
                "A window's name has 1 to 64 letters, digits, - and _.",
            ));
        }
        if patch.place.path.as_ref().is_some_and(|path| path.len() > 4096 || !path.starts_with('/')) {
            return Err(Problem::invalid(
                "bad-path",
                "Not a path",
                "A path begins with a slash and has at most 4096 bytes.",
            ));
        }
        let window = granary_store::Window {
            window_id: id.to_owned(),
            grain_id: patch.grain_id.clone(),
            open: patch.open,
            place: serde_json::to_string(&patch.place).map_err(|error| Problem::internal(error.to_string()))?,
            updated: now(),
        };
        let stored = window.clone();
        let known = self
            .db(move |store| {
                Ok(store.write(|w| {
                    if let Some(grain) = &stored.grain_id
                        && w.grain(grain)?.is_none()
                    {
                        return Ok::<_, granary_store::Error>(false);
                    }
                    w.put_window(&stored).map(|()| true)
                })?)
            })
            .await?;
        if known { Ok(shown(window)) } else { Err(Problem::no_grain(&patch.grain_id.unwrap_or_default())) }
    }

    pub(crate) async fn forget_window(&self, id: &str) -> Result<()> {
        let key = id.to_owned();
        if self.db(move |store| Ok(store.write(|w| w.remove_window(&key))?)).await? {
            return Ok(());
        }
        Err(Problem::new(
            StatusCode::NOT_FOUND,
            "no-such-window",
            "No such window",
            "Nothing is remembered of a window of that name.",
        ))
    }
}

fn shown(window: granary_store::Window) -> Window {
    // What an earlier version remembered in another form is forgotten.
    let place: WindowPlace = serde_json::from_str(&window.place).unwrap_or_default();
    Window { window_id: window.window_id, grain_id: window.grain_id, open: window.open, place, updated: window.updated }
}

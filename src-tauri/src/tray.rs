//! The tray: a menu of what a person wants at hand, drawn anew when something changes; and whether the desktop shows any.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::StreamExt as _;
use granary_appliance::FrontEnd;
use granary_appliance::api::types::{App, Grain, GrainState};
use tauri::AppHandle;
use tauri::menu::{IsMenuItem, Menu, MenuItem, PredefinedMenuItem, Submenu};
use tauri::tray::{TrayIcon, TrayIconBuilder};
use tokio::sync::mpsc::UnboundedSender;

use crate::icons;

/// Grains that are listed.
const RECENT: usize = 6;
/// Characters of a name that are shown.
const LONGEST: usize = 40;
const WATCHER: &str = "org.kde.StatusNotifierWatcher";

/// What was chosen in the menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Chosen {
    Open,
    Grain(String),
    /// An app's id, and which of its actions.
    New(String, u32),
    Pause,
    Quit,
}

impl Chosen {
    fn id(&self) -> String {
        match self {
            Self::Open => "open".into(),
            Self::Grain(id) => format!("grain/{id}"),
            Self::New(app, action) => format!("new/{action}/{app}"),
            Self::Pause => "pause".into(),
            Self::Quit => "quit".into(),
        }
    }

    fn parse(id: &str) -> Option<Self> {
        Some(match id.split_once('/') {
            None if id == "open" => Self::Open,
            None if id == "pause" => Self::Pause,
            None if id == "quit" => Self::Quit,
            Some(("grain", id)) => Self::Grain(id.into()),
            Some(("new", rest)) => {
                let (action, app) = rest.split_once('/')?;
                Self::New(app.into(), action.parse().ok()?)
            }
            _ => return None,
        })
    }
}

/// A line of the menu, before it is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Line {
    Item(Chosen, String, bool),
    Apps(Vec<(Chosen, String)>),
    Rule,
}

/// The tray's icon and menu.
pub(crate) struct Tray {
    icon: TrayIcon,
    drawn: Vec<Line>,
}

impl Tray {
    pub(crate) fn new(app: &AppHandle, chosen: UnboundedSender<Chosen>) -> tauri::Result<Self> {
        let drawn = lines(&[], &[]);
        let icon = TrayIconBuilder::with_id("granary")
            .icon(icons::own())
            .tooltip("Granary")
            .menu(&menu(app, &drawn)?)
            .on_menu_event(move |_, event| {
                if let Some(what) = Chosen::parse(event.id().as_ref()) {
                    let _ = chosen.send(what);
                }
            })
            .build(app)?;
        Ok(Self { icon, drawn })
    }

    /// Draws the menu, if it says something else than before.
    pub(crate) fn draw(&mut self, app: &AppHandle, grains: &[Grain], apps: &[App]) {
        let lines = lines(grains, apps);
        if lines == self.drawn {
            return;
        }
        match menu(app, &lines).and_then(|menu| self.icon.set_menu(Some(menu))) {
            Ok(()) => self.drawn = lines,
            Err(error) => tracing::warn!(%error, "the tray's menu could not be drawn"),
        }
    }
}

fn lines(grains: &[Grain], apps: &[App]) -> Vec<Line> {
    let mut shown: Vec<_> = grains.iter().filter(|grain| grain.trashed.is_none()).collect();
    let running = shown.iter().filter(|grain| grain.state != GrainState::Stopped).count();
    // Running ones first, then the last used.
    shown.sort_by_key(|grain| (grain.state == GrainState::Stopped, -grain.last_used));
    let mut lines = vec![Line::Item(Chosen::Open, "Open Granary".into(), true), Line::Rule];
    for grain in shown.into_iter().take(RECENT) {
        let mark = if grain.state == GrainState::Stopped { "" } else { "● " };
        lines.push(Line::Item(Chosen::Grain(grain.grain_id.clone()), format!("{mark}{}", short(&grain.title)), true));
    }
    let new: Vec<_> = apps
        .iter()
        .flat_map(|app| {
            app.actions.iter().map(move |action| {
                let title = format!("{}: {}", short(&app.title), short(&action.title));
                (Chosen::New(app.app_id.clone(), action.index), title)
            })
        })
        .collect();
    if !new.is_empty() {
        lines.push(Line::Apps(new));
    }
    lines.push(Line::Rule);
    let pause = match running {
        0 => "Nothing runs".into(),
        1 => "Pause the running grain".into(),
        more => format!("Pause all {more} running grains"),
    };
    lines.push(Line::Item(Chosen::Pause, pause, running > 0));
    lines.push(Line::Item(Chosen::Quit, "Quit Granary".into(), true));
    lines
}

fn short(text: &str) -> String {
    let text = text.replace('_', "__").replace('&', "&&");
    if text.chars().count() <= LONGEST {
        return text;
    }
    let cut: String = text.chars().take(LONGEST - 1).collect();
    format!("{cut}…")
}

fn menu(app: &AppHandle, lines: &[Line]) -> tauri::Result<Menu<tauri::Wry>> {
    let menu = Menu::new(app)?;
    for line in lines {
        match line {
            Line::Item(chosen, text, enabled) => {
                menu.append(&MenuItem::with_id(app, chosen.id(), text, *enabled, None::<&str>)?)?;
            }
            Line::Apps(new) => {
                let items = new
                    .iter()
                    .map(|(chosen, text)| MenuItem::with_id(app, chosen.id(), text, true, None::<&str>))
                    .collect::<tauri::Result<Vec<_>>>()?;
                let items: Vec<&dyn IsMenuItem<_>> = items.iter().map(|item| item as &dyn IsMenuItem<_>).collect();
                menu.append(&Submenu::with_items(app, "New", true, &items)?)?;
            }
            Line::Rule => menu.append(&PredefinedMenuItem::separator(app)?)?,
        }
    }
    Ok(menu)
}

/// Finds out whether the desktop shows a tray, and goes on watching. GNOME, as it comes, has none.
pub(crate) async fn watch_host(front: &FrontEnd, there: Arc<AtomicBool>) {
    let (told, first) = tokio::sync::oneshot::channel();
    front.spawn(async move {
        let mut told = Some(told);
        let watched = watch(&there, &mut told).await;
        if let Err(error) = watched {
            tracing::debug!(%error, "the desktop does not say whether it has a tray");
        }
        there.store(false, Ordering::Relaxed);
    });
    let _ = first.await;
}

async fn watch(there: &AtomicBool, told: &mut Option<tokio::sync::oneshot::Sender<()>>) -> zbus::Result<()> {
    let bus = zbus::Connection::session().await?;
    let names = zbus::fdo::DBusProxy::new(&bus).await?;
    let mut changes = names.receive_name_owner_changed_with_args(&[(0, WATCHER)]).await?;
    loop {
        let owned = names.name_has_owner(WATCHER.try_into()?).await.unwrap_or(false);
        there.store(owned && has_host(&bus).await, Ordering::Relaxed);
        if let Some(told) = told.take() {
            let _ = told.send(());
        }
        if changes.next().await.is_none() {
            return Ok(());
        }
    }
}

async fn has_host(bus: &zbus::Connection) -> bool {
    let Ok(watcher) = zbus::Proxy::new(bus, WATCHER, "/StatusNotifierWatcher", WATCHER).await else { return false };
    watcher.get_property("IsStatusNotifierHostRegistered").await.unwrap_or(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_survive_the_menu() {
        for chosen in
            [Chosen::Open, Chosen::Grain("abcDEF".into()), Chosen::New("app".into(), 3), Chosen::Pause, Chosen::Quit]
        {
            assert_eq!(Chosen::parse(&chosen.id()), Some(chosen));
        }
        assert_eq!(Chosen::parse("new/x/app"), None);
        assert_eq!(Chosen::parse("nonsense"), None);
    }
}

//! The desk: which windows there are, and what happens to them. Lives on the one thread that draws.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use granary_appliance::api::types::{App, Automatic, Event, Grain, GrainState, Settings, Window as Known, WindowPlace};
use granary_appliance::{Desktop, FrontEnd, Method, Reach, Show, Window as Place};
use gtk::glib;
use gtk::prelude::*;
use serde_json::Value;
use tauri::window::WindowBuilder;
use tauri::{AppHandle, RunEvent, Window, WindowEvent};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use webkit2gtk::{WebView, WebViewExt as _};

use crate::confined::{self, Choices};
use crate::given::Item;
use crate::tray::{self, Chosen, Tray};
use crate::{autostart, dialog, downloads, icons, outside, permissions, places};

/// The label of the main window.
const MAIN: &str = "main";
/// How long a window has to stand still before its place is remembered.
const STILL: Duration = Duration::from_millis(800);
/// Changes that come together are drawn together.
const GATHER: Duration = Duration::from_millis(300);

/// Takes what the appliance wants shown, on any thread.
#[derive(Debug)]
pub(crate) struct Mailbox(UnboundedSender<Show>);

impl Mailbox {
    pub(crate) fn new() -> (Self, UnboundedReceiver<Show>) {
        let (sender, receiver) = unbounded_channel();
        (Self(sender), receiver)
    }
}

impl Desktop for Mailbox {
    fn show(&self, what: Show) {
        // Nobody reads any more when the program ends.
        let _ = self.0.send(what);
    }
}

/// Cheap to clone; all of them are the same desk.
#[derive(Clone)]
pub(crate) struct Desk(Rc<Inner>);

struct Inner {
    app: AppHandle,
    front: FrontEnd,
    data: PathBuf,
    windows: RefCell<HashMap<String, Open>>,
    /// Where windows stood when the program started, and since.
    known: RefCell<HashMap<String, Known>>,
    settings: RefCell<Option<Settings>>,
    tray: RefCell<Option<Tray>>,
    tray_host: Arc<AtomicBool>,
    start: RefCell<Option<Start>>,
    drawing: Cell<bool>,
}

/// What is done once the windows can be made.
struct Start {
    letters: UnboundedReceiver<Show>,
    given: Vec<String>,
    hidden: bool,
}

/// A window that stands open. Dropping it ends its login and its connections.
struct Open {
    window: Window,
    view: WebView,
    place: Place,
    grain: Option<String>,
    /// Counts moves, to know when it stands still.
    moves: u64,
}

impl Desk {
    pub(crate) fn new(app: AppHandle, front: FrontEnd, data: PathBuf) -> Self {
        Self(Rc::new(Inner {
            app,
            front,
            data,
            windows: RefCell::default(),
            known: RefCell::default(),
            settings: RefCell::default(),
            tray: RefCell::default(),
            tray_host: Arc::default(),
            start: RefCell::default(),
            drawing: Cell::new(false),
        }))
    }

    /// What to do first.
    pub(crate) fn begin(&self, letters: UnboundedReceiver<Show>, given: Vec<String>, hidden: bool) {
        *self.0.start.borrow_mut() = Some(Start { letters, given, hidden });
    }

    /// Takes an event of the desktop.
    pub(crate) fn hear(&self, event: RunEvent) {
        match event {
            RunEvent::Ready => self.ready(),
            // The last window is closed; the tray stays. Whoever quits says a code.
            RunEvent::ExitRequested { code: None, api, .. } => api.prevent_exit(),
            RunEvent::WindowEvent { label, event, .. } => match event {
                WindowEvent::CloseRequested { api, .. } if !self.may_close(&label) => api.prevent_close(),
                WindowEvent::Destroyed => {
                    let gone = self.0.windows.borrow_mut().remove(&label);
                    drop(gone);
                }
                WindowEvent::Moved(_) | WindowEvent::Resized(_) => self.moved(&label),
                _ => {}
            },
            _ => {}
        }
    }

    fn ready(&self) {
        let Some(Start { mut letters, given, hidden }) = self.0.start.borrow_mut().take() else { return };
        self.end_on_signals();
        let desk = self.clone();
        local(async move {
            desk.first(given, hidden).await;
            while let Some(letter) = letters.recv().await {
                desk.show(letter).await;
            }
        });
        let desk = self.clone();
        local(async move {
            let mut events = desk.0.front.events();
            while let Some(event) = events.recv().await {
                desk.changed(event);
            }
        });
    }

    /// Puts up what a person expects after a start.
    async fn first(&self, given: Vec<String>, hidden: bool) {
        self.read_settings().await;
        tray::watch_host(&self.0.front, Arc::clone(&self.0.tray_host)).await;
        let known = places::all(&self.0.front).await;
        *self.0.known.borrow_mut() = known.iter().map(|known| (known.window_id.clone(), known.clone())).collect();
        self.make_tray();
        // Without a tray nobody could find a hidden Granary.
        let hidden = hidden && self.has_tray() && given.is_empty();
        if !hidden {
            self.main(None);
            let restore = self.0.settings.borrow().as_ref().is_none_or(|settings| settings.restore_windows);
            for known in known.into_iter().filter(|known| restore && known.open) {
                if let Some(grain) = known.grain_id {
                    self.grain(&grain, "/").await;
                }
            }
        }
        if !given.is_empty() {
            self.show(Show::Given(given)).await;
        }
    }

    async fn show(&self, what: Show) {
        match what {
            Show::Main { path } => self.main(path.as_deref()),
            Show::Grain { grain_id, path } => self.grain(&grain_id, &path).await,
            Show::Browser { url } => {
                if let Err(text) = outside::open_own(&url, &self.0.data) {
                    dialog::say(None, "No browser was opened", &text);
                }
            }
            Show::Given(arguments) => {
                self.main(None);
                for argument in arguments {
                    self.take(&argument).await;
                }
            }
        }
    }

    async fn take(&self, argument: &str) {
        match Item::parse(argument) {
            Item::Page(path) => match path.strip_prefix("/grain/") {
                Some(grain) => self.grain(grain, "/").await,
                None => self.main(Some(&path)),
            },
            item => match item.stage(&self.0.front).await {
                Ok(page) => self.main(Some(&page)),
                Err(problem) => dialog::say(
                    self.gtk(MAIN).as_ref(),
                    &problem.title,
                    &format!("{} {}", problem.message, problem.remedy),
                ),
            },
        }
    }

    /// Opens or raises the main window.
    fn main(&self, path: Option<&str>) {
        if !self.raise(MAIN) {
            self.open(MAIN, Reach::Shell, None, "Granary", path.unwrap_or("/"));
        } else if let Some(path) = path
            && let Some(open) = self.0.windows.borrow().get(MAIN)
        {
            open.view.load_uri(&format!("{}{path}", self.0.front.origin()));
        }
    }

    /// Opens or raises the window of a grain.
    async fn grain(&self, id: &str, path: &str) {
        let label = format!("grain-{id}");
        if self.raise(&label) {
            return;
        }
        let grain: Grain = match self.0.front.get(&format!("/grains/{id}")).await {
            Ok(grain) => grain,
            Err(problem) => {
                tracing::warn!(%problem, "a grain's window was not opened");
                return;
            }
        };
        if grain.trashed.is_some() || self.raise(&label) {
            return;
        }
        let page = if path == "/" { format!("/grain/{id}") } else { format!("/grain/{id}{path}") };
        self.open(&label, Reach::Grain(id.to_owned()), Some(id.to_owned()), &grain.title, &page);
        let icon = icons::of_app(&self.0.front, &grain.app_id).await;
        if let (Some(icon), Some(window)) = (icon, self.gtk(&label)) {
            window.set_icon(Some(&icon));
        }
    }

    fn open(&self, label: &str, reach: Reach, grain: Option<String>, title: &str, path: &str) {
        let known = self.0.known.borrow().get(label).map(|known| known.place.clone()).unwrap_or_default();
        let window = match self.window(label, title, &known) {
            Ok(window) => window,
            Err(error) => {
                tracing::error!(%error, "a window could not be made");
                return;
            }
        };
        let place = self.0.front.window(reach);
        let view = confined::webview(&place, &self.0.data.join("webview"), self.choices());
        let desk = self.clone();
        let own = grain.clone();
        outside::guard(&view, self.0.front.origin(), move |uri| desk.beside(own.as_deref(), &uri));
        permissions::refuse(&view);
        downloads::ask(&view);
        let desk = self.clone();
        let (again, page) = (label.to_owned(), path.to_owned());
        view.connect_web_process_terminated(move |view, _| {
            // Its login is still there, but a new one costs nothing and always works.
            if let Some(open) = desk.0.windows.borrow().get(&again) {
                view.load_uri(&open.place.login_url(&page));
            }
        });
        match window.default_vbox() {
            Ok(room) => room.pack_start(&view, true, true, 0),
            Err(error) => tracing::error!(%error, "a window has no room for its page"),
        }
        view.show();
        view.grab_focus();
        view.load_uri(&place.login_url(path));
        places::keep(&self.0.front, label.to_owned(), grain.clone(), true, known);
        self.0.windows.borrow_mut().insert(label.to_owned(), Open { window, view, place, grain, moves: 0 });
    }

    fn window(&self, label: &str, title: &str, known: &WindowPlace) -> tauri::Result<Window> {
        let (width, height) = if label == MAIN { (1120, 760) } else { (1000, 760) };
        let mut builder = WindowBuilder::new(&self.0.app, label)
            .title(title)
            .icon(icons::own())?
            .inner_size(known.width.unwrap_or(width).into(), known.height.unwrap_or(height).into())
            .min_inner_size(360.0, 300.0)
            .maximized(known.maximized);
        if let (Some(x), Some(y)) = (known.x, known.y) {
            builder = builder.position(x.into(), y.into()).prevent_overflow();
        }
        builder.build()
    }

    /// A page of Granary's that wants to stand in another window: the browser has room for it.
    fn beside(&self, grain: Option<&str>, uri: &str) {
        let Some(grain) = grain.map(str::to_owned) else { return };
        let Ok(url) = url::Url::parse(uri) else { return };
        let path = url[url::Position::BeforePath..].to_owned();
        let front = self.0.front.clone();
        local(async move {
            let body = serde_json::json!({ "path": path });
            let done: Result<Value, _> =
                front.call(Method::POST, &format!("/grains/{grain}/browser"), Some(&body)).await;
            if let Err(problem) = done {
                dialog::say(None, &problem.title, &problem.message);
            }
        });
    }

    fn raise(&self, label: &str) -> bool {
        let windows = self.0.windows.borrow();
        let Some(open) = windows.get(label) else { return false };
        let raised = open.window.unminimize().and_then(|()| open.window.show()).and_then(|()| open.window.set_focus());
        if let Err(error) = raised {
            tracing::warn!(%error, "a window could not be raised");
        }
        true
    }

    /// Whether a window that the person closes goes. The main one stays in the tray, where there is one.
    fn may_close(&self, label: &str) -> bool {
        let windows = self.0.windows.borrow();
        let Some(open) = windows.get(label) else { return true };
        let to_tray = self.0.settings.borrow().as_ref().is_none_or(|settings| settings.close_to_tray);
        let shown = windows.values().filter(|open| open.window.is_visible().unwrap_or(true)).count();
        places::keep(&self.0.front, label.to_owned(), open.grain.clone(), false, places::of(&open.window));
        if to_tray && self.has_tray() {
            if label != MAIN {
                return true;
            }
            let _ = open.window.hide();
            return false;
        }
        if shown > 1 {
            return true;
        }
        drop(windows);
        // The last way to Granary: closing it means quitting.
        self.quit(if to_tray {
            Some("Your desktop has no tray, so Granary cannot stay without a window.")
        } else {
            None
        });
        false
    }

    fn moved(&self, label: &str) {
        let moves = {
            let mut windows = self.0.windows.borrow_mut();
            let Some(open) = windows.get_mut(label) else { return };
            open.moves += 1;
            open.moves
        };
        let (desk, label) = (self.clone(), label.to_owned());
        glib::timeout_add_local_once(STILL, move || {
            let windows = desk.0.windows.borrow();
            if let Some(open) = windows.get(&label).filter(|open| open.moves == moves) {
                places::keep(&desk.0.front, label.clone(), open.grain.clone(), true, places::of(&open.window));
            }
        });
    }

    /// Takes an event of the appliance.
    fn changed(&self, event: Event) {
        match event {
            Event::Grain { grain } => self.grain_changed(&grain),
            Event::Grains { grains } => grains.iter().for_each(|grain| self.grain_changed(grain)),
            Event::GrainRemoved { grain_id } => self.grain_gone(&grain_id),
            Event::GrainsRemoved { grain_ids } => grain_ids.iter().for_each(|id| self.grain_gone(id)),
            Event::Settings { .. } => {
                let desk = self.clone();
                local(async move { desk.read_settings().await });
            }
            Event::Ping => return,
            _ => {}
        }
        self.draw_tray();
    }

    fn grain_changed(&self, grain: &Grain) {
        if grain.trashed.is_some() {
            return self.grain_gone(&grain.grain_id);
        }
        if let Some(open) = self.0.windows.borrow().get(&format!("grain-{}", grain.grain_id)) {
            let _ = open.window.set_title(&grain.title);
        }
    }

    fn grain_gone(&self, id: &str) {
        let window = self.0.windows.borrow().get(&format!("grain-{id}")).map(|open| open.window.clone());
        if let Some(window) = window {
            let _ = window.destroy();
        }
    }

    async fn read_settings(&self) {
        match self.0.front.get::<Settings>("/settings").await {
            Ok(settings) => {
                if let Err(error) = autostart::set(settings.start_at_login, &self.0.data) {
                    tracing::warn!(%error, "the start at login could not be arranged");
                }
                *self.0.settings.borrow_mut() = Some(settings);
            }
            Err(problem) => tracing::warn!(%problem, "the settings could not be read"),
        }
    }

    fn choices(&self) -> Choices {
        let settings = self.0.settings.borrow();
        settings.as_ref().map_or_else(Choices::default, |settings| Choices {
            software: settings.software_rendering == Automatic::On,
            tools: settings.developer_tools,
        })
    }

    fn has_tray(&self) -> bool {
        self.0.tray_host.load(Ordering::Relaxed) && self.0.tray.borrow().is_some()
    }

    fn make_tray(&self) {
        let (sender, mut chosen) = unbounded_channel();
        match Tray::new(&self.0.app, sender) {
            Ok(tray) => *self.0.tray.borrow_mut() = Some(tray),
            Err(error) => return tracing::warn!(%error, "there is no tray"),
        }
        let desk = self.clone();
        local(async move {
            while let Some(chosen) = chosen.recv().await {
                desk.choose(chosen).await;
            }
        });
        self.draw_tray();
    }

    /// Draws the tray's menu anew, soon.
    fn draw_tray(&self) {
        if self.0.drawing.replace(true) {
            return;
        }
        let desk = self.clone();
        glib::timeout_add_local_once(GATHER, move || {
            desk.0.drawing.set(false);
            local(async move {
                let grains: Vec<Grain> = desk.0.front.get("/grains").await.unwrap_or_default();
                let apps: Vec<App> = desk.0.front.get("/apps").await.unwrap_or_default();
                if let Some(tray) = desk.0.tray.borrow_mut().as_mut() {
                    tray.draw(&desk.0.app, &grains, &apps);
                }
            });
        });
    }

    async fn choose(&self, chosen: Chosen) {
        let front = &self.0.front;
        match chosen {
            Chosen::Open => self.main(None),
            Chosen::Grain(id) => self.grain(&id, "/").await,
            Chosen::New(app, action) => {
                let body = serde_json::json!({ "appId": app, "action": action });
                match front.call::<Grain>(Method::POST, "/grains", Some(&body)).await {
                    Ok(grain) => self.grain(&grain.grain_id, "/").await,
                    Err(problem) => dialog::say(None, &problem.title, &problem.message),
                }
            }
            Chosen::Pause => {
                for grain in self.running().await {
                    let path = format!("/grains/{}/stop", grain.grain_id);
                    if let Err(problem) = front.call::<Value>(Method::POST, &path, None::<&()>).await {
                        tracing::warn!(%problem, "a grain was not paused");
                    }
                }
            }
            Chosen::Quit => self.quit(None),
        }
    }

    async fn running(&self) -> Vec<Grain> {
        let grains: Vec<Grain> = self.0.front.get("/grains").await.unwrap_or_default();
        grains.into_iter().filter(|grain| grain.state != GrainState::Stopped).collect()
    }

    /// Ends Granary; says first what that ends.
    fn quit(&self, why: Option<&'static str>) {
        let desk = self.clone();
        local(async move {
            let running = desk.running().await;
            if running.is_empty() && why.is_none() {
                return desk.0.app.exit(0);
            }
            let what = match running.as_slice() {
                [] => String::new(),
                [one] => format!("“{}” is running. It is stopped, and keeps what was saved.", one.title),
                more => format!("{} grains are running. They are stopped, and keep what was saved.", more.len()),
            };
            let text = [why.unwrap_or_default(), &what].join(" ");
            let app = desk.0.app.clone();
            dialog::ask(desk.gtk(MAIN).as_ref(), "Quit Granary?", text.trim(), "Quit", move || app.exit(0));
        });
    }

    fn end_on_signals(&self) {
        for signal in [nix::libc::SIGTERM, nix::libc::SIGINT, nix::libc::SIGHUP] {
            let app = self.0.app.clone();
            glib::unix_signal_add_local(signal, move || {
                app.exit(0);
                glib::ControlFlow::Break
            });
        }
    }

    fn gtk(&self, label: &str) -> Option<gtk::Window> {
        let windows = self.0.windows.borrow();
        windows.get(label).and_then(|open| open.window.gtk_window().ok()).map(Cast::upcast)
    }
}

/// Runs on the thread that draws.
fn local(work: impl Future<Output = ()> + 'static) {
    glib::MainContext::default().spawn_local(work);
}

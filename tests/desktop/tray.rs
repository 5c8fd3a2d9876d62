//! The tray, on a desktop that shows one: this test stands for it.

use std::sync::{Arc, Mutex};

use crate::support::Desktop;

/// What a tray's desktop offers to programs.
struct Watcher(Arc<Mutex<Option<(String, String)>>>);

#[expect(clippy::needless_pass_by_value, reason = "the bus's macro hands the header over")]
#[zbus::interface(name = "org.kde.StatusNotifierWatcher")]
impl Watcher {
    fn register_status_notifier_item(&self, item: &str, #[zbus(header)] header: zbus::message::Header<'_>) {
        let sender = header.sender().map(ToString::to_string).unwrap_or_default();
        *self.0.lock().unwrap() = Some((sender, item.to_owned()));
    }

    fn register_status_notifier_host(&self, _host: &str) {}

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn registered_status_notifier_items(&self) -> Vec<String> {
        Vec::new()
    }

    #[zbus(property)]
    fn protocol_version(&self) -> i32 {
        0
    }
}

/// The number of a line of the menu.
fn line(desktop: &Desktop, name: &str, menu: &str, label: &str) -> Option<String> {
    let mut command = desktop.command("gdbus");
    command.args(["call", "--session", "--dest", name, "--object-path", menu, "--method"]);
    let output = command.args(["com.canonical.dbusmenu.GetLayout", "0", "--", "-1", "[]"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let before = text.split_once(&format!("<'{label}'>"))?.0;
    // The number stands before the line's properties: `<(3, {'label': …`.
    let from = before.rfind("<(").or_else(|| before.rfind('('))?;
    Some(before[from..].trim_start_matches(['<', '(']).split(',').next()?.trim().to_owned())
}

fn click(desktop: &Desktop, name: &str, menu: &str, label: &str) {
    let mut number = None;
    desktop.eventually(label, || {
        number = line(desktop, name, menu, label);
        number.is_some()
    });
    let mut command = desktop.command("gdbus");
    command.args([
        "call",
        "--session",
        "--dest",
        name,
        "--object-path",
        menu,
        "--method",
        "com.canonical.dbusmenu.Event",
    ]);
    let output = command.args([&number.unwrap(), "clicked", "<''>", "0"]).output().unwrap();
    assert!(output.status.success(), "{label}: {output:?}");
}

#[test]
fn closed_to_the_tray_granary_comes_back_from_it_and_quits_by_it() {
    let mut desktop = Desktop::new();
    let item = Arc::default();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _watcher = runtime.block_on(async {
        zbus::connection::Builder::address(desktop.bus.as_str())
            .unwrap()
            .name("org.kde.StatusNotifierWatcher")
            .unwrap()
            .serve_at("/StatusNotifierWatcher", Watcher(Arc::clone(&item)))
            .unwrap()
            .build()
            .await
            .expect("the bus")
    });
    desktop.start(&[]);
    let shown = |desktop: &Desktop| desktop.windows().iter().any(|title| title == "Granary");
    desktop.eventually("the main window is there", || shown(&desktop));
    desktop.eventually("the tray has its icon", || item.lock().unwrap().is_some());
    let (name, path) = item.lock().unwrap().clone().unwrap();
    let menu = format!("{path}/Menu");

    desktop.close_main();
    desktop.eventually("the window is gone", || !shown(&desktop));
    assert!(desktop.call("GET", "/status", None).is_some(), "Granary goes on");
    click(&desktop, &name, &menu, "Open Granary");
    desktop.eventually("the window is back", || shown(&desktop));
    click(&desktop, &name, &menu, "Quit Granary");
    desktop.eventually("with nothing running it quits at once", || desktop.has_ended());
}

//! The first run: a window with the welcome page, logged in by itself, and no way from the page into the program.

use crate::support::{Desktop, Driver};

#[test]
fn the_first_window_shows_the_welcome_page_and_holds_no_bridge() {
    let desktop = Desktop::new();
    let driver = Driver::start(&desktop);
    desktop.eventually("the welcome page is shown", || {
        driver
            .script("return document.querySelector('h1')?.textContent ?? ''")
            .as_str()
            .is_some_and(|text| text.contains("Granary"))
            && driver.script("return document.body.textContent").as_str().is_some_and(|text| text.contains("Notes"))
    });
    let origin = driver.script("return location.origin");
    assert!(origin.as_str().unwrap().starts_with("https://granary.localhost:"), "{origin}");
    assert_eq!(driver.script("return location.hash"), "", "the login code does not stay in the address");
    assert_eq!(
        driver.script("return typeof window.__TAURI_INTERNALS__ + typeof window.__TAURI__"),
        "undefinedundefined"
    );
    assert_eq!(driver.script("return window.webkit?.messageHandlers?.ipc === undefined"), true);
    let script = "return Object.getOwnPropertyNames(window).filter((name) => /tauri|wry|ipc/i.test(name)).join()";
    assert_eq!(driver.script(script), "");
    // Its login opens no grain's page and makes no other login.
    driver.script(
        "window.codes = {}; const secret = localStorage.getItem(`granary-secret-${location.port}`); \
         for (const path of ['/grains/abc/session', '/login-code', '/desktop/given']) \
         fetch('/api/v1' + path, { method: 'POST', headers: { 'x-granary-secret': secret, 'content-type': 'application/json' }, \
         body: path === '/desktop/given' ? '{\"arguments\":[]}' : '{}' }) \
         .then((answer) => answer.json()).then((problem) => window.codes[path] = problem.code)",
    );
    desktop.eventually("what is not for a page is refused", || {
        driver.script("return Object.values(window.codes).sort().join()")
            == "not-in-this-window,socket-only,socket-only"
    });
    // The schemes a bridge would answer to.
    driver.script(
        "window.tried = {}; for (const url of ['ipc://localhost/x', 'tauri://localhost/', 'http://ipc.localhost/x', 'wry://x/']) \
         fetch(url).then(() => window.tried[url] = 'answered', () => window.tried[url] = 'refused')",
    );
    desktop.eventually("every scheme is refused", || {
        driver.script("return Object.values(window.tried).join()") == "refused,refused,refused,refused"
    });
}

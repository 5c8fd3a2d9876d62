//! Another user of the same computer, with everything right but the user id.

use std::os::unix::process::CommandExt as _;
use std::process::{Command, Output};

use crate::fixture::Running;

/// Debian's `nobody`.
const OTHER: u32 = 65534;

fn curl(running: &Running, uid: Option<u32>, arguments: &[String]) -> Output {
    let mut command = Command::new("curl");
    let port = running.port();
    command.args(["--silent", "--insecure", "--max-time", "20", "--resolve"]);
    command.arg(format!("*:{port}:127.0.0.1,[::1]")).args(arguments);
    if let Some(uid) = uid {
        command.uid(uid).gid(uid).env_clear().current_dir("/");
    }
    command.output().expect("curl is installed (apt install curl)")
}

#[tokio::test(flavor = "multi_thread")]
async fn another_user_gets_nowhere_even_with_cookie_and_code() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: only root can start a program as another user");
        return;
    }
    let running = Running::start();
    let port = running.port();
    let (cookie, secret) = running.logged_in().await;
    let who = |address: &str| {
        vec![
            format!("--connect-to"),
            format!("granary.localhost:{port}:{address}:{port}"),
            "-H".into(),
            format!("Cookie: {cookie}"),
            "-H".into(),
            format!("X-Granary-Secret: {secret}"),
            format!("https://granary.localhost:{port}/api/v1/who"),
        ]
    };
    for address in ["127.0.0.1", "[::1]"] {
        let own = curl(&running, None, &who(address));
        assert!(own.status.success() && own.stdout.len() == 16, "{own:?}");
        let other = curl(&running, Some(OTHER), &who(address));
        assert!(!other.status.success() && other.stdout.is_empty(), "{address}: {other:?}");
    }
    // A login code of the owner's, and the init URL of a session: not used up by the attempt either.
    let code = running.gateway.logins().code();
    let login = vec![
        "-H".into(),
        format!("Origin: https://granary.localhost:{port}"),
        "-H".into(),
        "Sec-Fetch-Site: same-origin".into(),
        "-H".into(),
        "Content-Type: application/json".into(),
        "-d".into(),
        format!("{{\"code\":\"{code}\"}}"),
        format!("https://granary.localhost:{port}/api/v1/login"),
    ];
    let other = curl(&running, Some(OTHER), &login);
    assert!(!other.status.success() && other.stdout.is_empty(), "{other:?}");
    let own = curl(&running, None, &login);
    assert!(String::from_utf8_lossy(&own.stdout).contains("\"secret\""), "{own:?}");
    assert!(running.gateway.health().iter().any(|entry| entry.code == "other-user-refused"));
}

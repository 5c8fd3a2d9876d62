//! The peers: the app alone, nginx as TLS reverse proxy before it, bubblewrap around it; and the load that wrk makes.

use std::{
    fs,
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::appliance::{guest, output, wait_for};

/// A child that is killed when dropped.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn listening(port: u16) -> Result<()> {
    wait_for("a server", || TcpStream::connect(("127.0.0.1", port)).ok()).map(drop)
}

/// The ordinary web server, alone, on `port`.
pub(crate) fn alone(port: u16) -> Result<Running> {
    let child = Command::new(guest("granary-test-http")).arg(port.to_string()).stdin(Stdio::null()).spawn()?;
    listening(port)?;
    Ok(Running(child))
}

/// nginx with TLS on `port` before the server on `app`.
pub(crate) fn nginx(port: u16, app: u16) -> Result<(Running, TempDir)> {
    let folder = tempfile::tempdir()?;
    let path = folder.path();
    output(
        Command::new("openssl")
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=localhost",
                "-keyout",
            ])
            .arg(path.join("key.pem"))
            .arg("-out")
            .arg(path.join("cert.pem")),
    )?;
    let p = path.display();
    fs::write(path.join("nginx.conf"), format!("
        daemon off; master_process off; pid {p}/pid; error_log {p}/error.log;
        events {{ worker_connections 1024; }}
        http {{
          access_log off; client_body_temp_path {p}/b; proxy_temp_path {p}/p; fastcgi_temp_path {p}/f; uwsgi_temp_path {p}/u; scgi_temp_path {p}/s;
          upstream app {{ server 127.0.0.1:{app}; keepalive 64; }}
          server {{
            listen 127.0.0.1:{port} ssl http2; ssl_certificate {p}/cert.pem; ssl_certificate_key {p}/key.pem; keepalive_requests 1000000;
            location / {{ proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_buffering on; }}
          }}
        }}"))?;
    let child =
        Command::new("nginx").arg("-p").arg(path).arg("-c").arg(path.join("nginx.conf")).spawn().context("nginx")?;
    listening(port)?;
    Ok((Running(child), folder))
}

/// Requests a second that wrk reaches, and the requests it made in all.
pub(crate) fn wrk(url: &str, headers: &[String], connections: u32, seconds: u32) -> Result<(f64, f64)> {
    let mut command = Command::new("wrk");
    command.args(["-t1", &format!("-c{connections}"), &format!("-d{seconds}s")]);
    for header in headers {
        command.args(["-H", header]);
    }
    let text = output(command.arg(url))?;
    anyhow::ensure!(!text.contains("Non-2xx"), "wrk saw errors:\n{text}");
    let rate = text.lines().find_map(|l| l.strip_prefix("Requests/sec:")).context("wrk's rate")?.trim().parse()?;
    let total = text
        .lines()
        .find_map(|l| l.trim().strip_suffix(" read").and_then(|l| l.split(" requests in ").next()))
        .context("wrk's count")?;
    Ok((rate, total.trim().parse()?))
}

/// bubblewrap with fences like ours around `program`, which is then at `/app`.
pub(crate) fn bubblewrap(program: &Path, args: &[&str]) -> Command {
    let mut command = Command::new("bwrap");
    command
        .args([
            "--unshare-user",
            "--unshare-pid",
            "--unshare-ipc",
            "--unshare-uts",
            "--unshare-cgroup-try",
            "--die-with-parent",
            "--new-session",
            "--ro-bind",
        ])
        .arg(program)
        .arg("/app");
    command
        .args(["--tmpfs", "/tmp", "--dev", "/dev", "--tmpfs", "/var", "--chdir", "/", "--clearenv", "--", "/app"])
        .args(args);
    command
}

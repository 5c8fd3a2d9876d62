//! A Granary of its own for the run, driven through its command line.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;

/// The folder with the optimised program and its parts.
pub(crate) fn parts() -> PathBuf {
    env::var_os("GRANARY_LIBEXEC").map_or_else(|| PathBuf::from("target/release"), PathBuf::from)
}

/// A program for tests that runs as a grain.
pub(crate) fn guest(name: &str) -> PathBuf {
    PathBuf::from("target/guest/bin").join(name)
}

/// Tries until it works; for waiting on servers to come up, never for timing.
pub(crate) fn wait_for<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> Result<T> {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(value) = attempt() {
            return Ok(value);
        }
        ensure!(Instant::now() < end, "{what}: nothing for 30 seconds");
        sleep(Duration::from_micros(500));
    }
}

/// Runs a program to its end; its standard output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let done = command.output().with_context(|| format!("{command:?}"))?;
    if !done.status.success() {
        bail!("{command:?}: {}\n{}", done.status, String::from_utf8_lossy(&done.stderr));
    }
    Ok(String::from_utf8(done.stdout)?)
}

/// A running appliance; stopped and removed when dropped.
pub(crate) struct Appliance {
    folder: TempDir,
    process: Child,
    /// Its port.
    pub(crate) port: u16,
}

/// A grain's session, as a browser holds it.
pub(crate) struct Session {
    /// `ui-….granary.localhost:PORT`
    pub(crate) host: String,
    /// `name=value`
    pub(crate) cookie: String,
}

impl Appliance {
    /// Starts one on a fresh folder.
    pub(crate) fn start() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("granary-bench-").tempdir()?;
        let process = Command::new(parts().join("granary"))
            .args(["serve", "--data"])
            .arg(folder.path().join("data"))
            .stdout(fs::File::create(folder.path().join("serve.out"))?)
            .stderr(fs::File::create(folder.path().join("serve.err"))?)
            .spawn()
            .context("starting granary; run `make bench`, which builds it")?;
        let mut appliance = Self { folder, process, port: 0 };
        wait_for("granary serve", || appliance.cli(&["apps"]).ok())?;
        let said = ["serve.out", "serve.err"]
            .map(|f| fs::read_to_string(appliance.folder.path().join(f)).unwrap_or_default())
            .concat();
        let port = said.split("granary.localhost:").nth(1).context("the address that serve prints")?;
        appliance.port = port.chars().take_while(char::is_ascii_digit).collect::<String>().parse()?;
        Ok(appliance)
    }

    /// The process id.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Runs a command with `--json`.
    pub(crate) fn cli(&self, args: &[&str]) -> Result<Value> {
        let text =
            output(Command::new(parts().join("granary")).arg("--data").arg(self.data()).arg("--json").args(args))?;
        if text.trim().is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_str(&text)?) }
    }

    /// Packs one program as an app, behind the bridge when it has a port, installs it; the app id.
    pub(crate) fn app(&self, title: &str, program: &Path, port: Option<u16>, args: &[&str]) -> Result<String> {
        let stage = self.folder.path().join(title);
        fs::create_dir_all(&stage)?;
        fs::copy(program, stage.join("app")).with_context(|| program.display().to_string())?;
        let package = self.folder.path().join(format!("{title}.spk"));
        let mut pack = Command::new(parts().join("granary"));
        pack.args(["spk", "pack"]).arg(&package).arg("--from").arg(&stage).args(["--title", title]);
        pack.arg("--key").arg(self.folder.path().join(format!("{title}.key")));
        output(
            Command::new(parts().join("granary"))
                .args(["spk", "keygen"])
                .arg(self.folder.path().join(format!("{title}.key"))),
        )?;
        match port {
            Some(port) => pack.args(["--port", &port.to_string()]),
            None => pack.arg("--raw"),
        };
        output(pack.args(["--", "/app"]).args(args))?;
        let installed = self.cli(&["install", package.to_str().context("a UTF-8 path")?])?;
        Ok(installed["appId"].as_str().context("an app id")?.to_owned())
    }

    /// Makes a grain; its id.
    pub(crate) fn grain(&self, app: &str) -> Result<String> {
        Ok(self.cli(&["new", app])?["grainId"].as_str().context("a grain id")?.to_owned())
    }

    /// Logs into a grain as a browser does.
    pub(crate) fn session(&self, grain: &str) -> Result<Session> {
        let url = self.cli(&["url", grain])?["url"].as_str().context("a URL")?.to_owned();
        let head = output(Command::new("curl").args(["-sk", "-o", "/dev/null", "-D", "-", &url]))?;
        let cookie = head
            .lines()
            .find_map(|line| line.strip_prefix("set-cookie: "))
            .and_then(|cookie| cookie.split(';').next())
            .context("a session cookie")?;
        let host = url.split('/').nth(2).context("a host")?;
        Ok(Session { host: host.to_owned(), cookie: cookie.to_owned() })
    }
}

impl Drop for Appliance {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
    }
}

impl Session {
    /// Seconds from the request to the first byte of the answer, over a new connection.
    pub(crate) fn first_byte(&self) -> Result<f64> {
        let text = output(Command::new("curl").args([
            "-sk",
            "--fail",
            "-o",
            "/dev/null",
            "-w",
            "%{time_pretransfer} %{time_starttransfer}",
            "-H",
            &format!("Cookie: {}", self.cookie),
            &format!("https://{}/", self.host),
        ]))?;
        let (ready, first) = text.split_once(' ').context("two times")?;
        Ok(first.parse::<f64>()? - ready.parse::<f64>()?)
    }
}

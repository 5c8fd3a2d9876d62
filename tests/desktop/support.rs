//! A display, a window manager and a session bus; a Granary with windows on them; and a driver for its main window.

use std::cell::RefCell;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long anything may take on a busy computer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Ends with its owner, and takes its group along.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let group = nix::unistd::Pid::from_raw(self.0.id().cast_signed());
        let _ = nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL);
        let _ = self.0.wait();
    }
}

/// Starts a program in a group of its own.
pub(crate) fn start(command: &mut Command) -> Running {
    let name = command.get_program().to_owned();
    Running(command.process_group(0).spawn().unwrap_or_else(|error| panic!("{}: {error}", name.display())))
}

/// A place for one Granary: a display, a bus, a home.
pub(crate) struct Desktop {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) display: String,
    pub(crate) bus: String,
    granary: RefCell<Option<Running>>,
    _parts: Vec<Running>,
}

impl Desktop {
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("granary-desktop-").tempdir().unwrap();
        for name in ["home", "run", "bin"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(folder.path().join("run"), std::fs::Permissions::from_mode(0o700)).unwrap();
        // Stands in for the person's browser: writes down what it was asked to open.
        let opener = folder.path().join("bin/xdg-open");
        std::fs::write(&opener, "#!/bin/sh\nenv > \"$HOME/opened.env\"; echo \"$1\" >> \"$HOME/opened\"\n").unwrap();
        std::fs::set_permissions(&opener, std::fs::Permissions::from_mode(0o755)).unwrap();

        let mut x = Command::new("Xvfb");
        x.args(["-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp"]);
        let mut x = start(x.stdout(Stdio::piped()).stderr(Stdio::null()));
        let display = format!(":{}", line(&mut x));
        let mut bus = Command::new("dbus-daemon");
        bus.args(["--session", "--nofork", "--print-address=1"]).env("HOME", folder.path().join("home"));
        let mut bus = start(bus.stdout(Stdio::piped()).stderr(Stdio::null()));
        let address = line(&mut bus);
        let manager =
            start(Command::new("openbox").env("DISPLAY", &display).stdout(Stdio::null()).stderr(Stdio::null()));
        Self { folder, display, bus: address, granary: RefCell::default(), _parts: vec![manager, x, bus] }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A program in this desktop's environment.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        let path = format!("{}:{}", self.folder.path().join("bin").display(), std::env::var("PATH").unwrap());
        command
            .env("DISPLAY", &self.display)
            .env("DBUS_SESSION_BUS_ADDRESS", &self.bus)
            .env("HOME", self.folder.path().join("home"))
            .env("XDG_RUNTIME_DIR", self.folder.path().join("run"))
            .env("GRANARY_LIBEXEC", guests())
            .env("GDK_BACKEND", "x11")
            .env("NO_AT_BRIDGE", "1")
            .env("PATH", path)
            .env_remove("XDG_CONFIG_HOME");
        command
    }

    fn log(&self) -> std::fs::File {
        std::fs::OpenOptions::new().create(true).append(true).open(self.folder.path().join("log")).unwrap()
    }

    /// The desktop program's arguments.
    pub(crate) fn arguments(&self) -> Vec<String> {
        vec!["--data".into(), self.data().to_str().unwrap().into(), "--port".into(), free_port().to_string()]
    }

    /// Starts Granary and waits until it answers.
    pub(crate) fn start(&mut self, more: &[&str]) {
        let mut command = self.command(env!("CARGO_BIN_EXE_granary-desktop"));
        command.args(self.arguments()).args(more);
        self.run(command);
    }

    /// Starts Granary by another program, and waits until it answers.
    pub(crate) fn run(&mut self, mut command: Command) {
        self.granary.take();
        self.granary.replace(Some(start(command.stdout(self.log()).stderr(self.log()))));
        self.eventually("Granary answers", || self.call("GET", "/status", None).is_some());
    }

    pub(crate) fn pid(&self) -> i32 {
        self.granary.borrow().as_ref().unwrap().0.id().cast_signed()
    }

    /// Ends it at once, as a crash does: it alone, not its children.
    pub(crate) fn crash(&mut self) {
        let mut granary = self.granary.take().unwrap();
        granary.0.kill().unwrap();
        granary.0.wait().unwrap();
        std::mem::forget(granary);
    }

    /// Whether the program has ended by itself.
    pub(crate) fn has_ended(&self) -> bool {
        self.granary.borrow_mut().as_mut().is_none_or(|granary| granary.0.try_wait().unwrap().is_some())
    }

    /// A call of the API over the Unix socket; `None` when nobody answers or it is refused.
    pub(crate) fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Option<Value> {
        let lock: Value = serde_json::from_slice(&std::fs::read(self.data().join("lock")).ok()?).ok()?;
        let mut stream = std::os::unix::net::UnixStream::connect(lock["socket"].as_str()?).ok()?;
        let body = body.map(Value::to_string).unwrap_or_default();
        let kind = if body.is_empty() { "" } else { "content-type: application/json\r\n" };
        let head = format!(
            "{method} /api/v1{path} HTTP/1.1\r\nhost: granary\r\nconnection: close\r\n{kind}content-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).ok()?;
        stream.write_all(body.as_bytes()).ok()?;
        let (status, body) = answer(stream)?;
        (200..300).contains(&status).then(|| serde_json::from_str(&body).unwrap_or(Value::Null))
    }

    /// Packs a web server that serves `page`, installs it, and makes a grain of it.
    pub(crate) fn grain_of(&self, page: &str) -> String {
        let tree = self.folder.path().join("tree");
        std::fs::create_dir_all(tree.join("pages")).unwrap();
        std::fs::copy(guests().join("granary-test-http"), tree.join("server")).unwrap();
        std::fs::write(tree.join("pages/index.html"), page).unwrap();
        let file = self.folder.path().join("page.spk");
        let granary = Path::new(env!("CARGO_BIN_EXE_granary-desktop")).with_file_name("granary");
        assert!(granary.is_file(), "{} is missing: run `cargo build -p granary`", granary.display());
        let run = |arguments: &[&str]| {
            let output =
                self.command(&granary).args(["--data", self.data().to_str().unwrap()]).args(arguments).output();
            let output = output.unwrap();
            assert!(output.status.success(), "{arguments:?}: {output:?}");
        };
        let (from, to) = (tree.to_str().unwrap(), file.to_str().unwrap());
        let key = self.folder.path().join("key");
        run(&["spk", "keygen", key.to_str().unwrap()]);
        run(&[
            "spk",
            "pack",
            to,
            "--from",
            from,
            "--key",
            key.to_str().unwrap(),
            "--title",
            "Page",
            "--port",
            "8000",
            "--",
            "/server",
            "8000",
            "/pages",
        ]);
        run(&["install", to]);
        let apps = self.call("GET", "/apps", None).unwrap();
        let app = apps.as_array().unwrap().iter().find(|app| app["title"] == "Page").expect("it is installed");
        self.new_grain(app["appId"].as_str().unwrap())
    }

    pub(crate) fn new_grain(&self, app: &str) -> String {
        let grain = self.call("POST", "/grains", Some(&json!({ "appId": app, "title": "The page" }))).unwrap();
        grain["grainId"].as_str().unwrap().to_owned()
    }

    /// Titles of the windows that can be seen.
    pub(crate) fn windows(&self) -> Vec<String> {
        let found = self.command("xdotool").args(["search", "--onlyvisible", "--name", "."]).output().unwrap();
        let ids = String::from_utf8_lossy(&found.stdout).into_owned();
        let mut names: Vec<String> = ids
            .split_whitespace()
            .filter_map(|id| {
                let name = self.command("xdotool").args(["getwindowname", id]).output().ok()?;
                Some(String::from_utf8_lossy(&name.stdout).trim().to_owned())
            })
            .filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("openbox"))
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// The main window and dialogs that bear Granary's name, as far as they can be seen.
    pub(crate) fn main_windows(&self) -> Vec<String> {
        let found = self.command("xdotool").args(["search", "--onlyvisible", "--name", "^Granary$"]).output().unwrap();
        String::from_utf8_lossy(&found.stdout).split_whitespace().map(str::to_owned).collect()
    }

    /// Closes the main window as its own button does it.
    pub(crate) fn close_main(&self) {
        let mut windows = Vec::new();
        // The window manager takes it out of sight for a moment to put its frame around it.
        self.eventually("the main window can be seen", || {
            windows = self.main_windows();
            !windows.is_empty()
        });
        let id = windows.swap_remove(0);
        let keys = ["windowactivate", "--sync", &id, "key", "--clearmodifiers", "alt+F4"];
        assert!(self.command("xdotool").args(keys).status().unwrap().success());
    }

    #[track_caller]
    pub(crate) fn eventually(&self, what: &str, mut check: impl FnMut() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !check() {
            if Instant::now() > deadline {
                let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                panic!("this did not happen: {what}\nwindows: {:?}\n{log}", self.windows());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Drives the main window by WebDriver.
pub(crate) struct Driver {
    port: u16,
    session: String,
    _driver: Running,
}

impl Driver {
    /// Starts Granary by the driver.
    pub(crate) fn start(desktop: &Desktop) -> Self {
        let port = free_port();
        let mut command = desktop.command("WebKitWebDriver");
        command.arg(format!("--port={port}")).env("GRANARY_AUTOMATION", "1");
        let driver = start(command.stdout(desktop.log()).stderr(desktop.log()));
        desktop.eventually("the driver listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        let mut this = Self { port, session: String::new(), _driver: driver };
        let options = json!({ "binary": env!("CARGO_BIN_EXE_granary-desktop"), "args": desktop.arguments() });
        let capabilities = json!({ "capabilities": { "alwaysMatch": { "webkitgtk:browserOptions": options } } });
        let value = this.send("POST", "/session", &capabilities);
        this.session = value["sessionId"].as_str().unwrap_or_else(|| panic!("no session: {value}")).to_owned();
        this
    }

    /// What a script on the page returns.
    pub(crate) fn script(&self, text: &str) -> Value {
        self.send("POST", &format!("/session/{}/execute/sync", self.session), &json!({ "script": text, "args": [] }))
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Value {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let body = body.to_string();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        let (_, body) = answer(stream).expect("the driver answers");
        serde_json::from_str::<Value>(&body).unwrap()["value"].take()
    }
}

/// Status and body of an HTTP answer.
fn answer(stream: impl std::io::Read) -> Option<(u16, String)> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let status = first.split(' ').nth(1)?.parse().ok()?;
    let mut length = None;
    let mut chunked = false;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse::<usize>().ok();
        }
        chunked |= line.starts_with("transfer-encoding:") && line.contains("chunked");
    }
    let mut body = Vec::new();
    if chunked {
        loop {
            let mut size = String::new();
            reader.read_line(&mut size).ok()?;
            let size = usize::from_str_radix(size.trim(), 16).ok()?;
            let mut piece = vec![0; size + 2];
            reader.read_exact(&mut piece).ok()?;
            if size == 0 {
                break;
            }
            body.extend(&piece[..size]);
        }
    } else if let Some(length) = length {
        body.resize(length, 0);
        reader.read_exact(&mut body).ok()?;
    } else {
        let _ = reader.read_to_end(&mut body);
    }
    Some((status, String::from_utf8_lossy(&body).into_owned()))
}

fn line(running: &mut Running) -> String {
    let mut text = String::new();
    BufReader::new(running.0.stdout.take().unwrap()).read_line(&mut text).unwrap();
    text.trim().to_owned()
}

pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Where the small static programs are.
pub(crate) fn guests() -> PathBuf {
    let folder = std::env::var_os("GRANARY_LIBEXEC")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/guest/bin"), PathBuf::from);
    for program in ["granary-launcher", "granary-http-bridge", "granary-test-http"] {
        assert!(folder.join(program).is_file(), "{program} is missing in {}: run `make test-guests`", folder.display());
    }
    folder
}

/// All processes below one.
pub(crate) fn descendants(pid: i32) -> Vec<i32> {
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let children: Vec<i32> = tasks
        .flatten()
        .flat_map(|task| {
            let text = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
            text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<i32>>()
        })
        .collect();
    children.into_iter().flat_map(|child| [vec![child], descendants(child)].concat()).collect()
}

pub(crate) fn is_alive(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('Z')))
}

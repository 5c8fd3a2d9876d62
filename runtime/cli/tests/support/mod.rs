//! What the command-line tests share: an appliance of their own each, with a home, a runtime folder and programs.

#![allow(dead_code, reason = "each test program uses its own part of it")]

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, setrlimit};
use serde_json::Value;

/// How long anything may take on a busy computer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A place for one Granary, which may run or not.
pub(crate) struct Granary {
    folder: tempfile::TempDir,
    name: &'static str,
    child: Option<Child>,
    pub(crate) port: u16,
    pub(crate) origin: String,
    pub(crate) login_url: String,
    /// More of the environment.
    pub(crate) env: Vec<(&'static str, String)>,
    /// Limits of open files, soft and hard, with which the appliance is started.
    pub(crate) files: Option<(u64, u64)>,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Granary {
    /// A fresh one that does not run.
    pub(crate) fn new() -> Self {
        Self::named("data")
    }

    /// The same with a name for its data folder.
    pub(crate) fn named(name: &'static str) -> Self {
        // In /var/tmp, where a sandbox started by root reaches it, and which is no tmpfs as a rule.
        let folder = tempfile::Builder::new().prefix("granary-test-").tempdir_in("/var/tmp").unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        for (sub, mode) in [("run", 0o700), ("home", 0o755), ("libexec", 0o755)] {
            let path = folder.path().join(sub);
            std::fs::create_dir(&path).unwrap();
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        for program in ["granary-launcher", "granary-http-bridge"] {
            std::fs::copy(guests().join(program), folder.path().join("libexec").join(program)).unwrap();
        }
        Self {
            folder,
            name,
            child: None,
            port: 0,
            origin: String::new(),
            login_url: String::new(),
            env: Vec::new(),
            files: None,
        }
    }

    /// A fresh one that runs.
    pub(crate) fn started() -> Self {
        let mut granary = Self::new();
        granary.start();
        granary
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join(self.name)
    }

    /// `granary` with these arguments, on this data folder.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_granary"));
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path().join("home"))
            .env("XDG_RUNTIME_DIR", self.folder.path().join("run"))
            .env("GRANARY_LIBEXEC", self.folder.path().join("libexec"))
            .envs(self.env.iter().map(|(key, value)| (key, value)))
            .args(arguments)
            .arg("--data")
            .arg(self.data())
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        ended(&self.command(arguments).output().unwrap())
    }

    /// Runs a command that has to succeed, and gives its output.
    #[track_caller]
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let ended = self.run(arguments);
        assert_eq!(ended.code, 0, "{arguments:?}: {ended:#?}\n{}", self.log());
        ended.stdout
    }

    /// The same with `--json`.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        let text = self.ok(&arguments);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {text:?}"))
    }

    /// Runs a command that has to fail with this exit code and code, and gives its error.
    #[track_caller]
    pub(crate) fn fails(&self, exit: i32, code: &str, arguments: &[&str]) -> Value {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        let ended = self.run(&arguments);
        let last = ended.stderr.lines().last().unwrap_or_default();
        let error = serde_json::from_str::<Value>(last).unwrap_or_default()["error"].take();
        assert_eq!(
            (ended.code, error["code"].as_str()),
            (exit, Some(code)),
            "{arguments:?}: {ended:#?}\n{}",
            self.log()
        );
        assert_eq!(ended.stdout, "", "{arguments:?}");
        assert_eq!(error["invalid"], exit == 2, "{arguments:?}");
        assert!(error["message"].as_str().is_some_and(|message| message.len() > 10), "{error}");
        error
    }

    /// Starts `granary serve` and waits until it is ready.
    #[track_caller]
    pub(crate) fn start(&mut self) {
        assert!(self.child.is_none());
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log_path()).unwrap();
        // The first time any free port, later the one it had.
        let arguments: &[&str] =
            if self.port == 0 { &["serve", "--json", "--port", "0"] } else { &["serve", "--json"] };
        let mut command = self.command(arguments);
        if let Some((soft, hard)) = self.files {
            let set = move || Ok(setrlimit(Resource::RLIMIT_NOFILE, soft, hard)?);
            // SAFETY: one system call, which is all that may be done between fork and exec.
            unsafe { command.pre_exec(set) };
        }
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        // Nothing else is said on stdout, or it would be read here.
        std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
        let ready: Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("not ready: {line:?}\n{}", self.log()));
        self.port = u16::try_from(ready["port"].as_u64().unwrap()).unwrap();
        self.origin = ready["origin"].as_str().unwrap().to_owned();
        self.login_url = ready["url"].as_str().unwrap().to_owned();
        self.child = Some(child);
    }

    pub(crate) fn pid(&self) -> i32 {
        self.child.as_ref().unwrap().id().cast_signed()
    }

    /// Sends a signal to the appliance and waits for its end; gives the exit code, or the signal as a negative number.
    pub(crate) fn end(&mut self, signal: nix::sys::signal::Signal) -> i32 {
        use std::os::unix::process::ExitStatusExt as _;
        let mut child = self.child.take().unwrap();
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(child.id().cast_signed()), signal).unwrap();
        let status = child.wait().unwrap();
        status.code().unwrap_or_else(|| -status.signal().unwrap())
    }

    /// What the appliance said.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("serve.log")
    }

    /// `curl` that trusts this instance's certificates and keeps its cookies.
    pub(crate) fn curl(&self, arguments: &[&str]) -> Ended {
        let jar = self.folder.path().join("jar");
        let mut command = Command::new("curl");
        command
            .args(["--silent", "--show-error", "--max-time", "60", "--noproxy", "*", "--cacert"])
            .arg(self.data().join("tls/ca.pem"))
            .arg("--cookie-jar")
            .arg(&jar)
            .arg("--cookie")
            .arg(&jar)
            .args(arguments);
        ended(&command.output().expect("curl is installed"))
    }

    /// Opens a grain's page by a fresh session URL; follows redirects.
    #[track_caller]
    pub(crate) fn visit(&self, grain: &str, path: &str) -> String {
        let url = self.ok(&["url", grain, "--path", path]);
        let ended = self.curl(&["--location", "--fail-with-body", url.trim()]);
        assert_eq!(ended.code, 0, "{ended:#?}\n{}", self.log());
        ended.stdout
    }

    /// The API's Unix socket.
    pub(crate) fn socket(&self) -> PathBuf {
        let lock: Value = serde_json::from_slice(&std::fs::read(self.data().join("lock")).unwrap()).unwrap();
        lock["socket"].as_str().unwrap().into()
    }

    /// A call of the API over the Unix socket: status and body.
    #[track_caller]
    pub(crate) fn call(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let text = body.map(Value::to_string);
        let json = ["--header", "content-type: application/json", "--data-binary"];
        let body: Vec<&str> = text.iter().flat_map(|text| json.into_iter().chain([text.as_str()])).collect();
        let (status, body) = self.call_with(method, path, &body);
        (status, serde_json::from_str(&body).unwrap_or(Value::Null))
    }

    /// The same with arguments for curl: status and body.
    #[track_caller]
    pub(crate) fn call_with(&self, method: &str, path: &str, arguments: &[&str]) -> (u16, String) {
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--max-time", "60", "--unix-socket"]).arg(self.socket());
        command.args(["--request", method, "--write-out", "\n%{http_code}"]).args(arguments);
        let ended = ended(&command.arg(format!("http://granary/api/v1{path}")).output().unwrap());
        let (body, status) = ended.stdout.rsplit_once('\n').unwrap_or_else(|| panic!("{method} {path}: {ended:#?}"));
        (status.parse().unwrap(), body.to_owned())
    }

    /// A call that has to succeed.
    #[track_caller]
    pub(crate) fn done(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let (status, answer) = self.call(method, path, body);
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}\n{}", self.log());
        answer
    }

    /// A call that has to be refused with this code.
    #[track_caller]
    pub(crate) fn refuses(&self, code: &str, method: &str, path: &str, body: Option<&Value>) {
        let (status, answer) = self.call(method, path, body);
        assert!(status >= 400 && answer["code"] == code, "{method} {path}: {status} {answer}");
        assert!(answer["message"].as_str().is_some_and(|message| message.len() > 10), "{answer}");
    }

    /// The live updates from now on.
    pub(crate) fn events(&self) -> Events {
        let mut curl = Command::new("curl")
            .args(["--silent", "--no-buffer", "--max-time", "120", "--unix-socket"])
            .arg(self.socket())
            .arg("http://granary/api/v1/events")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(curl.stdout.take().unwrap()).lines();
        let mut events = Events { curl, lines };
        events.wait("the beginning", |event| event["type"] == "hello");
        events
    }

    /// Folders in data/apps.
    pub(crate) fn package_folders(&self) -> Vec<String> {
        names(&self.data().join("apps"))
    }

    /// Folders in data/grains.
    pub(crate) fn grain_folders(&self) -> Vec<String> {
        names(&self.data().join("grains"))
    }

    /// The state of a grain.
    pub(crate) fn state(&self, grain: &str) -> String {
        let (status, value) = self.call("GET", &format!("/grains/{grain}"), None);
        assert_eq!(status, 200, "{value}");
        value["state"].as_str().unwrap().to_owned()
    }
}

impl Drop for Granary {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            eprintln!("the appliance said:\n{}", self.log());
        }
    }
}

fn ended(output: &Output) -> Ended {
    Ended {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Where the small static programs are.
pub(crate) fn guests() -> PathBuf {
    let folder = std::env::var_os("GRANARY_LIBEXEC")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/guest/bin"), PathBuf::from);
    for program in ["granary-launcher", "granary-http-bridge", "granary-test-raw"] {
        let path = folder.join(program);
        assert!(path.is_file(), "{} is missing: run `make test-guests`", path.display());
    }
    folder
}

/// Versions of one app, or of several, made of the raw test app.
pub(crate) struct Packs {
    folder: tempfile::TempDir,
}

impl Packs {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("tree")).unwrap();
        std::fs::copy(guests().join("granary-test-raw"), folder.path().join("tree/app")).unwrap();
        Self { folder }
    }

    fn granary(&self, arguments: &[&str]) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_granary"))
            .current_dir(self.folder.path())
            .env("HOME", self.folder.path())
            .args(arguments)
            .output()
            .unwrap();
        let ended = ended(&output);
        assert_eq!(ended.code, 0, "{arguments:?}: {ended:#?}");
        ended.stdout.trim().to_owned()
    }

    /// Packs the raw app: `key` chooses the app, `options` go to the app at each start.
    pub(crate) fn pack(&self, key: &str, title: &str, version: u32, options: &[&str]) -> PathBuf {
        if !self.folder.path().join(key).exists() {
            self.granary(&["spk", "keygen", key]);
        }
        let file = self.folder.path().join(format!("{key}-{version}.spk"));
        let (path, version) = (file.to_str().unwrap(), version.to_string());
        let mut arguments = vec!["spk", "pack", "--from", "tree", "--raw", "--key", key, "--title", title];
        arguments.extend(["--noun", "sheet", "--app-version", &version, "--output", path, "--", "/app"]);
        arguments.extend(options);
        self.granary(&arguments);
        file
    }

    /// Where the key of this name is.
    pub(crate) fn key_path(&self, key: &str) -> PathBuf {
        self.folder.path().join(key)
    }

    /// Packs the raw app with texts in several languages.
    pub(crate) fn pack_translated(&self, key: &str) -> PathBuf {
        let id = self.granary(&["spk", "keygen", key]);
        let text = |default: &str, others: &[(&str, &str)]| {
            let others: Vec<String> =
                others.iter().map(|(l, t)| format!("(locale = \"{l}\", text = \"{t}\")")).collect();
            format!("(defaultText = \"{default}\", localizations = [{}])", others.join(", "))
        };
        let definition = format!(
            "@0xd0e6a7e7c6a8a6f1;\nusing Spk = import \"/sandstorm/package.capnp\";\n\
             const pkgdef :Spk.PackageDefinition = (\n  id = \"{id}\",\n  manifest = (\n    appTitle = {},\n    appVersion = 1,\n\
             appMarketingVersion = (defaultText = \"1\"),\n    actions = [(title = {}, nounPhrase = {},\n\
             command = .run)],\n    continueCommand = .run,\n    metadata = (website = \"https://example.org/\",\n\
             license = (openSource = mit), description = {}),\n  ),\n\
             sourceMap = (searchPath = [(sourcePath = \"tree\")]),\n  alwaysInclude = [\".\"],\n);\n\
             const run :Spk.Manifest.Command = (argv = [\"/app\"], environ = []);\n",
            text("Letters", &[("de", "Briefe"), ("fr", "Lettres")]),
            text("New letter", &[("de", "Neuer Brief")]),
            text("letter", &[("de", "Brief")]),
            text("For **writing**.", &[("de", "Zum **Schreiben**.")]),
        );
        std::fs::write(self.folder.path().join("translated.capnp"), definition).unwrap();
        self.granary(&["spk", "pack", "--definition", "translated.capnp", "--key", key, "--output", "translated.spk"]);
        self.folder.path().join("translated.spk")
    }

    /// The app id of a package.
    pub(crate) fn app_id(&self, file: &Path) -> String {
        self.granary(&["spk", "appid", file.to_str().unwrap()])
    }

    /// The package id of a package.
    pub(crate) fn package_id(&self, file: &Path) -> String {
        let info: Value =
            serde_json::from_str(&self.granary(&["spk", "info", "--json", file.to_str().unwrap()])).unwrap();
        info["packageId"].as_str().unwrap().to_owned()
    }
}

/// All processes below one.
pub(crate) fn descendants(pid: i32) -> Vec<i32> {
    let children = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().flat_map(|task| {
        let text = std::fs::read_to_string(task.unwrap().path().join("children")).unwrap_or_default();
        text.split_whitespace().map(|pid| pid.parse().unwrap()).collect::<Vec<i32>>()
    });
    children.flat_map(|child| [vec![child], descendants_of_ended(child)].concat()).collect()
}

fn descendants_of_ended(pid: i32) -> Vec<i32> {
    if std::path::Path::new(&format!("/proc/{pid}/task")).exists() { descendants(pid) } else { Vec::new() }
}

/// Live updates, one after the other.
pub(crate) struct Events {
    curl: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Events {
    /// Reads on until an event is as it should be, and gives it.
    #[track_caller]
    pub(crate) fn wait(&mut self, what: &str, check: impl Fn(&Value) -> bool) -> Value {
        let events =
            self.lines.by_ref().map_while(Result::ok).map(|line| serde_json::from_str::<Value>(&line).unwrap());
        let found = events.into_iter().find(|event| check(event));
        found.unwrap_or_else(|| panic!("{what} was not told"))
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        let _ = self.curl.kill();
        let _ = self.curl.wait();
    }
}

/// Waits until `check` is true.
#[track_caller]
pub(crate) fn eventually(what: &str, mut check: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !check() {
        assert!(Instant::now() < deadline, "{what} did not happen within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A web server for one file, on a thread of its own.
pub(crate) struct Server {
    pub(crate) url: String,
}

impl Server {
    /// Answers every request with what `answer` makes of its path.
    pub(crate) fn new(answer: impl Fn(&str) -> Vec<u8> + Send + 'static) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mut reader = BufReader::new(stream);
                let mut first = String::new();
                let _ = reader.read_line(&mut first);
                let mut line = String::new();
                while reader.read_line(&mut line).is_ok_and(|count| count > 2) {
                    line.clear();
                }
                let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
                let mut stream = reader.into_inner();
                let _ = std::io::Write::write_all(&mut stream, &answer(&path));
                let _ = stream.shutdown(std::net::Shutdown::Write);
                let _ = stream.read_to_end(&mut Vec::new());
            }
        });
        Self { url }
    }

    /// An HTTP answer.
    pub(crate) fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
        let mut answer =
            format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n", body.len())
                .into_bytes();
        answer.extend(body);
        answer
    }
}

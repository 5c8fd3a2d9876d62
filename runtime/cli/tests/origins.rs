//! Where packages come from: over https with a report that can be cut off, and never in a starter app's name.

mod support;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};

use nix::sys::signal::Signal;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};
use support::{Granary, PATIENCE, Packs, Server, eventually};

/// The key of a starter app, which everybody has.
fn public_key() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../apps/notes/app.key")
}

/// Packs in whose `notes` signs as the starter app does.
fn forger() -> Packs {
    let packs = Packs::new();
    std::fs::copy(public_key(), packs.key_path("notes")).unwrap();
    packs
}

fn serving(file: &Path) -> Server {
    let bytes = std::fs::read(file).unwrap();
    Server::new(move |_| Server::answer("200 OK", "", &bytes))
}

#[test]
fn a_starter_app_comes_from_nowhere_else() {
    let packs = forger();
    let forged = packs.pack("notes", "Forged", 9, &[]);
    let granary = Granary::started();
    let url = format!("{}/notes.spk", serving(&forged).url);
    for source in [forged.to_str().unwrap(), &url] {
        let error = granary.fails(2, "package-starter", &["install", source]);
        assert!(error["message"].as_str().unwrap().contains("Its key is public, so it may be anybody's."), "{error}");
        assert_eq!(granary.json(&["apps"]), json!([]), "{source}");
        assert_eq!(granary.package_folders(), [] as [&str; 0], "{source}");
    }
    // Not even by somebody who names it exactly.
    granary.fails(2, "package-starter", &["install", &url, "--expect", &packs.package_id(&forged)]);
    granary.fails(1, "no-such-app", &["new", &packs.app_id(&forged)]);
}

#[test]
fn a_starter_app_is_not_replaced_by_another_in_its_name() {
    let packs = forger();
    let genuine = packs.pack("notes", "Genuine", 1, &[]);
    let forged = packs.pack("notes", "Forged", 9, &[]);
    let mut granary = Granary::new();
    let starter = granary.folder().join("libexec/starter");
    std::fs::create_dir(&starter).unwrap();
    std::fs::copy(&genuine, starter.join("notes.spk")).unwrap();
    granary.start();
    let mine = granary.ok(&["new", "Genuine", "--title", "Mine"]).trim().to_owned();
    assert_eq!(granary.visit("Mine", "/count").trim(), "1");

    let url = format!("{}/notes.spk", serving(&forged).url);
    for source in [forged.to_str().unwrap(), &url] {
        granary.fails(2, "package-starter", &["install", source]);
        let apps = granary.json(&["apps"]);
        assert_eq!((&apps[0]["title"], &apps[0]["version"]), (&json!("Genuine"), &json!(1)));
        assert_eq!(granary.package_folders(), [packs.package_id(&genuine)]);
    }
    assert_eq!(granary.state(&mine), "running", "nothing was stopped for it");
    assert_eq!(granary.visit("Mine", "/count").trim(), "2");

    // The genuine one may be installed by hand, also after it was uninstalled, and after a restart.
    assert_eq!(granary.json(&["install", genuine.to_str().unwrap()])["outcome"], "alreadyInstalled");
    granary.ok(&["delete", "Mine"]);
    granary.ok(&["uninstall", "Genuine"]);
    granary.end(Signal::SIGTERM);
    granary.start();
    granary.fails(2, "package-starter", &["install", forged.to_str().unwrap()]);
    assert_eq!(granary.json(&["install", genuine.to_str().unwrap()])["outcome"], "installed");
}

/// What a [`Halting`] server was asked, and heard.
#[derive(Debug, PartialEq, Eq)]
enum Heard {
    /// Half of the answer is out.
    Half,
    /// The other side has gone before the rest.
    Gone,
}

/// An https server that sends a file's first half, and the rest when it is told to.
struct Halting {
    url: String,
    certificate: PathBuf,
    heard: mpsc::Receiver<Heard>,
    go: mpsc::Sender<()>,
    _folder: tempfile::TempDir,
}

impl Halting {
    fn new(bytes: Vec<u8>) -> Self {
        let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let certificate = folder.path().join("ca.pem");
        std::fs::write(&certificate, own.cert.pem()).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(own.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![own.cert.der().clone()], key)
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let (tell, heard) = mpsc::channel();
        let (go, gone_on) = mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // A client that does not trust us breaks off.
                let _ = Self::answer(&config, stream, &bytes, &tell, &gone_on);
            }
        });
        Self { url, certificate, heard, go, _folder: folder }
    }

    fn answer(
        config: &Arc<ServerConfig>,
        stream: TcpStream,
        bytes: &[u8],
        tell: &mpsc::Sender<Heard>,
        gone_on: &mpsc::Receiver<()>,
    ) -> std::io::Result<()> {
        let connection = ServerConnection::new(Arc::clone(config)).map_err(std::io::Error::other)?;
        let mut stream = BufReader::new(StreamOwned::new(connection, stream));
        let mut first = String::new();
        stream.read_line(&mut first)?;
        let mut line = String::new();
        while stream.read_line(&mut line)? > 2 {
            line.clear();
        }
        if first.starts_with("GET /down ") {
            let head = "HTTP/1.1 302 Found\r\nlocation: http://localhost:1/x.spk\r\ncontent-length: 0\r\n\r\n";
            stream.get_mut().write_all(head.as_bytes())?;
            return stream.get_mut().flush();
        }
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", bytes.len());
        let (half, rest) = bytes.split_at(bytes.len() / 2);
        stream.get_mut().write_all(head.as_bytes())?;
        stream.get_mut().write_all(half)?;
        stream.get_mut().flush()?;
        let _ = tell.send(Heard::Half);
        if first.starts_with("GET /never ") {
            let _ = stream.read_to_end(&mut Vec::new());
            let _ = tell.send(Heard::Gone);
            return Ok(());
        }
        let _ = gone_on.recv_timeout(PATIENCE);
        stream.get_mut().write_all(rest)?;
        stream.get_mut().conn.send_close_notify();
        stream.get_mut().flush()
    }

    /// Sooner than a silent download is given up.
    #[track_caller]
    fn expect(&self, what: &Heard) {
        assert_eq!(self.heard.recv_timeout(PATIENCE / 3).as_ref(), Ok(what));
    }
}

/// A call for an installation, whose report is read event by event.
struct Report(BufReader<UnixStream>);

impl Report {
    fn of(granary: &Granary, url: &str) -> Self {
        let mut socket = UnixStream::connect(granary.socket()).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let body = json!({ "url": url }).to_string();
        let head = "POST /api/v1/packages/from-url HTTP/1.1\r\nhost: x\r\ncontent-type: application/json";
        write!(socket, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
        Self(BufReader::new(socket))
    }

    /// The first event that is meant.
    #[track_caller]
    fn event(&mut self, what: &str, meant: impl Fn(&Value) -> bool) -> Value {
        let mut seen = String::new();
        let mut line = String::new();
        // Lines between, heads and lengths of chunks, are no JSON objects.
        while self.0.read_line(&mut line).unwrap() > 0 {
            if let Ok(event @ Value::Object(_)) = serde_json::from_str(line.trim())
                && meant(&event)
            {
                return event;
            }
            seen.push_str(&line);
            line.clear();
        }
        panic!("{what} was not told: {seen}");
    }
}

#[test]
fn an_installation_over_https_tells_how_far_it_is() {
    let packs = Packs::new();
    let spk = packs.pack("a", "Raw", 1, &[]);
    let bytes = std::fs::read(&spk).unwrap();
    let size = bytes.len();
    let server = Halting::new(bytes);

    let mut granary = Granary::started();
    let refused = granary.fails(1, "download-failed", &["install", &format!("{}/x.spk", server.url)]);
    assert!(refused["message"].as_str().unwrap().contains("cannot be trusted"), "{refused}");
    granary.end(Signal::SIGTERM);

    granary.env.push(("SSL_CERT_FILE", server.certificate.to_str().unwrap().to_owned()));
    granary.start();
    let down = granary.fails(1, "download-failed", &["install", &format!("{}/down", server.url)]);
    assert!(down["message"].as_str().unwrap().contains("from https to http"), "{down}");

    let mut report = Report::of(&granary, &format!("{}/x.spk", server.url));
    server.expect(&Heard::Half);
    let half = report.event("the first half", |event| {
        event["phase"] == "download" && event["bytes"].as_u64().is_some_and(|bytes| bytes >= size as u64 / 2)
    });
    assert_eq!((&half["bytes"], &half["total"]), (&json!(size / 2), &json!(size)), "{half}");
    server.go.send(()).unwrap();
    report.event("the rest", |event| event["phase"] == "download" && event["bytes"] == json!(size));
    let done = report.event("its end", |event| event["app"].is_object());
    assert_eq!((&done["outcome"], &done["app"]["title"]), (&json!("installed"), &json!("Raw")));
    assert_eq!(granary.package_folders(), [packs.package_id(&spk)]);
}

#[test]
fn an_installation_ends_when_nobody_waits_for_it() {
    let packs = Packs::new();
    let spk = packs.pack("a", "Raw", 1, &[]);
    let server = Halting::new(std::fs::read(&spk).unwrap());
    let mut granary = Granary::new();
    granary.env.push(("SSL_CERT_FILE", server.certificate.to_str().unwrap().to_owned()));
    granary.start();

    let mut report = Report::of(&granary, &format!("{}/never", server.url));
    server.expect(&Heard::Half);
    report.event("the first half", |event| event["phase"] == "download");
    drop(report);
    server.expect(&Heard::Gone);
    eventually("the end of the installation", || granary.package_folders().is_empty());
    assert_eq!(granary.json(&["apps"]), json!([]));

    // The command line says so when it is interrupted, and the next attempt is a fresh one.
    let url = format!("{}/never", server.url);
    let mut child = granary.command(&["install", &url]).spawn().unwrap();
    server.expect(&Heard::Half);
    child.kill().unwrap();
    child.wait().unwrap();
    server.expect(&Heard::Gone);
    eventually("the end of the installation", || granary.package_folders().is_empty());

    server.go.send(()).unwrap();
    assert_eq!(granary.json(&["install", &format!("{}/x.spk", server.url)])["packageId"], packs.package_id(&spk));
}

#[test]
fn open_files() {
    const FEW: u64 = 512;
    const MANY: u64 = 8192;
    let packs = Packs::new();
    let mut granary = Granary::new();
    granary.files = Some((FEW, MANY));
    granary.start();
    granary.ok(&["install", packs.pack("a", "Raw", 1, &[]).to_str().unwrap()]);
    granary.ok(&["new", "Raw", "--title", "One"]);
    granary.visit("One", "/");
    assert_eq!(limit(granary.pid()), (MANY, MANY), "the appliance takes what there is");
    let app = support::descendants(granary.pid())
        .into_iter()
        .find(|pid| std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line == b"/app\0"))
        .expect("the grain runs");
    assert_eq!(limit(app), (1024, 4096), "a grain gets what its like has always had");
}

/// Soft and hard limit of open files.
fn limit(pid: i32) -> (u64, u64) {
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let mut numbers = line.split_whitespace().map_while(|word| word.parse().ok());
    (numbers.next().unwrap(), numbers.next().unwrap())
}

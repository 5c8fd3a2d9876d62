//! Puts the bridge together: the app's process on one side, the platform's socket on the other.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::pin::pin;
use std::rc::Rc;

use capnp::any_pointer;
use capnp_rpc::RpcSystem;
use futures::future::{Either, select};
use granary_wire::grain_capnp::main_view;
use granary_wire::web_session_capnp::web_session;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::app::App;
use crate::child;
use crate::config::Config;
use crate::log::log;
use crate::rpc::Network;
use crate::session::Shared;
use crate::view::View;

/// The platform's socket, in every grain.
const API_FD: i32 = 3;

/// What the command line says.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    /// Where the bridge's configuration is.
    pub config: PathBuf,
    /// The maildir for incoming e-mail.
    pub mail: PathBuf,
    /// The port that the app listens on.
    pub port: u16,
    /// The app's command.
    pub command: Vec<OsString>,
}

/// How the command line should look.
pub const USAGE: &str = "usage: sandstorm-http-bridge [--config FILE] [--mail DIR] PORT -- COMMAND [ARGUMENT...]";

impl Options {
    /// Reads the arguments after the program's name.
    pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, String> {
        let mut arguments = arguments.into_iter();
        let mut config = PathBuf::from("/sandstorm-http-bridge-config");
        let mut mail = PathBuf::from("/var/mail");
        let port = loop {
            let argument = arguments.next().ok_or("the port is missing")?;
            match argument.to_str() {
                Some("--config") => config = arguments.next().ok_or("--config needs a file")?.into(),
                Some("--mail") => mail = arguments.next().ok_or("--mail needs a folder")?.into(),
                Some(port) => match port.parse::<u16>() {
                    Ok(port) if port > 0 => break port,
                    _ => return Err(format!("`{port}` is not a port")),
                },
                None => return Err("the port is not a number".to_owned()),
            }
        };
        let mut command = arguments.collect::<Vec<_>>();
        if command.first().is_some_and(|first| first == "--") {
            command.remove(0);
        }
        if command.is_empty() {
            return Err("the command that starts the app is missing".to_owned());
        }
        Ok(Self { config, mail, port, command })
    }
}

/// Runs until the app or the platform ends; gives the exit code.
pub fn run(options: Options) -> i32 {
    match start(options) {
        Ok(code) => code,
        Err(text) => {
            log!("{text}");
            1
        }
    }
}

fn start(options: Options) -> Result<i32, String> {
    let config = Config::read(&options.config).map_err(|error| error.to_string())?;
    let socket = platform_socket().map_err(|error| {
        format!("file descriptor {API_FD} is not the platform's socket ({error}); this program only runs as a grain")
    })?;
    let child = child::start(&options.command).map_err(|error| {
        format!("{} cannot be started: {error}", options.command.first().cloned().unwrap_or_default().display())
    })?;
    raise_file_limit();
    // One thread, and no more of the runtime than sockets and timers.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .max_io_events_per_tick(64)
        .build()
        .map_err(|error| format!("the bridge cannot start: {error}"))?;
    let local = tokio::task::LocalSet::new();
    let outcome = local.block_on(&runtime, serve(options.port, options.mail, config, socket, &child));
    if outcome.is_err() {
        child.kill();
    }
    outcome.map_err(|error| format!("the bridge ends: {error}"))
}

async fn serve(
    port: u16,
    mail: PathBuf,
    config: Config,
    socket: UnixStream,
    child: &child::Child,
) -> Result<i32, Box<dyn std::error::Error>> {
    let app = App::new(port, names(web_session::response::HEADER_WHITELIST.get()?)?);
    tokio::task::spawn_local(Rc::clone(&app).wait_until_it_listens());

    let shared = Rc::new(Shared { app, request_names: names(web_session::context::HEADER_WHITELIST.get()?)? });
    let view: main_view::Client<any_pointer::Owned> = capnp_rpc::new_client(View::new(config, shared, mail));
    let network = Network::new(socket)?;
    let platform = RpcSystem::new(Box::new(network), Some(view.client));

    match select(pin!(child.wait()), platform).await {
        Either::Left((ended, _)) => Ok(ended?),
        Either::Right((outcome, _)) => {
            // The platform has gone, so nobody can reach the grain any more.
            child.kill();
            outcome?;
            Ok(0)
        }
    }
}

fn names(list: capnp::text_list::Reader<'_>) -> capnp::Result<Vec<String>> {
    list.iter().map(|name| Ok(name?.to_string()?)).collect()
}

fn platform_socket() -> io::Result<UnixStream> {
    // SAFETY: only asks about the number; whether it is open is what the answer tells.
    let flags = unsafe { libc::fcntl(API_FD, libc::F_GETFD) };
    if flags < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is open, was inherited, and nothing else in this program uses it.
    let fd = unsafe { OwnedFd::from_raw_fd(API_FD) };
    fcntl(fd.as_fd(), FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    Ok(fd.into())
}

/// Each request in progress takes a connection. The app keeps the limit it was given.
fn raise_file_limit() {
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < hard
    {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read() {
        let parse = |arguments: &[&str]| Options::parse(arguments.iter().map(OsString::from));
        let plain = parse(&["8000", "--", "node", "main.js"]).unwrap();
        assert_eq!((plain.port, plain.command), (8000, vec!["node".into(), "main.js".into()]));
        assert_eq!(plain.config, PathBuf::from("/sandstorm-http-bridge-config"));
        assert_eq!(plain.mail, PathBuf::from("/var/mail"));
        assert_eq!(parse(&["8000", "node"]).unwrap().command, vec![OsString::from("node")]);
        let all = parse(&["--config", "/c", "--mail", "/m", "8000", "--", "--", "x"]).unwrap();
        assert_eq!((all.config, all.mail), (PathBuf::from("/c"), PathBuf::from("/m")));
        assert_eq!(all.command, vec![OsString::from("--"), OsString::from("x")]);
        for bad in [&[][..], &["8000"], &["8000", "--"], &["0", "x"], &["70000", "x"], &["x", "y"], &["--config"]] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}

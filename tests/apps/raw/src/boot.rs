//! The command line, and what happens before and beside serving.

use std::io::Write;
use std::os::fd::{FromRawFd, OwnedFd};
use std::time::Duration;

use crate::{Api, raw};

/// What the command line asks for.
#[derive(Clone, Default)]
pub(crate) struct Options {
    pub(crate) view_info: String,
    pub(crate) session: String,
    pub(crate) stay: bool,
    delay: u64,
    exit: Option<i32>,
    abort: bool,
    hang: bool,
    close: bool,
    raw: Option<String>,
    spam: bool,
    log_flood: bool,
    fill: Option<u64>,
    ignore_signals: bool,
    setsid_child: bool,
}

impl Options {
    pub(crate) fn from_args() -> Self {
        let mut options = Self { view_info: "ok".into(), session: "ok".into(), ..Self::default() };
        let mut args = std::env::args().skip(1);
        while let Some(arg) = args.next() {
            let mut value = || args.next().unwrap_or_else(|| fail(&format!("{arg} needs a value")));
            match arg.as_str() {
                "--boot-delay" => options.delay = number(&value()),
                "--boot-exit" => options.exit = Some(number(&value())),
                "--boot-abort" => options.abort = true,
                "--boot-hang" => options.hang = true,
                "--boot-close" => options.close = true,
                "--boot-raw" => options.raw = Some(value()),
                "--boot-spam" => options.spam = true,
                "--boot-log-flood" => options.log_flood = true,
                "--boot-fill" => options.fill = Some(number(&value())),
                "--view-info" => options.view_info = value(),
                "--session" => options.session = value(),
                "--ignore-signals" => options.ignore_signals = true,
                "--setsid-child" => options.setsid_child = true,
                other => fail(&format!("unknown option {other}")),
            }
        }
        options
    }
}

fn number<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| fail(&format!("{text} is not a number")))
}

fn fail(text: &str) -> ! {
    eprintln!("raw app: {text}");
    std::process::exit(64)
}

/// Sleeps for ever, whatever happens on fd 3.
pub(crate) fn park() -> ! {
    loop {
        std::thread::sleep(Duration::from_hours(1));
    }
}

/// What happens before anything is served.
pub(crate) fn early(options: &Options) {
    let starts = std::fs::OpenOptions::new().append(true).create(true).open("/var/starts");
    if let Ok(mut file) = starts {
        let _ = writeln!(file, "start {}", std::env::args().next().unwrap_or_default());
    }
    if options.ignore_signals {
        for signal in 1..32 {
            // SAFETY: SIG_IGN runs no code of ours; the ones that cannot be ignored are refused by the kernel.
            unsafe { libc::signal(signal, libc::SIG_IGN) };
        }
    }
    if options.setsid_child {
        // SAFETY: the process has one thread so far, and the child only sleeps.
        if unsafe { libc::fork() } == 0 {
            // SAFETY: no memory is involved.
            unsafe { libc::setsid() };
            park();
        }
    }
    std::thread::sleep(Duration::from_millis(options.delay));
    if let Some(code) = options.exit {
        eprintln!("raw app: ending with {code} as told");
        std::process::exit(code);
    }
    if options.abort {
        std::process::abort();
    }
    if options.hang {
        park();
    }
    if options.close {
        raw::close();
        park();
    }
    if let Some(kind) = &options.raw {
        raw::send(kind);
        park();
    }
}

/// The platform's socket.
pub(crate) fn api_socket() -> tokio::net::UnixStream {
    // SAFETY: fd 3 is ours by contract and nothing else in this program has taken it.
    let socket = unsafe { OwnedFd::from_raw_fd(raw::API) };
    let stream = std::os::unix::net::UnixStream::from(socket);
    stream.set_nonblocking(true).expect("fd 3 is a socket");
    tokio::net::UnixStream::from_std(stream).expect("fd 3 can be watched")
}

/// What happens beside serving.
pub(crate) fn late(options: &Options, api: &Api) {
    if options.spam {
        crate::probe::spam_forever(api, 10_000);
    }
    if options.log_flood {
        std::thread::spawn(|| {
            let line = [b"flood ".repeat(20), vec![b'\n']].concat().repeat(100);
            let mut out = std::io::stdout().lock();
            while out.write_all(&line).is_ok() {}
        });
    }
    if let Some(bytes) = options.fill {
        std::thread::spawn(move || fill(bytes));
    }
}

fn fill(bytes: u64) {
    let Ok(mut file) = std::fs::File::create("/var/fill") else { return };
    let block = vec![0x5a_u8; 1 << 20];
    let mut written = 0_u64;
    while (bytes == 0 || written < bytes) && file.write_all(&block).is_ok() {
        written += 1 << 20;
    }
}

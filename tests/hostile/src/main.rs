//! A guest that tries what it must not, and reports what the kernel said.
//!
//! `granary-hostile <attempt> [argument...]`. Attempts with an answer print lines `name<TAB>errno` (0: it worked), or
//! `name<TAB>value`; the tests know what should stand there. The others never end by themselves.

#![allow(clippy::print_stdout, reason = "its output is its purpose")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::cast_lossless,
    reason = "system calls take and give machine words"
)]

mod calls;

mod greedy;
mod hide;
mod stubborn;
mod view;

use std::{env, process::exit};

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let argument = |n: usize| arguments.get(n).map_or("", String::as_str);
    match argument(0) {
        "exit" => exit(argument(1).parse().unwrap_or(0)),
        "abort" => std::process::abort(),

        "calls" => calls::calls(),
        "sockets" => calls::sockets(),
        "state" => view::state(),
        "files" => view::files(&arguments[1..]),
        "network" => view::network(argument(1), argument(2)),
        "processes" => view::processes(argument(1)),
        "owners" => view::owners(),
        "euid" => view::euid(),
        "run" => view::run(argument(1)),
        "write" => view::write(argument(1), argument(2)),

        "fill" => greedy::fill(argument(1)),
        "fill-forever" => greedy::fill_forever(argument(1)),
        "descriptors" => greedy::descriptors(),
        "memory" => greedy::memory(argument(1)),
        "forks" => greedy::forks(),
        "fork-bomb" => greedy::fork_bomb(),
        "hide" => hide::hide(argument(1), argument(2)),
        "log-flood" => greedy::log_flood(),

        "linger" => stubborn::linger(),
        "ignore-signals" => stubborn::ignore_signals(),
        "double-fork" => stubborn::double_fork(false),
        "double-fork-and-leave" => stubborn::double_fork(true),
        "orphans" => stubborn::orphans(),
        "close-api" => stubborn::close_api(),
        other => {
            eprintln!("granary-hostile: no attempt is called {other:?}");
            exit(2);
        }
    }
}

/// The few raw calls that attempts share.
mod kernel {
    use std::io;

    pub(crate) fn errno() -> i32 {
        io::Error::last_os_error().raw_os_error().unwrap_or(0)
    }

    pub(crate) fn write(fd: i32, bytes: &[u8]) -> bool {
        // SAFETY: the pointer and length are those of a slice.
        unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) == bytes.len() as isize }
    }

    /// A plain fork; this program has one thread.
    pub(crate) fn fork() -> i32 {
        // SAFETY: there is one thread, so the child's memory is whole.
        unsafe { libc::fork() }
    }

    /// Runs something in a child of its own and gives its exit code, or 1000 plus the signal that ended it.
    pub(crate) fn in_child(what: impl FnOnce() -> i32) -> i32 {
        match fork() {
            0 => std::process::exit(what()),
            -1 => 2000 + errno(),
            pid => {
                let mut status = 0;
                // SAFETY: the pointer is to a live local.
                unsafe { libc::waitpid(pid, &raw mut status, libc::__WALL) };
                if libc::WIFSIGNALED(status) { 1000 + libc::WTERMSIG(status) } else { libc::WEXITSTATUS(status) }
            }
        }
    }

    /// Waits for ever.
    pub(crate) fn pause() -> ! {
        loop {
            // SAFETY: takes nothing.
            unsafe { libc::pause() };
        }
    }
}

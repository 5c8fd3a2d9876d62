//! Not wanting to end.

use crate::kernel;

fn ready() {
    kernel::write(1, b"ready\n");
}

pub(crate) fn linger() {
    ready();
    kernel::pause();
}

pub(crate) fn ignore_signals() {
    for signal in 1..=64 {
        // SAFETY: SIG_IGN is no handler.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
    ready();
    kernel::pause();
}

/// Becomes a daemon in the old way: two forks and a session of its own, deaf to signals, and its parent gone.
pub(crate) fn double_fork(leave: bool) {
    let mut pipe = [0; 2];
    // SAFETY: a live array of two.
    unsafe { libc::pipe(pipe.as_mut_ptr()) };
    if kernel::fork() == 0 {
        // SAFETY: takes nothing.
        unsafe { libc::setsid() };
        if kernel::fork() == 0 {
            kernel::write(pipe[1], b"!");
            ignore_signals();
        }
        std::process::exit(0);
    }
    let mut byte = [0u8; 1];
    // SAFETY: a live buffer of one byte.
    unsafe { libc::read(pipe[0], byte.as_mut_ptr().cast(), 1) };
    if leave {
        std::process::exit(7);
    }
    ready();
    kernel::pause();
}

/// Makes orphans that end at once. Were they not reaped, they would stay in the process table: so thousands could not
/// be made under a limit of a few dozen. Reaping takes a moment, so that a failed fork is tried again.
pub(crate) fn orphans() {
    let mut failed = 0;
    for _ in 0..2000 {
        let made = (0..10_000).any(|_| {
            let made = kernel::in_child(|| i32::from(kernel::fork() < 0)) == 0;
            if !made {
                std::thread::yield_now();
            }
            made
        });
        failed += i32::from(!made);
    }
    println!("failed\t{failed}");
}

/// Closes its API socket and lives on.
pub(crate) fn close_api() {
    // SAFETY: nobody else here knows that descriptor.
    unsafe { libc::close(3) };
    ready();
    kernel::pause();
}

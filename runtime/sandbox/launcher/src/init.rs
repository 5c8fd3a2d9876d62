//! Pid 1 of a sandbox once the app runs: its parent, and the reaper of its orphans.

use std::sync::atomic::Ordering;

use granary_sandbox::protocol::Status;

use crate::{
    shared::{FIRST_FREE, SHARED, SOCKET},
    sys::{self, Errno, Fd},
};

/// Step 15.
pub(crate) fn run(app: i32) -> ! {
    // Until the app-to-be has become the app, or failed: the kernel zeroes the word when it leaves this memory.
    loop {
        match SHARED.alive.load(Ordering::SeqCst) {
            0 => break,
            value => sys::futex_wait(&SHARED.alive, value),
        }
    }
    if let Some((step, Errno(errno))) = SHARED.failure() {
        end(Status::Failed(step, errno));
    }
    tell(Status::Started);

    // The other end of the app's socket must see when the app closes it, so init may not hold it open.
    let _ = sys::close_from(FIRST_FREE);
    for fd in 0..SOCKET {
        sys::close(Fd(fd));
    }

    loop {
        match sys::wait() {
            Ok((pid, status)) if pid == app => end(if libc::WIFSIGNALED(status) {
                Status::Signaled(libc::WTERMSIG(status))
            } else {
                Status::Exited(libc::WEXITSTATUS(status))
            }),
            Ok(_) | Err(Errno(libc::EINTR)) => {}
            Err(_) => sys::exit(1),
        }
    }
}

/// With pid 1 the kernel ends whatever else still runs in the sandbox.
fn end(status: Status) -> ! {
    tell(status);
    sys::exit(0)
}

fn tell(status: Status) {
    // Nobody hears it if the appliance is gone, and then this process is about to end as well.
    let _ = sys::send(Fd(SOCKET), &status.encode());
}

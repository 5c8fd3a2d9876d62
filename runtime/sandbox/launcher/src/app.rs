//! Pid 2 of a sandbox until it becomes the app.

use std::sync::atomic::Ordering;

use granary_sandbox::protocol::{Step, WITHOUT_FILTER, WITHOUT_NAMESPACES};

use crate::{
    setup::{At, Failure, stands},
    shared::{NULL, RULESET, SHARED},
    sys::{self, Fd},
};

/// The policies, compiled by the build script.
pub(crate) mod filters {
    include!(concat!(env!("OUT_DIR"), "/filters.rs"));
}

/// Files and folders an app makes are its group's too, and nobody else's.
const UMASK: u32 = 0o007;

pub(crate) extern "C" fn run<const WITHOUT: u32>() -> ! {
    let Failure(step, errno) = become_app::<WITHOUT>();
    SHARED.fail(step, errno);
    sys::exit(127)
}

fn become_app<const WITHOUT: u32>() -> Failure {
    match get_ready::<WITHOUT>() {
        Err(failure) => failure,
        Ok(()) => {
            let address = |word: &std::sync::atomic::AtomicUsize| word.load(Ordering::SeqCst);
            // SAFETY: init has put the addresses of such lists there before it set `go`.
            let errno = unsafe { sys::execve(address(&SHARED.program), address(&SHARED.argv), address(&SHARED.envp)) };
            Failure(Step::Exec, errno)
        }
    }
}

fn get_ready<const WITHOUT: u32>() -> Result<(), Failure> {
    // 5. Everything that needs no knowledge of the app.
    if stands::<WITHOUT>(WITHOUT_NAMESPACES) {
        sys::drop_capabilities().at(Step::Privileges)?;
    } else {
        // Nothing else would end the app with its init.
        sys::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as usize).at(Step::Lifeline)?;
    }
    sys::setsid().at(Step::Lifeline)?;
    sys::umask(UMASK);
    if stands::<WITHOUT>(WITHOUT_FILTER) {
        sys::load_filter(&filters::APP).at(Step::Filter)?;
    }
    while SHARED.go.load(Ordering::SeqCst) == 0 {
        sys::futex_wait(&SHARED.go, 0);
    }

    // 14. The filter holds already: what follows is what an app may do itself.
    sys::unshare_and_close_from(RULESET + 1).at(Step::Descriptors)?;
    limits().at(Step::Limits)?;
    let fd = |word: &std::sync::atomic::AtomicU32| Fd(word.load(Ordering::SeqCst).cast_signed());
    sys::dup_to(Fd(NULL), 0).at(Step::Descriptors)?;
    sys::dup_to(fd(&SHARED.log), 1).at(Step::Descriptors)?;
    sys::dup_to(fd(&SHARED.log), 2).at(Step::Descriptors)?;
    sys::dup_to(fd(&SHARED.api), 3).at(Step::Descriptors)?;
    if SHARED.landlock.load(Ordering::SeqCst) != 0 {
        sys::landlock_restrict(RULESET).at(Step::Landlock)?;
    }
    sys::close_from(4).at(Step::Descriptors)
}

fn limits() -> sys::Result<()> {
    // What Sandstorm's apps have always had. A lower hard limit of the host stays.
    let files = sys::hard_limit(libc::RLIMIT_NOFILE)?.min(4096);
    sys::set_limit(libc::RLIMIT_NOFILE, files.min(1024), files)?;
    // A core file would lie in /var, or tell a handler of the host about a grain's memory.
    sys::set_limit(libc::RLIMIT_CORE, 0, 0)?;
    // Some desktops grant real-time scheduling to people; not to apps.
    sys::set_limit(libc::RLIMIT_RTPRIO, 0, 0)?;
    // This limit counts in each user namespace, init included.
    let processes = SHARED.processes.load(Ordering::SeqCst).saturating_add(1);
    let processes = processes.min(sys::hard_limit(libc::RLIMIT_NPROC)?);
    sys::set_limit(libc::RLIMIT_NPROC, processes, processes)?;
    match SHARED.data.load(Ordering::SeqCst) {
        0 => Ok(()),
        data => {
            let data = data.min(sys::hard_limit(libc::RLIMIT_DATA)?);
            sys::set_limit(libc::RLIMIT_DATA, data, data)
        }
    }
}

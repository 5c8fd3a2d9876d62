//! Pid 1 of a sandbox while it sets the sandbox up.

use std::{ffi::CStr, sync::atomic::Ordering};

use granary_sandbox::protocol::{
    LAUNCH_TREES, LaunchHeader, Status, Step, WITHOUT_FILTER, WITHOUT_LANDLOCK, WITHOUT_NAMESPACES, WORDS_MAX,
};

use crate::{
    app, init,
    launcher::Common,
    mounts::{Spare, Tree},
    shared::{FIRST_FREE, LIFELINE, MESSAGE, NULL, POINTERS, RULESET, SHARED, SOCKET, STACK},
    sys::{self, CWD, Errno, Fd},
};

/// The step that failed, and how.
pub(crate) struct Failure(pub(crate) Step, pub(crate) Errno);

/// Says at which step something failed.
pub(crate) trait At<T> {
    fn at(self, step: Step) -> Result<T, Failure>;
}

impl<T> At<T> for sys::Result<T> {
    fn at(self, step: Step) -> Result<T, Failure> {
        self.map_err(|errno| Failure(step, errno))
    }
}

/// An app is less important to the computer than all else: when memory ends, it goes first.
const OOM_SCORE: &[u8] = b"800";

/// The whole life of pid 1.
pub(crate) fn run<const WITHOUT: u32>(common: &Common, socket: Fd) -> ! {
    match set_up::<WITHOUT>(common, socket) {
        Ok(app) => init::run(app),
        Err(Failure(step, Errno(errno))) => {
            let _ = sys::send(Fd(SOCKET), &Status::Failed(step, errno).encode());
            sys::exit(1)
        }
    }
}

/// Whether a fence stands. Without the flag in `WITHOUT` this is known when the program is compiled.
pub(crate) fn stands<const WITHOUT: u32>(fence: u32) -> bool {
    SHARED.fences.load(Ordering::SeqCst) & WITHOUT & fence == 0
}

fn set_up<const WITHOUT: u32>(common: &Common, socket: Fd) -> Result<i32, Failure> {
    let namespaces = stands::<WITHOUT>(WITHOUT_NAMESPACES);

    // 2. The lifeline. Changing ids would clear it; here they never change. The launcher may have ended before.
    sys::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as usize).at(Step::Lifeline)?;
    if sys::has_ended(Fd(LIFELINE)) {
        sys::exit(1);
    }
    if socket.0 != SOCKET {
        sys::dup_to(socket, SOCKET).at(Step::Lifeline)?;
    }
    sys::close_from(FIRST_FREE).at(Step::Lifeline)?;
    for standard in 0..3 {
        sys::dup_to(Fd(NULL), standard).at(Step::Lifeline)?;
    }
    sys::mind_children();
    let _ = sys::prctl(libc::PR_SET_NAME, c"granary-init".as_ptr() as usize);

    // 3. The ids. The files in /proc belong to whoever may debug this process, so it must be dumpable for a moment;
    // nobody of another user namespace may debug it even then.
    sys::prctl(libc::PR_SET_DUMPABLE, 1).at(Step::IdMap)?;
    // Ignored where a container's /proc is read-only: it only says who goes first.
    let _ = sys::write_file(c"/proc/self/oom_score_adj", OOM_SCORE);
    if namespaces {
        sys::write_file(c"/proc/self/setgroups", b"deny").at(Step::IdMap)?;
        sys::write_file(c"/proc/self/gid_map", common.gid_map.as_bytes()).at(Step::IdMap)?;
        sys::write_file(c"/proc/self/uid_map", common.uid_map.as_bytes()).at(Step::IdMap)?;
    }
    sys::prctl(libc::PR_SET_DUMPABLE, 0).at(Step::IdMap)?;

    // 4. Pid 2.
    if namespaces {
        sys::drop_bounding_set().at(Step::Privileges)?;
    }
    // SAFETY: the stack is used by this child alone, made once in this process. From here on neither side uses the
    // C library, and what both touch are the atomics of SHARED.
    let app = unsafe { sys::spawn_sharing(STACK.get(), &SHARED.alive, app::run::<WITHOUT>) }.at(Step::Fork)?;

    let mut spare = None;
    if namespaces {
        // 6. Writing this needs the namespace's own capabilities, and holds for all namespaces below.
        sys::write_file(c"/proc/sys/user/max_user_namespaces", b"0").at(Step::NoNested)?;

        // 7. Network and names.
        sys::loopback_up().at(Step::Network)?;
        sys::set_host_name(b"sandbox").at(Step::HostName)?;

        // 8. File systems. Mounts of the host go on arriving in and leaving this namespace (it is a slave), so that a
        // prepared sandbox never keeps a stick from being unplugged.
        spare = Some(Spare::make()?);
    }

    // 9. What to run.
    let launch = receive()?;

    // 10. The tree.
    let tree = match spare {
        Some(spare) => {
            let (package, var) = match launch.trees {
                Some((package, var)) => (package, var),
                None => {
                    (sys::clone_tree(launch.package).at(Step::Package)?, sys::clone_tree(launch.var).at(Step::Var)?)
                }
            };
            spare.assemble(package, var)?
        }
        None => {
            let open = |path| sys::openat(CWD, path, libc::O_PATH | libc::O_DIRECTORY, 0);
            let package = open(launch.package).at(Step::Package)?;
            let var = open(launch.var).at(Step::Var)?;
            Tree { root: package, writable: [Some(var), None, None], dev: None }
        }
    };

    // 11. The root. The kernel gives it to pid 2 as well, whose root and current folder are the old one.
    if namespaces {
        sys::fchdir(tree.root).at(Step::Pivot)?;
        sys::pivot_here().at(Step::Pivot)?;
    }

    // 12. Landlock. Before version 2 it forbids moving files between folders, which apps do.
    if common.landlock >= 2 && stands::<WITHOUT>(WITHOUT_LANDLOCK) {
        let rules = tree.rules(common.landlock).at(Step::Landlock)?;
        sys::dup_to(rules, RULESET).at(Step::Landlock)?;
        SHARED.landlock.store(1, Ordering::SeqCst);
    }

    // 13. Before the app's first instruction, init loses what it had.
    if namespaces {
        sys::drop_capabilities().at(Step::Privileges)?;
    }
    SHARED.go.store(1, Ordering::SeqCst);
    sys::futex_wake(&SHARED.go);

    // 15, beginning. Overlaps with the app's exec; nothing inside can reach init meanwhile.
    if stands::<WITHOUT>(WITHOUT_FILTER) {
        sys::load_filter(&app::filters::INIT).at(Step::Filter)?;
    }
    Ok(app)
}

/// What the launch message says, apart from what [`SHARED`] takes.
struct Received {
    package: &'static CStr,
    var: &'static CStr,
    trees: Option<(Fd, Fd)>,
}

fn receive() -> Result<Received, Failure> {
    // SAFETY: this is the only place that uses the two statics, once in a process; the app-to-be reads them after the
    // store to `go`, and nobody writes them again.
    let (buffer, pointers) = unsafe { (&mut *MESSAGE.get(), &mut *POINTERS.get()) };
    let mut fds = [Fd(-1); sys::FDS_MAX];
    let (length, count) = sys::receive(Fd(SOCKET), &mut buffer[..], &mut fds).at(Step::Receive)?;
    if length == 0 {
        // The appliance has no more use for this sandbox.
        sys::exit(0);
    }
    let buffer: &'static [u8] = buffer;
    let wrong = || Failure(Step::Receive, Errno(libc::EINVAL));
    let (header, mut rest) = LaunchHeader::decode(&buffer[..length]).ok_or_else(wrong)?;
    let mut string = || {
        let string = CStr::from_bytes_until_nul(rest).map_err(|_| wrong())?;
        rest = &rest[string.to_bytes_with_nul().len()..];
        Ok(string)
    };
    let (package, var) = (string()?, string()?);

    let (argc, envc) = (header.argc as usize, header.envc as usize);
    if argc == 0 || argc.saturating_add(envc) > WORDS_MAX {
        return Err(Failure(Step::Receive, Errno(libc::E2BIG)));
    }
    // Two lists, each with a zero behind it; the static was all zeros.
    for word in (0..argc).chain(argc + 1..argc + 1 + envc) {
        pointers[word] = string()?.as_ptr() as usize;
    }
    if !rest.is_empty() {
        return Err(wrong());
    }
    let trees = match (count, header.flags) {
        (2, 0) => None,
        (4, LAUNCH_TREES) => Some((fds[2], fds[3])),
        _ => return Err(wrong()),
    };
    SHARED.program.store(pointers[0], Ordering::SeqCst);
    SHARED.argv.store(pointers.as_ptr() as usize, Ordering::SeqCst);
    SHARED.envp.store(pointers[argc + 1..].as_ptr() as usize, Ordering::SeqCst);
    SHARED.api.store(fds[0].0.cast_unsigned(), Ordering::SeqCst);
    SHARED.log.store(fds[1].0.cast_unsigned(), Ordering::SeqCst);
    SHARED.processes.store(header.processes, Ordering::SeqCst);
    SHARED.data.store(header.data, Ordering::SeqCst);
    Ok(Received { package, var, trees })
}

//! The launcher: answers requests for sandboxes until the appliance is gone.

use std::{convert::Infallible, fmt::Write, sync::atomic::Ordering};

use granary_sandbox::protocol::{
    CONTROL_FD, CREATE_CGROUP, Create, Created, OUTSIDE_ID, WITHOUT_ANY, WITHOUT_NAMESPACES,
};

use crate::{
    setup,
    shared::{LIFELINE, NULL, SHARED},
    sys::{self, CWD, Errno, Fd, Side},
};

const NAMESPACES: i32 = libc::CLONE_NEWUSER
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWCGROUP;

/// CLONE_CLEAR_SIGHAND and CLONE_INTO_CGROUP do not fit into libc's ints.
const CLEAR_SIGHAND: u64 = 0x1_0000_0000;
const INTO_CGROUP: u64 = 0x2_0000_0000;

/// What every sandbox of this launcher is made with.
pub(crate) struct Common {
    /// The lines of uid_map and gid_map.
    pub(crate) uid_map: String,
    pub(crate) gid_map: String,
    /// Landlock's version here, or zero.
    pub(crate) landlock: u32,
}

/// Serves requests; ends with the appliance. `WITHOUT` are the flags by which a request may ask for a fence less. It
/// is zero in the launcher that ships, and then the compiler leaves out what they would do.
///
/// Returns only if it cannot begin, with words for the person who started it.
pub fn serve<const WITHOUT: u32>() -> Result<Infallible, String> {
    let control = Fd(CONTROL_FD);
    if sys::socket_type(control) != Ok(libc::SOCK_SEQPACKET) {
        return Err("this program is started by Granary itself; run `granary` instead".into());
    }
    let common = begin().map_err(|(what, Errno(errno))| format!("cannot {what}: errno {errno}"))?;
    let mut buffer = [0; 64];
    loop {
        let mut fds = [Fd(-1); sys::FDS_MAX];
        // The appliance is gone, or its socket broken, which is the same to us. All sandboxes end with this process.
        let Ok((length, count)) = sys::receive(control, &mut buffer, &mut fds) else { sys::exit(1) };
        if length == 0 {
            sys::exit(0);
        }
        let fds = &fds[..count];
        let Some(request) = Create::decode(&buffer[..length]) else { sys::exit(1) };
        let answered = match make::<WITHOUT>(&common, request, fds) {
            Ok((pid, pidfd)) => {
                let answer = Created { id: request.id, errno: 0, pid };
                let sent = sys::send_fd(control, &answer.encode(), pidfd);
                sys::close(pidfd);
                sent
            }
            Err(Errno(errno)) => sys::send(control, &Created { id: request.id, errno, pid: 0 }.encode()),
        };
        for fd in fds {
            sys::close(*fd);
        }
        if answered.is_err() {
            sys::exit(1);
        }
    }
}

/// Makes this process small, quiet and unprivileged.
fn begin() -> Result<Common, (&'static str, Errno)> {
    let because = |what| move |errno| (what, errno);
    // A terminal's Ctrl-C is for the appliance, which ends in its own time and takes this process along.
    let _ = sys::setsid();
    // Ended children are not waited for; the appliance has their pidfds.
    sys::reset_signals(true);
    sys::chdir(c"/").map_err(because("go to the root folder"))?;
    sys::close_from(LIFELINE).map_err(because("close inherited descriptors"))?;
    let lifeline = sys::own_pidfd().map_err(because("open a pidfd of itself"))?;
    let null = sys::openat(CWD, c"/dev/null", libc::O_RDWR, 0).map_err(because("open /dev/null"))?;
    if (lifeline.0, null.0) != (LIFELINE, NULL) {
        return Err(("find its descriptors free", Errno(libc::EBADF)));
    }
    if sys::ids().0 == 0 {
        sys::become_user(OUTSIDE_ID, OUTSIDE_ID).map_err(because("give up being root"))?;
    }
    // Nobody of the same id may look into this process or its children before they exec.
    sys::prctl(libc::PR_SET_DUMPABLE, 0).map_err(because("make itself unreadable"))?;
    sys::prctl(libc::PR_SET_NO_NEW_PRIVS, 1).map_err(because("forgo new privileges"))?;
    let (uid, gid) = sys::ids();
    let mut common = Common { uid_map: String::new(), gid_map: String::new(), landlock: sys::landlock_version() };
    let _ = write!(common.uid_map, "1000 {uid} 1");
    let _ = write!(common.gid_map, "1000 {gid} 1");
    Ok(common)
}

/// Step 1.
fn make<const WITHOUT: u32>(common: &Common, request: Create, fds: &[Fd]) -> sys::Result<(i32, Fd)> {
    if request.flags & !(CREATE_CGROUP | WITHOUT & WITHOUT_ANY) != 0 {
        return Err(Errno(libc::EINVAL));
    }
    let (socket, cgroup) = match (fds, request.flags & CREATE_CGROUP) {
        ([socket], 0) => (*socket, None),
        ([socket, cgroup], CREATE_CGROUP) => (*socket, Some(*cgroup)),
        _ => return Err(Errno(libc::EBADF)),
    };
    let fences = request.flags & WITHOUT;
    SHARED.fences.store(fences, Ordering::SeqCst);
    let mut flags = CLEAR_SIGHAND;
    if fences & WITHOUT_NAMESPACES == 0 {
        flags |= NAMESPACES as u64;
    }
    if cgroup.is_some() {
        flags |= INTO_CGROUP;
    }
    match sys::fork_with(flags, cgroup)? {
        Side::Parent { pid, pidfd } => Ok((pid, pidfd)),
        Side::Child => setup::run::<WITHOUT>(common, socket),
    }
}

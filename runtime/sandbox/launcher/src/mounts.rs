//! The file tree of a sandbox: what every one gets, and how it is put over a package.

use granary_sandbox::protocol::Step;

use crate::{
    setup::{At, Failure},
    sys::{self, CWD, Errno, Fd},
};

// Mount attributes, see linux/mount.h.
const RDONLY: u64 = 1;
const NOSUID: u64 = 2;
const NODEV: u64 = 4;
const NOEXEC: u64 = 8;

// Landlock's kinds of access, see linux/landlock.h.
const EXECUTE: u64 = 1;
const WRITE_FILE: u64 = 1 << 1;
const READ_FILE: u64 = 1 << 2;
const READ_DIR: u64 = 1 << 3;
const MAKE_CHAR: u64 = 1 << 6;
const MAKE_BLOCK: u64 = 1 << 11;
const UP_TO_REFER: u64 = (1 << 14) - 1;
const TRUNCATE: u64 = 1 << 14;

/// File systems that are attached nowhere yet.
pub(crate) struct Spare {
    tmp: Fd,
    shm: Fd,
    null: Fd,
    zero: Fd,
    random: Fd,
    urandom: Fd,
    cpuinfo: Option<Fd>,
}

/// The folders of a finished tree, for Landlock's rules.
pub(crate) struct Tree {
    pub(crate) root: Fd,
    pub(crate) writable: [Option<Fd>; 3],
    pub(crate) dev: Option<Fd>,
}

impl Spare {
    /// Step 8.
    pub(crate) fn make() -> Result<Self, Failure> {
        let small = || {
            let options = [(c"size", c"16m"), (c"nr_inodes", c"4096"), (c"mode", c"0770")];
            sys::tmpfs(&options, NOSUID | NODEV).at(Step::Mounts)
        };
        let node = |path| sys::clone_tree(path).at(Step::Mounts);
        Ok(Self {
            tmp: small()?,
            shm: small()?,
            null: node(c"/dev/null")?,
            zero: node(c"/dev/zero")?,
            // Both are urandom: reading the other could once block, and tells more of the computer.
            random: node(c"/dev/urandom")?,
            urandom: node(c"/dev/urandom")?,
            cpuinfo: sys::clone_tree(c"/proc/cpuinfo").ok(),
        })
    }

    /// Step 10, second half: puts everything in its place, as far as the package has the place.
    pub(crate) fn assemble(self, package: Fd, var: Fd) -> Result<Tree, Failure> {
        sys::restrict_mount(package, RDONLY | NOSUID | NODEV).at(Step::Package)?;
        sys::restrict_mount(var, NOSUID | NODEV).at(Step::Var)?;

        // The package goes somewhere first: kernels before 6.15 attach mounts only to what is attached itself.
        let anywhere = folder(CWD, c"/tmp").or(folder(CWD, c"/")).ok_or(Errno(libc::ENOENT)).at(Step::Assemble)?;
        sys::attach(package, anywhere).at(Step::Assemble)?;

        let place = |mount: Fd, name| match folder(package, name) {
            Some(there) => sys::attach(mount, there).map(|()| Some(mount)).at(Step::Assemble),
            None => Ok(None),
        };
        let var = place(var, c"var")?;
        let tmp = place(self.tmp, c"tmp")?;
        let dev = folder(package, c"dev");
        let shm = match dev {
            Some(dev) => Some(self.devices(dev)?),
            None => None,
        };
        if let (Some(cpuinfo), Some(proc)) = (self.cpuinfo, folder(package, c"proc"))
            && sys::is(proc, c"cpuinfo", libc::S_IFREG)
        {
            sys::restrict_mount(cpuinfo, RDONLY | NOSUID | NODEV | NOEXEC).at(Step::Assemble)?;
            let there = sys::openat(proc, c"cpuinfo", libc::O_PATH | libc::O_NOFOLLOW, 0).at(Step::Assemble)?;
            sys::attach(cpuinfo, there).at(Step::Assemble)?;
        }
        let dev = if dev.is_some() { folder(package, c"dev") } else { None };
        Ok(Tree { root: package, writable: [var, tmp, shm], dev })
    }

    /// /dev: over the placeholders of a package that we unpacked, which is fast, or on a tmpfs.
    fn devices(&self, dev: Fd) -> Result<Fd, Failure> {
        let nodes = [(c"null", self.null), (c"zero", self.zero), (c"random", self.random), (c"urandom", self.urandom)];
        let placeholders =
            sys::is(dev, c"shm", libc::S_IFDIR) && nodes.iter().all(|(name, _)| sys::is(dev, name, libc::S_IFREG));
        let (dev, made) = if placeholders {
            (dev, None)
        } else {
            let options = [(c"size", c"1m"), (c"nr_inodes", c"16"), (c"mode", c"0755")];
            let made = sys::tmpfs(&options, NOSUID | NODEV | NOEXEC).at(Step::Assemble)?;
            for (name, _) in nodes {
                let file = sys::openat(made, name, libc::O_CREAT | libc::O_EXCL | libc::O_WRONLY, 0o666);
                sys::close(file.at(Step::Assemble)?);
            }
            sys::mkdirat(made, c"shm", 0o755).at(Step::Assemble)?;
            sys::attach(made, dev).at(Step::Assemble)?;
            (made, Some(made))
        };
        for (name, node) in nodes {
            let there = sys::openat(dev, name, libc::O_PATH | libc::O_NOFOLLOW, 0).at(Step::Assemble)?;
            sys::attach(node, there).at(Step::Assemble)?;
        }
        let there = folder(dev, c"shm").ok_or(Errno(libc::ENOTDIR)).at(Step::Assemble)?;
        sys::attach(self.shm, there).at(Step::Assemble)?;
        if let Some(made) = made {
            sys::restrict_mount(made, RDONLY | NOSUID | NODEV | NOEXEC).at(Step::Assemble)?;
        }
        Ok(self.shm)
    }
}

/// A folder, not a link to one.
fn folder(from: Fd, name: &std::ffi::CStr) -> Option<Fd> {
    sys::openat(from, name, libc::O_PATH | libc::O_DIRECTORY | libc::O_NOFOLLOW, 0).ok()
}

impl Tree {
    /// Step 12: the same limits as those of the mounts, from another part of the kernel. Besides, from version 6 on,
    /// no signals and no abstract sockets beyond the app.
    pub(crate) fn rules(&self, version: u32) -> sys::Result<Fd> {
        let (all, scopes, size) = match version {
            ..3 => (UP_TO_REFER, 0, 8),
            3 => (UP_TO_REFER | TRUNCATE, 0, 8),
            4..6 => (UP_TO_REFER | TRUNCATE, 0, 16),
            6.. => (UP_TO_REFER | TRUNCATE, 0b11, 24),
        };
        let rules = sys::landlock_ruleset(all, scopes, size)?;
        sys::landlock_allow(rules, self.root, EXECUTE | READ_FILE | READ_DIR)?;
        for folder in self.writable.iter().flatten() {
            sys::landlock_allow(rules, *folder, all & !(MAKE_CHAR | MAKE_BLOCK))?;
        }
        if let Some(dev) = self.dev {
            sys::landlock_allow(rules, dev, (WRITE_FILE | TRUNCATE) & all)?;
        }
        Ok(rules)
    }
}

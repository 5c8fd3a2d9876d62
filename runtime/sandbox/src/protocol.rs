//! The messages between appliance, launcher and a sandbox's init, without allocation, so that init can read them.
//!
//! Two sockets, both `SOCK_SEQPACKET`, so a message arrives whole or not at all:
//!
//! * The *control socket* joins the appliance and the launcher. [`Create`] asks for a sandbox and carries the
//!   sandbox's end of a fresh socket pair; [`Created`] answers with a pidfd. The launcher never learns what runs inside.
//! * The *sandbox's socket* joins the appliance and the sandbox's init. A launch message ([`LaunchHeader`] and
//!   strings) says what to run; [`Status`] messages tell what became of it. Its end of file means that the sandbox is
//!   gone to the one side, and that the appliance is gone to the other.
//!
//! So a cold start is `Create` with the launch message already waiting in the socket, and a prepared sandbox is one
//! whose launch message has not been sent yet.

/// Says that the peer speaks this version of the protocol: "GRN" and a number.
pub const MAGIC: u32 = 0x4752_4e01;

/// The largest launch message. Unix sockets take about 200 KiB at once by default; the rest is headroom.
pub const LAUNCH_MAX: usize = 128 * 1024;

/// The user and group that sandboxes have outside when root starts Granary. Inside they are 1000, as always.
///
/// The number is in the range that Debian's policy reserves and that systemd leaves unused (65520 to 65533), so that
/// no account, dynamic user or container has it.
pub const OUTSIDE_ID: u32 = 65_525;

/// How many arguments and variables a launch may have together.
pub const WORDS_MAX: usize = 4096;

/// The descriptor from which the launcher reads [`Create`] requests.
pub const CONTROL_FD: i32 = 0;

/// [`Create::flags`]: a descriptor of the cgroup to be born in follows the socket.
pub const CREATE_CGROUP: u32 = 1;
/// [`Create::flags`], tests only: no system-call filter. The launcher that ships refuses it.
pub const WITHOUT_FILTER: u32 = 0x100;
/// [`Create::flags`], tests only: no namespaces and no mounts. The launcher that ships refuses it.
pub const WITHOUT_NAMESPACES: u32 = 0x200;
/// [`Create::flags`], tests only: no Landlock. The launcher that ships refuses it.
pub const WITHOUT_LANDLOCK: u32 = 0x400;
/// All flags that only a test's launcher knows.
pub const WITHOUT_ANY: u32 = WITHOUT_FILTER | WITHOUT_NAMESPACES | WITHOUT_LANDLOCK;

/// [`LaunchHeader::flags`]: the package and /var come as detached mounts behind the two usual descriptors, because
/// the sandbox's own id may not walk the path to them (the appliance was started by root).
pub const LAUNCH_TREES: u32 = 1;

/// A request to make one sandbox. Descriptors: the sandbox's socket, then the cgroup if flagged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Create {
    /// Chosen by the asker, repeated in the answer.
    pub id: u32,
    /// `CREATE_*` and, in tests, `WITHOUT_*`.
    pub flags: u32,
}

/// The answer to [`Create`]. Descriptor: the pidfd of the sandbox's init, unless `errno` is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Created {
    /// The request's id.
    pub id: u32,
    /// Zero, or why clone3 failed.
    pub errno: i32,
    /// The init's process id, as the host sees it.
    pub pid: i32,
}

/// The head of a launch message. After it come NUL-terminated strings: package, var, each argument, each
/// `NAME=value`. Descriptors: the socket for fd 3, the file for fds 1 and 2, then the two trees if flagged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaunchHeader {
    /// `LAUNCH_*`.
    pub flags: u32,
    /// How many arguments follow.
    pub argc: u32,
    /// How many variables follow.
    pub envc: u32,
    /// RLIMIT_NPROC: counts per user namespace, so it is a limit of this sandbox alone.
    pub processes: u64,
    /// RLIMIT_DATA, or zero for no limit.
    pub data: u64,
}

/// What init tells the appliance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The program runs.
    Started,
    /// A step failed with an errno; the sandbox is gone.
    Failed(Step, i32),
    /// The program ended by itself.
    Exited(i32),
    /// A signal ended the program.
    Signaled(i32),
}

macro_rules! steps {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal,)+) => {
        /// The steps between a request and a running program, in order. The launcher's code has the same numbers.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u32)]
        pub enum Step {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Step {
            /// Every step, in order.
            pub const ALL: &[Step] = &[$(Step::$name,)+];

            /// What the step was doing, to be put after "while".
            #[must_use]
            pub fn doing(self) -> &'static str {
                match self {
                    $(Step::$name => $text,)+
                }
            }
        }
    };
}

steps! {
    /// The launcher makes the process with all its namespaces.
    Clone = "creating the namespaces",
    /// The new process ties its life to the launcher's.
    Lifeline = "tying the sandbox's life to the launcher's",
    /// One id is mapped.
    IdMap = "mapping the user id into the user namespace",
    /// No further user namespaces below.
    NoNested = "forbidding nested user namespaces",
    /// A session of its own, a host name, the loopback device.
    Network = "bringing the sandbox's loopback device up",
    /// Host and domain name.
    HostName = "setting the sandbox's host name",
    /// File systems that every sandbox gets are made, not yet placed.
    Mounts = "preparing the sandbox's own file systems",
    /// The process that becomes the program is made.
    Fork = "making the program's process",
    /// The system-call filter is loaded.
    Filter = "loading the system-call filter",
    /// The launch message is read.
    Receive = "reading what to run",
    /// The package is cloned as a mount.
    Package = "opening the package's folder",
    /// The grain's /var is cloned as a mount.
    Var = "opening the grain's folder",
    /// Mounts are placed inside the package.
    Assemble = "assembling the sandbox's file tree",
    /// The package becomes the root.
    Pivot = "changing to the sandbox's root folder",
    /// Landlock rules are made.
    Landlock = "restricting file access with Landlock",
    /// Capabilities are dropped.
    Privileges = "dropping privileges",
    /// Limits are set.
    Limits = "setting resource limits",
    /// Descriptors are put in their places.
    Descriptors = "passing the file descriptors",
    /// The program itself.
    Exec = "starting the program",
}

fn words<const N: usize>(bytes: &[u8]) -> Option<[u32; N]> {
    if bytes.len() != N * 4 {
        return None;
    }
    let mut out = [0; N];
    for (word, chunk) in out.iter_mut().zip(bytes.chunks_exact(4)) {
        *word = u32::from_ne_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]);
    }
    Some(out)
}

fn bytes<const N: usize, const BYTES: usize>(words: [u32; N]) -> [u8; BYTES] {
    let mut out = [0; BYTES];
    for (chunk, word) in out.chunks_exact_mut(4).zip(words) {
        chunk.copy_from_slice(&word.to_ne_bytes());
    }
    out
}

impl Create {
    /// The size of the message.
    pub const SIZE: usize = 12;

    /// The message's bytes.
    #[must_use]
    pub fn encode(self) -> [u8; Self::SIZE] {
        bytes([MAGIC, self.id, self.flags])
    }

    /// Reads a message; `None` if it is not one.
    #[must_use]
    pub fn decode(message: &[u8]) -> Option<Self> {
        match words(message)? {
            [MAGIC, id, flags] => Some(Self { id, flags }),
            _ => None,
        }
    }
}

impl Created {
    /// The size of the message.
    pub const SIZE: usize = 16;

    /// The message's bytes.
    #[must_use]
    pub fn encode(self) -> [u8; Self::SIZE] {
        bytes([MAGIC, self.id, self.errno.cast_unsigned(), self.pid.cast_unsigned()])
    }

    /// Reads a message; `None` if it is not one.
    #[must_use]
    pub fn decode(message: &[u8]) -> Option<Self> {
        match words(message)? {
            [MAGIC, id, errno, pid] => Some(Self { id, errno: errno.cast_signed(), pid: pid.cast_signed() }),
            _ => None,
        }
    }
}

impl LaunchHeader {
    /// The size of the head.
    pub const SIZE: usize = 32;

    /// The head's bytes.
    #[must_use]
    pub fn encode(self) -> [u8; Self::SIZE] {
        let (p, d) = (self.processes, self.data);
        #[allow(clippy::cast_possible_truncation, reason = "each number is sent as two halves")]
        bytes([MAGIC, self.flags, self.argc, self.envc, p as u32, (p >> 32) as u32, d as u32, (d >> 32) as u32])
    }

    /// Reads the head and gives the strings' bytes; `None` if it is not a launch message.
    #[must_use]
    pub fn decode(message: &[u8]) -> Option<(Self, &[u8])> {
        let (head, strings) = message.split_at_checked(Self::SIZE)?;
        match words(head)? {
            [MAGIC, flags, argc, envc, p0, p1, d0, d1] => Some((
                Self {
                    flags,
                    argc,
                    envc,
                    processes: u64::from(p0) | u64::from(p1) << 32,
                    data: u64::from(d0) | u64::from(d1) << 32,
                },
                strings,
            )),
            _ => None,
        }
    }
}

impl Status {
    /// The size of the message.
    pub const SIZE: usize = 16;

    /// The message's bytes.
    #[must_use]
    pub fn encode(self) -> [u8; Self::SIZE] {
        let (kind, a, b) = match self {
            Self::Started => (1, 0, 0),
            Self::Failed(step, errno) => (2, step as u32, errno),
            Self::Exited(code) => (3, 0, code),
            Self::Signaled(signal) => (4, 0, signal),
        };
        bytes([MAGIC, kind, a, b.cast_unsigned()])
    }

    /// Reads a message; `None` if it is not one.
    #[must_use]
    pub fn decode(message: &[u8]) -> Option<Self> {
        let [MAGIC, kind, a, b] = words(message)? else { return None };
        let b = b.cast_signed();
        match kind {
            1 => Some(Self::Started),
            2 => Some(Self::Failed(*Step::ALL.get(a as usize)?, b)),
            3 => Some(Self::Exited(b)),
            4 => Some(Self::Signaled(b)),
            _ => None,
        }
    }
}

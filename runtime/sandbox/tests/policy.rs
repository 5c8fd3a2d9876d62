//! The compiled filters against the policy files, in an interpreter of classic BPF.

use granary_sandbox::policy::{APP, Answer, Arch, INIT, Policy};
use seccompiler::sock_filter;

const I386: u32 = 0x4000_0003;
const X32_BIT: u32 = 0x4000_0000;

/// Runs a program as the kernel would: the value returned, and how many instructions that took.
fn run(program: &[sock_filter], arch: u32, number: u32, arguments: &[u64; 6]) -> (u32, usize) {
    let mut data = Vec::new();
    data.extend(number.to_ne_bytes());
    data.extend(arch.to_ne_bytes());
    data.extend(0u64.to_ne_bytes());
    data.extend(arguments.iter().flat_map(|a| a.to_ne_bytes()));
    let (mut accumulator, mut at) = (0u32, 0usize);
    for steps in 1.. {
        let sock_filter { code, jt, jf, k } = program[at];
        at += 1;
        let mut branch = |holds: bool| at += usize::from(if holds { jt } else { jf });
        match code {
            0x20 => {
                let k = k as usize;
                accumulator = u32::from_ne_bytes(data[k..k + 4].try_into().expect("four bytes"));
            }
            0x05 => at += k as usize,
            0x15 => branch(accumulator == k),
            0x25 => branch(accumulator > k),
            0x35 => branch(accumulator >= k),
            0x54 => accumulator &= k,
            0x06 => return (k, steps),
            other => panic!("instruction {other:#x} is not one that the kernel's cache understands"),
        }
    }
    unreachable!("programs end")
}

/// Argument values that rules tell apart, and some that they must not.
const INTERESTING: [u64; 40] = [
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    10,
    15,
    16,
    17,
    22,
    38,
    40,
    60,
    132,
    262,
    0x801,
    0x80001,
    0x80802,
    0x5401,
    0x5412,
    0x5413,
    0x541b,
    0x5421,
    0x541d,
    0x1002,
    0x3001,
    0x8000,
    0x2000,
    0x6000,
    0x1000,
    0xc000,
    0x4004_9409,
    0x003d_0f00,
    0x1000_0011,
    0x0002_0011,
    0x6c02_0011,
    0xffff_ffff,
    0x1_0000_5413,
];

#[test]
fn programs_answer_as_their_policies_say() {
    for arch in [Arch::X86_64, Arch::Aarch64] {
        for json in [APP, INIT] {
            let policy = Policy::read(json).expect("policy");
            let program = policy.compile(arch).expect("program");
            let table = policy.table(arch).expect("table");
            let check = |number: u32, arguments: [u64; 6]| {
                let expected = table.answer(number, &arguments).value();
                let (found, steps) = run(&program, arch.audit(), number, &arguments);
                assert_eq!(found, expected, "{arch:?} call {number} with {arguments:x?}");
                steps
            };
            for number in 0..600u32 {
                check(number, [0; 6]);
                check(number, [u64::MAX; 6]);
                // x32 and numbers beyond any call.
                check(number | X32_BIT, [0; 6]);
                check(number | 0x8000_0000, [0; 6]);
                let (other_arch, _) = run(&program, I386, number, &[0; 6]);
                assert_eq!(other_arch, policy.otherwise.value(), "i386 call {number}");
            }
            for rule in &policy.rules {
                let Some((_, number)) = arch.calls().find(|(name, _)| *name == rule.call) else { continue };
                for a in INTERESTING {
                    for b in INTERESTING {
                        for c in [0, 1, 6, 17, 58, 132, 0x8000, 0x2000, 0x6000] {
                            check(number, [a, b, c, 0, 0, 0]);
                        }
                    }
                }
            }
        }
    }
}

/// What the kernel checks before it takes a program.
#[test]
fn programs_are_well_formed() {
    for arch in [Arch::X86_64, Arch::Aarch64] {
        for json in [APP, INIT] {
            let program = Policy::read(json).expect("policy").compile(arch).expect("program");
            assert!(program.len() <= 4096);
            assert_eq!(program.last().map(|i| i.code), Some(0x06), "the last instruction returns");
            for (at, i) in program.iter().enumerate() {
                let furthest = match i.code {
                    0x05 => at + 1 + i.k as usize,
                    0x15 | 0x25 | 0x35 => at + 1 + usize::from(i.jt.max(i.jf)),
                    _ => at,
                };
                assert!(furthest < program.len(), "{arch:?}: instruction {at} of {} leads out", program.len());
                assert!(i.code != 0x20 || i.k % 4 == 0 && i.k < 64, "instruction {at} loads {}", i.k);
            }
        }
    }
}

#[test]
fn calls_without_rules_are_found_in_few_steps() {
    let policy = Policy::read(APP).expect("policy");
    let program = policy.compile(Arch::X86_64).expect("program");
    let with_rules: Vec<_> = policy.rules.iter().map(|rule| rule.call.as_str()).collect();
    let most = Arch::X86_64
        .calls()
        .filter(|(name, _)| !with_rules.contains(name))
        .map(|(_, number)| run(&program, Arch::X86_64.audit(), number, &[0; 6]).1)
        .max();
    assert!(most < Some(16), "the deepest call takes {most:?} instructions");
    assert!(program.len() < 700, "the program has {} instructions", program.len());
}

/// What must be closed whatever else the file says; the list is the hostile tests', as names.
#[test]
fn dangerous_calls_are_closed() {
    const CLOSED: &str = "mount umount2 fsopen fsconfig fsmount fspick open_tree open_tree_attr move_mount mount_setattr \
        pivot_root chroot unshare clone3 setns ptrace process_vm_readv process_vm_writev keyctl add_key request_key bpf \
        perf_event_open io_uring_setup io_uring_enter io_uring_register userfaultfd kexec_load kexec_file_load \
        init_module finit_module delete_module name_to_handle_at open_by_handle_at syslog quotactl quotactl_fd acct \
        swapon swapoff reboot memfd_secret pidfd_getfd kcmp io_setup io_submit shmget shmat msgget semget mq_open \
        modify_ldt fanotify_init fanotify_mark move_pages migrate_pages mbind set_mempolicy sethostname setdomainname \
        settimeofday clock_settime clock_adjtime adjtimex iopl ioperm seccomp landlock_create_ruleset \
        landlock_add_rule personality vmsplice remap_file_pages process_madvise process_mrelease lookup_dcookie \
        vhangup uselib ustat sysfs nfsservctl statmount listmount map_shadow_stack pkey_mprotect";
    let policy = Policy::read(APP).expect("policy");
    let table = policy.table(Arch::X86_64).expect("table");
    for name in CLOSED.split_whitespace() {
        let number = Arch::X86_64.calls().find(|(n, _)| *n == name).unwrap_or_else(|| panic!("no call {name}")).1;
        assert_eq!(table.answer(number, &[0; 6]), Answer::Errno(libc::ENOSYS.try_into().expect("errno")), "{name}");
    }
}

#[test]
fn policies_with_mistakes_are_refused() {
    let with = |answers: &str| {
        format!(r#"{{"why": "", "otherwise": "ENOSYS", "numbers": {{}}, "rules": [], "answers": [{answers}]}}"#)
    };
    for (json, expected) in [
        (with(r#"{"why": "", "answer": "allow", "calls": ["opne"]}"#), "no architecture has a system call opne"),
        (with(r#"{"why": "", "answer": "allow", "calls": ["read", "read"]}"#), "the policy has read twice"),
    ] {
        let found = Policy::read(&json).expect("reads").compile(Arch::X86_64).expect_err("must be refused");
        assert_eq!(found, expected);
    }
    let found = Policy::read(&with(r#"{"why": "", "answer": "maybe", "calls": []}"#)).expect_err("must be refused");
    assert!(found.contains("no answer is called maybe"), "{found}");
}

//! Guests that take too much or do not want to end, and the end of the launcher and of the appliance.

mod support;

use std::{
    io::{BufRead as _, BufReader, Read as _},
    os::unix::process::ExitStatusExt,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use granary_sandbox::{Exit, Limits};
use support::{Ground, check, descendants, each_user, exists, expect_line, read_to_end, run, table, until};

/// The promise: a whole tree is dead within this time.
const PROMISE: Duration = Duration::from_millis(100);

const STUBBORN: [&str; 3] = ["linger", "ignore-signals", "double-fork"];

#[test]
fn kill_ends_every_process() {
    each_user("kill_ends_every_process", || {
        run(async {
            let ground = Ground::new();
            for attempt in STUBBORN {
                let (sandbox, log, _api) = ground.start(&[attempt]).await;
                let processes = descendants(sandbox.pid());
                assert!(processes.len() >= 2, "{attempt}: init and app at least, found {processes:?}");
                let start = Instant::now();
                sandbox.kill();
                assert_eq!(sandbox.wait().await, Exit::Killed, "{attempt}");
                let took = start.elapsed();
                assert!(took < PROMISE, "{attempt} took {took:?} to die");
                read_to_end(log).await;
                for process in processes {
                    assert!(!exists(process), "{attempt}: process {process} is still there");
                }
            }
        });
    });
}

#[test]
fn dropping_ends_every_process() {
    each_user("dropping_ends_every_process", || {
        run(async {
            let ground = Ground::new();
            let (sandbox, log, _api) = ground.start(&["double-fork"]).await;
            drop(sandbox);
            read_to_end(log).await;
        });
    });
}

#[test]
fn nothing_outlives_the_app() {
    each_user("nothing_outlives_the_app", || {
        run(async {
            let ground = Ground::new();
            // Its daemon ignores signals and holds the log open; yet the log ends.
            let (_, exit) = ground.output(0, "package", &["double-fork-and-leave"]).await;
            assert_eq!(exit, Exit::Code(7));
        });
    });
}

#[test]
fn orphans_are_reaped() {
    each_user("orphans_are_reaped", || {
        run(async {
            let ground = Ground::new();
            let (mut launch, log, _api) = ground.launch("package", &["orphans"]);
            launch.limits.processes = 64;
            let sandbox = ground.launcher.launch(launch).await.expect("launch");
            check("orphans", &read_to_end(log).await, "failed: works");
            assert_eq!(sandbox.wait().await, Exit::Code(0));
        });
    });
}

#[test]
fn everything_ends_with_the_launcher() {
    each_user("everything_ends_with_the_launcher", || {
        run(async {
            let before = support::mounts().expect("mounts");
            let ground = Ground::with("granary-launcher", 1);
            ground.launcher.prepare().await.expect("prepare");
            let mut running = Vec::new();
            for attempt in STUBBORN {
                running.push(ground.start(&[attempt]).await);
            }
            let launcher = ground.launcher.pid().await.expect("pid");
            let processes = descendants(launcher);
            assert!(processes.len() >= 9, "launcher and three sandboxes, found {processes:?}");

            let start = Instant::now();
            kill(launcher);
            for (sandbox, _, _) in &running {
                assert_eq!(sandbox.wait().await, Exit::Killed);
            }
            let took = start.elapsed();
            assert!(took < PROMISE, "all died after {took:?}");
            for (_, log, _) in running {
                read_to_end(log).await;
            }
            assert_eq!(support::mounts().expect("mounts"), before);

            // The next launch starts another launcher.
            let (_, exit) = ground.output(0, "package", &["exit", "4"]).await;
            assert_eq!(exit, Exit::Code(4));
            assert_ne!(ground.launcher.pid().await, Some(launcher));
        });
    });
}

fn kill(pid: u32) {
    let pid = nix::unistd::Pid::from_raw(pid.cast_signed());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).expect("kill");
}

/// The test below runs this in a process of its own, which stands for the appliance: it starts stubborn guests and
/// waits to be killed. Its standard output is the guests' log, and so is open as long as one of them lives.
#[test]
#[allow(clippy::print_stdout, reason = "the other process reads it")]
fn an_appliance() {
    if std::env::var_os("GRANARY_TEST_APPLIANCE").is_none() {
        return;
    }
    run(async {
        let ground = Ground::with("granary-launcher", 1);
        ground.launcher.prepare().await.expect("prepare");
        let mut running = Vec::new();
        for attempt in STUBBORN {
            let (mut launch, log, api) = ground.launch("package", &[attempt]);
            drop(log);
            launch.log = nix::unistd::dup(std::io::stdout()).expect("dup");
            running.push((ground.launcher.launch(launch).await.expect("launch"), api));
        }
        println!("launcher {}", ground.launcher.pid().await.expect("pid"));
        std::future::pending::<()>().await;
    });
}

#[test]
fn everything_ends_with_the_appliance() {
    each_user("everything_ends_with_the_appliance", || {
        let before = support::mounts().expect("mounts");
        let mut appliance = Command::new(std::env::current_exe().expect("own path"))
            .args(["an_appliance", "--exact", "--nocapture"])
            .env("GRANARY_TEST_APPLIANCE", "1")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the appliance starts");
        let mut log = BufReader::new(appliance.stdout.take().expect("pipe"));
        let (mut ready, mut launcher) = (0, None);
        while ready < STUBBORN.len() || launcher.is_none() {
            let mut line = String::new();
            assert_ne!(log.read_line(&mut line).expect("log"), 0, "the appliance ended too early");
            ready += line.matches("ready").count();
            launcher = launcher.or(line.split("launcher ").nth(1).and_then(|pid| pid.trim().parse::<u32>().ok()));
        }
        let processes = descendants(appliance.id());
        assert!(processes.len() >= 10, "appliance, launcher and guests, found {processes:?}");

        let start = Instant::now();
        appliance.kill().expect("kill");
        // Ends when nobody holds the pipe: no guest, no init of a running sandbox.
        log.read_to_end(&mut Vec::new()).expect("log");
        let took = start.elapsed();
        assert!(took < PROMISE, "the guests died after {took:?}");
        assert_eq!(appliance.wait().expect("wait").signal(), Some(libc::SIGKILL));
        // The launcher, which holds no pipe, is left to whoever reaps orphans here; what counts is that it runs no more.
        run(until("all processes ended", || processes.iter().all(|pid| ended(*pid))));
        assert!(start.elapsed() < 2 * PROMISE, "the last process ended after {:?}", start.elapsed());
        assert_eq!(support::mounts().expect("mounts"), before);
    });
}

/// Gone, or a zombie that nobody has waited for.
fn ended(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .map_or(true, |stat| stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')))
}

#[test]
fn a_fork_bomb_stays_small() {
    each_user("a_fork_bomb_stays_small", || {
        run(async {
            let ground = Ground::new();
            let limits = Limits { processes: 50, ..Limits::default() };

            let (mut launch, log, _api) = ground.launch("package", &["forks"]);
            launch.limits = limits;
            let sandbox = ground.launcher.launch(launch).await.expect("launch");
            let output = read_to_end(log).await;
            sandbox.wait().await;
            let found = table(&output);
            assert_eq!(found["forks"], format!("{} 49", libc::EAGAIN), "50 processes with the app itself");

            let (mut launch, log, _api) = ground.launch("package", &["fork-bomb"]);
            launch.limits = limits;
            let sandbox = ground.launcher.launch(launch).await.expect("launch");
            let log = expect_line(log, "bomb").await;
            until("the bomb has spread", || descendants(sandbox.pid()).len() > 40).await;
            assert!(descendants(sandbox.pid()).len() <= 51, "init and 50 processes");
            // Others go on working meanwhile, and the limit is not shared.
            let (_, exit) = ground.output(0, "package", &["exit", "9"]).await;
            assert_eq!(exit, Exit::Code(9));
            sandbox.kill();
            assert_eq!(sandbox.wait().await, Exit::Killed);
            read_to_end(log).await;
        });
    });
}

#[test]
fn memory_has_a_limit_without_cgroups() {
    each_user("memory_has_a_limit_without_cgroups", || {
        run(async {
            let ground = Ground::new();
            let (mut launch, log, _api) = ground.launch("package", &["memory", "private"]);
            launch.limits.memory = 64 << 20;
            let sandbox = ground.launcher.launch(launch).await.expect("launch");
            let found = table(&read_to_end(log).await);
            sandbox.wait().await;
            let (errno, bytes) = found["memory"].split_once(' ').expect("two numbers");
            assert_eq!(errno, libc::ENOMEM.to_string());
            let bytes: u64 = bytes.parse().expect("bytes");
            assert!((64 << 20..=128 << 20).contains(&bytes), "{bytes} bytes of a limit of twice 64 MiB");
        });
    });
}

#[test]
fn folders_in_memory_are_bounded() {
    each_user("folders_in_memory_are_bounded", || {
        run(async {
            let ground = Ground::new();
            for package in ["package", "plain"] {
                for folder in ["/tmp", "/dev/shm"] {
                    let (output, _) = ground.output(0, package, &["fill", folder]).await;
                    let found = table(&output);
                    assert_eq!(found["bytes"], format!("{} {}", libc::ENOSPC, 16 << 20), "{folder}");
                    let (errno, files) = found["files"].split_once(' ').expect("two numbers");
                    assert_eq!(errno, libc::ENOSPC.to_string(), "{folder}");
                    assert!((4000..=4096).contains(&files.parse().expect("a number")), "{folder}: {files} files");
                }
            }
        });
    });
}

#[test]
fn a_disk_filler_can_be_stopped() {
    each_user("a_disk_filler_can_be_stopped", || {
        run(async {
            // The sandbox does not limit /var; whoever accounts for it must be able to stop the guest at once.
            let ground = Ground::new();
            let (launch, log, _api) = ground.launch("package", &["fill-forever", "/var"]);
            let sandbox = ground.launcher.launch(launch).await.expect("launch");
            let size = || {
                let files = std::fs::read_dir(ground.var()).expect("var").flatten();
                files.filter_map(|file| file.metadata().ok()).map(|m| m.len()).sum::<u64>()
            };
            until("it has written 8 MiB", || size() > 8 << 20).await;
            sandbox.kill();
            assert_eq!(sandbox.wait().await, Exit::Killed);
            read_to_end(log).await;
            let after = size();
            assert_eq!(size(), after);
        });
    });
}

#[test]
fn descriptors_run_out() {
    each_user("descriptors_run_out", || {
        run(async {
            let ground = Ground::new();
            let (output, _) = ground.output(0, "package", &["descriptors"]).await;
            check(
                "descriptors",
                &output,
                &format!("raise to hard: works\n raise further: -1\n opened: {} 4092", libc::EMFILE),
            );
        });
    });
}

#[test]
fn a_log_flood_waits_for_its_reader() {
    each_user("a_log_flood_waits_for_its_reader", || {
        run(async {
            let ground = Ground::new();
            let (launch, log, _api) = ground.launch("package", &["log-flood"]);
            let sandbox = ground.launcher.launch(launch).await.expect("launch");
            let log = tokio::task::spawn_blocking(move || {
                let mut file = std::fs::File::from(log);
                let mut block = vec![0; 1 << 20];
                file.read_exact(&mut block).expect("a mebibyte of log");
                file
            });
            let log = log.await.expect("reader");
            let (_, exit) = ground.output(0, "package", &["exit", "6"]).await;
            assert_eq!(exit, Exit::Code(6));
            sandbox.kill();
            assert_eq!(sandbox.wait().await, Exit::Killed);
            read_to_end(log.into()).await;
        });
    });
}

#[test]
fn many_at_once() {
    each_user("many_at_once", || {
        run(async {
            let ground = Ground::with("granary-launcher", 2);
            let mut running = Vec::new();
            let launches = (0..40).map(|_| {
                let (launch, log, api) = ground.launch("package", &["linger"]);
                let launcher = ground.launcher.clone();
                tokio::spawn(async move { (launcher.launch(launch).await, log, api) })
            });
            for task in launches.collect::<Vec<_>>() {
                let (sandbox, log, api) = task.await.expect("task");
                running.push((sandbox.expect("launch"), expect_line(log, "ready").await, api));
            }
            for (sandbox, log, _api) in running {
                sandbox.kill();
                assert_eq!(sandbox.wait().await, Exit::Killed);
                read_to_end(log).await;
            }
        });
    });
}

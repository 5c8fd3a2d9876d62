//! Create, use, stop, idle, crash, restart, delete.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::time::{Duration, Instant};

use capnp::ErrorKind;
use granary_grain::{Error, GrainEvent, GrainState, LOG_PREFIX};

use crate::fixture::{Fixture, get, processes, request};

#[tokio::test(flavor = "multi_thread")]
async fn create_use_stop_reopen() {
    let mut fixture = Fixture::new();
    let id = fixture.create(&[]).await;
    let dir = fixture.dir(&id);
    assert_eq!(std::fs::metadata(&dir).unwrap().permissions().mode() & 0o7777, 0o770);
    let var = std::fs::metadata(dir.join("var")).unwrap();
    assert_eq!((var.permissions().mode() & 0o7777, var.uid()), (0o770, granary_sandbox::outside_ids().0));
    assert_eq!(fixture.grains.status(&id).state, GrainState::Running);
    for count in ["1", "2", "3"] {
        assert_eq!(fixture.get(&id, "count").await, count);
    }
    assert_eq!(fixture.grains.status(&id).starts, 1);
    let session = fixture.open(&id).await;
    assert!(fixture.grains.stop(&id).await.unwrap());
    assert!(!fixture.grains.stop(&id).await.unwrap());
    assert!(processes(&id).is_empty());
    assert_eq!(get(&session, "").await.unwrap_err().0, ErrorKind::Disconnected);
    assert_eq!(fixture.grains.status(&id).state, GrainState::Stopped);
    assert_eq!(fixture.get(&id, "counter").await, "3");
    let status = fixture.grains.status(&id);
    assert_eq!((status.state, status.starts, status.last_crash), (GrainState::Running, 2, None));
    assert_eq!(fixture.get(&id, "read?path=/var/starts").await, "start raw\nstart raw\n");
    let log = fixture.log_with(&id, "Starting up grain").await;
    assert!(log.starts_with(&format!("{LOG_PREFIX}Starting up grain. Sandbox type: ")), "{log}");
    assert_eq!(std::fs::metadata(dir.join("log")).unwrap().permissions().mode() & 0o7777, 0o600);

    let mut states = Vec::new();
    while let Ok(event) = fixture.events.try_recv() {
        if let GrainEvent::State { state, .. } = event {
            states.push(state);
        }
    }
    use GrainState::{Running, Starting, Stopped};
    assert_eq!(states, [Starting, Running, Stopped, Starting, Running]);
}

#[tokio::test(flavor = "multi_thread")]
async fn create_refuses() {
    let fixture = Fixture::new();
    let spec = fixture.spec(&[]);
    fixture.grains.create(spec.clone()).await.unwrap();
    assert!(matches!(fixture.grains.create(spec.clone()).await, Err(Error::Exists(_))));
    assert_eq!(fixture.get(&spec.id, "count").await, "1");
    let mut bad = fixture.spec(&[]);
    bad.id = "../escape-from-here".into();
    assert!(matches!(fixture.grains.create(bad).await, Err(Error::BadGrainId(_))));
    // What cannot be started leaves nothing.
    let mut missing = fixture.spec(&[]);
    missing.command.argv = vec!["no-such-program".into()];
    let error = fixture.grains.create(missing.clone()).await.unwrap_err();
    assert_eq!(error.code(), "sandbox-command", "{error}");
    assert!(!missing.dir.exists());
    let error = fixture.grains.open_session("aaaaaaaaaaaaaaaaaaaaaa", request()).await.unwrap_err();
    assert_eq!(error.code(), "no-such-grain");
    std::fs::remove_dir_all(spec.dir.join("var")).unwrap();
    fixture.grains.stop(&spec.id).await.unwrap();
    let error = fixture.grains.open_session(&spec.id, request()).await.unwrap_err();
    assert_eq!(error.code(), "no-such-grain", "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_opens_start_one() {
    let fixture = Fixture::new();
    let id = fixture.create(&["--boot-delay", "100"]).await;
    fixture.grains.stop(&id).await.unwrap();
    let opens = (0..50).map(|_| {
        let (grains, id) = (fixture.grains.clone(), id.clone());
        tokio::spawn(async move { grains.open_session(&id, request()).await })
    });
    let sessions = futures::future::join_all(opens.collect::<Vec<_>>()).await;
    for session in sessions {
        assert_eq!(get(&session.unwrap().unwrap(), "counter").await.unwrap(), "0");
    }
    assert_eq!(fixture.grains.status(&id).starts, 2);
    assert_eq!(processes(&id).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_goes_away_does_not_stop_the_start() {
    let fixture = Fixture::new();
    let id = fixture.create(&["--boot-delay", "200"]).await;
    fixture.grains.stop(&id).await.unwrap();
    let (grains, grain) = (fixture.grains.clone(), id.clone());
    let impatient = tokio::spawn(async move { grains.open_session(&grain, request()).await });
    let mut events = fixture.grains.subscribe();
    events.recv().await.unwrap();
    impatient.abort();
    assert_eq!(fixture.get(&id, "counter").await, "0");
    assert_eq!(fixture.grains.status(&id).starts, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn kept_alive_by_use_only() {
    let mut fixture = Fixture::new();
    let id = fixture.create(&[]).await;
    let session = fixture.open(&id).await;
    for _ in 0..3 {
        fixture.tick().await;
        get(&session, "counter").await.unwrap();
    }
    assert_eq!(fixture.grains.status(&id).state, GrainState::Running);
    fixture.ticks.send(()).unwrap();
    // The call of before is spent by one of these two at the latest; nobody may be left to hear the last.
    let _ = fixture.ticks.send(());
    let _ = fixture.ticks.send(());
    fixture.stopped(&id).await;
    fixture.log_with(&id, "Grain no longer in use; shutting down.").await;
    assert_eq!(get(&session, "counter").await.unwrap_err().0, ErrorKind::Disconnected);
    assert_eq!(fixture.get(&id, "counter").await, "0");
    assert_eq!(fixture.grains.status(&id).last_crash, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_stop_takes_one_to_two_ticks() {
    let tick = Duration::from_millis(300);
    let mut fixture = Fixture::with(|settings| settings.ticks = granary_grain::Ticks::Every(tick));
    let started = Instant::now();
    let id = fixture.create(&[]).await;
    fixture.stopped(&id).await;
    assert!(started.elapsed() >= tick * 2, "the first tick never ends a grain: {:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn crashes_are_told_and_mended() {
    let mut fixture = Fixture::new();
    let id = fixture.create(&[]).await;
    for (path, reason) in [
        ("crash?how=abort", "App exited due to signal 6 (SIGABRT)."),
        ("crash?how=exit&code=3", "App exited with status code 3."),
        ("crash?how=segv", "App exited due to signal 11 (SIGSEGV)."),
    ] {
        assert_eq!(fixture.get(&id, "count").await.parse::<u32>().map(|_| ()), Ok(()));
        let session = fixture.open(&id).await;
        assert_eq!(get(&session, path).await.unwrap_err().0, ErrorKind::Disconnected);
        assert_eq!(fixture.crash(&id).await, reason);
        fixture.log_with(&id, &format!("{LOG_PREFIX}{reason}\n")).await;
        fixture.stopped(&id).await;
        assert_eq!(fixture.grains.status(&id).last_crash.as_deref(), Some(reason));
        fixture.open(&id).await;
        fixture.log_with(&id, &format!("{LOG_PREFIX}It had ended before: {reason}\n")).await;
    }
    assert_eq!(fixture.get(&id, "counter").await, "3");
    // Killed from outside.
    for pid in processes(&id) {
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
    }
    assert_eq!(fixture.crash(&id).await, "App exited due to signal 9 (SIGKILL).");
    // Ending with 0 is no crash.
    fixture.stopped(&id).await;
    let session = fixture.open(&id).await;
    get(&session, "crash?how=exit&code=0").await.unwrap_err();
    fixture.stopped(&id).await;
    assert_eq!(fixture.grains.status(&id).last_crash, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_crashes_at_once() {
    let mut fixture = Fixture::new();
    let id = fixture.create(&["--boot-exit", "9"]).await;
    fixture.stopped(&id).await;
    for _ in 0..5 {
        let error = fixture.grains.open_session(&id, request()).await.unwrap_err();
        assert!(matches!(&error, Error::Ended(text) if text.contains("status code 9")), "{error}");
    }
    let starts = fixture.grains.status(&id).starts;
    assert!((6..=11).contains(&starts), "{starts} starts");
    assert!(processes(&id).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_hangs() {
    let fixture = Fixture::with(|settings| settings.start_timeout = Duration::from_millis(400));
    let id = fixture.create(&["--boot-hang"]).await;
    let error = fixture.grains.open_session(&id, request()).await.unwrap_err();
    assert!(matches!(error, Error::Timeout(_)), "{error}");
    assert!(fixture.grains.stop(&id).await.unwrap());
    assert!(processes(&id).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_closes_its_socket_and_lives_on() {
    let mut fixture = Fixture::new();
    for option in [&["--boot-close"][..], &[]] {
        let id = fixture.create(option).await;
        let asked = Instant::now();
        if option.is_empty() {
            let session = fixture.open(&id).await;
            assert_eq!(get(&session, "close-api").await.unwrap_err().0, ErrorKind::Disconnected);
        }
        fixture.stopped(&id).await;
        assert!(asked.elapsed() >= Duration::from_millis(800), "it had a second to end by itself");
        fixture.log_with(&id, "App disconnected API socket but didn't actually exit; killing it.").await;
        assert!(processes(&id).is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_survives_a_stop() {
    let fixture = Fixture::new();
    let id = fixture.create(&["--ignore-signals", "--setsid-child"]).await;
    fixture.open(&id).await;
    assert_eq!(processes(&id).len(), 2);
    fixture.grains.stop(&id).await.unwrap();
    assert!(processes(&id).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_while_starting() {
    let fixture = Fixture::new();
    let id = fixture.create(&["--boot-delay", "50"]).await;
    fixture.grains.stop(&id).await.unwrap();
    for round in 0..20_u64 {
        let (grains, grain) = (fixture.grains.clone(), id.clone());
        let open = tokio::spawn(async move { grains.open_session(&grain, request()).await });
        // At another point of the start each time.
        tokio::time::sleep(Duration::from_micros(round * 700)).await;
        fixture.grains.stop(&id).await.unwrap();
        if let Err(error) = open.await.unwrap() {
            assert!(matches!(error, Error::Ended(_)), "{error}");
        }
        fixture.grains.stop(&id).await.unwrap();
        assert!(processes(&id).is_empty());
        assert_eq!(fixture.grains.status(&id).state, GrainState::Stopped);
    }
    assert_eq!(fixture.get(&id, "counter").await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn delete_while_running_and_while_being_opened() {
    let mut fixture = Fixture::new();
    let id = fixture.create(&[]).await;
    assert_eq!(fixture.get(&id, "mkdirs?n=3000").await, "done");
    let dir = fixture.dir(&id);
    let opens: Vec<_> = (0..10)
        .map(|_| {
            let (grains, id) = (fixture.grains.clone(), id.clone());
            tokio::spawn(async move { grains.open_session(&id, request()).await.map(|_| ()) })
        })
        .collect();
    fixture.grains.delete(&id, &dir).await.unwrap();
    assert!(!dir.exists());
    for open in opens {
        if let Err(error) = open.await.unwrap() {
            assert!(matches!(error.code(), "grain-deleting" | "no-such-grain" | "app-ended"), "{error}");
        }
    }
    fixture.event(&id, |event| matches!(event, GrainEvent::Deleted { .. })).await;
    assert!(processes(&id).is_empty());
    let error = fixture.grains.open_session(&id, request()).await.unwrap_err();
    assert_eq!(error.code(), "no-such-grain");
    assert!(!dir.exists());
    assert_eq!(std::fs::read_dir(dir.parent().unwrap()).unwrap().count(), 0);
    fixture.grains.delete(&id, &dir).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_all() {
    let fixture = Fixture::new();
    let ids = futures::future::join_all((0..8).map(|_| fixture.create(&[]))).await;
    fixture.grains.stop_all().await.unwrap();
    for id in ids {
        assert_eq!(fixture.grains.status(&id).state, GrainState::Stopped);
        assert!(processes(&id).is_empty());
    }
}

//! Grains that break the rules hurt themselves only.

use std::time::{Duration, Instant};

use capnp::ErrorKind;
use granary_grain::{DiskLimits, GrainState, Session};

use crate::fixture::{Fixture, HOSTILE, PATIENCE, get, processes};

/// The slowest one of a hundred of `count` requests, one after another.
async fn percentile_99(session: &Session, count: usize) -> Duration {
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let start = Instant::now();
        assert_eq!(get(session, "counter").await.unwrap(), "0");
        times.push(start.elapsed());
    }
    times.sort();
    times[count * 99 / 100]
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_messages_end_the_sender_only() {
    let mut fixture = Fixture::with(|settings| settings.api.stall = Duration::from_millis(500));
    let neighbour = fixture.create(&[]).await;
    let witness = fixture.open(&neighbour).await;
    let id = fixture.create(&[]).await;
    for (kind, reason) in [
        ("random", "it sent a message of"),
        ("segments", "4294967296 segments"),
        ("huge", "more than 64 MiB"),
        ("claim", "in the middle of a message"),
        ("partial", ""),
        ("truncated", "in the middle of a message"),
        ("deep", "broke the protocol"),
        ("self-resolve", "resolved a promise to itself"),
        ("bad-return", "Invalid question ID"),
        ("bad-target", "not a current export"),
        ("caps", "100000 capabilities"),
    ] {
        let session = fixture.open(&id).await;
        // The bytes go out of turn, so the answer may be lost with the connection.
        let _ = get(&session, &format!("raw?kind={kind}")).await;
        let told = fixture.crash(&id).await;
        assert!(told.starts_with("App was disconnected and killed: ") && told.contains(reason), "{kind}: {told}");
        fixture.stopped(&id).await;
        assert_eq!(get(&session, "").await.unwrap_err().0, ErrorKind::Disconnected, "{kind}");
        assert_eq!(get(&witness, "counter").await.unwrap(), "0");
        assert_eq!(fixture.get(&id, "counter").await, "0", "after {kind}");
    }
    // What is odd but allowed.
    let session = fixture.open(&id).await;
    assert_eq!(get(&session, "raw?kind=junk-type").await.unwrap(), "sent");
    assert_eq!(fixture.grains.status(&neighbour).starts, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn raw_bytes_from_the_start() {
    let mut fixture = Fixture::new();
    for kind in ["random", "segments", "huge", "deep"] {
        let id = fixture.create(&["--boot-raw", kind]).await;
        let told = fixture.crash(&id).await;
        assert!(told.starts_with("App was disconnected and killed: "), "{kind}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_calls() {
    let fixture = Fixture::new();
    let neighbour = fixture.create(&[]).await;
    let witness = fixture.open(&neighbour).await;
    percentile_99(&witness, 50).await;
    let alone = percentile_99(&witness, 300).await;
    let id = fixture.create(&["--boot-spam"]).await;
    let session = fixture.open(&id).await;
    assert_eq!(get(&session, "counter").await.unwrap(), "0", "the flooding grain itself still answers");
    let flooded = percentile_99(&witness, 300).await;
    eprintln!("p99 of another grain: {alone:?} alone, {flooded:?} while one floods");
    // Both run on the same processors, so some of it is the machine's; far from this bound.
    assert!(flooded < alone.max(Duration::from_millis(10)) * 20, "{alone:?} became {flooded:?}");
    fixture.grains.stop(&id).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn many_calls_at_once_are_all_answered() {
    let fixture = Fixture::new();
    let id = fixture.create(&[]).await;
    let answer: serde_json::Value = serde_json::from_str(&fixture.get(&id, "spam?calls=5000").await).unwrap();
    assert_eq!(answer, serde_json::json!({ "Unimplemented": 5000 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_never_finished() {
    let mut fixture = Fixture::with(|settings| settings.api.unfinished = 2000);
    let id = fixture.create(&[]).await;
    let session = fixture.open(&id).await;
    let _ = get(&session, "never-finish?calls=3000").await;
    assert!(fixture.crash(&id).await.contains("never finished them"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_stops_reading() {
    let mut fixture = Fixture::with(|settings| settings.api.unread_bytes = 4 << 20);
    let id = fixture.create(&[]).await;
    let session = fixture.open(&id).await;
    let (client, path) = (session.client.clone(), "p".repeat(4000));
    let stuck = {
        let session = session.clone();
        tokio::spawn(async move { get(&session, "stop-reading").await })
    };
    let many = client.call(move |client| async move {
        let calls = (0..3000).map(|_| {
            let mut request = client.get_request();
            request.get().set_path(&path);
            request.send().promise
        });
        let answers = futures::future::join_all(calls.collect::<Vec<_>>()).await;
        answers
            .into_iter()
            .filter(|answer| answer.as_ref().is_err_and(|error| error.kind == ErrorKind::Disconnected))
            .count()
    });
    assert!(many.await.unwrap() > 1000);
    assert!(fixture.crash(&id).await.contains("unread"));
    assert_eq!(stuck.await.unwrap().unwrap_err().0, ErrorKind::Disconnected);
    assert_eq!(fixture.get(&id, "counter").await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_all_there_is() {
    let fixture = Fixture::with(|settings| {
        settings.limits.memory = 64 << 20;
        settings.limits.processes = 64;
        settings.disk = DiskLimits { soft: 32 << 20, hard: 64 << 20 };
    });
    let neighbour = fixture.create(&[]).await;
    let witness = fixture.open(&neighbour).await;
    for attempt in [
        &["fork-bomb"][..],
        &["memory", "private"],
        &["fill-forever", "/var"],
        &["descriptors"],
        &["log-flood"],
        &["ignore-signals"],
        &["double-fork"],
    ] {
        let options: Vec<_> = [HOSTILE].into_iter().chain(attempt.iter().copied()).collect();
        let id = fixture.create(&options).await;
        // Until it has what it wanted, or was ended for that.
        let log = fixture.dir(&id).join("log.1");
        let began = Instant::now();
        loop {
            let asked = Instant::now();
            assert_eq!(get(&witness, "counter").await.unwrap(), "0");
            assert!(asked.elapsed() < Duration::from_secs(5), "{attempt:?} held it up: {:?}", asked.elapsed());
            let has_it = match attempt[0] {
                "fork-bomb" => processes(&id).len() > 50,
                "log-flood" => log.exists(),
                "ignore-signals" => processes(&id).len() == 1,
                "double-fork" => processes(&id).len() == 2,
                _ => fixture.grains.status(&id).state == GrainState::Stopped,
            };
            if has_it {
                break;
            }
            assert!(began.elapsed() < PATIENCE, "{attempt:?} did not get far: {:?}", fixture.grains.status(&id));
        }
        let ended = fixture.grains.status(&id).last_crash.unwrap_or_default();
        assert_eq!(
            ended.contains("more than its limit of 64 MiB"),
            attempt[0] == "fill-forever",
            "{attempt:?}: {ended}"
        );
        fixture.grains.stop(&id).await.unwrap();
        assert_eq!(fixture.grains.status(&id).state, GrainState::Stopped, "{attempt:?}");
        assert!(processes(&id).is_empty(), "{attempt:?} left something");
    }
    assert_eq!(fixture.grains.status(&neighbour).starts, 1);
}

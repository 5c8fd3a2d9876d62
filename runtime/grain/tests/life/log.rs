//! The log: what the app prints, in order, bounded, and readable while it grows.

use std::time::{Duration, Instant};

use futures::StreamExt;

use crate::fixture::{Fixture, PATIENCE, get};

#[tokio::test(flavor = "multi_thread")]
async fn output_backlog_and_following() {
    let fixture = Fixture::new();
    let id = fixture.create(&[]).await;
    let session = fixture.open(&id).await;
    get(&session, "log?text=to+output").await.unwrap();
    get(&session, "log?text=to+error&err=1").await.unwrap();
    let log = fixture.log_with(&id, "to error\n").await;
    assert!(log.contains("to output\nto error\n"), "{log}");
    let dir = fixture.dir(&id);
    let tail: Vec<_> = fixture.grains.log(&dir, 9, false).map(|piece| piece.unwrap()).collect().await;
    assert_eq!(tail.concat(), b"to error\n");

    let mut follower = std::pin::pin!(fixture.grains.log(&dir, 9, true));
    // From here on it follows: what comes now cannot lie before its beginning.
    assert_eq!(follower.next().await.unwrap().unwrap(), &b"to error\n"[..]);
    let reader = async {
        let mut text = String::new();
        while !text.contains("after restart") {
            text.push_str(&String::from_utf8_lossy(&follower.next().await.unwrap().unwrap()));
        }
        text
    };
    let writer = async {
        get(&session, "log?text=before+restart").await.unwrap();
        fixture.grains.stop(&id).await.unwrap();
        fixture.get(&id, "log?text=after+restart").await
    };
    let (text, _) = tokio::time::timeout(PATIENCE, async { tokio::join!(reader, writer) }).await.unwrap();
    assert!(text.starts_with("before restart\n"), "{text}");
    assert!(text.contains("Starting up grain."));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_put_aside_when_full() {
    let fixture = Fixture::with(|settings| settings.log_bytes = 20_000);
    let id = fixture.create(&[]).await;
    let dir = fixture.dir(&id);
    let session = fixture.open(&id).await;
    let line = "0123456789".repeat(10);
    for _ in 0..10 {
        get(&session, &format!("log?text={line}&n=100")).await.unwrap();
    }
    get(&session, "log?text=the+end").await.unwrap();
    fixture.log_with(&id, "the end").await;
    let length = |name: &str| std::fs::metadata(dir.join(name)).unwrap().len();
    assert_eq!(length("log.1"), 20_000);
    assert!(length("log") <= 20_000);
    // What is missing in the file comes from the one put aside.
    let all: Vec<_> = fixture.grains.log(&dir, 30_000, false).map(|piece| piece.unwrap()).collect().await;
    let all = all.concat();
    assert_eq!(all.len(), 20_000.min(30_000 - length("log") as usize) + length("log") as usize);
    assert!(all.ends_with(b"the end\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_slowed_down() {
    let fixture = Fixture::with(|settings| {
        settings.log_rate = 1 << 20;
        settings.log_burst = 1 << 20;
    });
    let neighbour = fixture.create(&[]).await;
    let witness = fixture.open(&neighbour).await;
    let id = fixture.create(&["--boot-log-flood"]).await;
    let session = fixture.open(&id).await;
    let dir = fixture.dir(&id);
    let began = Instant::now();
    let mut received = 0;
    let mut follower = std::pin::pin!(fixture.grains.log(&dir, 0, true));
    while received < 3 << 20 {
        received += follower.next().await.unwrap().unwrap().len();
    }
    assert!(began.elapsed() > Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!(get(&session, "counter").await.unwrap(), "0");
    let asked = Instant::now();
    assert_eq!(get(&witness, "counter").await.unwrap(), "0");
    assert!(asked.elapsed() < Duration::from_secs(1));
    let size = |name: &str| std::fs::metadata(dir.join(name)).unwrap().len();
    assert!(size("log") + size("log.1") <= 1 << 20);
    fixture.grains.stop(&id).await.unwrap();
}

//! Disk space: measured, warned of, and held.

use granary_grain::{GrainEvent, GrainState};

use crate::fixture::{Fixture, get};

#[tokio::test(flavor = "multi_thread")]
async fn size_is_followed() {
    let mut fixture = Fixture::new();
    let id = fixture.create(&[]).await;
    assert_eq!(fixture.get(&id, "write?name=big&bytes=5000000").await, "done");
    fixture.event(&id, |event| matches!(event, GrainEvent::Size { bytes, .. } if *bytes >= 5_000_000)).await;
    let size = fixture.grains.status(&id).size.unwrap();
    assert!((5_000_000..5_300_000).contains(&size), "{size}");
    assert_eq!(fixture.get(&id, "write?name=big&bytes=0").await, "done");
    fixture.event(&id, |event| matches!(event, GrainEvent::Size { bytes, .. } if *bytes < 1_000_000)).await;
    fixture.grains.stop(&id).await.unwrap();
    let dir = fixture.dir(&id);
    assert!(fixture.grains.measure(&id, &dir).await.unwrap() < 1_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warning_and_a_limit() {
    let (soft, hard) = (20 << 20, 40 << 20);
    let mut fixture = Fixture::with(|settings| settings.disk = granary_grain::DiskLimits { soft, hard });
    let id = fixture.create(&[]).await;
    let session = fixture.open(&id).await;
    assert_eq!(get(&session, "write?name=a&bytes=25000000").await.unwrap(), "done");
    fixture.event(&id, |event| matches!(event, GrainEvent::DiskWarning { limit, .. } if *limit == soft)).await;
    assert_eq!(fixture.grains.status(&id).state, GrainState::Running);
    let _ = get(&session, "write?name=b&bytes=25000000").await;
    fixture.event(&id, |event| matches!(event, GrainEvent::DiskFull { limit, .. } if *limit == hard)).await;
    fixture.stopped(&id).await;
    fixture.log_with(&id, "more than its limit of 40 MiB; stopping it.").await;
    // It can be opened to tidy up, and then it is fine.
    assert_eq!(fixture.get(&id, "write?name=b&bytes=0").await, "done");
    fixture.event(&id, |event| matches!(event, GrainEvent::Size { bytes, .. } if *bytes < hard)).await;
    assert_eq!(fixture.grains.status(&id).state, GrainState::Running);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fast_filler() {
    let hard = 256 << 20;
    let mut fixture = Fixture::with(|settings| settings.disk = granary_grain::DiskLimits { soft: hard / 2, hard });
    let id = fixture.create(&["--boot-fill", "4000000000"]).await;
    fixture.event(&id, |event| matches!(event, GrainEvent::DiskFull { .. })).await;
    fixture.stopped(&id).await;
    let bytes = std::fs::metadata(fixture.dir(&id).join("var/fill")).unwrap().len();
    eprintln!("a filler with a limit of {} MiB had written {} MiB", hard >> 20, bytes >> 20);
    assert!(bytes < 1 << 30, "{} MiB", bytes >> 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_without_a_name() {
    hidden("open", 400_000_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_only_mapped() {
    hidden("mapped", 800_000_000).await;
}

async fn hidden(how: &str, bytes: u64) {
    let hard = 200 << 20;
    let mut fixture = Fixture::with(|settings| settings.disk = granary_grain::DiskLimits { soft: hard / 2, hard });
    let id = fixture.create(&[]).await;
    let session = fixture.open(&id).await;
    let _ = get(&session, &format!("unlinked?bytes={bytes}&how={how}")).await;
    fixture.event(&id, |event| matches!(event, GrainEvent::DiskFull { .. })).await;
    fixture.stopped(&id).await;
    let dir = fixture.dir(&id);
    assert!(fixture.grains.measure(&id, &dir).await.unwrap() < 1 << 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_folders() {
    let mut fixture = Fixture::new();
    let id = fixture.create(&[]).await;
    let other = fixture.create(&[]).await;
    assert_eq!(fixture.get(&id, "mkdirs?n=20000").await, "done");
    fixture.event(&id, |event| matches!(event, GrainEvent::Size { .. })).await;
    // The others are still noticed at once.
    assert_eq!(fixture.get(&other, "write?name=big&bytes=3000000").await, "done");
    fixture.event(&other, |event| matches!(event, GrainEvent::Size { bytes, .. } if *bytes >= 3_000_000)).await;
}

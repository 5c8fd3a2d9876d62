//! Files that no folder shows are found from outside, however they are kept.

mod support;

use std::os::unix::fs::MetadataExt as _;

use granary_sandbox::held;
use support::{Ground, each_user, run, until};

const SIZE: u64 = 10 << 20;

#[test]
fn files_without_a_name_are_found() {
    each_user("files_without_a_name_are_found", || {
        run(async {
            let ground = Ground::new();
            let device = std::fs::metadata(ground.var()).expect("var").dev();
            let (other, _log, _api) = ground.start(&["linger"]).await;
            for (how, measured, more) in [
                ("open", true, false),
                ("daemon", true, false),
                ("unreadable", true, false),
                ("without-permission", true, false),
                ("thread", true, false),
                ("unreadable-thread", true, false),
                ("leaderless", true, false),
                // These cannot be measured, but are noticed.
                ("mapped", false, true),
                ("under-way", false, true),
            ] {
                ground.fresh_var();
                let (launch, _log, _api) = ground.launch("package", &["hide", how, &SIZE.to_string()]);
                let sandbox = ground.launcher.launch(launch).await.expect("launch");
                let found = || held(sandbox.pid(), device);
                until(&format!("what it holds is found ({how})"), || {
                    let found = found();
                    found.more == more && (found.bytes >= SIZE) == measured
                })
                .await;
                assert!(found().bytes < 2 * SIZE, "{how}: counted once, {:?}", found());
                // Nor is it another's.
                assert_eq!(held(other.pid(), device), granary_sandbox::Held::default(), "{how}");
                sandbox.kill();
                sandbox.wait().await;
                assert_eq!(found(), granary_sandbox::Held::default(), "{how}: gone with it");
            }
        });
    });
}

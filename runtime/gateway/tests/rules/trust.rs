//! The CA in browsers' own stores: put there, seen there, obeyed with its constraints, taken out again.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::{Child, Command};

use granary_gateway::trust::{self, Store, StoreReport, TrustOptions, TrustState};

use crate::fixture::{BOUND, Running};
use crate::tls::{LEAVES, Verdict, Witness};

fn options(running: &Running, home: &Path) -> TrustOptions {
    let root = home.join("root");
    std::fs::create_dir_all(root.join("usr/local/share/ca-certificates")).unwrap();
    TrustOptions {
        data_dir: running.folder.path().to_owned(),
        home: home.to_owned(),
        config_home: None,
        data_home: None,
        system_root: Some(root),
    }
}

fn states(reports: &[StoreReport]) -> Vec<(Store, TrustState)> {
    reports.iter().map(|report| (report.store, report.state)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn trust_comes_and_goes_in_every_store() {
    let running = Running::start();
    let home = tempfile::tempdir().unwrap();
    let options = options(&running, home.path());
    let firefox = home.path().join(".mozilla/firefox");
    let snap = home.path().join("snap/firefox/common/.mozilla/firefox");
    for (root, profile) in [(&firefox, "abc.default"), (&snap, "snap.default")] {
        std::fs::create_dir_all(root.join(profile)).unwrap();
        let ini = format!("[Profile0]\nName=default\nIsRelative=1\nPath={profile}\n");
        std::fs::write(root.join("profiles.ini"), ini).unwrap();
    }

    let expected = |state| {
        [(Store::Chromium, state), (Store::Firefox, state), (Store::Firefox, state), (Store::System, state)].to_vec()
    };
    let looked = trust::status(&options).unwrap();
    assert_eq!(states(&looked), expected(TrustState::NotTrusted));
    assert!(looked.iter().all(|report| !report.remedy.is_empty()));
    assert!(!home.path().join(".local").exists(), "looking changes nothing");
    for _ in 0..2 {
        let installed = trust::install(&options).unwrap();
        assert_eq!(states(&installed), expected(TrustState::Trusted), "{installed:#?}");
        assert!(installed.iter().all(|report| report.remedy.is_empty()), "{installed:#?}");
    }
    assert_eq!(states(&trust::status(&options).unwrap()), expected(TrustState::Trusted));
    assert!(home.path().join(".local/share/pki/nssdb/cert9.db").is_file());

    // Another instance's CA beside it is another entry.
    let other = Running::start();
    let other_options = TrustOptions { data_dir: other.folder.path().to_owned(), ..options.clone() };
    assert_eq!(states(&trust::status(&other_options).unwrap()), expected(TrustState::NotTrusted));
    assert_eq!(states(&trust::install(&other_options).unwrap()), expected(TrustState::Trusted));
    assert_eq!(states(&trust::remove(&options).unwrap()), expected(TrustState::NotTrusted));
    assert_eq!(states(&trust::status(&other_options).unwrap()), expected(TrustState::Trusted));

    // A profile that is no database says so, and what to do by hand.
    std::fs::write(firefox.join("abc.default/cert9.db"), "no database").unwrap();
    let installed = trust::install(&options).unwrap();
    let broken = installed.iter().find(|report| report.path == firefox.join("abc.default")).unwrap();
    assert_eq!(broken.state, TrustState::Failed, "{broken:?}");
    assert!(broken.remedy.contains("Import") && !broken.detail.is_empty(), "{broken:?}");
}

#[test]
fn without_an_authority_there_is_nothing_to_trust() {
    let empty = tempfile::tempdir().unwrap();
    let error = trust::status(&TrustOptions::new(empty.path(), empty.path())).unwrap_err().to_string();
    assert!(error.contains("granary serve"), "{error}");
}

/// Waits for what the browser makes of the leaf that the witness shows it.
async fn verdict(witness: &mut Witness, mut browser: Child, what: &str) -> Verdict {
    let seen = tokio::time::timeout(BOUND * 2, witness.verdicts.recv()).await;
    let _ = browser.kill().await;
    seen.unwrap_or_else(|_| panic!("{what}: the browser did not connect")).expect("the witness is there")
}

fn browser(program: &str, home: &Path) -> Command {
    let mut command = Command::new(program);
    command.env("HOME", home).env_remove("XDG_DATA_HOME").env_remove("XDG_CONFIG_HOME");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).process_group(0);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn chromium_obeys_the_constraints() {
    let running = Running::start();
    let home = tempfile::tempdir().unwrap();
    trust::install(&options(&running, home.path())).unwrap();
    for (host, accepted) in LEAVES {
        let mut witness = Witness::start(&running.ca().with_file_name("ca.key"), host).await;
        let mut command = browser("chromium", home.path());
        command
            .args([
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--disable-background-networking",
            ])
            .arg("--host-resolver-rules=MAP * 127.0.0.1")
            .arg(format!("--user-data-dir={}", home.path().join("chromium").display()))
            .arg(format!("https://{host}:{}/", witness.port));
        let child = command.spawn().expect("chromium is installed (apt install chromium)");
        let expected = if *accepted { Verdict::Asked } else { Verdict::Refused };
        assert_eq!(verdict(&mut witness, child, host).await, expected, "{host}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn firefox_obeys_the_constraints() {
    let running = Running::start();
    let home = tempfile::tempdir().unwrap();
    let profile = firefox_profile(home.path());
    trust::install(&options(&running, home.path())).unwrap();
    for (host, accepted) in LEAVES {
        let mut witness = Witness::start(&running.ca().with_file_name("ca.key"), host).await;
        let mut command = browser("firefox-esr", home.path());
        command
            .args(["--headless", "--no-remote", "--profile"])
            .arg(&profile)
            .arg(format!("https://{host}:{}/", witness.port));
        let child = command.spawn().expect("firefox is installed (apt install firefox-esr)");
        let expected = if *accepted { Verdict::Asked } else { Verdict::Refused };
        assert_eq!(verdict(&mut witness, child, host).await, expected, "{host}");
    }
}

/// A profile that asks for nothing by itself and takes example.com for this computer.
fn firefox_profile(home: &Path) -> PathBuf {
    let root = home.join(".mozilla/firefox");
    let profile = root.join("test.default");
    std::fs::create_dir_all(&profile).unwrap();
    std::fs::write(root.join("profiles.ini"), "[Profile0]\nName=test\nIsRelative=1\nPath=test.default\n").unwrap();
    let preferences = [
        "\"network.dns.localDomains\", \"example.com\"",
        "\"browser.shell.checkDefaultBrowser\", false",
        "\"datareporting.policy.dataSubmissionEnabled\", false",
        "\"browser.aboutwelcome.enabled\", false",
        "\"app.update.enabled\", false",
        "\"network.captive-portal-service.enabled\", false",
        "\"network.connectivity-service.enabled\", false",
        "\"dom.security.https_only_mode\", false",
    ];
    let lines: String = preferences.iter().map(|preference| format!("user_pref({preference});\n")).collect();
    std::fs::write(profile.join("user.js"), lines).unwrap();
    profile
}

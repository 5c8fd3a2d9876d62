//! Authors' signatures, made by GnuPG: what it accepts is accepted, what it refuses is refused.

use std::fs;
use std::path::Path;
use std::process::Command;

use granary_package::{Author, Bytes, Error, Options, Refusal, Verified, verify};

use crate::build;

/// A GnuPG home of its own, with the agent that goes with it.
struct Gnupg {
    home: tempfile::TempDir,
}

impl Gnupg {
    fn new() -> Self {
        let home = tempfile::Builder::new().prefix("g").tempdir_in("/tmp").expect("a folder");
        fs::set_permissions(home.path(), std::os::unix::fs::PermissionsExt::from_mode(0o700))
            .expect("the folder is ours");
        Self { home }
    }

    fn path(&self, name: &str) -> String {
        self.home.path().join(name).display().to_string()
    }

    #[track_caller]
    fn run(&self, args: &[&str], input: &[u8]) -> Vec<u8> {
        let home = self.home.path().display().to_string();
        let fixed = ["--homedir", &home, "--batch", "--yes", "--pinentry-mode", "loopback", "--passphrase", ""];
        build::tool("gpg", &[&fixed, args].concat(), input)
    }

    /// Makes a key and gives its fingerprint.
    fn key(&self, name: &str, algorithm: &str, usage: &str) -> String {
        self.run(&["--quick-gen-key", name, algorithm, usage, "never"], b"");
        let list = String::from_utf8(self.run(&["--with-colons", "--list-keys", &format!("={name}")], b"")).unwrap();
        let line = list.lines().find(|line| line.starts_with("fpr:")).expect("the key has a fingerprint");
        line.split(':').nth(9).expect("the tenth field").to_owned()
    }

    fn keyring(&self, names: &[&str]) -> Vec<u8> {
        self.run(&[&["--export"], names].concat(), b"")
    }

    fn sign(&self, key: &str, text: &str, options: &[&str]) -> Vec<u8> {
        self.run(&[options, &["--local-user", key, "--sign"]].concat(), text.as_bytes())
    }
}

impl Drop for Gnupg {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf").arg("--homedir").arg(self.home.path()).args(["--kill", "all"]).output();
    }
}

fn statement() -> String {
    format!("I am the author of the Sandstorm.io app with the following ID: {}", build::app_id(&build::key()))
}

fn check(signature: Vec<u8>, keyring: Vec<u8>) -> Result<Verified, Error> {
    let mut manifest = build::a_manifest();
    manifest.metadata.author =
        Author { pgp_signature: Some(Bytes(signature)), pgp_keyring: Some(Bytes(keyring)), ..Author::default() };
    let package = build::package(&[build::file("sandstorm-manifest", &manifest.to_bytes())]);
    verify(package.as_slice(), Options::default())
}

/// What GnuPG itself says, asked as Sandstorm asks it.
fn gnupg_accepts(signature: &[u8], keyring: &[u8]) -> bool {
    let home = tempfile::Builder::new().prefix("g").tempdir_in("/tmp").expect("a folder");
    let ring = home.path().join("keyring");
    let message = home.path().join("message");
    fs::write(&ring, keyring).and_then(|()| fs::write(&message, signature)).expect("files are written");
    let run = |path: &Path| {
        Command::new("gpg")
            .arg("--homedir")
            .arg(home.path())
            .args(["--batch", "--no-default-keyring", "--keyring"])
            .arg(path)
            .arg("--decrypt")
            .arg(&message)
            .output()
            .expect("gpg runs")
    };
    let accepted = run(&ring).status.success();
    let _ = Command::new("gpgconf").arg("--homedir").arg(home.path()).args(["--kill", "all"]).output();
    accepted
}

#[track_caller]
fn accepted(name: &str, signature: Vec<u8>, keyring: Vec<u8>, fingerprint: &str) {
    assert!(gnupg_accepts(&signature, &keyring), "{name}: GnuPG accepts it");
    let verified = check(signature, keyring).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(verified.author_fingerprint.as_deref(), Some(fingerprint), "{name}");
}

#[track_caller]
fn refused(name: &str, signature: Vec<u8>, keyring: Vec<u8>) -> Refusal {
    match check(signature, keyring) {
        Err(Error::Refused(refusal @ (Refusal::AuthorSignature(_) | Refusal::AuthorStatement(_)))) => refusal,
        other => panic!("{name}: a refusal was expected, and it is {other:?}"),
    }
}

#[test]
fn a_package_without_signature_has_no_author() {
    let package = build::package(&[build::manifest_entry()]);
    assert_eq!(verify(package.as_slice(), Options::default()).expect("a good package").author_fingerprint, None);
}

#[test]
fn signatures_of_many_kinds_are_accepted() {
    let gnupg = Gnupg::new();
    for (name, algorithm) in [("rsa", "rsa2048"), ("dsa", "dsa2048"), ("ed", "ed25519"), ("nist", "nistp256")] {
        let fingerprint = gnupg.key(name, algorithm, "sign,cert");
        let keyring = gnupg.keyring(&[name]);
        let ways: [&[&str]; 7] = [
            &[],
            &["--armor"],
            &["--textmode"],
            &["--compress-algo", "none"],
            &["--compress-algo", "zlib"],
            &["--compress-algo", "bzip2"],
            &["--digest-algo", "SHA512"],
        ];
        for way in ways {
            accepted(&format!("{name} {way:?}"), gnupg.sign(name, &statement(), way), keyring.clone(), &fingerprint);
        }
        let clear = gnupg.run(&["--local-user", name, "--clear-sign"], statement().as_bytes());
        accepted(&format!("{name} in clear text"), clear, keyring.clone(), &fingerprint);
        let text = format!("\n  {}\r\n\n", statement());
        accepted("space around", gnupg.sign(name, &text, &[]), keyring, &fingerprint);
    }
    // Old keys sign with SHA-1, and a keyring may hold others beside the one needed.
    let fingerprint = gnupg.key("old", "rsa1024", "sign,cert");
    let old = gnupg.sign("old", &statement(), &["--digest-algo", "SHA1"]);
    accepted("SHA-1", old, gnupg.keyring(&["ed", "old", "dsa"]), &fingerprint);
}

#[test]
fn subkeys_sign_for_their_primary_key() {
    let gnupg = Gnupg::new();
    let fingerprint = gnupg.key("with subkey", "ed25519", "cert");
    gnupg.run(&["--quick-add-key", &fingerprint, "rsa2048", "sign", "never"], b"");
    let signature = gnupg.sign(&fingerprint, &statement(), &[]);
    let keyring = gnupg.keyring(&[&fingerprint]);
    accepted("subkey", signature.clone(), keyring.clone(), &fingerprint);

    // The same subkey, adopted by another primary key without the subkey's consent: its packets moved behind it.
    gnupg.key("thief", "ed25519", "cert");
    let thief = gnupg.keyring(&["thief"]);
    let subkey_at = packets(&keyring).into_iter().find(|(tag, _)| *tag == 14).expect("there is a subkey").1;
    let stolen = [&thief[..], &keyring[subkey_at..]].concat();
    let refusal = refused("stolen subkey", signature.clone(), stolen);
    assert!(refusal.to_string().contains("does not belong"), "{refusal}");

    gnupg.run(&["--command-fd", "0", "--edit-key", &fingerprint], b"key 1\nrevkey\ny\n0\n\ny\nsave\n");
    let refusal = refused("revoked subkey", signature, gnupg.keyring(&[&fingerprint]));
    assert!(refusal.to_string().contains("revoked the subkey"), "{refusal}");
}

/// The tag and the place of each packet of a keyring.
fn packets(keyring: &[u8]) -> Vec<(u8, usize)> {
    let (mut at, mut found) = (0, Vec::new());
    while at < keyring.len() {
        let first = keyring[at];
        assert_eq!(first & 0xc0, 0x80, "GnuPG writes packets in the old format");
        let (length, header) = match first & 3 {
            0 => (usize::from(keyring[at + 1]), 2),
            1 => (usize::from(u16::from_be_bytes([keyring[at + 1], keyring[at + 2]])), 3),
            _ => panic!("a packet of an odd size"),
        };
        found.push(((first >> 2) & 15, at));
        at += header + length;
    }
    found
}

#[test]
fn what_is_not_a_good_signature_is_refused() {
    let gnupg = Gnupg::new();
    let key = gnupg.key("author", "ed25519", "sign,cert");
    gnupg.key("other", "ed25519", "sign,cert");
    let keyring = || gnupg.keyring(&["author"]);
    let good = gnupg.sign("author", &statement(), &[]);
    accepted("good", good.clone(), keyring(), &key);

    for text in [
        String::new(),
        statement().replace("I am", "I am not"),
        statement().to_uppercase(),
        format!("{} and more", statement()),
        statement()
            .replace(&build::app_id(&build::key()).to_string(), "vjvekechd398fn1t1kn1dgdnmaekqq9jkjv3zsgzymc4z913ref0"),
    ] {
        let refusal = refused(&text, gnupg.sign("author", &text, &[]), keyring());
        assert_eq!(refusal.code(), "package-author-statement", "{text}: {refusal}");
    }

    let plain = gnupg.sign("author", &statement(), &["--compress-algo", "none"]);
    for at in [plain.len() / 2, plain.len() - 10] {
        let mut changed = plain.clone();
        changed[at] ^= 1;
        refused("changed", changed, keyring());
    }
    refused("cut off", plain[..plain.len() - 20].to_vec(), keyring());
    refused("twice", [&plain[..], &plain[..]].concat(), keyring());
    refused("another's keyring", good.clone(), gnupg.keyring(&["other"]));
    refused("garbage", b"garbage".to_vec(), keyring());
    refused("keyring of garbage", good.clone(), b"garbage".to_vec());
    refused("detached", gnupg.run(&["--local-user", "author", "--detach-sign"], statement().as_bytes()), keyring());
    let clear = gnupg.run(&["--local-user", "author", "--clear-sign"], statement().as_bytes());
    let other = String::from_utf8(clear).expect("text").replacen("I am the author", "I am an author", 1);
    refused("changed clear text", other.into_bytes(), keyring());
    refused("not signed", gnupg.run(&["--store"], statement().as_bytes()), keyring());
    let bomb = gnupg.sign("author", &" ".repeat(10 << 20), &[]);
    refused("much to unfold", bomb, keyring());

    let past = ["--faked-system-time", "20200101T000000!", "--ignore-time-conflict", "--ignore-valid-from"];
    let expired = gnupg.sign("author", &statement(), &[&past[..], &["--default-sig-expire", "1d"]].concat());
    let refusal = refused("expired", expired, keyring());
    assert!(refusal.to_string().contains("expired"), "{refusal}");

    // As the key's owner would: with the certificate that GnuPG writes when it makes a key, disarmed by a colon.
    let certificate = fs::read_to_string(gnupg.path(&format!("openpgp-revocs.d/{key}.rev"))).expect("a certificate");
    gnupg.run(&["--import"], certificate.replace(":-----BEGIN", "-----BEGIN").as_bytes());
    let refusal = refused("revoked", good, keyring());
    assert!(refusal.to_string().contains("revoked"), "{refusal}");
}

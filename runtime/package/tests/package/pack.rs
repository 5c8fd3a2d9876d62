//! Packing: the same input gives the same bytes, others can read them, and mistakes are told before anything is written.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use granary_package::pack::{Definition, Node, SourceTree, Wrap, pack, starting_definition};
use granary_package::{BridgeConfig, Error, Key, Manifest, Options, read_keyring, unpack, verify};

use crate::build;

fn write(path: &Path, content: &[u8], mode: u32) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A folder with a static web server (as far as anybody can tell without running it).
fn app_folder(at: &Path) -> PathBuf {
    let folder = at.join("my app");
    write(&folder.join("server"), b"#!/bin/sh\nexec true\n", 0o755);
    write(&folder.join("bin/sh"), b"\x7fELF static", 0o755);
    write(&folder.join("data/page.html"), b"<p>Hello", 0o644);
    write(&folder.join("data/large"), &b"0123456789abcdef".repeat(60_000), 0o640);
    write(&folder.join("data/empty"), b"", 0o600);
    fs::create_dir(folder.join("nothing")).unwrap();
    std::os::unix::fs::symlink("data/page.html", folder.join("index.html")).unwrap();
    folder
}

fn bridge(at: &Path) -> PathBuf {
    let path = at.join("granary-http-bridge");
    write(&path, b"the bridge", 0o755);
    path
}

fn wrap() -> Wrap {
    Wrap {
        port: Some(8000),
        command: vec!["./server".to_owned(), "--port".to_owned(), "8000".to_owned()],
        title: "My app".to_owned(),
        app_version: 5,
        environ: vec![("MODE".to_owned(), "grain".to_owned())],
        ..Wrap::default()
    }
}

fn key() -> Key {
    Key::generate().expect("a key")
}

fn packed(tree: &SourceTree, key: &Key, output: &Path) -> Vec<u8> {
    pack(tree, key, output, &mut Options::default()).expect("it is packed");
    fs::read(output).expect("the package is there")
}

#[test]
fn a_folder_becomes_an_app() {
    let temporary = tempfile::tempdir().expect("a folder");
    let at = temporary.path();
    let tree = wrap().tree(&app_folder(at), Some(&bridge(at))).expect("a tree");
    let key = key();
    let output = at.join("out/my.spk");
    fs::create_dir(at.join("out")).unwrap();
    let done = pack(&tree, &key, &output, &mut Options::default()).expect("it is packed");
    assert_eq!(fs::read_dir(at.join("out")).unwrap().count(), 1, "nothing but the package");
    assert_eq!(done.verified.app_id, key.app_id());

    let target = at.join("unpacked");
    let verified = unpack(fs::File::open(&output).unwrap(), &target, Options::default()).expect("a good package");
    assert_eq!(verified, done.verified);
    let command = &verified.manifest.continue_command;
    assert_eq!(command.argv, ["/sandstorm-http-bridge", "8000", "--", "./server", "--port", "8000"]);
    let environ: BTreeMap<_, _> = command.environ.iter().cloned().collect();
    assert_eq!((environ["MODE"].as_str(), environ["HOME"].as_str()), ("grain", "/var"));
    assert_eq!(verified.manifest.actions.len(), 1);
    assert_eq!(&verified.manifest.actions[0].command, command);
    assert_eq!(verified.manifest.actions[0].title.default_text, "New My app");
    let config = verified.bridge_config.expect("a bridge configuration");
    let names: Vec<_> = config.view_info.permissions.iter().map(|permission| permission.name.as_str()).collect();
    let verbs: Vec<_> = config.view_info.roles.iter().map(|role| role.verb_phrase.default_text.as_str()).collect();
    assert_eq!((names, verbs), (vec!["view", "edit"], vec!["can edit", "can view"]));

    assert_eq!(fs::read(target.join("sandstorm-http-bridge")).unwrap(), b"the bridge");
    assert_eq!(fs::read(target.join("data/large")).unwrap().len(), 960_000);
    assert_eq!(fs::read_link(target.join("index.html")).unwrap(), Path::new("data/page.html"));
    for name in ["dev", "tmp", "var", "nothing"] {
        assert_eq!(fs::read_dir(target.join(name)).unwrap().count(), 0, "{name}");
    }
    assert_eq!(fs::read(target.join("proc/cpuinfo")).unwrap(), b"");
    let mode = |name: &str| fs::metadata(target.join(name)).unwrap().permissions().mode() & 0o111;
    assert_eq!((mode("server") & 0o100, mode("data/large")), (0o100, 0));
    let modified = |path: PathBuf| fs::symlink_metadata(path).unwrap().modified().unwrap();
    assert_eq!(modified(target.join("data/large")), modified(at.join("my app/data/large")));
}

#[test]
fn the_same_tree_gives_the_same_bytes() {
    let temporary = tempfile::tempdir().expect("a folder");
    let at = temporary.path();
    let folder = app_folder(at);
    let (wrap, bridge, key) = (wrap(), bridge(at), key());
    // Times that are too new are cut, and then only they matter.
    let clamped = Wrap { newest: Some(1), ..wrap.clone() };
    let before = packed(&clamped.tree(&folder, Some(&bridge)).expect("a tree"), &key, &at.join("4.spk"));
    fs::File::open(folder.join("server")).unwrap().set_modified(std::time::SystemTime::now()).unwrap();
    let after = packed(&clamped.tree(&folder, Some(&bridge)).expect("a tree"), &key, &at.join("4.spk"));
    assert!(before == after, "built at another time");
    // Several blocks' worth, so that several threads have something to do.
    let numbers = (0..1_200_000).map(|number| format!("{number:08}\n")).collect::<String>();
    write(&folder.join("data/numbers"), numbers.as_bytes(), 0o644);
    let first = packed(&wrap.tree(&folder, Some(&bridge)).expect("a tree"), &key, &at.join("1.spk"));
    // On one processor there is one thread.
    let one = std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let mut set = nix::sched::CpuSet::new();
            set.set((0..).find(|&cpu| is_allowed(cpu)).unwrap()).unwrap();
            nix::sched::sched_setaffinity(nix::unistd::Pid::from_raw(0), &set)
                .expect("fewer processors are always allowed");
            assert_eq!(std::thread::available_parallelism().unwrap().get(), 1);
            packed(&wrap.tree(&folder, Some(&bridge)).expect("a tree"), &key, &at.join("2.spk"))
        });
        thread.join().expect("no panic")
    });
    assert!(first == one, "packed by one thread");
    // Unpacked and packed again.
    unpack(first.as_slice(), &at.join("unpacked"), Options::default()).expect("a good package");
    let again = packed(&SourceTree::from_folder(&at.join("unpacked"), None).expect("a tree"), &key, &at.join("3.spk"));
    assert!(first == again, "unpacked and packed again");
}

fn is_allowed(cpu: usize) -> bool {
    nix::sched::sched_getaffinity(nix::unistd::Pid::from_raw(0)).is_ok_and(|set| set.is_set(cpu).unwrap_or(false))
}

/// The whole format once more, with other people's programs: xz, sha512sum, sha256sum, openssl, capnp.
#[test]
fn other_programs_understand_what_is_packed() {
    let temporary = tempfile::tempdir().expect("a folder");
    let at = temporary.path();
    let key = key();
    let package = packed(&wrap().tree(&app_folder(at), Some(&bridge(at))).expect("a tree"), &key, &at.join("my.spk"));
    assert_eq!(package[..8], build::MAGIC);
    let inside = build::tool("xz", &["-dc"], &package[8..]);
    let (message, archive) = inside.split_at(192);

    // The signature message, word by word: one segment of 23 words, two pointers, 32 bytes and 128 bytes.
    let word = |index: usize| u64::from_le_bytes(message[index * 8..][..8].try_into().unwrap());
    assert_eq!(word(0), 23 << 32);
    assert_eq!(word(1), 2 << 48);
    let list = |index: usize| {
        let pointer = word(index);
        assert_eq!((pointer & 3, (pointer >> 32) & 7), (1, 2), "a list of bytes");
        let (offset, length) = ((pointer as u32 >> 2) as usize, (pointer >> 35) as usize);
        &message[(index + 1 + offset) * 8..][..length]
    };
    let (public, attached) = (list(2), list(3));
    assert_eq!((public.len(), attached.len()), (32, 128));
    let (signature, signed) = attached.split_at(64);

    let digest = String::from_utf8(build::tool("sha512sum", &[], archive)).unwrap();
    assert_eq!(digest[..128], hex::encode(signed));
    // An Ed25519 public key in the wrapping that OpenSSL wants (RFC 8410).
    let der = [&hex::decode("302a300506032b6570032100").unwrap()[..], public].concat();
    let path = |name: &str| at.join(name).display().to_string();
    for (name, bytes) in [("key.der", &der[..]), ("signed", signed), ("signature", signature)] {
        fs::write(at.join(name), bytes).unwrap();
    }
    let (der, signed, signature) = (path("key.der"), path("signed"), path("signature"));
    let args = [
        "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", &der, "-rawin", "-in", &signed, "-sigfile",
        &signature,
    ];
    let answer = String::from_utf8(build::tool("openssl", &args, b"")).unwrap();
    assert!(answer.contains("Verified Successfully"), "{answer}");

    let verified = verify(package.as_slice(), Options::default()).expect("a good package");
    let digest = String::from_utf8(build::tool("sha256sum", &[], &package)).unwrap();
    assert_eq!(digest[..32], verified.package_id.to_string());

    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/package.capnp").display().to_string();
    let text = |bytes: &[u8], kind: &str| {
        let decoded = build::tool("capnp", &["convert", "binary:text", "--short", &schema, kind], bytes);
        String::from_utf8_lossy(&decoded).into_owned()
    };
    let tree = text(archive, "Archive");
    let mut rest = tree.as_str();
    let sorted = [
        "bin",
        "data",
        "dev",
        "index.html",
        "nothing",
        "proc",
        "sandstorm-http-bridge",
        "sandstorm-http-bridge-config",
    ];
    for name in sorted.into_iter().chain(["sandstorm-manifest", "server", "tmp", "var"]) {
        let entry = format!("name = \"{name}\"");
        let position = rest.find(&entry).unwrap_or_else(|| panic!("{entry} is missing or out of order: {rest:.2000}"));
        rest = &rest[position..];
    }
    assert!(tree.contains("symlink = \"data/page.html\""));
    assert!(tree.contains("executable = \"the bridge\""));
    let target = at.join("out");
    unpack(package.as_slice(), &target, Options::default()).expect("a good package");
    let manifest = text(&fs::read(target.join("sandstorm-manifest")).unwrap(), "Manifest");
    assert!(
        manifest.contains("appTitle = (defaultText = \"My app\"") && manifest.contains("appVersion = 5"),
        "{manifest}"
    );
    let config = text(&fs::read(target.join("sandstorm-http-bridge-config")).unwrap(), "BridgeConfig");
    assert!(config.contains("name = \"edit\""), "{config}");
}

fn pack_problem(result: Result<impl Sized, Error>) -> String {
    match result {
        Err(Error::Pack(text)) => text,
        Err(other) => panic!("another error: {other}"),
        Ok(_) => panic!("a mistake was not noticed"),
    }
}

#[test]
fn mistakes_are_told() {
    let temporary = tempfile::tempdir().expect("a folder");
    let at = temporary.path();
    let (folder, bridge) = (app_folder(at), bridge(at));
    let with = |command: &str| Wrap { command: vec![command.to_owned()], ..wrap() };
    for (command, expected) in [
        ("python3", "python3 is not in the folder to pack"),
        ("/data/page.html", "not executable"),
        ("/data", "is a folder"),
        ("/index.html", "not executable"),
        ("../../../bin/sh/", "is a folder"),
    ] {
        if command.ends_with('/') {
            assert!(with(command).tree(&folder, Some(&bridge)).is_ok(), "{command} stays inside");
            continue;
        }
        let text = pack_problem(with(command).tree(&folder, Some(&bridge)));
        assert!(text.contains(expected), "{command}: {text}");
    }
    assert!(with("sh").tree(&folder, Some(&bridge)).is_ok(), "found on PATH");
    fs::remove_file(folder.join("bin/sh")).unwrap();
    let text = pack_problem(wrap().tree(&folder, Some(&bridge)));
    assert!(text.contains("needs /bin/sh"), "{text}");
    fs::copy("/bin/true", folder.join("true")).unwrap();
    let text = pack_problem(with("/true").tree(&folder, Some(&bridge)));
    assert!(text.contains("ld-linux") && text.contains("statically"), "{text}");

    let key = key();
    let output = at.join("bad.spk");
    let mut tree = SourceTree::new();
    tree.insert("a", Node::file(Vec::new())).expect("inserted");
    let error = pack(&tree, &key, &output, &mut Options::default()).expect_err("there is no manifest");
    assert_eq!(error.code(), "package-manifest-missing");
    assert!(!output.exists());
    let deep = vec!["folder"; 64].join("/");
    tree.insert(&deep, Node::file(Vec::new())).expect("inserted");
    let text = pack_problem(pack(&tree, &key, &output, &mut Options::default()));
    assert!(text.contains("63 folders deep"), "{text}");
    let mut tree = SourceTree::new();
    assert!(tree.insert("a/../b", Node::file(Vec::new())).is_err());
    tree.insert("a", Node::file(Vec::new())).expect("inserted");
    assert!(tree.insert("a/b", Node::file(Vec::new())).is_err());
    let sparse = at.join("sparse");
    fs::File::create(&sparse).unwrap().set_len(1 << 29).unwrap();
    tree.insert("sparse", Node::from_path(&sparse, None).expect("a file")).expect("inserted");
    let text = pack_problem(pack(&tree, &key, &output, &mut Options::default()));
    assert!(text.contains("less than 512 MiB"), "{text}");
    fs::File::create(&sparse).unwrap().set_len((1 << 29) - 1).unwrap();
    let mut tree = SourceTree::new();
    for name in ["a", "b", "c"] {
        tree.insert(name, Node::from_path(&sparse, None).expect("a file")).expect("inserted");
    }
    let text = pack_problem(pack(&tree, &key, &output, &mut Options::default()));
    assert!(text.contains("1 GiB"), "{text}");
    let growing = at.join("growing");
    fs::write(&growing, "short").unwrap();
    let mut tree = SourceTree::new();
    tree.insert("growing", Node::from_path(&growing, None).expect("a file")).expect("inserted");
    for content in ["longer than it was", "less"] {
        fs::write(&growing, content).unwrap();
        let text = pack_problem(pack(&tree, &key, &output, &mut Options::default()));
        assert!(text.contains("changed while it was packed"), "{text}");
    }
    assert!(fs::read_dir(at).unwrap().all(|entry| !entry.unwrap().file_name().to_string_lossy().starts_with('.')));
}

#[test]
fn a_definition_is_packed_as_sandstorm_packs_it() {
    let temporary = tempfile::tempdir().expect("a folder");
    let at = temporary.path();
    let key = key();
    write(&at.join("app/server"), b"server", 0o755);
    write(&at.join("app/hidden/secret"), b"secret", 0o644);
    write(&at.join("app/hidden file"), b"secret", 0o644);
    write(&at.join("app/lib/one"), b"one", 0o644);
    write(&at.join("more/lib/one"), b"never seen", 0o644);
    write(&at.join("more/lib/two"), b"two", 0o644);
    write(&at.join("more/lib/three"), b"three", 0o644);
    write(&at.join("icon.svg"), b"<svg/>", 0o644);
    write(&at.join("files.list"), b"# a comment\nserver\nopt/extra/lib/three\n\n", 0o644);
    let definition = format!(
        r#"@0xabcdefabcdefabcd;
        using Spk = import "/sandstorm/package.capnp";
        using Util = import "/sandstorm/util.capnp";
        const pkgdef :Spk.PackageDefinition = (
          id = "{}",
          manifest = .manifest,
          sourceMap = .sources,
          fileList = "files.list",
          alwaysInclude = ["lib", "hidden"],
          bridgeConfig = (apiPath = "/api/", viewInfo = (permissions = [(name = "edit")])),
        );
        const manifest :Spk.Manifest = (
            appTitle = (defaultText = "Defined", localizations = [(locale = "de", text = "Definiert")]),
            appVersion = 9,
            appMarketingVersion = (defaultText = "1.2.3"),
            actions = [(nounPhrase = (defaultText = "thing"), command = .run)],
            continueCommand = .run,
            metadata = (
              icons = (appGrid = (svg = embed "icon.svg")),
              website = "https://example.com",
              license = (openSource = apache2),
              categories = [office, developerTools],
              screenshots = [(width = 448, height = 336, png = embed "icon.svg")],
            ),
        );
        const sources :Spk.SourceMap = (searchPath = [
            (sourcePath = "app", hidePaths = ["hidden", "hidden file"]),
            (packagePath = "opt/extra", sourcePath = "more"),
        ]);
        const everything :Spk.PackageDefinition = (
          manifest = .manifest, sourceMap = .sources, alwaysInclude = ["."],
        );
        const missing :Spk.PackageDefinition = (
          manifest = .manifest, sourceMap = .sources, alwaysInclude = ["nowhere"],
        );
        const run :Spk.Manifest.Command = (
          argv = ["/sandstorm-http-bridge", "8000", "--", "/server"], environ = [(key = "A", value = "b")]
        );"#,
        key.app_id()
    );
    let file = at.join("sandstorm-pkgdef.capnp");
    fs::write(&file, definition).unwrap();
    let tree_of = |name: &str, out: &str| {
        let definition = Definition::read(&file, name).expect("a definition");
        let tree = definition.tree(|| Ok(bridge(at)), None).expect("a tree");
        let bytes = packed(&tree, &key, &at.join("my.spk"));
        let verified = unpack(bytes.as_slice(), &at.join(out), Options::default()).expect("a good package");
        (verified, files(&at.join(out)))
    };
    let (verified, found) = tree_of("pkgdef", "out");
    assert_eq!(verified.app_id, key.app_id());
    let manifest = &verified.manifest;
    assert_eq!((manifest.app_title.get(&["de"]), manifest.app_version), ("Definiert", 9));
    assert_eq!((manifest.metadata.screenshots, manifest.metadata.categories.len()), (1, 2));
    assert_eq!(verified.bridge_config.expect("a configuration").api_path.as_deref(), Some("/api/"));
    let expected = "dev/ hidden/ lib/ lib/one opt/ opt/extra/ opt/extra/lib/ opt/extra/lib/three proc/ proc/cpuinfo \
                    sandstorm-http-bridge sandstorm-http-bridge-config sandstorm-manifest server tmp/ var/";
    assert_eq!(found.join(" "), expected);

    let (verified, found) = tree_of("everything", "all");
    assert!(verified.bridge_config.is_some(), "the bridge is wanted because the command starts it");
    let expected = "dev/ hidden/ lib/ lib/one opt/ opt/extra/ opt/extra/lib/ opt/extra/lib/one opt/extra/lib/three \
                    opt/extra/lib/two proc/ proc/cpuinfo sandstorm-http-bridge sandstorm-http-bridge-config \
                    sandstorm-manifest server tmp/ var/";
    assert_eq!(found.join(" "), expected);

    let missing = Definition::read(&file, "missing").expect("a definition");
    let text = pack_problem(missing.tree(|| Ok(bridge(at)), None));
    assert!(text.contains("nowhere"), "{text}");
    let text = pack_problem(Definition::read(&file, "unknown"));
    assert!(text.contains("unknown"), "{text}");
    let text = pack_problem(Definition::read(&at.join("none.capnp"), "pkgdef"));
    assert!(text.contains("granary spk init"), "{text}");
}

/// The paths below a folder, sorted; folders end with a slash.
fn files(folder: &Path) -> Vec<String> {
    fn walk(folder: &Path, prefix: &str, found: &mut Vec<String>) {
        let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(Result::unwrap).collect();
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = format!("{prefix}{}", entry.file_name().into_string().unwrap());
            if entry.file_type().unwrap().is_dir() {
                found.push(format!("{name}/"));
                walk(&entry.path(), &format!("{name}/"), found);
            } else {
                found.push(name);
            }
        }
    }
    let mut found = Vec::new();
    walk(folder, "", &mut found);
    found
}

#[test]
fn the_starting_definition_can_be_packed() {
    for port in [None, Some(8000)] {
        let temporary = tempfile::tempdir().expect("a folder");
        let at = temporary.path();
        write(&at.join("app/start"), b"start", 0o755);
        let key = key();
        let command = ["/start".to_owned(), "with \"quotes\" and \\".to_owned()];
        let text = starting_definition(key.app_id(), "A \"good\" app", &command, port);
        fs::write(at.join("sandstorm-pkgdef.capnp"), text).unwrap();
        let definition = Definition::read(&at.join("sandstorm-pkgdef.capnp"), "pkgdef").expect("a definition");
        assert_eq!(definition.app_id, Some(key.app_id()));
        let tree = definition.tree(|| Ok(bridge(at)), None).expect("a tree");
        let bytes = packed(&tree, &key, &at.join("my.spk"));
        let verified = verify(bytes.as_slice(), Options::default()).expect("a good package");
        let argv = &verified.manifest.continue_command.argv;
        assert_eq!(argv.ends_with(&command), argv.len() == if port.is_some() { 5 } else { 2 }, "{argv:?}");
        assert_eq!(verified.manifest.app_title.default_text, "A \"good\" app");
        assert_eq!(verified.bridge_config.map(|config| config.view_info.roles.len()), port.map(|_| 2));
    }
}

#[test]
fn keys_are_kept_safe() {
    let temporary = tempfile::tempdir().expect("a folder");
    let path = temporary.path().join("app.key");
    let key = key();
    key.write_new(&path).expect("written");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let bytes = fs::read(&path).unwrap();
    assert_eq!(bytes.len(), 128);
    let secret = hex::encode(&bytes[bytes.len() - 64..][..32]);
    let shown = format!("{key:?}");
    assert!(shown.contains(&key.app_id().to_string()) && !shown.contains(&secret), "{shown}");
    assert!(key.write_new(&path).is_err(), "a key is never written over");
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/package.capnp").display().to_string();
    let text = String::from_utf8_lossy(&build::tool("capnp", &["convert", "binary:text", &schema, "KeyFile"], &bytes))
        .into_owned();
    assert!(text.contains("publicKey") && text.contains("privateKey"), "{text}");

    let second = Key::generate().expect("a key");
    let ring = temporary.path().join("keyring");
    fs::write(&ring, [&key.to_bytes()[..], &second.to_bytes()[..]].concat()).unwrap();
    let ids: Vec<_> = read_keyring(&ring).expect("a keyring").iter().map(Key::app_id).collect();
    assert_eq!(ids, [key.app_id(), second.app_id()]);
    let mut mixed = key.to_bytes().to_vec();
    *mixed.last_mut().unwrap() ^= 1;
    for bad in [&bytes[..100], &mixed, b"garbage!"] {
        fs::write(&ring, bad).unwrap();
        assert!(matches!(read_keyring(&ring), Err(Error::Key(_))));
    }
}

#[test]
fn plain_manifests_can_be_packed_by_programs() {
    let temporary = tempfile::tempdir().expect("a folder");
    let mut tree = SourceTree::new();
    let manifest = Manifest { app_version: 2, ..Manifest::default() };
    tree.insert("sandstorm-manifest", Node::file(manifest.to_bytes())).expect("inserted");
    tree.insert("sandstorm-http-bridge-config", Node::file(BridgeConfig::default().to_bytes())).expect("inserted");
    let bytes = packed(&tree, &key(), &temporary.path().join("p.spk"));
    let verified = verify(bytes.as_slice(), Options::default()).expect("a good package");
    assert_eq!((verified.manifest, verified.entries), (manifest, 2));
}

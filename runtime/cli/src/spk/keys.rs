//! The keys of apps: made, found, and kept where only their owner can read them.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use granary_package::{AppId, Key};
use serde_json::json;

use super::{Keygen, failure};
use crate::output::{Failure, Outcome, Output};

pub(super) fn keygen(args: Keygen, output: Output) -> Outcome {
    let key = Key::generate().map_err(failure)?;
    let id = key.app_id();
    let path = match args.file.or(args.key) {
        Some(path) => path,
        None => keys_folder()?.join(format!("{id}.key")),
    };
    key.write_new(&path).map_err(failure)?;
    output.say(format_args!(
        "the key is in {}; keep a copy: without it there are no new versions of the app",
        path.display()
    ));
    output.result(&json!({ "appId": id, "key": path }), |_| id.to_string())
}

/// The key to sign a folder with.
pub(super) fn signing_key(path: Option<&Path>, title: &str, output: Output) -> Outcome<Key> {
    match path {
        Some(path) => single_key(path),
        None => own_key(title, output),
    }
}

/// The key of an app that is known by its name alone; made when the app is new.
pub(super) fn own_key(title: &str, output: Output) -> Outcome<Key> {
    let path = keys_folder()?.join(format!("{}.key", slug(title)));
    if path.exists() {
        return single_key(&path);
    }
    let key = Key::generate().map_err(failure)?;
    key.write_new(&path).map_err(failure)?;
    output.say(format_args!("{title} is new: its key is in {}; keep a copy", path.display()));
    Ok(key)
}

pub(super) fn single_key(path: &Path) -> Outcome<Key> {
    let mut keys = granary_package::read_keyring(path).map_err(failure)?;
    match (keys.pop(), keys.is_empty()) {
        (Some(key), true) => Ok(key),
        (None, _) => Err(Failure::failed("key-trouble", format!("{} holds no key", path.display()), "")),
        (Some(_), false) => {
            let message = format!("{} holds several keys", path.display());
            Err(Failure::failed(
                "key-trouble",
                message,
                "Give the app's id in a package definition, or a file with one key.",
            ))
        }
    }
}

pub(super) fn one_of(path: &Path, id: AppId) -> Outcome<Key> {
    let keys = granary_package::read_keyring(path).map_err(failure)?;
    keys.into_iter().find(|key| key.app_id() == id).ok_or_else(|| {
        let message = format!("{} has no key for app {id}", path.display());
        Failure::failed("key-trouble", message, "Name the file with the app's key, or change the id in the definition.")
    })
}

/// The key of an app, wherever the person keeps it: in Granary's folder of keys or in Sandstorm's keyring.
pub(super) fn key_of(id: AppId) -> Outcome<Key> {
    let folder = keys_folder()?;
    let mut places: Vec<PathBuf> =
        fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    places.sort();
    places.extend(home().map(|home| home.join(".sandstorm-keyring")));
    let keys = places.iter().filter_map(|path| granary_package::read_keyring(path).ok()).flatten();
    keys.into_iter().find(|key| key.app_id() == id).ok_or_else(|| {
        let message = format!("the key of app {id} is neither in {} nor in ~/.sandstorm-keyring", folder.display());
        Failure::failed("key-trouble", message, "Name its file with --key.")
    })
}

fn home() -> Option<PathBuf> {
    std::env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from)
}

/// Where Granary keeps the keys of apps: they belong to a person, not to one data folder.
fn keys_folder() -> Outcome<PathBuf> {
    let configuration = std::env::var_os("XDG_CONFIG_HOME").filter(|folder| Path::new(folder).is_absolute());
    let configuration = configuration.map(PathBuf::from).or_else(|| Some(home()?.join(".config")));
    let Some(configuration) = configuration else {
        return Err(Failure::failed("no-home", "HOME is not set", "Name the file of the key."));
    };
    let folder = configuration.join("granary/keys");
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .map_err(|error| Failure::failed("file-trouble", format!("cannot make {}: {error}", folder.display()), ""))?;
    Ok(folder)
}

/// A name that is good for a file.
pub(super) fn slug(title: &str) -> String {
    let lower = title.to_lowercase();
    let words: Vec<_> = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    if words.is_empty() { "app".to_owned() } else { words.join("-") }
}

//! Packing: from a definition, or from a plain folder.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use granary_package::pack::{self, Definition, Packed, SourceTree, Wrap};
use granary_package::{Key, MANIFEST_NAME, Manifest, Options, Progress};
use serde_json::json;

use super::keys::{key_of, one_of, own_key, signing_key, single_key, slug};
use super::progress::{STOPPED, Show};
use super::{CONSTANT, Init, Pack, failure};
use crate::output::{Failure, Outcome, Output, plain, size};

pub(super) fn init(args: Init, output: Output) -> Outcome {
    if args.output.exists() {
        let message = format!("{} is already there", args.output.display());
        return Err(Failure::failed(
            "target-exists",
            message,
            "Choose another name with --output, or remove it first.",
        ));
    }
    let title = match args.title {
        Some(title) => title,
        None => title_of(Path::new("."))?,
    };
    let key = match &args.key {
        Some(path) => single_key(path)?,
        None => own_key(&title, output)?,
    };
    let command = if args.command.is_empty() { vec!["/start".to_owned()] } else { args.command };
    let text = pack::starting_definition(key.app_id(), &title, &command, args.port);
    File::create_new(&args.output).and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| {
        Failure::failed("file-trouble", format!("cannot write {}: {error}", args.output.display()), "")
    })?;
    output.say(format_args!("{} is written; edit it, then run granary spk pack", args.output.display()));
    let id = key.app_id();
    output.result(&json!({ "appId": id, "definition": args.output }), |_| id.to_string())
}

pub(super) fn pack(args: Pack, output: Output) -> Outcome {
    let newest = newest_time()?;
    let (tree, key, manifest) = match &args.from {
        Some(folder) => from_folder(&args, folder, newest, output)?,
        None => from_definition(&args, newest)?,
    };
    let file = args.file.or(args.output).unwrap_or_else(|| default_name(&manifest).into());
    let mut show = Show::new(output, "compressing");
    let mut progress = |progress: Progress| show.progress(progress);
    let mut options = Options { progress: Some(&mut progress), cancel: Some(&STOPPED), ..Options::default() };
    let packed = pack::pack(&tree, &key, &file, &mut options);
    show.end();
    let Packed { path, verified } = packed.map_err(failure)?;
    output.say(format_args!(
        "{}, version {}: {} in {} files, {} packed",
        plain(&verified.manifest.app_title.default_text),
        verified.manifest.app_version,
        size(verified.unpacked_size),
        verified.entries,
        size(verified.package_size),
    ));
    let value = json!({
        "package": path, "appId": verified.app_id, "packageId": verified.package_id, "size": verified.package_size,
        "unpackedSize": verified.unpacked_size,
    });
    output.result(&value, |_| path.display().to_string())
}

type ToPack = (SourceTree, Key, Manifest);

fn from_folder(args: &Pack, folder: &Path, newest: Option<i64>, output: Output) -> Outcome<ToPack> {
    let ready = folder.join(MANIFEST_NAME);
    if args.command.is_empty() && ready.is_file() {
        // A folder that is a package already, such as one that was unpacked.
        let bytes = fs::read(&ready).map_err(|error| Failure::failed("file-trouble", error.to_string(), ""))?;
        let manifest = Manifest::from_bytes(&bytes).map_err(|refusal| failure(refusal.into()))?;
        let mut tree = SourceTree::from_folder(folder, newest).map_err(failure)?;
        tree.add_mount_places().map_err(failure)?;
        let key = signing_key(args.key.as_deref(), &manifest.app_title.default_text, output)?;
        return Ok((tree, key, manifest));
    }
    if args.command.is_empty() {
        let remedy = "Write it after --, as in: granary spk pack --from DIR --port 8000 -- ./server --port 8000";
        return Err(Failure::failed("no-command", "how to start the app is not said", remedy));
    }
    if args.port.is_none() && !args.raw {
        let remedy =
            "Give the port of the web server with --port, or --raw for a program that speaks Cap'n Proto itself.";
        return Err(Failure::failed("no-port", "how to reach the app is not said", remedy));
    }
    let icon = args.icon.as_ref().map(fs::read_to_string).transpose();
    let icon =
        icon.map_err(|error| Failure::failed("file-trouble", format!("the icon cannot be read: {error}"), ""))?;
    let title = match &args.title {
        Some(title) => title.clone(),
        None => title_of(folder)?,
    };
    let mut environ = Vec::new();
    for pair in &args.env {
        let Some((name, value)) = pair.split_once('=').filter(|(name, _)| !name.is_empty()) else {
            return Err(Failure::failed("bad-variable", format!("{pair:?} is not NAME=VALUE"), ""));
        };
        environ.push((name.to_owned(), value.to_owned()));
    }
    let wrap = Wrap {
        port: args.port,
        command: args.command.clone(),
        title,
        noun: args.noun.clone().unwrap_or_default(),
        app_version: args.app_version,
        marketing_version: args.marketing_version.clone().unwrap_or_default(),
        description: args.description.clone().unwrap_or_default(),
        icon,
        environ,
        newest,
    };
    let bridge = match (&args.bridge, args.port) {
        (Some(path), _) => Some(path.clone()),
        (None, Some(_)) => Some(pack::find_bridge().map_err(failure)?),
        (None, None) => None,
    };
    let tree = wrap.tree(folder, bridge.as_deref()).map_err(failure)?;
    let key = signing_key(args.key.as_deref(), &wrap.title, output)?;
    let manifest = Manifest {
        app_title: granary_package::LocalizedText::new(&wrap.title),
        app_version: wrap.app_version,
        ..Manifest::default()
    };
    Ok((tree, key, manifest))
}

fn from_definition(args: &Pack, newest: Option<i64>) -> Outcome<ToPack> {
    let text = args.definition.to_string_lossy();
    let (path, name) = match text.rsplit_once(':') {
        Some((path, name)) if !args.definition.exists() => (PathBuf::from(path), name),
        _ => (args.definition.clone(), CONSTANT),
    };
    let definition = Definition::read(&path, name).map_err(failure)?;
    let key = match (&args.key, definition.app_id) {
        (Some(path), Some(id)) => one_of(path, id)?,
        (Some(path), None) => single_key(path)?,
        (None, Some(id)) => key_of(id)?,
        (None, None) => {
            let message = format!("{} has no id", path.display());
            return Err(Failure::failed("no-app-id", message, "Put the id that granary spk keygen prints there."));
        }
    };
    let bridge = || args.bridge.clone().map_or_else(pack::find_bridge, Ok);
    let tree = definition.tree(bridge, newest).map_err(failure)?;
    Ok((tree, key, definition.manifest.unwrap_or_default()))
}

/// An app's name where none is given: that of its folder.
fn title_of(folder: &Path) -> Outcome<String> {
    let folder = folder.canonicalize().map_err(|error| {
        Failure::failed(
            "file-not-found",
            format!("cannot read {}: {error}", folder.display()),
            "Check the folder's name.",
        )
    })?;
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
    name.ok_or_else(|| Failure::failed("no-title", "the app has no name", "Name it with --title."))
}

fn default_name(manifest: &Manifest) -> String {
    format!("{}-{}.spk", slug(&manifest.app_title.default_text), manifest.app_version)
}

/// The convention of <https://reproducible-builds.org/specs/source-date-epoch/>: nothing in the output is younger.
fn newest_time() -> Outcome<Option<i64>> {
    let Some(text) = std::env::var_os("SOURCE_DATE_EPOCH") else { return Ok(None) };
    let seconds =
        text.to_str().and_then(|text| text.parse::<i64>().ok()).and_then(|seconds| seconds.checked_mul(1_000_000_000));
    let problem = || Failure::failed("bad-variable", "SOURCE_DATE_EPOCH is not a number of seconds", "Unset it.");
    seconds.map(Some).ok_or_else(problem)
}

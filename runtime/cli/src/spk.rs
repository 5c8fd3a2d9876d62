//! `granary spk`: make packages and look into them. Works on files alone; no Granary needs to be running.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, IsTerminal as _, Read, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{Args, Subcommand};
use granary_package::pack::{self, Definition, Packed, SourceTree, Wrap};
use granary_package::{AppId, Error, Key, MANIFEST_NAME, Manifest, Options, Phase, Progress, Verified};
use serde_json::{Value, json};

use crate::output::{Failure, Outcome, Output, plain, size};

/// The definition that is packed when none is named.
const DEFINITION: &str = "sandstorm-pkgdef.capnp";
/// The constant in it.
const CONSTANT: &str = "pkgdef";

#[derive(Debug, Args)]
pub(crate) struct Spk {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a key, and so a new app id; prints the id
    Keygen(Keygen),
    /// Write a package definition to start from; prints the app id
    Init(Init),
    /// Make a package, from a definition or from a plain folder; prints the file's name
    Pack(Box<Pack>),
    /// Check a package and unpack it into a new folder; prints the app id
    Unpack(Unpack),
    /// Check a package
    Verify(Package),
    /// Check a package and print its app id alone
    Appid(Package),
    /// Check a package and print all that is known of it
    Info(Package),
}

#[derive(Debug, Args)]
struct Keygen {
    /// The file to write, readable by you alone; in Granary's own folder of keys when missing
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// The same
    #[arg(long, value_name = "FILE", conflicts_with = "file", hide = true)]
    key: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Init {
    /// The definition to write
    #[arg(short, long, value_name = "FILE", default_value = DEFINITION)]
    output: PathBuf,
    /// The app's name; the folder's when missing
    #[arg(long)]
    title: Option<String>,
    /// The port that the app's web server listens on; without it the app speaks Cap'n Proto itself
    #[arg(long, value_name = "N")]
    port: Option<u16>,
    /// The app's key; a new one when missing
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// How to start the app
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

#[derive(Debug, Args)]
struct Pack {
    /// The package to write; named after the app and its version when missing
    #[arg(value_name = "OUTPUT")]
    file: Option<PathBuf>,
    /// The same
    #[arg(short, long, value_name = "FILE", conflicts_with = "file")]
    output: Option<PathBuf>,
    /// The key to sign with; the app's own in Granary's folder of keys (a new one for a new app) when missing
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The HTTP bridge to put in; Granary's own when missing
    #[arg(long, value_name = "FILE")]
    bridge: Option<PathBuf>,

    /// The definition to pack, and the constant in it
    #[arg(short, long, value_name = "FILE[:NAME]", default_value = DEFINITION, conflicts_with = "from")]
    definition: PathBuf,

    /// Pack this folder instead: it becomes the root of all that the app sees
    #[arg(long, value_name = "DIR", help_heading = "From a plain folder")]
    from: Option<PathBuf>,
    /// The port that the folder's web server listens on
    #[arg(long, value_name = "N", requires = "from", help_heading = "From a plain folder")]
    port: Option<u16>,
    /// The program speaks Cap'n Proto on descriptor 3 itself, so there is no port and no bridge
    #[arg(long, requires = "from", conflicts_with = "port", help_heading = "From a plain folder")]
    raw: bool,
    /// The app's name; the folder's when missing
    #[arg(long, requires = "from", help_heading = "From a plain folder")]
    title: Option<String>,
    /// What one document of the app is called; the app's name when missing
    #[arg(long, requires = "from", help_heading = "From a plain folder")]
    noun: Option<String>,
    /// A sentence about the app
    #[arg(long, requires = "from", value_name = "TEXT", help_heading = "From a plain folder")]
    description: Option<String>,
    /// The version's number; must grow with every version
    #[arg(long, value_name = "N", default_value_t = 1, requires = "from", help_heading = "From a plain folder")]
    app_version: u32,
    /// The version as people know it; the number when missing
    #[arg(long, value_name = "TEXT", requires = "from", help_heading = "From a plain folder")]
    marketing_version: Option<String>,
    /// The app's picture
    #[arg(long, value_name = "FILE.svg", requires = "from", help_heading = "From a plain folder")]
    icon: Option<PathBuf>,
    /// A variable of the app's environment; may be given several times
    #[arg(long, value_name = "NAME=VALUE", requires = "from", help_heading = "From a plain folder")]
    env: Vec<String>,
    /// How to start the app, as seen with the folder as the root
    #[arg(last = true, value_name = "COMMAND", requires = "from")]
    command: Vec<String>,
}

#[derive(Debug, Args)]
struct Unpack {
    /// The package; - is the standard input
    package: PathBuf,
    /// The folder to make; named after the package when missing
    folder: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Package {
    /// The package; - is the standard input
    package: PathBuf,
}

/// Runs `granary spk …`.
pub(crate) fn run(spk: Spk, json: bool) -> ExitCode {
    let output = Output { json };
    stop_on_signals();
    let outcome = match spk.command {
        Command::Keygen(args) => keygen(args, output),
        Command::Init(args) => init(args, output),
        Command::Pack(args) => pack(*args, output),
        Command::Unpack(args) => unpack(&args, output),
        Command::Verify(args) => verify(&args, output),
        Command::Appid(args) => app_id(&args, output),
        Command::Info(args) => info(&args, output),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(json),
    }
}

fn keygen(args: Keygen, output: Output) -> Outcome {
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

fn init(args: Init, output: Output) -> Outcome {
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

fn pack(args: Pack, output: Output) -> Outcome {
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

fn unpack(args: &Unpack, output: Output) -> Outcome {
    let folder = match &args.folder {
        Some(folder) => folder.clone(),
        None if args.package == Path::new("-") => {
            return Err(Failure::failed("no-folder", "where to unpack is not said", "Name the folder to make."));
        }
        None => PathBuf::from(args.package.file_stem().unwrap_or(OsStr::new("package"))),
    };
    let verified = read(&args.package, output, |source, options| granary_package::unpack(source, &folder, options))?;
    output.say(format_args!("{} files in {}", verified.entries, folder.display()));
    let value = json!({ "appId": verified.app_id, "packageId": verified.package_id, "folder": folder });
    output.result(&value, |_| verified.app_id.to_string())
}

fn verify(args: &Package, output: Output) -> Outcome {
    let verified = read(&args.package, output, granary_package::verify)?;
    output.result(&summary(&verified), |_| {
        let manifest = &verified.manifest;
        let mut lines = BTreeMap::from([
            (0, ("app id", verified.app_id.to_string())),
            (1, ("package id", verified.package_id.to_string())),
            (2, ("title", plain(&manifest.app_title.default_text))),
            (
                3,
                (
                    "version",
                    format!("{} ({})", plain(&manifest.app_marketing_version.default_text), manifest.app_version),
                ),
            ),
        ]);
        if let Some(fingerprint) = &verified.author_fingerprint {
            lines.insert(4, ("author's key", fingerprint.clone()));
        }
        lines.values().map(|(name, value)| format!("{name:<14}{value}\n")).collect()
    })
}

fn app_id(args: &Package, output: Output) -> Outcome {
    let verified = read(&args.package, output, granary_package::verify)?;
    let value = json!({ "appId": verified.app_id, "packageId": verified.package_id });
    output.result(&value, |_| verified.app_id.to_string())
}

fn info(args: &Package, output: Output) -> Outcome {
    let verified = read(&args.package, output, granary_package::verify)?;
    let mut value = summary(&verified);
    value["manifest"] = without_blobs(serde_json::to_value(&verified.manifest).unwrap_or_default());
    value["bridgeConfig"] = serde_json::to_value(&verified.bridge_config).unwrap_or_default();
    output.result(&value, |_| describe(&verified))
}

/// What every answer about a package has.
fn summary(verified: &Verified) -> Value {
    let manifest = &verified.manifest;
    json!({
        "appId": verified.app_id,
        "packageId": verified.package_id,
        "title": manifest.app_title.default_text,
        "version": manifest.app_version,
        "marketingVersion": manifest.app_marketing_version.default_text,
        "shortDescription": manifest.metadata.short_description.default_text,
        "authorFingerprint": verified.author_fingerprint,
        "files": verified.entries,
        "unpackedSize": verified.unpacked_size,
        "size": verified.package_size,
    })
}

/// Pictures and keys are told by their size.
fn without_blobs(mut manifest: Value) -> Value {
    let count = |value: &mut Value| {
        if let Some(text) = value.as_str() {
            *value = json!({ "bytes": text.len() });
        }
    };
    if let Some(icons) = manifest.pointer_mut("/metadata/icons").and_then(Value::as_object_mut) {
        for icon in icons.values_mut().filter_map(Value::as_object_mut) {
            icon.iter_mut().filter(|(name, _)| *name != "format").for_each(|(_, value)| count(value));
        }
    }
    if let Some(author) = manifest.pointer_mut("/metadata/author").and_then(Value::as_object_mut) {
        author.retain(|name, _| !name.starts_with("pgp"));
    }
    manifest
}

fn describe(verified: &Verified) -> String {
    let manifest = &verified.manifest;
    let metadata = &manifest.metadata;
    let command = |command: &granary_package::Command| plain(&command.argv.join(" "));
    let mut lines = vec![
        ("app id", verified.app_id.to_string()),
        ("package id", verified.package_id.to_string()),
        ("title", plain(&manifest.app_title.default_text)),
        ("version", format!("{} ({})", plain(&manifest.app_marketing_version.default_text), manifest.app_version)),
        ("description", plain(&metadata.short_description.default_text)),
        ("author", plain(metadata.author.upstream_author.as_deref().unwrap_or_default())),
        ("contact", plain(metadata.author.contact_email.as_deref().unwrap_or_default())),
        ("author's key", verified.author_fingerprint.clone().unwrap_or_default()),
        ("website", plain(metadata.website.as_deref().unwrap_or_default())),
        ("source", plain(metadata.code_url.as_deref().unwrap_or_default())),
        ("categories", metadata.categories.iter().map(|category| category.title()).collect::<Vec<_>>().join(", ")),
        (
            "size",
            format!(
                "{} packed, {} in {} files",
                size(verified.package_size),
                size(verified.unpacked_size),
                verified.entries
            ),
        ),
    ];
    for action in &manifest.actions {
        lines.push(("action", format!("{}: {}", plain(&action.title.default_text), command(&action.command))));
    }
    lines.push(("continue", command(&manifest.continue_command)));
    for (name, value) in &manifest.continue_command.environ {
        lines.push(("environment", plain(&format!("{name}={value}"))));
    }
    if let Some(config) = &verified.bridge_config {
        for permission in &config.view_info.permissions {
            lines.push(("permission", plain(&permission.name)));
        }
        for role in &config.view_info.roles {
            lines.push((
                "role",
                format!("{}: {}", plain(&role.title.default_text), plain(&role.verb_phrase.default_text)),
            ));
        }
        if let Some(path) = &config.api_path {
            lines.push(("API", plain(path)));
        }
    }
    lines.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| format!("{name:<14}{value}\n")).collect()
}

/// Reads a package with `operation`, showing how far it is.
fn read<T>(
    path: &Path,
    output: Output,
    operation: impl FnOnce(Box<dyn Read>, Options<'_>) -> Result<T, Error>,
) -> Outcome<T> {
    let (source, size): (Box<dyn Read>, _) = if path == Path::new("-") {
        (Box::new(io::stdin().lock()), None)
    } else {
        let file = File::open(path).map_err(|error| {
            Failure::failed(
                "file-not-found",
                format!("cannot read {}: {error}", path.display()),
                "Check the file's name.",
            )
        })?;
        let size = file.metadata().ok().map(|metadata| metadata.len());
        (Box::new(file), size)
    };
    let mut show = Show::new(output, "reading");
    let mut progress = |progress: Progress| show.progress(progress);
    let options = Options { size, progress: Some(&mut progress), cancel: Some(&STOPPED), ..Options::default() };
    let result = operation(source, options);
    show.end();
    result.map_err(failure)
}

/// The key to sign a folder with.
fn signing_key(path: Option<&Path>, title: &str, output: Output) -> Outcome<Key> {
    match path {
        Some(path) => single_key(path),
        None => own_key(title, output),
    }
}

/// The key of an app that is known by its name alone; made when the app is new.
fn own_key(title: &str, output: Output) -> Outcome<Key> {
    let path = keys_folder()?.join(format!("{}.key", slug(title)));
    if path.exists() {
        return single_key(&path);
    }
    let key = Key::generate().map_err(failure)?;
    key.write_new(&path).map_err(failure)?;
    output.say(format_args!("{title} is new: its key is in {}; keep a copy", path.display()));
    Ok(key)
}

fn single_key(path: &Path) -> Outcome<Key> {
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

fn one_of(path: &Path, id: AppId) -> Outcome<Key> {
    let keys = granary_package::read_keyring(path).map_err(failure)?;
    keys.into_iter().find(|key| key.app_id() == id).ok_or_else(|| {
        let message = format!("{} has no key for app {id}", path.display());
        Failure::failed("key-trouble", message, "Name the file with the app's key, or change the id in the definition.")
    })
}

/// The key of an app, wherever the person keeps it: in Granary's folder of keys or in Sandstorm's keyring.
fn key_of(id: AppId) -> Outcome<Key> {
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

/// A name that is good for a file.
fn slug(title: &str) -> String {
    let lower = title.to_lowercase();
    let words: Vec<_> = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    if words.is_empty() { "app".to_owned() } else { words.join("-") }
}

/// The convention of <https://reproducible-builds.org/specs/source-date-epoch/>: nothing in the output is younger.
fn newest_time() -> Outcome<Option<i64>> {
    let Some(text) = std::env::var_os("SOURCE_DATE_EPOCH") else { return Ok(None) };
    let seconds =
        text.to_str().and_then(|text| text.parse::<i64>().ok()).and_then(|seconds| seconds.checked_mul(1_000_000_000));
    let problem = || Failure::failed("bad-variable", "SOURCE_DATE_EPOCH is not a number of seconds", "Unset it.");
    seconds.map(Some).ok_or_else(problem)
}

/// The library's sentences end with the remedy, after a semicolon.
#[expect(clippy::needless_pass_by_value, reason = "it is given to `map_err`")]
fn failure(error: Error) -> Failure {
    let text = error.to_string();
    let (message, remedy) = match text.rsplit_once("; ") {
        Some((message, remedy)) if !remedy.contains('\n') => {
            let mut letters = remedy.chars();
            let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
            (message.to_owned(), format!("{first}{}.", letters.as_str()))
        }
        _ => (text, String::new()),
    };
    if error.is_refusal() {
        Failure::invalid(error.code(), message, remedy)
    } else {
        Failure::failed(error.code(), message, remedy)
    }
}

/// Set when the person wants to stop, so that nothing half done stays behind.
static STOPPED: AtomicBool = AtomicBool::new(false);

fn stop_on_signals() {
    use tokio::signal::unix::{SignalKind, signal};
    let wait = || -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        runtime.block_on(async {
            let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            STOPPED.store(true, Ordering::Relaxed);
            Ok(())
        })
    };
    // Without it, a signal ends the program at once.
    std::thread::spawn(wait);
}

/// How far a long operation is, on a terminal.
struct Show {
    verb: &'static str,
    wanted: bool,
    shown: Option<u64>,
}

impl Show {
    fn new(output: Output, verb: &'static str) -> Self {
        Self { verb, wanted: !output.json && io::stderr().is_terminal(), shown: None }
    }

    fn progress(&mut self, progress: Progress) {
        let Some(total) = progress.total.filter(|&total| self.wanted && total > 0) else { return };
        let percent = (progress.bytes * 100 / total).min(100);
        let verb = if progress.phase == Phase::Unpack && self.verb == "reading" { "unpacking" } else { self.verb };
        if self.shown != Some(percent) {
            self.shown = Some(percent);
            let _ = write!(io::stderr().lock(), "\r{verb} {percent:3} %");
        }
    }

    fn end(&mut self) {
        if self.shown.take().is_some() {
            let _ = write!(io::stderr().lock(), "\r\x1b[K");
        }
    }
}

//! Looking into packages: checked first, then shown or unpacked.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use granary_package::{Error, Options, Progress, Verified};
use serde_json::{Value, json};

use super::progress::{STOPPED, Show};
use super::{Package, Unpack, failure};
use crate::output::{Failure, Outcome, Output, plain, size};

pub(super) fn unpack(args: &Unpack, output: Output) -> Outcome {
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

pub(super) fn verify(args: &Package, output: Output) -> Outcome {
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

pub(super) fn app_id(args: &Package, output: Output) -> Outcome {
    let verified = read(&args.package, output, granary_package::verify)?;
    let value = json!({ "appId": verified.app_id, "packageId": verified.package_id });
    output.result(&value, |_| verified.app_id.to_string())
}

pub(super) fn info(args: &Package, output: Output) -> Outcome {
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

//! The certificate store of the whole system, which only the administrator may change.

use std::path::{Path, PathBuf};

use super::command::{self, Outcome};
use super::{Action, Authority, Store, StoreReport, TrustState};

/// One way that distributions keep their store: a folder to put certificates in, and a program that takes them up.
struct Kind {
    folder: &'static str,
    extension: &'static str,
    program: &'static str,
    arguments: &'static [&'static str],
}

const KINDS: &[Kind] = &[
    // Debian, Ubuntu.
    Kind {
        folder: "usr/local/share/ca-certificates",
        extension: "crt",
        program: "update-ca-certificates",
        arguments: &[],
    },
    // Fedora, RHEL.
    Kind {
        folder: "etc/pki/ca-trust/source/anchors",
        extension: "pem",
        program: "update-ca-trust",
        arguments: &["extract"],
    },
    // Arch.
    Kind {
        folder: "etc/ca-certificates/trust-source/anchors",
        extension: "crt",
        program: "update-ca-trust",
        arguments: &[],
    },
    // openSUSE.
    Kind { folder: "etc/pki/trust/anchors", extension: "pem", program: "update-ca-certificates", arguments: &[] },
];

pub(super) fn run(root: &Path, authorities: &[Authority], action: Action) -> Option<StoreReport> {
    let kind = KINDS.iter().find(|kind| root.join(kind.folder).is_dir())?;
    let folder = root.join(kind.folder);
    let files: Vec<(PathBuf, &Authority)> =
        authorities.iter().map(|authority| (folder.join(file_name(authority, kind)), authority)).collect();
    let there = || files.iter().all(|(path, authority)| same(path, &authority.file));
    let gone = || files.iter().all(|(path, _)| !path.exists());

    let changed = match action {
        Action::Look => Ok(()),
        Action::Install if there() => Ok(()),
        Action::Remove if gone() => Ok(()),
        Action::Install => files
            .iter()
            .try_for_each(|(path, authority)| std::fs::copy(&authority.file, path).map(drop))
            .map_err(|error| error.to_string())
            .and_then(|()| readable(&files))
            .and_then(|()| take_up(kind, root)),
        Action::Remove => files
            .iter()
            .filter(|(path, _)| path.exists())
            .try_for_each(|(path, _)| std::fs::remove_file(path))
            .map_err(|error| error.to_string())
            .and_then(|()| take_up(kind, root)),
    };
    let (state, detail) = match changed {
        Err(detail) => (TrustState::Failed, detail),
        Ok(()) if there() => (TrustState::Trusted, String::new()),
        Ok(()) => (TrustState::NotTrusted, String::new()),
    };
    let remedy = match (state, action) {
        (TrustState::Trusted, _) | (TrustState::NotTrusted, Action::Remove) => String::new(),
        _ => by_hand(kind, &files, action),
    };
    Some(StoreReport { store: Store::System, path: folder, state, detail, remedy })
}

fn file_name(authority: &Authority, kind: &Kind) -> String {
    format!("{}.{}", authority.name.to_lowercase().replace(' ', "-"), kind.extension)
}

fn same(path: &Path, other: &Path) -> bool {
    matches!((std::fs::read(path), std::fs::read(other)), (Ok(a), Ok(b)) if a == b)
}

/// The originals are 0600, and `copy` keeps that; everybody has to read these.
fn readable(files: &[(PathBuf, &Authority)]) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt as _;
    files
        .iter()
        .try_for_each(|(path, _)| std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)))
        .map_err(|error| error.to_string())
}

/// Outside the real root there is no program to run.
fn take_up(kind: &Kind, root: &Path) -> Result<(), String> {
    if root != Path::new("/") {
        return Ok(());
    }
    match command::run(kind.program, kind.arguments) {
        Outcome::Done { ok: true, .. } => Ok(()),
        Outcome::Done { stderr, .. } => Err(format!("{}: {stderr}", kind.program)),
        Outcome::NotInstalled => Err(format!("{} is not installed", kind.program)),
        Outcome::Failed(reason) => Err(format!("{}: {reason}", kind.program)),
    }
}

fn by_hand(kind: &Kind, files: &[(PathBuf, &Authority)], action: Action) -> String {
    let steps: Vec<String> = files
        .iter()
        .map(|(path, authority)| match action {
            Action::Remove => format!("sudo rm -f {}", quote(path)),
            _ => format!("sudo install -m 644 {} {}", quote(&authority.file), quote(path)),
        })
        .collect();
    let arguments: String = kind.arguments.iter().map(|argument| format!(" {argument}")).collect();
    format!(
        "Only the administrator may change it, and only programs like curl and git need it: {} && sudo {}{arguments}",
        steps.join(" && "),
        kind.program
    )
}

fn quote(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "'\\''"))
}

//! The databases of Chromium and Firefox, changed through NSS's own certutil.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::command::{self, Outcome};
use super::{Action, Authority, Store, StoreReport, TrustOptions, TrustState};

const TOOL: &str = "certutil";
/// Trusted to identify servers, nothing else.
const TRUST: &str = "C,,";
/// Under this name the folder of one browser's data is known, from the home folder; each holds `profiles.ini`.
const FIREFOX_ROOTS: &[&str] = &[
    ".mozilla/firefox",
    "snap/firefox/common/.mozilla/firefox",
    ".var/app/org.mozilla.firefox/.mozilla/firefox",
    ".var/app/org.mozilla.firefox/config/mozilla/firefox",
    ".librewolf",
    ".var/app/io.gitlab.librewolf-community/.librewolf",
];

pub(super) fn run(options: &TrustOptions, authorities: &[Authority], action: Action) -> Vec<StoreReport> {
    let mut stores: Vec<(Store, PathBuf)> =
        chromium_databases(options).into_iter().map(|path| (Store::Chromium, path)).collect();
    stores.extend(firefox_profiles(options).into_iter().map(|path| (Store::Firefox, path)));
    stores
        .into_iter()
        .map(|(store, path)| {
            let (state, detail) = Database { path: &path }.act(authorities, action);
            let remedy = remedy(store, &path, authorities, action, state);
            StoreReport { store, path, state, detail, remedy }
        })
        .collect()
}

/// The databases that Chromium's relatives use: the old place if it is there, else the one below the data folder; and
/// those inside snaps and flatpaks that are there.
fn chromium_databases(options: &TrustOptions) -> Vec<PathBuf> {
    let old = options.home.join(".pki/nssdb");
    let new = options.data_home().join("pki/nssdb");
    let mut found: Vec<PathBuf> = [&old, &new].into_iter().filter(|path| path.is_dir()).cloned().collect();
    if found.is_empty() {
        found.push(new);
    }
    for (boxes, inside) in [("snap", "current"), (".var/app", "")] {
        let Ok(entries) = std::fs::read_dir(options.home.join(boxes)) else { continue };
        let mut inner: Vec<PathBuf> = entries
            .flatten()
            .flat_map(|entry| {
                let base = entry.path().join(inside);
                [base.join(".pki/nssdb"), base.join("data/pki/nssdb"), base.join(".local/share/pki/nssdb")]
            })
            .filter(|path| path.is_dir())
            .collect();
        inner.sort();
        found.extend(inner);
    }
    found
}

/// Every profile that `profiles.ini` names, and every folder beside it that holds a database.
fn firefox_profiles(options: &TrustOptions) -> Vec<PathBuf> {
    let roots = FIREFOX_ROOTS
        .iter()
        .map(|root| options.home.join(root))
        .chain([options.config_home().join("mozilla/firefox"), options.config_home().join("librewolf/librewolf")]);
    let mut profiles = BTreeSet::new();
    for root in roots {
        let listed = std::fs::read_to_string(root.join("profiles.ini")).unwrap_or_default();
        profiles.extend(profiles_in(&listed, &root).into_iter().filter(|path| path.is_dir()));
        for folder in [root.clone(), root.join("Profiles")] {
            let Ok(entries) = std::fs::read_dir(folder) else { continue };
            profiles.extend(entries.flatten().map(|entry| entry.path()).filter(|path| path.join("cert9.db").is_file()));
        }
    }
    profiles.into_iter().collect()
}

fn profiles_in(listed: &str, root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for section in listed.split("\n[") {
        if !section.trim_start_matches('[').starts_with("Profile") {
            continue;
        }
        let field =
            |name: &str| section.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=').map(str::trim));
        if let Some(path) = field("Path") {
            found.push(if field("IsRelative") == Some("0") { PathBuf::from(path) } else { root.join(path) });
        }
    }
    found
}

struct Database<'a> {
    path: &'a Path,
}

impl Database<'_> {
    fn act(&self, authorities: &[Authority], action: Action) -> (TrustState, String) {
        if command::find(TOOL).is_none() {
            let detail = format!("{TOOL} is not installed");
            return (TrustState::MissingTool, detail);
        }
        let there = self.path.join("cert9.db").is_file();
        if !there && action != Action::Install {
            return (TrustState::NotTrusted, String::new());
        }
        let done = if there { Ok(()) } else { self.create() };
        let done = done.and_then(|()| {
            authorities.iter().try_for_each(|authority| match action {
                Action::Install => self.install(authority),
                Action::Remove => self.remove(authority),
                Action::Look => Ok(()),
            })
        });
        if let Err(detail) = done {
            return (TrustState::Failed, detail);
        }
        match authorities.iter().try_fold(true, |all, authority| Ok::<_, String>(all & self.trusts(authority)?)) {
            Ok(true) => (TrustState::Trusted, String::new()),
            Ok(false) => (TrustState::NotTrusted, String::new()),
            Err(detail) => (TrustState::Failed, detail),
        }
    }

    fn create(&self) -> Result<(), String> {
        use std::os::unix::fs::DirBuilderExt as _;
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(self.path)
            .map_err(|error| format!("{} cannot be made: {error}", self.path.display()))?;
        self.certutil(&["-N", "--empty-password"], &[]).map(drop)
    }

    fn install(&self, authority: &Authority) -> Result<(), String> {
        if self.trusts(authority)? {
            return Ok(());
        }
        // An entry of this name with other trust, or half an entry, goes first.
        self.remove(authority)?;
        let file = authority.file.as_os_str().to_owned();
        self.certutil(&["-A", "-t", TRUST, "-n", &authority.name], &["-i".into(), file]).map(drop)
    }

    fn remove(&self, authority: &Authority) -> Result<(), String> {
        // The same certificate may be there under several names; each call removes one.
        for _ in 0..8 {
            if self.read(authority).is_none() {
                return Ok(());
            }
            self.certutil(&["-D", "-n", &authority.name], &[])?;
        }
        Err("the entry stays, however often it is removed".into())
    }

    fn trusts(&self, authority: &Authority) -> Result<bool, String> {
        if self.read(authority).as_deref() != Some(&authority.der) {
            return Ok(false);
        }
        let list = self.certutil(&["-L"], &[])?;
        let list = String::from_utf8_lossy(&list);
        Ok(list.lines().filter_map(|line| line.strip_prefix(authority.name.as_str())).any(|flags| {
            let servers = flags.trim().split(',').next().unwrap_or_default();
            servers.contains('C')
        }))
    }

    /// The certificate of this name. A missing one is not told apart from an unreadable database here: every other
    /// command tells.
    fn read(&self, authority: &Authority) -> Option<Vec<u8>> {
        self.certutil(&["-L", "-r", "-n", &authority.name], &[]).ok()
    }

    fn certutil(&self, arguments: &[&str], more: &[OsString]) -> Result<Vec<u8>, String> {
        let mut database = OsString::from("sql:");
        database.push(self.path);
        let mut all: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        all.extend(more.iter().cloned());
        all.extend(["-d".into(), database]);
        if !arguments.contains(&"--empty-password") {
            // A database may have a password of the person's; certutil shall not wait for it but fail.
            all.extend(["-f".into(), "/dev/null".into()]);
        }
        match command::run(TOOL, all) {
            Outcome::Done { ok: true, stdout, .. } => Ok(stdout),
            Outcome::Done { stderr, .. } if stderr.is_empty() => Err(format!("{TOOL} failed")),
            Outcome::Done { stderr, .. } => Err(stderr),
            Outcome::NotInstalled => Err(format!("{TOOL} is not installed")),
            Outcome::Failed(reason) => Err(format!("{TOOL}: {reason}")),
        }
    }
}

fn remedy(store: Store, path: &Path, authorities: &[Authority], action: Action, state: TrustState) -> String {
    let wanted = if action == Action::Remove { TrustState::NotTrusted } else { TrustState::Trusted };
    if state == wanted || state == TrustState::NotTrusted && action == Action::Look {
        return if state == TrustState::NotTrusted && action == Action::Look {
            "Run `granary trust install`.".into()
        } else {
            String::new()
        };
    }
    if state == TrustState::MissingTool {
        return "Install certutil (`sudo apt install libnss3-tools`, on Fedora `sudo dnf install nss-tools`) and run \
                this again."
            .into();
    }
    let file = authorities.first().map(|authority| authority.file.display().to_string()).unwrap_or_default();
    match store {
        Store::Firefox => format!(
            "In Firefox: Settings, Privacy & Security, Certificates, View Certificates, Authorities, Import {file}, and \
             tick \"identify websites\". (Profile: {})",
            path.display()
        ),
        _ => format!("In the browser: chrome://certificate-manager, Custom, Trusted Certificates, Import {file}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_read_as_firefox_writes_them() {
        let listed = "[Install4F96D1932A9F858E]\nDefault=abc.default\nLocked=1\n\n[Profile1]\nName=default\nIsRelative=1\n\
                      Path=abc.default\nDefault=1\n\n[Profile0]\nName=elsewhere\nIsRelative=0\nPath=/srv/profile\n\n\
                      [General]\nStartWithLastProfile=1\nVersion=2\n";
        let root = Path::new("/home/x/.mozilla/firefox");
        assert_eq!(profiles_in(listed, root), [root.join("abc.default"), PathBuf::from("/srv/profile")]);
        assert_eq!(profiles_in("", root), Vec::<PathBuf>::new());
    }
}

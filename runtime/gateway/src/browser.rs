//! Starts the person's browser at a URL that holds a secret, without showing it to other users of the computer.

use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::secret::random;

/// How long a redirect file stays: the login code in it is void by then.
const FILE_LIFE: Duration = Duration::from_secs(60);
const FILE_PREFIX: &str = "granary-open-";

/// How and for whom a browser is started.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// A folder that only this person can enter, `$XDG_RUNTIME_DIR/granary` or the like; made when missing.
    pub folder: PathBuf,
    /// The person's home folder: browsers packed as snaps can read in it, and hardly anywhere else.
    pub home: PathBuf,
    /// The program that opens a file in the browser.
    pub opener: PathBuf,
    /// The desktop entry of the default browser (`firefox_firefox.desktop`), where known; else it is asked for.
    pub default_browser: Option<String>,
    /// Variables of this program's environment that are not for the browser.
    pub without: Vec<&'static str>,
}

impl OpenOptions {
    /// With `xdg-open`.
    pub fn new(folder: impl Into<PathBuf>, home: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            home: home.into(),
            opener: "xdg-open".into(),
            default_browser: None,
            without: Vec::new(),
        }
    }
}

/// Why no browser was started.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The redirect file could not be written.
    #[error("the file that leads the browser to Granary, {path}, could not be written: {source}; open the printed address by hand", path = path.display())]
    File {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The opener could not be started.
    #[error("{opener} could not be started: {source}; install xdg-utils, or open the printed address by hand", opener = opener.display())]
    Opener {
        /// Which.
        opener: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// The file that leads the browser to the URL. Deleted on drop: keep it for a minute, the browser may be slow to start.
#[derive(Debug)]
pub struct Redirect {
    path: PathBuf,
}

impl Redirect {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps the file until its URL is void, on a thread of its own, then deletes it.
    pub fn expire(self) {
        std::thread::spawn(move || {
            std::thread::sleep(FILE_LIFE);
            drop(self);
        });
    }
}

impl Drop for Redirect {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Opens `url` in the default browser. The URL goes through a file that only this person can read: arguments of programs
/// are shown to everybody in /proc.
///
/// # Errors
/// When the file cannot be written, or the opener not be started.
pub fn open(url: &str, options: &OpenOptions) -> Result<Redirect, OpenError> {
    let browser = options.default_browser.clone().or_else(default_browser);
    let folder = redirect_folder(options, browser.as_deref());
    let redirect = write(url, &folder)?;
    let mut command = Command::new(&options.opener);
    command.arg(file_url(&redirect.path)).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    for name in &options.without {
        command.env_remove(name);
    }
    // A group of its own, so that Ctrl-C at Granary's terminal does not end the browser.
    command.process_group(0);
    let mut child = command.spawn().map_err(|source| OpenError::Opener { opener: options.opener.clone(), source })?;
    std::thread::spawn(move || child.wait());
    Ok(redirect)
}

/// A snap sees neither `/run/user` nor hidden folders, but it sees its own folder in the person's home.
fn redirect_folder(options: &OpenOptions, browser: Option<&str>) -> PathBuf {
    browser
        .and_then(|entry| entry.strip_suffix(".desktop"))
        .and_then(|entry| entry.split('_').next())
        .map(|snap| options.home.join("snap").join(snap).join("common"))
        .filter(|folder| folder.is_dir())
        .unwrap_or_else(|| options.folder.clone())
}

fn default_browser() -> Option<String> {
    let output = Command::new("xdg-settings")
        .args(["get", "default-web-browser"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let entry = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (!entry.is_empty() && !entry.contains('/')).then_some(entry)
}

fn write(url: &str, folder: &Path) -> Result<Redirect, OpenError> {
    let path = folder.join(format!("{FILE_PREFIX}{}.html", hex::encode(random::<8>())));
    let failed = |source| OpenError::File { path: path.clone(), source };
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    collect_leftovers(folder);
    let page = page(url);
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(failed)?;
    let redirect = Redirect { path: path.clone() };
    file.write_all(page.as_bytes()).map_err(failed)?;
    Ok(redirect)
}

/// Leads on at once; with a link for a browser that runs no scripts in files.
fn page(url: &str) -> String {
    let link = crate::pages::escape(url);
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"referrer\" content=\"no-referrer\">\
         <meta http-equiv=\"refresh\" content=\"0;url={link}\"><title>Granary</title>\
         <p><a href=\"{link}\">Open Granary</a></p></html>\n"
    )
}

/// Files of an earlier start that was ended before it could delete them.
fn collect_leftovers(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let old = entry
            .metadata()
            .and_then(|metadata| metadata.modified())
            .is_ok_and(|modified| modified.elapsed().is_ok_and(|age| age > FILE_LIFE));
        if old && name.to_string_lossy().starts_with(FILE_PREFIX) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

fn file_url(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt as _;
    const PATH: &percent_encoding::AsciiSet =
        &percent_encoding::NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    format!("file://{}", percent_encoding::percent_encode(path.as_os_str().as_bytes(), PATH))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    /// Stands in for the browser: writes down what it was started with.
    fn opener(folder: &Path) -> PathBuf {
        let (program, seen) = (folder.join("opener"), folder.join("seen"));
        std::fs::write(&program, format!("#!/bin/sh\necho \"$@\" > {0}.new && mv {0}.new {0}\n", seen.display()))
            .unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        program
    }

    fn wait_for(path: &Path) -> String {
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        loop {
            match std::fs::read_to_string(path) {
                Ok(text) => return text,
                Err(_) if std::time::Instant::now() < deadline => std::thread::yield_now(),
                Err(error) => panic!("the opener was not started: {error}"),
            }
        }
    }

    #[test]
    fn the_secret_stands_in_a_private_file_and_in_no_argument() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home");
        let options = OpenOptions {
            folder: folder.path().join("run"),
            opener: opener(folder.path()),
            default_browser: Some("chromium.desktop".into()),
            ..OpenOptions::new("", &home)
        };
        let redirect = open("https://granary.localhost:6443/login#a\"b&c", &options).unwrap();
        assert_eq!(redirect.path().parent(), Some(options.folder.as_path()));
        assert_eq!(std::fs::metadata(redirect.path()).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::metadata(&options.folder).unwrap().permissions().mode() & 0o777, 0o700);
        let page = std::fs::read_to_string(redirect.path()).unwrap();
        assert!(page.contains("url=https://granary.localhost:6443/login#a&quot;b&amp;c\""), "{page}");
        let seen = wait_for(&folder.path().join("seen"));
        assert_eq!(seen.trim(), format!("file://{}", redirect.path().display()));
        let path = redirect.path().to_owned();
        drop(redirect);
        assert!(!path.exists());
    }

    #[test]
    fn a_snap_gets_the_file_where_it_can_read() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home");
        std::fs::create_dir_all(home.join("snap/firefox/common")).unwrap();
        let options = OpenOptions {
            folder: folder.path().join("run"),
            opener: opener(folder.path()),
            default_browser: Some("firefox_firefox.desktop".into()),
            ..OpenOptions::new("", &home)
        };
        let redirect = open("https://granary.localhost:6443/", &options).unwrap();
        assert_eq!(redirect.path().parent(), Some(home.join("snap/firefox/common").as_path()));
    }
}

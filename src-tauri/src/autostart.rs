//! The start at login: a desktop entry of our own in the person's autostart folder.

use std::io;
use std::path::{Path, PathBuf};

const NAME: &str = "org.granary.Granary.desktop";

/// Arranges it, or takes it back.
pub(crate) fn set(wanted: bool, data: &Path) -> io::Result<()> {
    let Some(folder) = folder() else { return Ok(()) };
    let file = folder.join(NAME);
    if !wanted {
        return match std::fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
    }
    let text = entry(&std::env::current_exe()?, data);
    if std::fs::read_to_string(&file).is_ok_and(|there| there == text) {
        return Ok(());
    }
    std::fs::create_dir_all(&folder)?;
    let aside = folder.join(format!(".{NAME}.new"));
    std::fs::write(&aside, text)?;
    std::fs::rename(aside, file)
}

fn folder() -> Option<PathBuf> {
    let config = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    config.or_else(|| std::env::home_dir().map(|home| home.join(".config"))).map(|config| config.join("autostart"))
}

fn entry(program: &Path, data: &Path) -> String {
    format!(
        "[Desktop Entry]\nType=Application\nName=Granary\nComment=Apps that keep to themselves\nIcon=granary\n\
         Exec={} --data {} --hidden\nTerminal=false\nX-GNOME-Autostart-enabled=true\n",
        quoted(program),
        quoted(data)
    )
}

/// As the Desktop Entry Specification wants an argument; `%` and `\` are read twice.
fn quoted(path: &Path) -> String {
    let mut text = String::from("\"");
    for character in path.to_string_lossy().chars() {
        match character {
            '"' | '`' | '$' => text.extend(['\\', '\\', character]),
            '\\' => text.push_str("\\\\\\\\"),
            '%' => text.push_str("%%"),
            other => text.push(other),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn awkward_names_are_quoted() {
        for (path, expected) in [
            ("/usr/bin/granary-desktop", "\"/usr/bin/granary-desktop\""),
            ("/home/a b/100%", "\"/home/a b/100%%\""),
            ("/x/$y\"z", "\"/x/\\\\$y\\\\\"z\""),
            ("/x\\y", "\"/x\\\\\\\\y\""),
        ] {
            assert_eq!(quoted(Path::new(path)), expected, "{path}");
        }
    }
}

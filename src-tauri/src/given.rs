//! What the program was started with, or handed by another start: links and files. None of it acts: each leads to a page
//! that says what it is, and waits for the person.

use granary_appliance::api::problem::Problem;
use granary_appliance::{FrontEnd, Method};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use url::Url;

/// More at once than anybody means.
const MOST: usize = 32;
const LONGEST: usize = 8192;

/// Something the person gave Granary to look at.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// A package on this computer.
    File(String),
    /// A package on the web.
    Download(String),
    /// A page of the shell.
    Page(String),
    /// Not understood; for a sentence.
    Unknown(String),
}

/// Arguments as another process understands them: files by their absolute names.
pub(crate) fn from_arguments(arguments: &[String]) -> Vec<String> {
    let absolute = |argument: &String| {
        if is_link(argument) {
            return argument.clone();
        }
        std::path::absolute(argument).map_or_else(|_| argument.clone(), |path| path.to_string_lossy().into_owned())
    };
    arguments.iter().filter(|argument| !argument.is_empty()).take(MOST).map(absolute).collect()
}

fn is_link(text: &str) -> bool {
    ["granary:", "web+sandstorm:", "file:"]
        .iter()
        .any(|scheme| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))
}

impl Item {
    /// What `text` means.
    pub(crate) fn parse(text: &str) -> Self {
        let unknown = || Self::Unknown(text.chars().take(200).collect());
        if text.len() > LONGEST || text.chars().any(char::is_control) {
            return unknown();
        }
        if !is_link(text) {
            return if text.starts_with('/') { Self::File(text.to_owned()) } else { unknown() };
        }
        let Ok(url) = Url::parse(text) else { return unknown() };
        match url.scheme() {
            "file" => match url.to_file_path() {
                Ok(path) => Self::File(path.to_string_lossy().into_owned()),
                Err(()) => unknown(),
            },
            // web+sandstorm:installApp?url=… or, as some pages write it, …/install/<package id>?url=…
            "web+sandstorm" | "granary" => {
                // `granary://install` and `granary:install` mean the same.
                let path = url.path().trim_start_matches('/');
                let (verb, rest) = match url.host_str() {
                    Some(host) => (host, path),
                    None => path.split_once('/').unwrap_or((path, "")),
                };
                let source = url.query_pairs().find(|(name, _)| name == "url").map(|(_, value)| value.into_owned());
                match (verb, source) {
                    ("install" | "installApp" | "installapp", Some(source)) if is_web(&source) => {
                        Self::Download(source)
                    }
                    ("grain", None) if url.scheme() == "granary" && is_id(rest) => Self::Page(format!("/grain/{rest}")),
                    ("", None) if url.scheme() == "granary" => Self::Page("/".into()),
                    _ => unknown(),
                }
            }
            _ => unknown(),
        }
    }

    /// Lets the appliance look at it, and says which page of the shell shows it.
    pub(crate) async fn stage(self, front: &FrontEnd) -> Result<String, Problem> {
        let source = match self {
            Self::Page(path) => return Ok(path),
            Self::File(path) => json!({ "kind": "file", "path": path }),
            Self::Download(url) => json!({ "kind": "url", "url": url }),
            Self::Unknown(text) => {
                let message = format!("Granary does not understand this: {text}");
                return Err(Problem::invalid("not-understood", "Not understood", message));
            }
        };
        let body = json!({ "source": source });
        let install: Value = front.call(Method::POST, "/installs", Some(&body)).await?;
        let id = install["installId"].as_str().unwrap_or_default();
        Ok(format!("/install/{}", utf8_percent_encode(id, PART)))
    }
}

const PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

fn is_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn is_web(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "https" | "http") && url.host().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_files_are_read_and_nothing_else() {
        let download = |url: &str| Item::Download(url.into());
        for (text, expected) in [
            ("/tmp/a b.spk", Item::File("/tmp/a b.spk".into())),
            ("file:///tmp/a%20b.spk", Item::File("/tmp/a b.spk".into())),
            ("web+sandstorm:installApp?url=https://example.com/a.spk", download("https://example.com/a.spk")),
            (
                "web+sandstorm://install/abc?url=https%3A%2F%2Fexample.com%2Fa.spk",
                download("https://example.com/a.spk"),
            ),
            ("granary:install?url=https://example.com/a.spk", download("https://example.com/a.spk")),
            ("granary://install?url=http://example.com/a.spk", download("http://example.com/a.spk")),
            ("granary:grain/abcDEF123", Item::Page("/grain/abcDEF123".into())),
            ("granary:", Item::Page("/".into())),
        ] {
            assert_eq!(Item::parse(text), expected, "{text}");
        }
        for text in [
            "relative.spk",
            "granary:install?url=file:///etc/passwd",
            "granary:install?url=javascript:alert(1)",
            "granary:install",
            "granary:grain/../settings",
            "granary:settings?delete=all",
            "web+sandstorm:grain/abc",
            "https://example.com/a.spk",
            "granary:install?url=https://e\n.com",
            "file://other-computer/a.spk",
        ] {
            assert!(matches!(Item::parse(text), Item::Unknown(_)), "{text}: {:?}", Item::parse(text));
        }
    }

    #[test]
    fn files_are_handed_on_by_their_absolute_names() {
        let given = from_arguments(&["a.spk".into(), "granary:x".into(), String::new(), "/b.spk".into()]);
        assert_eq!(given.len(), 3);
        assert!(given[0].starts_with('/') && given[0].ends_with("/a.spk"), "{given:?}");
        assert_eq!(given[1..], ["granary:x", "/b.spk"]);
    }
}

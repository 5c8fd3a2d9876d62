//! Which headers pass between browser and app: two lists, read from `data/`.
//!
//! The gateway adds its own security headers (CSP, framing, `Origin-Agent-Cluster` and the like) to every response
//! elsewhere; the only one that belongs to a translated response itself is `Referrer-Policy: same-origin`.

use std::sync::LazyLock;

/// Names, and beginnings of names, that pass.
#[derive(Debug, PartialEq, Eq)]
pub struct HeaderList {
    names: Vec<&'static str>,
    prefixes: Vec<&'static str>,
}

impl HeaderList {
    fn parse(text: &'static str) -> Self {
        let mut list = Self { names: Vec::new(), prefixes: Vec::new() };
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            match line.strip_suffix('*') {
                Some(prefix) => list.prefixes.push(prefix),
                None => list.names.push(line),
            }
        }
        list
    }

    /// Whether a header of this name, in lower case, passes.
    pub fn allows(&self, name: &str) -> bool {
        self.names.contains(&name) || self.prefixes.iter().any(|prefix| name.starts_with(prefix))
    }

    /// The entries as they stand in the file, names before prefixes.
    pub fn entries(&self) -> impl Iterator<Item = String> {
        self.names.iter().map(|name| (*name).to_owned()).chain(self.prefixes.iter().map(|prefix| format!("{prefix}*")))
    }
}

/// Request headers that reach the app as `additionalHeaders`.
pub static REQUEST: LazyLock<HeaderList> =
    LazyLock::new(|| HeaderList::parse(include_str!("../../data/request-headers.txt")));

/// Headers an app may add to its response.
pub static RESPONSE: LazyLock<HeaderList> =
    LazyLock::new(|| HeaderList::parse(include_str!("../../data/response-headers.txt")));

/// The beginning of the names of Granary's own cookies: apps neither see nor set them.
///
/// Browsers compare the `__Host-` part without regard to case, so this is done here too.
pub const OWN_COOKIE_PREFIX: &str = "__Host-granary-";

/// Whether a cookie of this name is Granary's own.
pub fn is_own_cookie(name: &[u8]) -> bool {
    name.get(..OWN_COOKIE_PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(OWN_COOKIE_PREFIX.as_bytes()))
}

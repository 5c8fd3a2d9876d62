//! The host names, origins and cookie names of one instance; all of them carry its port.

use std::sync::Arc;

/// The site that the shell, the sessions and the API hosts belong to.
pub const SITE: &str = "granary.localhost";
/// The site of published pages; another one on purpose.
pub const PUBLISHED_SITE: &str = "granary-sites.localhost";

/// Prefix of every cookie of Granary's own, whatever the port. None of them ever reaches an app.
pub(crate) const COOKIE_PREFIX: &str = "__Host-granary-";

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Names(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    port: u16,
    /// What stands after a host name: nothing on 443, because browsers leave the default port out.
    suffix: String,
    shell_authority: String,
    shell_origin: String,
    owner_cookie: String,
    session_cookie: String,
}

/// Which part of Granary an authority names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The owner's pages and API.
    Shell,
    /// A UI session; the label is `ui-` and 32 lower-case hex digits.
    Session(String),
    /// A name below Granary's sites that nothing answers to.
    Nothing,
    /// Not Granary's name, or not exactly this instance's port.
    Foreign,
}

impl Names {
    /// The names of the instance at `port`.
    pub fn new(port: u16) -> Self {
        let suffix = if port == 443 { String::new() } else { format!(":{port}") };
        Self(Arc::new(Inner {
            port,
            shell_authority: format!("{SITE}{suffix}"),
            shell_origin: format!("https://{SITE}{suffix}"),
            owner_cookie: format!("{COOKIE_PREFIX}owner-{port}"),
            session_cookie: format!("{COOKIE_PREFIX}session-{port}"),
            suffix,
        }))
    }

    /// The port of this instance.
    pub fn port(&self) -> u16 {
        self.0.port
    }

    /// `granary.localhost:6443`.
    pub fn shell_authority(&self) -> &str {
        &self.0.shell_authority
    }

    /// `https://granary.localhost:6443`.
    pub fn shell_origin(&self) -> &str {
        &self.0.shell_origin
    }

    /// Host and port of a session.
    pub fn session_authority(&self, label: &str) -> String {
        format!("{label}.{}", self.0.shell_authority)
    }

    /// The cookie of the owner's login.
    pub fn owner_cookie(&self) -> &str {
        &self.0.owner_cookie
    }

    /// The cookie of a UI session.
    pub fn session_cookie(&self) -> &str {
        &self.0.session_cookie
    }

    /// What `authority` (of the Host header or `:authority`) names. The comparison is exact, port and case included:
    /// browsers always send it in this form, and whatever does not is not meant for us.
    pub fn place(&self, authority: &str) -> Place {
        if authority == self.0.shell_authority {
            return Place::Shell;
        }
        let Some(host) = authority.strip_suffix(self.0.suffix.as_str()) else { return Place::Foreign };
        match label_below(host, SITE) {
            Some(label) if is_session_label(label) => Place::Session(label.to_owned()),
            Some(label) if is_plain_label(label) => Place::Nothing,
            Some(_) => Place::Foreign,
            None => match label_below(host, PUBLISHED_SITE) {
                Some(label) if is_plain_label(label) => Place::Nothing,
                _ => Place::Foreign,
            },
        }
    }
}

/// Whether `host`, without a port, is one label below one of Granary's two sites.
pub(crate) fn is_below_a_site(host: &str) -> bool {
    [SITE, PUBLISHED_SITE].into_iter().filter_map(|site| label_below(host, site)).any(is_plain_label)
}

fn label_below<'a>(host: &'a str, site: &str) -> Option<&'a str> {
    host.strip_suffix(site)?.strip_suffix('.')
}

fn is_session_label(label: &str) -> bool {
    label
        .strip_prefix("ui-")
        .is_some_and(|hex| hex.len() == 32 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
}

fn is_plain_label(label: &str) -> bool {
    !label.is_empty() && label.len() <= 63 && label.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'z' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_names_one_place_exactly() {
        let names = Names::new(6443);
        let label = format!("ui-{}", "0123456789abcdef".repeat(2));
        let cases = [
            ("granary.localhost:6443".to_owned(), Place::Shell),
            (format!("{label}.granary.localhost:6443"), Place::Session(label.clone())),
            ("granary.localhost".to_owned(), Place::Foreign),
            ("granary.localhost:443".to_owned(), Place::Foreign),
            ("granary.localhost:64430".to_owned(), Place::Foreign),
            ("Granary.localhost:6443".to_owned(), Place::Foreign),
            ("granary.localhost.:6443".to_owned(), Place::Foreign),
            ("user@granary.localhost:6443".to_owned(), Place::Foreign),
            (format!("{}.granary.localhost:6443", label.to_uppercase()), Place::Foreign),
            (format!("x.{label}.granary.localhost:6443"), Place::Foreign),
            (format!("{label}.granary.localhost:6444"), Place::Foreign),
            (format!("{label}0.granary.localhost:6443"), Place::Nothing),
            (format!("{label}.granary-sites.localhost:6443"), Place::Nothing),
            ("api-1234.granary.localhost:6443".to_owned(), Place::Nothing),
            (".granary.localhost:6443".to_owned(), Place::Foreign),
            ("evilgranary.localhost:6443".to_owned(), Place::Foreign),
            ("localhost:6443".to_owned(), Place::Foreign),
            ("127.0.0.1:6443".to_owned(), Place::Foreign),
            ("[::1]:6443".to_owned(), Place::Foreign),
            ("example.com".to_owned(), Place::Foreign),
            (String::new(), Place::Foreign),
        ];
        for (authority, expected) in cases {
            assert_eq!(names.place(&authority), expected, "{authority:?}");
        }
    }

    #[test]
    fn the_default_port_is_left_out() {
        let names = Names::new(443);
        assert_eq!(names.shell_origin(), "https://granary.localhost");
        assert_eq!(names.place("granary.localhost"), Place::Shell);
        assert_eq!(names.place("granary.localhost:443"), Place::Foreign);
    }
}

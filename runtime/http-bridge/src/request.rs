//! Writes the headers that tell the app who asks, from where, and what the browser said.

use std::fmt::Write as _;

use granary_wire::identity_capnp::{profile, user_info};
use granary_wire::ip_capnp::ip_address;
use granary_wire::web_session_capnp::web_session::{context, params};

use crate::app::on_list;
use crate::config::Config;
use crate::http::{Error, RequestHead, percent_encode};

/// What a session was opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To use the grain.
    Normal,
    /// To choose something that fulfils another grain's request.
    Request,
    /// To receive something.
    Offer,
}

/// The headers that are the same for each request of a session.
pub(crate) struct Standing {
    pub(crate) headers: RequestHead,
    pub(crate) base_path: String,
}

/// Who a session belongs to.
pub(crate) struct Visitor<'a> {
    pub(crate) user: user_info::Reader<'a>,
    pub(crate) tab: &'a [u8],
    pub(crate) purpose: Purpose,
    /// Counts the sessions of this run of the grain.
    pub(crate) session: u64,
}

/// Where a session's requests come from.
pub(crate) enum Origin<'a> {
    Browser(params::Reader<'a>),
    Program(Option<ip_address::Reader<'a>>),
}

impl Standing {
    pub(crate) fn new(config: &Config, visitor: &Visitor<'_>, origin: &Origin<'_>) -> capnp::Result<Self> {
        let mut headers = RequestHead::block();
        let mut base_path = String::new();
        if let Origin::Browser(params) = origin {
            let languages = params.get_acceptable_languages()?;
            if !languages.is_empty() {
                headers.begin("Accept-Language");
                for (i, language) in languages.iter().enumerate() {
                    if i > 0 {
                        headers.value("Accept-Language", b",").map_err(refuse)?;
                    }
                    headers.value("Accept-Language", language?.as_bytes()).map_err(refuse)?;
                }
                headers.end();
            }
            let agent = params.get_user_agent()?;
            if !agent.is_empty() {
                headers.header("User-Agent", agent.as_bytes()).map_err(refuse)?;
            }
            base_path = params.get_base_path()?.to_string()?;
        }
        headers.header("X-Sandstorm-Tab-Id", hex(visitor.tab)).map_err(refuse)?;
        user(&mut headers, visitor)?;
        let purpose = match visitor.purpose {
            Purpose::Normal => "normal",
            Purpose::Request => "request",
            Purpose::Offer => "offer",
        };
        headers.header("X-Sandstorm-Session-Type", purpose).map_err(refuse)?;
        permissions(&mut headers, config, visitor)?;
        if base_path.is_empty() {
            headers.header("Host", "sandbox").map_err(refuse)?;
        } else {
            headers.header("X-Sandstorm-Base-Path", &base_path).map_err(refuse)?;
            let (scheme, rest) = base_path.split_once("://").unwrap_or(("https", &base_path));
            headers.header("Host", rest.split('/').next().unwrap_or_default()).map_err(refuse)?;
            headers.header("X-Forwarded-Proto", scheme).map_err(refuse)?;
        }
        headers.number("X-Sandstorm-Session-Id", visitor.session);
        if let Origin::Program(Some(address)) = origin {
            headers.number("X-Real-IP", ip(*address));
        }
        Ok(Self { headers, base_path })
    }
}

fn user(headers: &mut RequestHead, visitor: &Visitor<'_>) -> capnp::Result<()> {
    let user = visitor.user;
    let name = user.get_display_name()?.get_default_text()?.to_str()?;
    headers.header("X-Sandstorm-Username", percent_encode(name)).map_err(refuse)?;
    let identity = user.get_identity_id()?;
    if identity.is_empty() {
        return Ok(());
    }
    // Half of it is unique enough, and half is what apps have stored since there were identities.
    headers.header("X-Sandstorm-User-Id", hex(&identity[..identity.len().min(16)])).map_err(refuse)?;
    let handle = user.get_preferred_handle()?;
    if !handle.is_empty() {
        headers.header("X-Sandstorm-Preferred-Handle", handle.as_bytes()).map_err(refuse)?;
    }
    let picture = user.get_picture_url()?;
    if !picture.is_empty() {
        headers.header("X-Sandstorm-User-Picture", picture.as_bytes()).map_err(refuse)?;
    }
    let pronouns = match user.get_pronouns() {
        Ok(profile::Pronouns::Male) => "male",
        Ok(profile::Pronouns::Female) => "female",
        Ok(profile::Pronouns::Robot) => "robot",
        Ok(profile::Pronouns::Neutral) | Err(_) => return Ok(()),
    };
    headers.header("X-Sandstorm-User-Pronouns", pronouns).map_err(refuse)
}

fn permissions(headers: &mut RequestHead, config: &Config, visitor: &Visitor<'_>) -> capnp::Result<()> {
    let bits = visitor.user.get_permissions()?;
    let mut first = true;
    headers.begin("X-Sandstorm-Permissions");
    for (name, held) in config.permissions().iter().zip(bits.iter()) {
        if held {
            if !std::mem::take(&mut first) {
                headers.value("X-Sandstorm-Permissions", b",").map_err(refuse)?;
            }
            headers.value("X-Sandstorm-Permissions", name.as_bytes()).map_err(refuse)?;
        }
    }
    headers.end();
    Ok(())
}

/// Adds what the browser said with one request.
pub(crate) fn add_context(
    head: &mut RequestHead,
    context: context::Reader<'_>,
    allowed: &[String],
) -> capnp::Result<()> {
    let cookies = context.get_cookies()?;
    if !cookies.is_empty() {
        head.begin("Cookie");
        for (i, cookie) in cookies.iter().enumerate() {
            if i > 0 {
                head.value("a cookie", b"; ").map_err(refuse)?;
            }
            head.value("a cookie", cookie.get_key()?.as_bytes()).map_err(refuse)?;
            head.value("a cookie", b"=").map_err(refuse)?;
            head.value("a cookie", cookie.get_value()?.as_bytes()).map_err(refuse)?;
        }
        head.end();
    }

    let accept = context.get_accept()?;
    if accept.is_empty() {
        head.header("Accept", "*/*").map_err(refuse)?;
    } else {
        head.begin("Accept");
        for (i, kind) in accept.iter().enumerate() {
            quality(head, i, kind.get_mime_type()?, kind.get_q_value()).map_err(refuse)?;
        }
        head.end();
    }
    let encodings = context.get_accept_encoding()?;
    if !encodings.is_empty() {
        head.begin("Accept-Encoding");
        for (i, encoding) in encodings.iter().enumerate() {
            quality(head, i, encoding.get_content_coding()?, encoding.get_q_value()).map_err(refuse)?;
        }
        head.end();
    }

    for header in context.get_additional_headers()? {
        let name = header.get_name()?;
        // The platform filters too; both ends follow the one list in the schema.
        let lower = name.to_str()?.to_ascii_lowercase();
        if on_list(allowed, &lower) {
            head.foreign(name.as_bytes(), header.get_value()?.as_bytes()).map_err(refuse)?;
        }
    }

    match context.get_e_tag_precondition().which() {
        Ok(context::e_tag_precondition::None(())) | Err(_) => {}
        Ok(context::e_tag_precondition::Exists(())) => head.header("If-Match", "*").map_err(refuse)?,
        Ok(context::e_tag_precondition::DoesntExist(())) => head.header("If-None-Match", "*").map_err(refuse)?,
        Ok(context::e_tag_precondition::MatchesOneOf(tags)) => etags(head, "If-Match", tags?)?,
        Ok(context::e_tag_precondition::MatchesNoneOf(tags)) => etags(head, "If-None-Match", tags?)?,
    }
    Ok(())
}

fn quality(head: &mut RequestHead, i: usize, value: capnp::text::Reader<'_>, q: f32) -> Result<(), Error> {
    if i > 0 {
        head.value("Accept", b", ")?;
    }
    head.value("Accept", value.as_bytes())?;
    #[allow(clippy::float_cmp, reason = "1 is exact, and is the value that need not be said")]
    if q != 1.0 {
        head.value("Accept", format!("; q={q}").as_bytes())?;
    }
    Ok(())
}

fn etags(
    head: &mut RequestHead,
    name: &'static str,
    tags: capnp::struct_list::Reader<'_, granary_wire::web_session_capnp::web_session::e_tag::Owned>,
) -> capnp::Result<()> {
    head.begin(name);
    for (i, tag) in tags.iter().enumerate() {
        if i > 0 {
            head.value(name, b", ").map_err(refuse)?;
        }
        head.value(name, if tag.get_weak() { b"W/\"" } else { b"\"" }).map_err(refuse)?;
        head.value(name, tag.get_value()?.as_bytes()).map_err(refuse)?;
        head.value(name, b"\"").map_err(refuse)?;
    }
    head.end();
    Ok(())
}

/// A request that may not be sent as it is.
#[allow(clippy::needless_pass_by_value, reason = "used as a function value in map_err")]
pub(crate) fn refuse(error: Error) -> capnp::Error {
    capnp::Error::failed(format!("http-bridge: {error}"))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

fn ip(address: ip_address::Reader<'_>) -> std::net::IpAddr {
    let bits = u128::from(address.get_upper64()) << 64 | u128::from(address.get_lower64());
    std::net::Ipv6Addr::from_bits(bits).to_canonical()
}

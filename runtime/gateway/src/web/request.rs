//! A request, read on the gateway's threads into the call it will be, and built into that call on the vat.

use std::cell::RefCell;

use bytes::Bytes;
use capnp::capability::{Promise, RemotePromise, Response};
use capnp::text;
use granary_wire::util_capnp::byte_stream;
use granary_wire::web_session_capnp::web_session::{
    self, PropfindDepth, accepted_encoding, accepted_type, context, e_tag, options, post_content, put_content, response,
};
use http::header::{
    ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CONTENT_ENCODING, CONTENT_TYPE, COOKIE, HeaderMap, IF_MATCH,
    IF_NONE_MATCH, USER_AGENT,
};
use http::request::Parts;
use http::{HeaderName, Method, Uri};
use tokio::sync::OwnedSemaphorePermit;

use super::dav::Transfer;
use super::fields::{self, ETag, ETags};
use super::headers;
use super::page::Page;
use super::target::WebParams;
use super::upload::AnyBody;

/// A request that is ready to be made, more than once if need be.
pub(super) struct Ask {
    pub(super) parts: Parts,
    pub(super) call: Call,
}

/// The method of `WebSession` a request becomes, with what it needs besides path and context.
pub(super) enum Call {
    Get { ignore_body: bool },
    Delete,
    Options,
    Content(ContentMethod, Collected),
    Streaming { put: bool, size: Option<u64>, body: RefCell<Option<AnyBody>> },
    Propfind { xml: Bytes, depth: PropfindDepth },
    Proppatch { xml: Bytes },
    Acl { xml: Bytes },
    Lock { xml: Bytes, shallow: bool },
    Unlock { token: Bytes },
    Copy(Transfer),
    Move(Transfer),
}

/// A body that was read to its end, and its share of the memory for such.
pub(super) struct Collected {
    pub(super) bytes: Bytes,
    pub(super) _share: Option<OwnedSemaphorePermit>,
}

/// The methods that carry a collected body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ContentMethod {
    Post,
    Put,
    Patch,
    Report,
    Mkcol,
}

/// A call under way.
pub(super) enum Sent {
    Response(Promise<Response<response::Owned>, capnp::Error>),
    Options(Promise<Response<options::Owned>, capnp::Error>),
}

impl Ask {
    /// Whether asking twice does no harm (RFC 9110, section 9.2.1; RFC 4918; RFC 3253).
    pub(super) fn is_safe(&self) -> bool {
        matches!(
            self.call,
            Call::Get { .. } | Call::Options | Call::Propfind { .. } | Call::Content(ContentMethod::Report, _)
        )
    }

    pub(super) fn is_head(&self) -> bool {
        self.parts.method == Method::HEAD
    }

    /// Builds the call and sends it. `Call::Streaming` has a way of its own, in `upload`.
    pub(super) fn send(&self, session: &web_session::Client, stream: byte_stream::Client) -> Result<Sent, Page> {
        // Every method's parameters have a path and a context, but no common type.
        macro_rules! begin {
            ($request:ident) => {{
                let mut params = $request.get();
                params.set_path(path(&self.parts.uri));
                fill_context(params.reborrow().init_context(), &self.parts.headers, stream)?;
                params
            }};
        }
        macro_rules! simple {
            ($method:ident, $params:ident, $fill:expr) => {{
                let mut request = session.$method();
                {
                    #[allow(unused_mut, reason = "some methods have nothing more to fill in")]
                    let mut $params = begin!(request);
                    $fill;
                }
                request.send()
            }};
        }
        let sent: RemotePromise<response::Owned> = match &self.call {
            Call::Get { ignore_body } => simple!(get_request, params, params.set_ignore_body(*ignore_body)),
            Call::Delete => simple!(delete_request, params, _ = params),
            Call::Options => {
                let mut request = session.options_request();
                _ = begin!(request);
                return Ok(Sent::Options(request.send().promise));
            }
            Call::Content(method, Collected { bytes, .. }) => match method {
                ContentMethod::Post => {
                    simple!(post_request, params, self.fill_post(params.init_content(), bytes))
                }
                ContentMethod::Put => simple!(put_request, params, self.fill_put(params.init_content(), bytes)),
                ContentMethod::Patch => {
                    simple!(patch_request, params, self.fill_post(params.init_content(), bytes))
                }
                ContentMethod::Report => {
                    simple!(report_request, params, self.fill_post(params.init_content(), bytes))
                }
                ContentMethod::Mkcol => {
                    simple!(mkcol_request, params, self.fill_post(params.init_content(), bytes))
                }
            },
            Call::Streaming { .. } => return Err(Page::app_failed()),
            Call::Propfind { xml, depth } => simple!(propfind_request, params, {
                params.set_xml_content(text::Reader(xml));
                params.set_depth(*depth);
            }),
            Call::Proppatch { xml } => {
                simple!(proppatch_request, params, params.set_xml_content(text::Reader(xml)))
            }
            Call::Acl { xml } => simple!(acl_request, params, params.set_xml_content(text::Reader(xml))),
            Call::Lock { xml, shallow } => simple!(lock_request, params, {
                params.set_xml_content(text::Reader(xml));
                params.set_shallow(*shallow);
            }),
            Call::Unlock { token } => simple!(unlock_request, params, params.set_lock_token(text::Reader(token))),
            Call::Copy(transfer) => simple!(copy_request, params, {
                params.set_destination(&transfer.destination[..]);
                params.set_no_overwrite(transfer.no_overwrite);
                params.set_shallow(transfer.shallow);
            }),
            Call::Move(transfer) => simple!(move_request, params, {
                params.set_destination(&transfer.destination[..]);
                params.set_no_overwrite(transfer.no_overwrite);
            }),
        };
        Ok(Sent::Response(sent.promise))
    }

    fn fill_post(&self, mut content: post_content::Builder<'_>, bytes: &[u8]) {
        content.set_mime_type(text::Reader(mime_type(&self.parts.headers)));
        content.set_content(bytes);
        content.set_encoding(text::Reader(field(&self.parts.headers, &CONTENT_ENCODING)));
    }

    fn fill_put(&self, mut content: put_content::Builder<'_>, bytes: &[u8]) {
        content.set_mime_type(text::Reader(mime_type(&self.parts.headers)));
        content.set_content(bytes);
        content.set_encoding(text::Reader(field(&self.parts.headers, &CONTENT_ENCODING)));
    }
}

/// The request target as apps get it: query included, escapes untouched, no slash in front.
pub(super) fn path(uri: &Uri) -> &str {
    let target = uri.path_and_query().map_or("", http::uri::PathAndQuery::as_str);
    target.strip_prefix('/').unwrap_or(target)
}

/// The first value of a header; empty when there is none.
pub(super) fn field<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a [u8] {
    headers.get(name).map_or(b"", |value| value.as_bytes())
}

/// The type of the body, or the one that says nothing about it.
pub(super) fn mime_type(headers: &HeaderMap) -> &[u8] {
    match field(headers, &CONTENT_TYPE) {
        b"" => b"application/octet-stream",
        mime_type => mime_type,
    }
}

/// What the app learns about the browser when the session opens with this request.
pub(super) fn params(headers: &HeaderMap, base_path: &str) -> WebParams {
    let lossy = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let user_agent = match field(headers, &USER_AGENT) {
        b"" => "UnknownAgent/0.0".to_owned(),
        agent => lossy(agent),
    };
    let mut languages: Vec<String> = headers
        .get_all(ACCEPT_LANGUAGE)
        .iter()
        .flat_map(|value| fields::comma_list(value.as_bytes()))
        .map(lossy)
        .collect();
    if languages.is_empty() {
        languages = vec!["en-US".to_owned(), "en".to_owned()];
    }
    WebParams { base_path: base_path.to_owned(), user_agent, languages }
}

/// Fills in what the request's headers say.
pub(super) fn fill_context(
    mut context: context::Builder<'_>,
    headers: &HeaderMap,
    stream: byte_stream::Client,
) -> Result<(), Page> {
    context.set_response_stream(stream);
    fill_headers(context, headers)
}

/// What the headers alone say.
pub(super) fn fill_headers(mut context: context::Builder<'_>, headers: &HeaderMap) -> Result<(), Page> {
    let cookies: Vec<_> = headers.get_all(COOKIE).iter().flat_map(|value| fields::cookies(value.as_bytes())).collect();
    if !cookies.is_empty() {
        let mut list = context.reborrow().init_cookies(length(cookies.len()));
        for (index, (name, value)) in (0..).zip(cookies) {
            let mut cookie = list.reborrow().get(index);
            cookie.set_key(text::Reader(name));
            cookie.set_value(text::Reader(value));
        }
    }

    let accept: Vec<_> =
        headers.get_all(ACCEPT).iter().flat_map(|value| fields::weighted_list(value.as_bytes())).collect();
    if !accept.is_empty() {
        let mut list = context.reborrow().init_accept(length(accept.len()));
        for (index, entry) in (0..).zip(accept) {
            let mut accepted: accepted_type::Builder<'_> = list.reborrow().get(index);
            accepted.set_mime_type(text::Reader(&entry.value));
            accepted.set_q_value(entry.q);
        }
    }

    let encodings: Vec<_> =
        headers.get_all(ACCEPT_ENCODING).iter().flat_map(|value| fields::weighted_list(value.as_bytes())).collect();
    if !encodings.is_empty() {
        let mut list = context.reborrow().init_accept_encoding(length(encodings.len()));
        for (index, entry) in (0..).zip(encodings) {
            let mut accepted: accepted_encoding::Builder<'_> = list.reborrow().get(index);
            accepted.set_content_coding(text::Reader(&entry.value));
            accepted.set_q_value(entry.q);
        }
    }

    fill_precondition(context.reborrow(), headers)?;

    let passed: Vec<_> = headers.iter().filter(|(name, _)| headers::REQUEST.allows(name.as_str())).collect();
    if !passed.is_empty() {
        let mut list = context.init_additional_headers(length(passed.len()));
        for (index, (name, value)) in (0..).zip(passed) {
            let mut header = list.reborrow().get(index);
            header.set_name(name.as_str());
            header.set_value(text::Reader(value.as_bytes()));
        }
    }
    Ok(())
}

fn fill_precondition(context: context::Builder<'_>, headers: &HeaderMap) -> Result<(), Page> {
    if !headers.contains_key(IF_MATCH) && !headers.contains_key(IF_NONE_MATCH) {
        return Ok(());
    }
    let read = |name: HeaderName| {
        fields::etags(headers.get_all(name).iter().map(http::HeaderValue::as_bytes))
            .map_err(|error| Page::bad_request("bad-etag", &format!("In If-Match or If-None-Match, {error}.")))
    };
    let mut precondition = context.init_e_tag_precondition();
    match read(IF_MATCH)? {
        Some(ETags::Any) => precondition.set_exists(()),
        Some(ETags::List(tags)) => fill_etags(precondition.init_matches_one_of(length(tags.len())), &tags),
        None => match read(IF_NONE_MATCH)? {
            Some(ETags::Any) => precondition.set_doesnt_exist(()),
            Some(ETags::List(tags)) => fill_etags(precondition.init_matches_none_of(length(tags.len())), &tags),
            None => {}
        },
    }
    Ok(())
}

fn fill_etags(mut list: capnp::struct_list::Builder<'_, e_tag::Owned>, tags: &[ETag<'_>]) {
    for (index, tag) in (0..).zip(tags) {
        let mut etag = list.reborrow().get(index);
        etag.set_value(text::Reader(tag.value));
        etag.set_weak(tag.weak);
    }
}

/// A list's length on the wire; header blocks are far smaller than this type.
fn length(items: usize) -> u32 {
    u32::try_from(items).unwrap_or(u32::MAX)
}

//! An app's `WebSession.Response` as an HTTP response.

use bytes::Bytes;
use capnp::text;
use granary_wire::util_capnp::handle;
use granary_wire::web_session_capnp::web_session::response::{self, ClientErrorCode, SuccessCode, content, error_body};
use granary_wire::web_session_capnp::web_session::{cookie, e_tag, options};
use http::header::{
    ACCESS_CONTROL_EXPOSE_HEADERS, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, LOCATION, REFERRER_POLICY, SET_COOKIE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use super::body::Body;
use super::fields::{self, ETag, Expires, SetCookie};
use super::headers;

const DAV: HeaderName = HeaderName::from_static("dav");

/// What about the request matters for its response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    /// It had `If-None-Match`.
    pub(super) none_match: bool,
    /// It came over HTTPS.
    pub(super) secure: bool,
}

impl Asked {
    pub(super) fn new(headers: &HeaderMap, secure: bool) -> Self {
        Self { none_match: headers.contains_key(IF_NONE_MATCH), secure }
    }
}

/// A translated response.
pub(super) enum Translated {
    Whole(Response<Body>),
    /// The body comes through the response stream; the handle stands for the app's side of it.
    Stream(Response<()>, Option<handle::Client>),
}

/// Translates a response. What cannot stand in a header is left out; a redirect without a usable target is an error.
pub(super) fn translate(response: response::Reader<'_>, asked: Asked) -> capnp::Result<Translated> {
    let mut head = Response::new(());
    let headers = head.headers_mut();
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    set_cookies(headers, response, asked.secure)?;
    for header in few(response.get_additional_headers()?, "headers")? {
        add_header(headers, header.get_name()?, header.get_value()?);
    }
    let (status, body) = match response.which()? {
        response::Which::Content(content) => {
            let status = success(content.get_status_code().unwrap_or(SuccessCode::Ok));
            content_headers(headers, content)?;
            match content.get_body().which()? {
                content::body::Which::Bytes(bytes) => (status, Bytes::copy_from_slice(bytes?)),
                content::body::Which::Stream(handle) => {
                    *head.status_mut() = status;
                    return Ok(Translated::Stream(head, handle.ok()));
                }
            }
        }
        response::Which::NoContent(no_content) => {
            if no_content.has_e_tag() {
                set_etag(headers, no_content.get_e_tag()?)?;
            }
            let reset = no_content.get_should_reset_form();
            (if reset { StatusCode::RESET_CONTENT } else { StatusCode::NO_CONTENT }, Bytes::new())
        }
        response::Which::PreconditionFailed(failed) => {
            if asked.none_match {
                if failed.has_matching_e_tag() {
                    set_etag(headers, failed.get_matching_e_tag()?)?;
                }
                (StatusCode::NOT_MODIFIED, Bytes::new())
            } else {
                (StatusCode::PRECONDITION_FAILED, Bytes::new())
            }
        }
        response::Which::Redirect(redirect) => {
            let status = match (redirect.get_is_permanent(), redirect.get_switch_to_get()) {
                (true, true) => StatusCode::MOVED_PERMANENTLY,
                (false, true) => StatusCode::SEE_OTHER,
                (true, false) => StatusCode::PERMANENT_REDIRECT,
                (false, false) => StatusCode::TEMPORARY_REDIRECT,
            };
            let location = redirect.get_location()?;
            let value = value(location).ok_or_else(|| {
                capnp::Error::failed("the location of a redirect cannot stand in a header".to_owned())
            })?;
            headers.insert(LOCATION, value);
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
            let reason = status.canonical_reason().unwrap_or_default();
            (status, Bytes::from([reason.as_bytes(), b": ", location.as_bytes()].concat()))
        }
        response::Which::ClientError(error) => {
            let status = client_error(error.get_status_code().unwrap_or(ClientErrorCode::BadRequest));
            let body = error.has_non_html_body().then(|| error.get_non_html_body()).transpose()?;
            (status, error_content(headers, error.get_description_html()?, body)?)
        }
        response::Which::ServerError(error) => {
            let body = error.has_non_html_body().then(|| error.get_non_html_body()).transpose()?;
            (StatusCode::INTERNAL_SERVER_ERROR, error_content(headers, error.get_description_html()?, body)?)
        }
    };
    *head.status_mut() = status;
    Ok(Translated::Whole(head.map(|()| if has_body(status) { Body::full(body) } else { Body::empty() })))
}

/// Whether a response of this status can have a body at all (RFC 9110, section 6.4.1).
pub(super) fn has_body(status: StatusCode) -> bool {
    !matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED)
}

/// How many cookies, headers or extensions one answer may have.
const MOST: usize = 1000;

/// The entries of a list, if there are few enough. A few bytes can claim a million empty entries, whose reading would hold up
/// every grain, and a map of headers has an end.
pub(super) fn few<L: IntoIterator<IntoIter: ExactSizeIterator>>(list: L, what: &str) -> capnp::Result<L::IntoIter> {
    let entries = list.into_iter();
    match entries.len() {
        0..=MOST => Ok(entries),
        count => {
            Err(capnp::Error::failed(format!("an app answered with {count} {what}; at most {MOST} are passed on")))
        }
    }
}

/// The answer to OPTIONS: what the app knows of WebDAV.
pub(super) fn translate_options(options: options::Reader<'_>) -> capnp::Result<Response<Body>> {
    let mut response = plain_options();
    let mut classes: Vec<u8> = Vec::new();
    let mut add = |class: &[u8]| {
        if !classes.is_empty() {
            classes.extend_from_slice(b", ");
        }
        classes.extend_from_slice(class);
    };
    for (has, class) in
        [(options.get_dav_class1(), b"1"), (options.get_dav_class2(), b"2"), (options.get_dav_class3(), b"3")]
    {
        if has {
            add(class);
        }
    }
    for extension in few(options.get_dav_extensions()?, "DAV extensions")? {
        add(extension?.as_bytes());
    }
    if let Ok(value) = HeaderValue::from_bytes(&classes)
        && !classes.is_empty()
    {
        response.headers_mut().insert(DAV, value);
        response.headers_mut().insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("DAV"));
    }
    Ok(response)
}

/// The answer to OPTIONS of an app that does not know the call.
pub(super) fn plain_options() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    response.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

fn content_headers(headers: &mut HeaderMap, content: content::Reader<'_>) -> capnp::Result<()> {
    set(headers, CONTENT_ENCODING, content.get_encoding()?);
    set(headers, CONTENT_LANGUAGE, content.get_language()?);
    set(headers, CONTENT_TYPE, content.get_mime_type()?);
    if content.has_e_tag() {
        set_etag(headers, content.get_e_tag()?)?;
    }
    if let content::disposition::Which::Download(filename) = content.get_disposition().which()?
        && let Some(value) = fields::attachment(filename?.as_bytes())
    {
        headers.insert(CONTENT_DISPOSITION, value);
    }
    Ok(())
}

fn error_content(
    headers: &mut HeaderMap,
    html: text::Reader<'_>,
    body: Option<error_body::Reader<'_>>,
) -> capnp::Result<Bytes> {
    if let Some(body) = body {
        set(headers, CONTENT_ENCODING, body.get_encoding()?);
        set(headers, CONTENT_LANGUAGE, body.get_language()?);
        set(headers, CONTENT_TYPE, body.get_mime_type()?);
        return Ok(Bytes::copy_from_slice(body.get_data()?));
    }
    if !html.is_empty() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=UTF-8"));
    }
    Ok(Bytes::copy_from_slice(html.as_bytes()))
}

fn set_cookies(headers: &mut HeaderMap, response: response::Reader<'_>, secure: bool) -> capnp::Result<()> {
    for cookie in few(response.get_set_cookies()?, "cookies")? {
        let expires = match cookie.get_expires().which()? {
            cookie::expires::Which::None(()) => Expires::Never,
            cookie::expires::Which::Absolute(second) => Expires::At(second),
            cookie::expires::Which::Relative(seconds) => Expires::After(seconds),
        };
        let set_cookie = SetCookie {
            name: cookie.get_name()?.as_bytes(),
            value: cookie.get_value()?.as_bytes(),
            expires,
            path: cookie.get_path()?.as_bytes(),
            http_only: cookie.get_http_only(),
            secure,
        };
        if let Some(value) = set_cookie.header() {
            headers.append(SET_COOKIE, value);
        }
    }
    Ok(())
}

fn add_header(headers: &mut HeaderMap, name: text::Reader<'_>, field: text::Reader<'_>) {
    let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else { return };
    if headers::RESPONSE.allows(name.as_str())
        && let Some(value) = value(field)
    {
        headers.append(name, value);
    }
}

fn set_etag(headers: &mut HeaderMap, tag: e_tag::Reader<'_>) -> capnp::Result<()> {
    let value = fields::etag_header(ETag { value: tag.get_value()?.as_bytes(), weak: tag.get_weak() });
    if let Some(value) = value {
        headers.insert(ETAG, value);
    }
    Ok(())
}

fn set(headers: &mut HeaderMap, name: HeaderName, field: text::Reader<'_>) {
    if !field.is_empty()
        && let Some(value) = value(field)
    {
        headers.insert(name, value);
    }
}

/// A header's value; none when it holds line breaks, NUL or other control characters.
fn value(field: text::Reader<'_>) -> Option<HeaderValue> {
    HeaderValue::from_bytes(field.as_bytes()).ok()
}

fn success(code: SuccessCode) -> StatusCode {
    match code {
        SuccessCode::Ok => StatusCode::OK,
        SuccessCode::Created => StatusCode::CREATED,
        SuccessCode::Accepted => StatusCode::ACCEPTED,
        SuccessCode::NoContent => StatusCode::NO_CONTENT,
        SuccessCode::PartialContent => StatusCode::PARTIAL_CONTENT,
        SuccessCode::MultiStatus => StatusCode::MULTI_STATUS,
        SuccessCode::NotModified => StatusCode::NOT_MODIFIED,
    }
}

fn client_error(code: ClientErrorCode) -> StatusCode {
    match code {
        ClientErrorCode::BadRequest => StatusCode::BAD_REQUEST,
        ClientErrorCode::Forbidden => StatusCode::FORBIDDEN,
        ClientErrorCode::NotFound => StatusCode::NOT_FOUND,
        ClientErrorCode::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        ClientErrorCode::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
        ClientErrorCode::Conflict => StatusCode::CONFLICT,
        ClientErrorCode::Gone => StatusCode::GONE,
        ClientErrorCode::RequestEntityTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ClientErrorCode::RequestUriTooLong => StatusCode::URI_TOO_LONG,
        ClientErrorCode::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ClientErrorCode::ImATeapot => StatusCode::IM_A_TEAPOT,
        ClientErrorCode::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        ClientErrorCode::UnprocessableEntity => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

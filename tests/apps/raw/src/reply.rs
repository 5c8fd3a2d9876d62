//! An answer to a request, as a value, and how it is written into the interface's struct.

use capnp::Error;
use granary_wire::util_capnp::handle;
use granary_wire::web_session_capnp::web_session::response;
use serde_json::Value;

/// An entity tag and whether it is a weak one.
pub(crate) type ETag = (String, bool);

#[derive(Default)]
pub(crate) struct Reply {
    pub(crate) cookies: Vec<Cookie>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) kind: Kind,
}

pub(crate) struct Cookie {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) path: Option<String>,
    pub(crate) max_age: Option<u64>,
}

pub(crate) enum Kind {
    Content(Content),
    Stream(handle::Client),
    NoContent { reset: bool },
    Precondition(Option<ETag>),
    Redirect { permanent: bool, get: bool, to: String },
    ClientError { code: u16, body: ErrorBody },
    ServerError(ErrorBody),
}

#[derive(Default)]
pub(crate) struct Content {
    pub(crate) code: u16,
    pub(crate) mime: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) etag: Option<ETag>,
    pub(crate) encoding: String,
    pub(crate) language: String,
    pub(crate) download: Option<String>,
}

pub(crate) enum ErrorBody {
    None,
    Html(String),
    Json(String),
}

impl Default for Kind {
    fn default() -> Self {
        Self::Content(Content::default())
    }
}

impl From<Kind> for Reply {
    fn from(kind: Kind) -> Self {
        Self { kind, ..Self::default() }
    }
}

impl Reply {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::bytes("text/plain; charset=UTF-8", text.into().into_bytes())
    }

    pub(crate) fn html(text: impl Into<String>) -> Self {
        Self::bytes("text/html; charset=UTF-8", text.into().into_bytes())
    }

    pub(crate) fn json(value: &Value) -> Self {
        Self::bytes("application/json", value.to_string().into_bytes())
    }

    pub(crate) fn bytes(mime: &str, bytes: Vec<u8>) -> Self {
        Kind::Content(Content { mime: mime.into(), bytes, ..Content::default() }).into()
    }

    pub(crate) fn error(code: u16, html: &str) -> Self {
        Kind::ClientError { code, body: ErrorBody::Html(html.into()) }.into()
    }

    /// An answer with this status, of whatever kind the interface has for it.
    pub(crate) fn status(code: u16, html: String) -> Self {
        match code {
            200..=399 => {
                Kind::Content(Content { code, mime: "text/html".into(), bytes: html.into(), ..Content::default() })
            }
            400..=499 => Kind::ClientError { code, body: ErrorBody::Html(html) },
            _ => Kind::ServerError(ErrorBody::Html(html)),
        }
        .into()
    }

    pub(crate) fn write(self, mut out: response::Builder<'_>) -> Result<(), Error> {
        let mut cookies = out.reborrow().init_set_cookies(length(self.cookies.len()));
        for (index, cookie) in self.cookies.iter().enumerate() {
            let mut slot = cookies.reborrow().get(length(index));
            slot.set_name(&cookie.name);
            slot.set_value(&cookie.value);
            slot.set_http_only(true);
            if let Some(path) = &cookie.path {
                slot.set_path(path);
            }
            if let Some(age) = cookie.max_age {
                slot.get_expires().set_relative(age);
            }
        }
        let mut headers = out.reborrow().init_additional_headers(length(self.headers.len()));
        for (index, (name, value)) in self.headers.iter().enumerate() {
            let mut slot = headers.reborrow().get(length(index));
            slot.set_name(name);
            slot.set_value(value);
        }
        match self.kind {
            Kind::Content(content) => {
                let mut slot = out.init_content();
                slot.set_status_code(success(content.code));
                slot.set_mime_type(&content.mime);
                if !content.encoding.is_empty() {
                    slot.set_encoding(&content.encoding);
                }
                if !content.language.is_empty() {
                    slot.set_language(&content.language);
                }
                if let Some((value, weak)) = &content.etag {
                    let mut etag = slot.reborrow().init_e_tag();
                    etag.set_value(value);
                    etag.set_weak(*weak);
                }
                if let Some(name) = &content.download {
                    slot.reborrow().get_disposition().set_download(name);
                }
                slot.get_body().set_bytes(&content.bytes);
            }
            Kind::Stream(handle) => {
                let mut slot = out.init_content();
                slot.set_status_code(response::SuccessCode::Ok);
                slot.set_mime_type("application/octet-stream");
                slot.get_body().set_stream(handle);
            }
            Kind::NoContent { reset } => out.init_no_content().set_should_reset_form(reset),
            Kind::Precondition(etag) => {
                let slot = out.init_precondition_failed();
                if let Some((value, weak)) = etag {
                    let mut etag = slot.init_matching_e_tag();
                    etag.set_value(value);
                    etag.set_weak(weak);
                }
            }
            Kind::Redirect { permanent, get, to } => {
                let mut slot = out.init_redirect();
                slot.set_is_permanent(permanent);
                slot.set_switch_to_get(get);
                slot.set_location(to);
            }
            Kind::ClientError { code, body } => {
                let mut slot = out.init_client_error();
                slot.set_status_code(client_error(code));
                match body {
                    ErrorBody::None => {}
                    ErrorBody::Html(html) => slot.set_description_html(html),
                    ErrorBody::Json(json) => write_body(slot.init_non_html_body(), &json),
                }
            }
            Kind::ServerError(body) => {
                let mut slot = out.init_server_error();
                match body {
                    ErrorBody::None => {}
                    ErrorBody::Html(html) => slot.set_description_html(html),
                    ErrorBody::Json(json) => write_body(slot.init_non_html_body(), &json),
                }
            }
        }
        Ok(())
    }
}

fn write_body(mut body: response::error_body::Builder<'_>, json: &str) {
    body.set_data(json.as_bytes());
    body.set_mime_type("application/json");
}

fn length(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn success(code: u16) -> response::SuccessCode {
    use response::SuccessCode as Code;
    match code {
        201 => Code::Created,
        202 => Code::Accepted,
        204 => Code::NoContent,
        206 => Code::PartialContent,
        207 => Code::MultiStatus,
        304 => Code::NotModified,
        _ => Code::Ok,
    }
}

fn client_error(code: u16) -> response::ClientErrorCode {
    use response::ClientErrorCode as Code;
    match code {
        403 => Code::Forbidden,
        404 => Code::NotFound,
        405 => Code::MethodNotAllowed,
        406 => Code::NotAcceptable,
        409 => Code::Conflict,
        410 => Code::Gone,
        412 => Code::PreconditionFailed,
        413 => Code::RequestEntityTooLarge,
        414 => Code::RequestUriTooLong,
        415 => Code::UnsupportedMediaType,
        418 => Code::ImATeapot,
        422 => Code::UnprocessableEntity,
        _ => Code::BadRequest,
    }
}

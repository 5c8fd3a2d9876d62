//! What a handler answers, and how that becomes a `WebSession.Response`.

use std::fs::File;

use granary_wire::web_session_capnp::web_session::{
    self,
    response::{ClientErrorCode, SuccessCode},
};

/// The statuses that the starter apps use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "named after the HTTP status")]
pub enum Status {
    Ok,
    Created,
    BadRequest,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    Conflict,
    TooLarge,
    Failed,
}

/// The body of a successful answer.
#[derive(Debug)]
pub enum Body {
    /// Small content, sent with the answer.
    Bytes(Vec<u8>),
    /// A file, streamed with back-pressure.
    File {
        /// Opened for reading, at its start.
        file: File,
        /// Its length, announced before the first byte.
        size: u64,
    },
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub(crate) status: Status,
    pub(crate) mime: String,
    pub(crate) body: Body,
    pub(crate) etag: Option<String>,
    pub(crate) download: Option<String>,
}

impl Reply {
    /// A success with a body.
    #[must_use]
    pub fn new(mime: &str, body: Body) -> Self {
        Self { status: Status::Ok, mime: mime.to_owned(), body, etag: None, download: None }
    }

    /// A success with small content.
    #[must_use]
    pub fn bytes(mime: &str, bytes: impl Into<Vec<u8>>) -> Self {
        Self::new(mime, Body::Bytes(bytes.into()))
    }

    /// A refusal, with a sentence for the person.
    #[must_use]
    pub fn error(status: Status, sentence: &str) -> Self {
        Self { status, ..Self::bytes("text/plain; charset=utf-8", sentence) }
    }

    /// The same answer with another status.
    #[must_use]
    pub fn with_status(self, status: Status) -> Self {
        Self { status, ..self }
    }

    /// The same answer with a strong entity tag; the session answers "not modified" by itself.
    #[must_use]
    pub fn with_etag(self, etag: impl Into<String>) -> Self {
        Self { etag: Some(etag.into()), ..self }
    }

    /// The same answer, to be saved under this name instead of shown.
    #[must_use]
    pub fn as_download(self, name: &str) -> Self {
        Self { download: Some(name.to_owned()), ..self }
    }

    /// Fills in everything but a streamed body, which is returned with its size.
    pub(crate) fn write(self, mut out: web_session::response::Builder<'_>) -> Option<(File, u64)> {
        let success = match self.status {
            Status::Ok => SuccessCode::Ok,
            Status::Created => SuccessCode::Created,
            refused => {
                self.write_error(refused, out);
                return None;
            }
        };
        let mut content = out.reborrow().init_content();
        content.set_status_code(success);
        content.set_mime_type(self.mime.as_str());
        if let Some(etag) = &self.etag {
            content.reborrow().init_e_tag().set_value(etag.as_str());
        }
        if let Some(name) = &self.download {
            content.reborrow().get_disposition().set_download(name.as_str());
        }
        match self.body {
            Body::Bytes(bytes) => {
                content.get_body().set_bytes(&bytes);
                None
            }
            Body::File { file, size } => Some((file, size)),
        }
    }

    fn write_error(&self, status: Status, mut out: web_session::response::Builder<'_>) {
        let code = match status {
            Status::Failed => {
                let mut body = out.init_server_error().init_non_html_body();
                body.set_mime_type(self.mime.as_str());
                if let Body::Bytes(bytes) = &self.body {
                    body.set_data(bytes);
                }
                return;
            }
            Status::Forbidden => ClientErrorCode::Forbidden,
            Status::NotFound => ClientErrorCode::NotFound,
            Status::MethodNotAllowed => ClientErrorCode::MethodNotAllowed,
            Status::Conflict => ClientErrorCode::Conflict,
            Status::TooLarge => ClientErrorCode::RequestEntityTooLarge,
            Status::Ok | Status::Created | Status::BadRequest => ClientErrorCode::BadRequest,
        };
        let mut error = out.reborrow().init_client_error();
        error.set_status_code(code);
        let mut body = error.init_non_html_body();
        body.set_mime_type(self.mime.as_str());
        if let Body::Bytes(bytes) = &self.body {
            body.set_data(bytes);
        }
    }
}

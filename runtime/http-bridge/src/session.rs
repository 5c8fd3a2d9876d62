//! A session: each method becomes a request to the app.

use std::rc::Rc;

use capnp::capability::Results;
use granary_wire::api_session_capnp::api_session;
use granary_wire::grain_capnp::ui_session;
use granary_wire::web_session_capnp::web_session::{self, PropfindDepth, context};

use crate::app::{App, Reply};
use crate::http::{Method, RequestHead};
use crate::log::log;
use crate::request::{Standing, add_context, refuse};
use crate::response::{Answer, Asked, answer, answer_options};
use crate::upload::Upload;
use crate::websocket;

/// What all sessions share.
pub(crate) struct Shared {
    pub(crate) app: Rc<App>,
    /// Header names that requests may pass on.
    pub(crate) request_names: Vec<String>,
}

/// One visitor's way to the app.
pub(crate) struct Session {
    shared: Rc<Shared>,
    standing: Standing,
    /// What stands before each path: `/`, or the path of the API.
    root: String,
}

const XML: &str = "application/xml; charset=utf-8";

/// The parts of a request beyond its path and context.
#[derive(Default)]
struct Extra<'a> {
    mime_type: &'a [u8],
    encoding: &'a [u8],
    /// `None` for methods that have no body.
    body: Option<&'a [u8]>,
    headers: &'a [(&'static str, &'a [u8])],
}

impl<'a> Extra<'a> {
    fn xml(text: &'a str, headers: &'a [(&'static str, &'a [u8])]) -> Self {
        Extra { mime_type: XML.as_bytes(), encoding: b"", body: Some(text.as_bytes()), headers }
    }
}

impl Session {
    pub(crate) fn new(shared: Rc<Shared>, standing: Standing, root: String) -> Self {
        Self { shared, standing, root }
    }

    /// The head of a request, up to the place where the headers end.
    fn head(
        &self,
        method: &str,
        path: capnp::text::Reader<'_>,
        context: context::Reader<'_>,
        first: impl FnOnce(&mut RequestHead) -> Result<(), crate::http::Error>,
    ) -> capnp::Result<RequestHead> {
        let mut head = RequestHead::new(method, &self.root, path.as_bytes()).map_err(refuse)?;
        first(&mut head).map_err(refuse)?;
        head.append(&self.standing.headers);
        add_context(&mut head, context, &self.shared.request_names)?;
        Ok(head)
    }

    async fn exchange(
        &self,
        method: Method,
        path: capnp::text::Reader<'_>,
        context: context::Reader<'_>,
        extra: Extra<'_>,
    ) -> capnp::Result<Reply> {
        let head = self.head(method.name(), path, context, |head| {
            if let Some(body) = extra.body {
                content_headers(head, extra.mime_type, extra.encoding)?;
                head.number("Content-Length", body.len());
            }
            for (name, value) in extra.headers {
                head.header(name, value)?;
            }
            Ok(())
        })?;
        let reply = self.shared.app.exchange(method, head, extra.body.unwrap_or_default()).await;
        reply.map_err(|error| {
            log!("{} {}: {error}", method.name(), String::from_utf8_lossy(path.as_bytes()));
            error.into()
        })
    }

    async fn perform(
        &self,
        method: Method,
        path: capnp::text::Reader<'_>,
        context: context::Reader<'_>,
        extra: Extra<'_>,
        results: Answer,
    ) -> capnp::Result<()> {
        let asked = asked(path, context)?;
        let reply = self.exchange(method, path, context, extra).await?;
        let shown = asked.path.clone();
        answer(reply, asked, results).await.inspect_err(|error| log!("{} {shown}: {}", method.name(), error.extra))
    }

    fn upload(
        &self,
        method: Method,
        path: capnp::text::Reader<'_>,
        context: context::Reader<'_>,
        mime_type: capnp::text::Reader<'_>,
        encoding: capnp::text::Reader<'_>,
    ) -> capnp::Result<web_session::request_stream::Client> {
        let head = self.head(method.name(), path, context, |head| {
            content_headers(head, mime_type.as_bytes(), encoding.as_bytes())
        })?;
        let upload = Upload::new(Rc::clone(&self.shared.app), head, method, asked(path, context)?);
        Ok(capnp_rpc::new_client(upload))
    }

    /// `Destination` as the original bridge writes it, except that a path does not run into the host's name.
    fn destination(&self, path: &str) -> String {
        let base = &self.standing.base_path;
        let slash = if base.is_empty() || base.ends_with('/') || path.starts_with('/') { "" } else { "/" };
        format!("{base}{slash}{path}")
    }
}

fn content_headers(head: &mut RequestHead, mime_type: &[u8], encoding: &[u8]) -> Result<(), crate::http::Error> {
    if !mime_type.is_empty() {
        head.header("Content-Type", mime_type)?;
    }
    if !encoding.is_empty() {
        head.header("Content-Encoding", encoding)?;
    }
    Ok(())
}

fn asked(path: capnp::text::Reader<'_>, context: context::Reader<'_>) -> capnp::Result<Asked> {
    let stream = if context.has_response_stream() { Some(context.get_response_stream()?) } else { None };
    Ok(Asked { stream, path: String::from_utf8_lossy(path.as_bytes()).into_owned() })
}

fn depth(shallow: bool) -> &'static [u8] {
    if shallow { b"0" } else { b"infinity" }
}

fn overwrite(refused: bool) -> &'static [u8] {
    if refused { b"F" } else { b"T" }
}

impl ui_session::Server for Session {}
impl api_session::Server for Session {}

/// `post`, `put` and their like: a method with a content.
macro_rules! with_content {
    ($($name:ident: $params:ident, $results:ident => $method:ident;)*) => {
        $(async fn $name(
            self: Rc<Self>,
            params: web_session::$params,
            results: web_session::$results,
        ) -> capnp::Result<()> {
            let params = params.get()?;
            let content = params.get_content()?;
            let extra = Extra {
                mime_type: content.get_mime_type()?.as_bytes(),
                encoding: content.get_encoding()?.as_bytes(),
                body: Some(content.get_content()?),
                headers: &[],
            };
            self.perform(Method::$method, params.get_path()?, params.get_context()?, extra, results).await
        })*
    };
}

impl web_session::Server for Session {
    async fn get(
        self: Rc<Self>,
        params: web_session::GetParams,
        results: web_session::GetResults,
    ) -> capnp::Result<()> {
        let params = params.get()?;
        let method = if params.get_ignore_body() { Method::Head } else { Method::Get };
        self.perform(method, params.get_path()?, params.get_context()?, Extra::default(), results).await
    }

    with_content! {
        post: PostParams, PostResults => Post;
        put: PutParams, PutResults => Put;
        patch: PatchParams, PatchResults => Patch;
        mkcol: MkcolParams, MkcolResults => Mkcol;
        report: ReportParams, ReportResults => Report;
    }

    async fn delete(
        self: Rc<Self>,
        params: web_session::DeleteParams,
        results: web_session::DeleteResults,
    ) -> capnp::Result<()> {
        let params = params.get()?;
        self.perform(Method::Delete, params.get_path()?, params.get_context()?, Extra::default(), results).await
    }

    async fn post_streaming(
        self: Rc<Self>,
        params: web_session::PostStreamingParams,
        mut results: web_session::PostStreamingResults,
    ) -> capnp::Result<()> {
        let params = params.get()?;
        let (path, context) = (params.get_path()?, params.get_context()?);
        let stream = self.upload(Method::Post, path, context, params.get_mime_type()?, params.get_encoding()?)?;
        results.get().set_stream(stream);
        Ok(())
    }

    async fn put_streaming(
        self: Rc<Self>,
        params: web_session::PutStreamingParams,
        mut results: web_session::PutStreamingResults,
    ) -> capnp::Result<()> {
        let params = params.get()?;
        let (path, context) = (params.get_path()?, params.get_context()?);
        let stream = self.upload(Method::Put, path, context, params.get_mime_type()?, params.get_encoding()?)?;
        results.get().set_stream(stream);
        Ok(())
    }

    async fn open_web_socket(
        self: Rc<Self>,
        params: web_session::OpenWebSocketParams,
        mut results: web_session::OpenWebSocketResults,
    ) -> capnp::Result<()> {
        let params = params.get()?;
        let mut protocols = Vec::new();
        for protocol in params.get_protocol()? {
            protocols.push(protocol?.as_bytes());
        }
        let path = params.get_path()?;
        let head = self.head("GET", path, params.get_context()?, |head| websocket::headers(head, &protocols))?;
        let (stream, protocol) = websocket::open(&self.shared.app, head, params.get_client_stream()?)
            .await
            .inspect_err(|error| log!("WebSocket {}: {error}", String::from_utf8_lossy(path.as_bytes())))?;
        let mut results = results.get();
        let accepted = protocol.split(',').map(str::trim).filter(|word| !word.is_empty()).collect::<Vec<_>>();
        let mut list = results.reborrow().init_protocol(u32::try_from(accepted.len()).unwrap_or(0));
        for (i, word) in (0..).zip(accepted) {
            list.set(i, word);
        }
        results.set_server_stream(stream);
        Ok(())
    }

    async fn propfind(
        self: Rc<Self>,
        params: web_session::PropfindParams,
        results: web_session::PropfindResults,
    ) -> capnp::Result<()> {
        let params = params.get()?;
        let depth: &[u8] = match params.get_depth()? {
            PropfindDepth::Zero => b"0",
            PropfindDepth::One => b"1",
            PropfindDepth::Infinity => b"infinity",
        };
        let headers = [("Depth", depth)];
        let extra = Extra::xml(params.get_xml_content()?.to_str()?, &headers);
        self.perform(Method::Propfind, params.get_path()?, params.get_context()?, extra, results).await
    }

    async fn proppatch(
        self: Rc<Self>,
        params: web_session::ProppatchParams,
        results: web_session::ProppatchResults,
    ) -> capnp::Result<()> {
        let params = params.get()?;
        let extra = Extra::xml(params.get_xml_content()?.to_str()?, &[]);
        self.perform(Method::Proppatch, params.get_path()?, params.get_context()?, extra, results).await
    }

    async fn acl(
        self: Rc<Self>,
        params: web_session::AclParams,
        results: web_session::AclResults,
    ) -> capnp::Result<()> {
        let params = params.get()?;
        let extra = Extra::xml(params.get_xml_content()?.to_str()?, &[]);
        self.perform(Method::Acl, params.get_path()?, params.get_context()?, extra, results).await
    }

    async fn lock(
        self: Rc<Self>,
        params: web_session::LockParams,
        results: web_session::LockResults,
    ) -> capnp::Result<()> {
        let params = params.get()?;
        let headers = [("Depth", depth(params.get_shallow()))];
        let extra = Extra::xml(params.get_xml_content()?.to_str()?, &headers);
        self.perform(Method::Lock, params.get_path()?, params.get_context()?, extra, results).await
    }

    async fn unlock(
        self: Rc<Self>,
        params: web_session::UnlockParams,
        results: web_session::UnlockResults,
    ) -> capnp::Result<()> {
        let params = params.get()?;
        let headers = [("Lock-Token", params.get_lock_token()?.as_bytes())];
        let extra = Extra { headers: &headers, ..Extra::default() };
        self.perform(Method::Unlock, params.get_path()?, params.get_context()?, extra, results).await
    }

    async fn copy(
        self: Rc<Self>,
        params: web_session::CopyParams,
        results: web_session::CopyResults,
    ) -> capnp::Result<()> {
        let params = params.get()?;
        let destination = self.destination(params.get_destination()?.to_str()?);
        let headers = [
            ("Destination", destination.as_bytes()),
            ("Overwrite", overwrite(params.get_no_overwrite())),
            ("Depth", depth(params.get_shallow())),
        ];
        let extra = Extra { headers: &headers, ..Extra::default() };
        self.perform(Method::Copy, params.get_path()?, params.get_context()?, extra, results).await
    }

    async fn move_(
        self: Rc<Self>,
        params: web_session::MoveParams,
        results: web_session::MoveResults,
    ) -> capnp::Result<()> {
        let params = params.get()?;
        let destination = self.destination(params.get_destination()?.to_str()?);
        let headers = [("Destination", destination.as_bytes()), ("Overwrite", overwrite(params.get_no_overwrite()))];
        let extra = Extra { headers: &headers, ..Extra::default() };
        self.perform(Method::Move, params.get_path()?, params.get_context()?, extra, results).await
    }

    async fn options(
        self: Rc<Self>,
        params: web_session::OptionsParams,
        results: Results<web_session::options::Owned>,
    ) -> capnp::Result<()> {
        let params = params.get()?;
        let reply = self.exchange(Method::Options, params.get_path()?, params.get_context()?, Extra::default()).await?;
        answer_options(reply, results).await
    }
}

//! A web session: every method of the interface, and what each path does.

use std::rc::Rc;
use std::time::Duration;

use capnp::Error;
use granary_wire::grain_capnp::{session_context, ui_session, ui_view};
use granary_wire::util_capnp::byte_stream;
use granary_wire::web_session_capnp::web_session::{self, context};
use serde_json::{Map, Value, json};

use crate::reply::{Content, Cookie, ETag, ErrorBody, Kind, Reply};
use crate::upload::{Upload, download};
use crate::{Api, probe, raw, websocket};

pub(crate) struct Session {
    pub(crate) api: Api,
    pub(crate) context: session_context::Client,
    pub(crate) who: Who,
}

/// What the platform said of the user when it opened the session.
pub(crate) struct Who(Value);

impl Who {
    pub(crate) fn read(params: &ui_view::new_session_params::Reader<'_>) -> Result<Self, Error> {
        let user = params.get_user_info()?;
        let web: web_session::params::Reader<'_> = params.get_session_params().get_as()?;
        let languages: Result<Vec<_>, Error> =
            web.get_acceptable_languages()?.iter().map(|text| Ok(text?.to_string()?)).collect();
        Ok(Self(json!({
            "displayName": user.get_display_name()?.get_default_text()?.to_string()?,
            "preferredHandle": user.get_preferred_handle()?.to_string()?,
            "pictureUrl": user.get_picture_url()?.to_string()?,
            "identityId": user.has_identity_id().then(|| user.get_identity_id().map(hex)).transpose()?,
            "hasIdentity": user.has_identity(),
            "permissions": user.get_permissions()?.iter().collect::<Vec<bool>>(),
            "deprecatedPermissions": hex(user.get_deprecated_permissions_blob()?),
            "basePath": web.get_base_path()?.to_string()?,
            "userAgent": web.get_user_agent()?.to_string()?,
            "acceptableLanguages": languages?,
            "tabId": hex(params.get_tab_id()?),
        })))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A request, whatever method it came by.
struct Request {
    method: &'static str,
    path: String,
    query: Map<String, Value>,
    raw_query: String,
    context: Value,
    condition: Condition,
    stream: Option<byte_stream::Client>,
    extra: Map<String, Value>,
    body: Vec<u8>,
}

enum Condition {
    None,
    Exists,
    Missing,
    One(Vec<ETag>),
    NoneOf(Vec<ETag>),
}

impl Request {
    fn new(
        method: &'static str,
        target: capnp::Result<capnp::text::Reader<'_>>,
        context: capnp::Result<context::Reader<'_>>,
    ) -> Result<Self, Error> {
        let target = target?.to_string()?;
        let context = context?;
        let (path, raw_query) = target.split_once('?').unwrap_or((&target, ""));
        let query = raw_query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                (decode(key), Value::String(decode(value)))
            })
            .collect();
        let (condition, etag) = read_condition(context)?;
        Ok(Self {
            method,
            path: path.to_owned(),
            query,
            raw_query: raw_query.to_owned(),
            context: read_context(context, &etag)?,
            condition,
            stream: context.has_response_stream().then(|| context.get_response_stream()).transpose()?,
            extra: Map::new(),
            body: Vec::new(),
        })
    }

    fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.extra.insert(name.into(), value.into());
        self
    }

    fn content(
        self,
        mime: capnp::Result<capnp::text::Reader<'_>>,
        encoding: capnp::Result<capnp::text::Reader<'_>>,
        body: capnp::Result<&[u8]>,
    ) -> Result<Self, Error> {
        let mut request = self.with("mimeType", mime?.to_string()?).with("encoding", encoding?.to_string()?);
        request.body = body?.to_vec();
        Ok(request)
    }

    fn text(&self, name: &str) -> String {
        self.query.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    fn number(&self, name: &str, default: u64) -> u64 {
        self.query.get(name).and_then(Value::as_str).and_then(|text| text.parse().ok()).unwrap_or(default)
    }

    fn describe(&self) -> Value {
        let mut all = Map::new();
        all.insert("method".into(), self.method.into());
        all.insert("path".into(), self.path.clone().into());
        all.insert("query".into(), self.raw_query.clone().into());
        all.insert("body".into(), String::from_utf8_lossy(&self.body).into());
        if let Value::Object(context) = &self.context {
            all.extend(context.clone());
        }
        all.extend(self.extra.clone());
        Value::Object(all)
    }
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next().unwrap_or(b'0'), rest.next().unwrap_or(b'0')];
                std::str::from_utf8(&digits).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok()).unwrap_or(b'?')
            }
            b'+' => b' ',
            byte => byte,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn read_tags(list: capnp::struct_list::Reader<'_, web_session::e_tag::Owned>) -> Result<Vec<ETag>, Error> {
    list.iter().map(|tag| Ok((tag.get_value()?.to_string()?, tag.get_weak()))).collect()
}

fn read_condition(context: context::Reader<'_>) -> Result<(Condition, Value), Error> {
    use context::e_tag_precondition::Which;
    Ok(match context.get_e_tag_precondition().which()? {
        Which::None(()) => (Condition::None, Value::Null),
        Which::Exists(()) => (Condition::Exists, "exists".into()),
        Which::DoesntExist(()) => (Condition::Missing, "doesntExist".into()),
        Which::MatchesOneOf(list) => {
            let tags = read_tags(list?)?;
            (Condition::One(tags.clone()), json!({ "matchesOneOf": tags }))
        }
        Which::MatchesNoneOf(list) => {
            let tags = read_tags(list?)?;
            (Condition::NoneOf(tags.clone()), json!({ "matchesNoneOf": tags }))
        }
    })
}

fn read_context(context: context::Reader<'_>, etag: &Value) -> Result<Value, Error> {
    let mut cookies = Vec::new();
    for cookie in context.get_cookies()? {
        cookies.push(json!([cookie.get_key()?.to_string()?, cookie.get_value()?.to_string()?]));
    }
    let mut headers = Vec::new();
    for header in context.get_additional_headers()? {
        headers.push(json!([header.get_name()?.to_string()?, header.get_value()?.to_string()?]));
    }
    let mut accept = Vec::new();
    for kind in context.get_accept()? {
        accept.push(json!([kind.get_mime_type()?.to_string()?, kind.get_q_value()]));
    }
    let mut codings = Vec::new();
    for coding in context.get_accept_encoding()? {
        codings.push(json!([coding.get_content_coding()?.to_string()?, coding.get_q_value()]));
    }
    Ok(json!({
        "cookies": cookies, "headers": headers, "accept": accept, "acceptEncoding": codings, "etag": etag,
        "hasResponseStream": context.has_response_stream(),
    }))
}

impl Session {
    async fn answer(&self, request: Request) -> Result<Reply, Error> {
        let n = |name: &str, default: u64| request.number(name, default);
        Ok(match request.path.as_str() {
            "" => Reply::html(page()),
            "echo" => Reply::json(&request.describe()),
            "stream" | "stream-abort" => {
                let to = request.stream.clone().ok_or_else(|| Error::failed("no response stream".into()))?;
                let finish = request.path == "stream";
                let chunk = n("chunk", 64 << 10).max(1);
                Kind::Stream(download(to, n("bytes", 0), chunk, n("expect", 1) == 1, finish)).into()
            }
            "bytes" => Reply::bytes(
                "application/octet-stream",
                (0..n("n", 0)).map(|i| u8::try_from(i % 251).unwrap_or(0)).collect(),
            ),
            "upload" => {
                let upload = Upload::new(request.describe());
                upload.add(&request.body);
                upload.report()
            }
            "cookie" => {
                let path = request.query.contains_key("path").then(|| request.text("path"));
                let max_age = request.query.contains_key("maxage").then(|| n("maxage", 0));
                let cookie = Cookie { name: request.text("name"), value: request.text("value"), path, max_age };
                Reply { cookies: vec![cookie], ..Reply::text("cookie set") }
            }
            "etag" => tagged(&request),
            "redirect" => {
                let code = n("code", 302);
                Kind::Redirect {
                    permanent: matches!(code, 301 | 308),
                    get: matches!(code, 301..=303),
                    to: request.text("to"),
                }
                .into()
            }
            "status" => Reply::status(u16::try_from(n("code", 200)).unwrap_or(500), request.text("html")),
            "error-body" => {
                let body = ErrorBody::Json("{\"error\":\"told to\"}".into());
                let code = u16::try_from(n("code", 400)).unwrap_or(500);
                if code < 500 { Kind::ClientError { code, body } } else { Kind::ServerError(body) }.into()
            }
            "empty-error" => Kind::ClientError { code: 404, body: ErrorBody::None }.into(),
            "no-content" => Kind::NoContent { reset: n("reset", 0) == 1 }.into(),
            "download" => {
                content(Content { download: Some(request.text("name")), bytes: b"downloaded".to_vec(), ..text() })
            }
            "gzip" => content(Content { encoding: "gzip".into(), bytes: GZIP.to_vec(), ..text() }),
            "language" => content(Content { language: "de".into(), bytes: b"Guten Tag".to_vec(), ..text() }),
            "header" => {
                Reply { headers: vec![(request.text("name"), request.text("value"))], ..Reply::text("header sent") }
            }
            "count" => {
                let count = counter() + 1;
                std::fs::write("/var/count", count.to_string()).map_err(|error| Error::failed(error.to_string()))?;
                Reply::text(count.to_string())
            }
            "counter" => Reply::text(counter().to_string()),
            "write" => {
                let bytes = vec![0x5a; usize::try_from(n("bytes", 0)).unwrap_or(0)];
                told(std::fs::write(format!("/var/{}", request.text("name")), bytes))
            }
            "mkdirs" => {
                told((0..n("n", 0)).try_for_each(|i| std::fs::create_dir_all(format!("/var/dirs/{}/{i}", i / 1000))))
            }
            "unlinked" => told(unlinked(n("bytes", 0), &request.text("how"))),
            "read" => {
                Reply::text(std::fs::read_to_string(request.text("path")).unwrap_or_else(|error| error.to_string()))
            }
            "whoami" => Reply::json(&self.who.0),
            "api" => Reply::json(&probe::every_method(&self.api, &self.context).await),
            "log" => {
                for _ in 0..n("n", 1) {
                    if n("err", 0) == 1 { eprintln!("{}", request.text("text")) } else { put(&request.text("text")) }
                }
                Reply::text("logged")
            }
            "crash" => crash(&request.text("how"), i32::try_from(n("code", 1)).unwrap_or(1)),
            "hang" => std::future::pending().await,
            "sleep" => {
                tokio::time::sleep(Duration::from_millis(n("ms", 0))).await;
                Reply::text("slept")
            }
            "spin" => {
                std::thread::sleep(Duration::from_millis(n("ms", 0)));
                Reply::text("spun")
            }
            "throw" => return Err(thrown(&request.text("kind"), request.text("text"))),
            "spam" => Reply::json(&probe::spam(&self.api, usize::try_from(n("calls", 1)).unwrap_or(1)).await),
            "spam-forever" => {
                probe::spam_forever(&self.api, usize::try_from(n("window", 1000)).unwrap_or(1));
                Reply::text("started")
            }
            "never-finish" => {
                raw::bootstraps(u32::try_from(n("calls", 1)).unwrap_or(1));
                Reply::text("started")
            }
            "raw" => {
                raw::send(&request.text("kind"));
                Reply::text("sent")
            }
            "stop-reading" => crate::boot::park(),
            "close-api" => {
                raw::close();
                crate::boot::park()
            }
            _ => Reply::error(404, "There is nothing here."),
        })
    }

    async fn respond(&self, request: Request, out: web_session::response::Builder<'_>) -> Result<(), Error> {
        self.answer(request).await?.write(out)
    }
}

fn page() -> String {
    format!(
        "<!doctype html><html lang=en><title>Raw app</title><h1>Raw app</h1><p id=count>{}</p>\
         <form method=post action=echo><input name=text><button>Send</button></form></html>",
        counter()
    )
}

fn counter() -> u64 {
    std::fs::read_to_string("/var/count").ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

fn text() -> Content {
    Content { mime: "text/plain; charset=UTF-8".into(), ..Content::default() }
}

fn content(content: Content) -> Reply {
    Kind::Content(content).into()
}

fn told(result: std::io::Result<()>) -> Reply {
    Reply::text(result.map_or_else(|error| error.to_string(), |()| "done".to_owned()))
}

fn put(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// A file that `ls` does not show: it is deleted at once and stays open, or is kept by a mapping of its first page alone.
fn unlinked(bytes: u64, how: &str) -> std::io::Result<()> {
    use std::io::Write;
    let mut file = std::fs::File::options().create(true).truncate(true).read(true).write(true).open("/var/unlinked")?;
    std::fs::remove_file("/var/unlinked")?;
    if how == "mapped" {
        use nix::sys::mman::{MapFlags, ProtFlags, mmap};
        // At once, so that nobody sees it open.
        let size = bytes.try_into().map_err(|_| std::io::ErrorKind::InvalidInput)?;
        nix::fcntl::fallocate(&file, nix::fcntl::FallocateFlags::empty(), 0, size)?;
        let page = std::num::NonZeroUsize::new(4096).ok_or(std::io::ErrorKind::InvalidInput)?;
        // SAFETY: a fresh mapping, whose address nobody uses.
        unsafe { mmap(None, page, ProtFlags::PROT_READ, MapFlags::MAP_SHARED, &file, 0) }?;
        return Ok(());
    }
    let block = vec![0x5a_u8; 1 << 20];
    for _ in 0..bytes.div_ceil(1 << 20) {
        file.write_all(&block)?;
    }
    std::mem::forget(file);
    Ok(())
}

fn tagged(request: &Request) -> Reply {
    let own: ETag = (request.text("v"), request.number("weak", 0) == 1);
    let holds = match &request.condition {
        Condition::None | Condition::Exists => true,
        Condition::Missing => false,
        Condition::One(tags) => tags.iter().any(|tag| tag.0 == own.0),
        Condition::NoneOf(tags) => tags.iter().all(|tag| tag.0 != own.0),
    };
    if holds {
        content(Content { etag: Some(own), bytes: b"tagged".to_vec(), ..text() })
    } else {
        Kind::Precondition(Some(own)).into()
    }
}

fn thrown(kind: &str, text: String) -> Error {
    match kind {
        "overloaded" => Error::overloaded(text),
        "disconnected" => Error::disconnected(text),
        "unimplemented" => Error::unimplemented(text),
        _ => Error::failed(text),
    }
}

fn crash(how: &str, code: i32) -> ! {
    match how {
        "exit" => std::process::exit(code),
        // SAFETY: it ends this process and nothing else.
        "segv" => unsafe {
            libc::signal(libc::SIGSEGV, libc::SIG_DFL);
            libc::kill(libc::getpid(), libc::SIGSEGV);
            libc::_exit(code)
        },
        _ => std::process::abort(),
    }
}

/// `printf hello | gzip -n`.
const GZIP: &[u8] = &[
    0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 0x03, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0, 0x86, 0xa6, 0x10, 0x36, 0x05, 0,
    0, 0,
];

impl ui_session::Server for Session {}

/// A method whose request has nothing but path and context.
macro_rules! plain {
    ($method:ident, $params:ident, $results:ident, $name:literal $(, $field:literal = $read:expr)*) => {
        async fn $method(
            self: Rc<Self>,
            params: web_session::$params,
            mut results: web_session::$results,
        ) -> Result<(), Error> {
            let params = params.get()?;
            #[allow(clippy::redundant_closure_call)]
            let request = Request::new($name, params.get_path(), params.get_context())?$(.with($field, ($read)(params)?))*;
            self.respond(request, results.get()).await
        }
    };
}

/// A method whose request has a body.
macro_rules! body {
    ($method:ident, $params:ident, $results:ident, $name:literal) => {
        async fn $method(
            self: Rc<Self>,
            params: web_session::$params,
            mut results: web_session::$results,
        ) -> Result<(), Error> {
            let params = params.get()?;
            let content = params.get_content()?;
            let request = Request::new($name, params.get_path(), params.get_context())?.content(
                content.get_mime_type(),
                content.get_encoding(),
                content.get_content(),
            )?;
            self.respond(request, results.get()).await
        }
    };
}

/// A method whose body streams.
macro_rules! streaming {
    ($method:ident, $params:ident, $results:ident, $name:literal) => {
        async fn $method(
            self: Rc<Self>,
            params: web_session::$params,
            mut results: web_session::$results,
        ) -> Result<(), Error> {
            let params = params.get()?;
            let request = Request::new($name, params.get_path(), params.get_context())?
                .with("mimeType", params.get_mime_type()?.to_string()?)
                .with("encoding", params.get_encoding()?.to_string()?);
            if request.path == "no-streaming" {
                return Err(Error::unimplemented("this path does not stream".into()));
            }
            results.get().set_stream(capnp_rpc::new_client(Upload::new(request.describe())));
            Ok(())
        }
    };
}

impl web_session::Server for Session {
    plain!(
        get,
        GetParams,
        GetResults,
        "GET",
        "ignoreBody" = |p: web_session::get_params::Reader<'_>| Ok::<_, Error>(p.get_ignore_body())
    );
    plain!(delete, DeleteParams, DeleteResults, "DELETE");
    plain!(
        propfind,
        PropfindParams,
        PropfindResults,
        "PROPFIND",
        "xml" = |p: web_session::propfind_params::Reader<'_>| Ok::<_, Error>(p.get_xml_content()?.to_string()?),
        "depth" = |p: web_session::propfind_params::Reader<'_>| Ok::<_, Error>(match p.get_depth()? {
            web_session::PropfindDepth::Infinity => "infinity",
            web_session::PropfindDepth::Zero => "0",
            web_session::PropfindDepth::One => "1",
        })
    );
    plain!(
        proppatch,
        ProppatchParams,
        ProppatchResults,
        "PROPPATCH",
        "xml" = |p: web_session::proppatch_params::Reader<'_>| Ok::<_, Error>(p.get_xml_content()?.to_string()?)
    );
    plain!(
        copy,
        CopyParams,
        CopyResults,
        "COPY",
        "destination" = |p: web_session::copy_params::Reader<'_>| Ok::<_, Error>(p.get_destination()?.to_string()?),
        "noOverwrite" = |p: web_session::copy_params::Reader<'_>| Ok::<_, Error>(p.get_no_overwrite()),
        "shallow" = |p: web_session::copy_params::Reader<'_>| Ok::<_, Error>(p.get_shallow())
    );
    plain!(
        move_,
        MoveParams,
        MoveResults,
        "MOVE",
        "destination" = |p: web_session::move_params::Reader<'_>| Ok::<_, Error>(p.get_destination()?.to_string()?),
        "noOverwrite" = |p: web_session::move_params::Reader<'_>| Ok::<_, Error>(p.get_no_overwrite())
    );
    plain!(
        lock,
        LockParams,
        LockResults,
        "LOCK",
        "xml" = |p: web_session::lock_params::Reader<'_>| Ok::<_, Error>(p.get_xml_content()?.to_string()?),
        "shallow" = |p: web_session::lock_params::Reader<'_>| Ok::<_, Error>(p.get_shallow())
    );
    plain!(
        unlock,
        UnlockParams,
        UnlockResults,
        "UNLOCK",
        "lockToken" = |p: web_session::unlock_params::Reader<'_>| Ok::<_, Error>(p.get_lock_token()?.to_string()?)
    );
    plain!(
        acl,
        AclParams,
        AclResults,
        "ACL",
        "xml" = |p: web_session::acl_params::Reader<'_>| Ok::<_, Error>(p.get_xml_content()?.to_string()?)
    );
    body!(post, PostParams, PostResults, "POST");
    body!(put, PutParams, PutResults, "PUT");
    body!(patch, PatchParams, PatchResults, "PATCH");
    body!(mkcol, MkcolParams, MkcolResults, "MKCOL");
    body!(report, ReportParams, ReportResults, "REPORT");
    streaming!(post_streaming, PostStreamingParams, PostStreamingResults, "POST");
    streaming!(put_streaming, PutStreamingParams, PutStreamingResults, "PUT");

    async fn options(
        self: Rc<Self>,
        params: web_session::OptionsParams,
        mut results: web_session::OptionsResults,
    ) -> Result<(), Error> {
        if params.get()?.get_path()?.to_str()?.starts_with("no-dav") {
            return Err(Error::unimplemented("no DAV here".into()));
        }
        let mut options = results.get();
        options.set_dav_class1(true);
        options.set_dav_class2(true);
        options.init_dav_extensions(1).set(0, "x-raw");
        Ok(())
    }

    async fn open_web_socket(
        self: Rc<Self>,
        params: web_session::OpenWebSocketParams,
        mut results: web_session::OpenWebSocketResults,
    ) -> Result<(), Error> {
        let params = params.get()?;
        let request = Request::new("GET", params.get_path(), params.get_context())?;
        let client = params.get_client_stream()?;
        let mut results = results.get();
        if let Some(first) = params.get_protocol()?.iter().next() {
            results.reborrow().init_protocol(1).set(0, first?);
        }
        results.set_server_stream(match request.path.as_str() {
            "ws-echo" => capnp_rpc::new_client(websocket::Echo::new(client)),
            "ws-push" => {
                websocket::push(client, request.number("n", 1), Duration::from_millis(request.number("ms", 0)));
                capnp_rpc::new_client(websocket::Sink)
            }
            _ => return Err(Error::failed("no WebSocket here".into())),
        });
        Ok(())
    }
}

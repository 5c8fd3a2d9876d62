//! One visitor's session: `WebSession` calls become the app's handlers, and what is long is streamed.

use std::{cell::RefCell, fs::File, io::Read, rc::Rc};

use capnp::Error;
use granary_wire::{
    grain_capnp::ui_session,
    util_capnp::{byte_stream, handle},
    web_session_capnp::web_session::{self, context, request_stream},
};
use tokio::sync::watch;

use crate::{App, Reply, Request, Status, Upload, Visitor, socket};

/// How much of a file is read and sent at a time.
const CHUNK: usize = 64 * 1024;

pub(crate) struct Session<A> {
    app: Rc<A>,
    visitor: Rc<Visitor>,
}

impl<A: App> Session<A> {
    pub(crate) fn new(app: Rc<A>, visitor: Visitor) -> Self {
        Self { app, visitor: Rc::new(visitor) }
    }
}

fn text(reader: capnp::text::Reader<'_>) -> capnp::Result<&str> {
    reader.to_str().map_err(|e| Error::failed(e.to_string()))
}

fn request(path: capnp::text::Reader<'_>, context: context::Reader<'_>) -> capnp::Result<Request> {
    use context::e_tag_precondition::Which;
    let mut tags = Vec::new();
    if let Ok(Which::MatchesNoneOf(list)) = context.get_e_tag_precondition().which() {
        for tag in list? {
            tags.push(text(tag.get_value()?)?.to_owned());
        }
    }
    Ok(Request::new(text(path)?, tags))
}

/// Writes `reply`; a file goes to `stream` in a task that ends early when the other side drops the handle.
fn answer(
    reply: Reply,
    request: &Request,
    stream: capnp::Result<byte_stream::Client>,
    mut out: web_session::response::Builder<'_>,
) -> capnp::Result<()> {
    if let Some(etag) = &reply.etag
        && request.if_none_match.contains(etag)
    {
        out.init_precondition_failed().init_matching_e_tag().set_value(etag.as_str());
        return Ok(());
    }
    if let Some((file, size)) = reply.write(out.reborrow()) {
        let stream = stream?;
        let Ok(web_session::response::Which::Content(content)) = out.which() else {
            return Err(Error::failed("a streamed answer is always content".to_owned()));
        };
        let (alive, gone) = watch::channel(());
        content.get_body().set_stream(capnp_rpc::new_client(Alive { _alive: alive }));
        tokio::task::spawn_local(async move {
            // A failed stream is dropped without `done`, by which the platform knows that the answer is not whole.
            let _ = send_file(file, size, stream, gone).await;
        });
    }
    Ok(())
}

async fn send_file(
    mut file: File,
    size: u64,
    stream: byte_stream::Client,
    mut gone: watch::Receiver<()>,
) -> capnp::Result<()> {
    let mut expect = stream.expect_size_request();
    expect.get().set_size(size);
    // Older platforms do not know this call; the answer is then sent without a length.
    drop(expect.send());
    let mut buffer = vec![0; CHUNK];
    loop {
        let read = file.read(&mut buffer).map_err(|e| Error::failed(e.to_string()))?;
        if read == 0 {
            break;
        }
        let mut write = stream.write_request();
        write.get().set_data(&buffer[..read]);
        tokio::select! {
            sent = write.send() => sent?,
            _ = gone.changed() => return Ok(()),
        }
    }
    stream.done_request().send().promise.await?;
    Ok(())
}

/// Held by the platform as long as it wants the stream.
struct Alive {
    _alive: watch::Sender<()>,
}

impl handle::Server for Alive {
    async fn ping(self: Rc<Self>, _: handle::PingParams, _: handle::PingResults) -> capnp::Result<()> {
        Ok(())
    }
}

impl<A: App> ui_session::Server for Session<A> {}

impl<A: App> web_session::Server for Session<A> {
    async fn get(
        self: Rc<Self>,
        params: web_session::GetParams,
        mut results: web_session::GetResults,
    ) -> capnp::Result<()> {
        let params = params.get()?;
        let context = params.get_context()?;
        let request = request(params.get_path()?, context)?;
        let reply = self.app.get(&self.visitor, &request);
        answer(reply, &request, context.get_response_stream(), results.get())
    }

    async fn post(
        self: Rc<Self>,
        params: web_session::PostParams,
        mut results: web_session::PostResults,
    ) -> capnp::Result<()> {
        let params = params.get()?;
        let context = params.get_context()?;
        let request = request(params.get_path()?, context)?;
        let reply = self.app.post(&self.visitor, &request, params.get_content()?.get_content()?);
        answer(reply, &request, context.get_response_stream(), results.get())
    }

    async fn put(
        self: Rc<Self>,
        params: web_session::PutParams,
        mut results: web_session::PutResults,
    ) -> capnp::Result<()> {
        let params = params.get()?;
        let context = params.get_context()?;
        let request = request(params.get_path()?, context)?;
        let bytes = params.get_content()?.get_content()?;
        let reply = self.app.put(&self.visitor, &request).and_then(|mut upload| {
            upload.expect(bytes.len() as u64)?;
            upload.write(bytes)?;
            Ok(upload.finish())
        });
        answer(reply.unwrap_or_else(|refusal| refusal), &request, context.get_response_stream(), results.get())
    }

    async fn delete(
        self: Rc<Self>,
        params: web_session::DeleteParams,
        mut results: web_session::DeleteResults,
    ) -> capnp::Result<()> {
        let params = params.get()?;
        let context = params.get_context()?;
        let request = request(params.get_path()?, context)?;
        let reply = self.app.delete(&self.visitor, &request);
        answer(reply, &request, context.get_response_stream(), results.get())
    }

    async fn put_streaming(
        self: Rc<Self>,
        params: web_session::PutStreamingParams,
        mut results: web_session::PutStreamingResults,
    ) -> capnp::Result<()> {
        let params = params.get()?;
        let request = request(params.get_path()?, params.get_context()?)?;
        let state = match self.app.put(&self.visitor, &request) {
            Ok(upload) => Progress::Receiving(upload),
            Err(refusal) => Progress::Answered(Some(refusal)),
        };
        results.get().set_stream(capnp_rpc::new_client(Incoming {
            request,
            state: RefCell::new(state),
            finished: watch::channel(false).0,
        }));
        Ok(())
    }

    async fn open_web_socket(
        self: Rc<Self>,
        params: web_session::OpenWebSocketParams,
        mut results: web_session::OpenWebSocketResults,
    ) -> capnp::Result<()> {
        let params = params.get()?;
        let request = request(params.get_path()?, params.get_context()?)?;
        let (socket, incoming) = socket::open(params.get_client_stream()?).await;
        match self.app.clone().socket(self.visitor.clone(), &request, socket) {
            Ok(()) => {
                results.get().set_server_stream(incoming);
                Ok(())
            }
            Err(refusal) => {
                let sentence = match refusal.body {
                    crate::Body::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                    crate::Body::File { .. } => "refused".to_owned(),
                };
                Err(Error::failed(sentence))
            }
        }
    }
}

enum Progress {
    Receiving(Box<dyn Upload>),
    Answered(Option<Reply>),
}

/// A streamed upload.
struct Incoming {
    request: Request,
    state: RefCell<Progress>,
    finished: watch::Sender<bool>,
}

impl Incoming {
    fn step(&self, step: impl FnOnce(&mut dyn Upload) -> Result<(), Reply>) {
        let mut state = self.state.borrow_mut();
        if let Progress::Receiving(upload) = &mut *state
            && let Err(refusal) = step(upload.as_mut())
        {
            *state = Progress::Answered(Some(refusal));
        }
    }
}

impl byte_stream::Server for Incoming {
    async fn write(self: Rc<Self>, params: byte_stream::WriteParams) -> capnp::Result<()> {
        let bytes = params.get()?.get_data()?;
        self.step(|upload| upload.write(bytes));
        Ok(())
    }

    async fn expect_size(
        self: Rc<Self>,
        params: byte_stream::ExpectSizeParams,
        _: byte_stream::ExpectSizeResults,
    ) -> capnp::Result<()> {
        let size = params.get()?.get_size();
        self.step(|upload| upload.expect(size));
        Ok(())
    }

    async fn done(self: Rc<Self>, _: byte_stream::DoneParams, _: byte_stream::DoneResults) -> capnp::Result<()> {
        let before = self.state.replace(Progress::Answered(None));
        let reply = match before {
            Progress::Receiving(upload) => Some(upload.finish()),
            Progress::Answered(reply) => reply,
        };
        self.state.replace(Progress::Answered(reply));
        self.finished.send_replace(true);
        Ok(())
    }
}

impl request_stream::Server for Incoming {
    async fn get_response(
        self: Rc<Self>,
        _: request_stream::GetResponseParams,
        mut results: request_stream::GetResponseResults,
    ) -> capnp::Result<()> {
        let mut finished = self.finished.subscribe();
        finished.wait_for(|done| *done).await.map_err(|_| Error::disconnected("the upload was given up".to_owned()))?;
        let Progress::Answered(reply) = self.state.replace(Progress::Answered(None)) else {
            return Err(Error::failed("the upload is not complete".to_owned()));
        };
        let reply = reply.unwrap_or_else(|| Reply::error(Status::Failed, "The answer was fetched before."));
        answer(reply, &self.request, Err(Error::failed("uploads answer with small content".to_owned())), results.get())
    }
}

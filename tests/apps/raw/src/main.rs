//! A small app on the raw Cap'n Proto API, for tests of everybody: it answers requests, and misbehaves when told to.
//!
//! It serves a `MainView` on fd 3 whose `newSession` gives a `WebSession`. Options on the command line change how it
//! starts; paths choose what a request does. Everything is deterministic.
//!
//! # Options (any number)
//!
//! | option | what it does |
//! |---|---|
//! | `--boot-delay MS` | waits before it serves |
//! | `--boot-exit CODE` | ends at once |
//! | `--boot-abort` | ends by SIGABRT at once |
//! | `--boot-hang` | never reads fd 3 |
//! | `--boot-close` | closes fd 3 and lives on |
//! | `--boot-raw KIND` | writes raw bytes to fd 3 and lives on; kinds below |
//! | `--boot-spam` | serves, and floods fd 3 with calls to `SandstormApi` from the start |
//! | `--boot-log-flood` | serves, and writes lines to its output as fast as it can |
//! | `--boot-fill BYTES` | serves, and fills `/var/fill` up to BYTES as fast as it can (0: without end) |
//! | `--view-info MODE` | `getViewInfo`: `ok` (default), `empty`, `unimplemented`, `failed`, `hang`, `huge` |
//! | `--session MODE` | `newSession`: `ok` (default), `failed`, `hang`, `null` |
//! | `--ignore-signals` | ignores every signal that can be ignored |
//! | `--setsid-child` | starts a child that leaves its process group, holds fd 3 and sleeps |
//!
//! Its view: permissions `view`, `edit`, `admin`; roles *editor* (view, edit; default), *viewer* (view); title *Raw*.
//! At each start it adds a line `start ARGV0` to `/var/starts`.
//!
//! # Paths (query `a=b&c=d`, percent-decoded)
//!
//! | path | answer |
//! |---|---|
//! | `` | an HTML page that says *Raw app* and shows the counter |
//! | `echo`, any method | JSON: method, path, query, body, mimeType, encoding, cookies, headers, accept, acceptEncoding, etag, and what else the method carries |
//! | `stream?bytes=N&chunk=C&expect=0|1` | N bytes by `responseStream`, in chunks of C, byte i being `i mod 251`; waits for back-pressure |
//! | `stream-abort?bytes=N` | the same, but drops the stream without `done` |
//! | `bytes?n=N` | N bytes at once |
//! | `upload` (POST, PUT, also streamed) | JSON: bytes, sum (wrapping, of all bytes), chunks, expected, done |
//! | `cookie?name=N&value=V&path=P&maxage=S` | sets a cookie |
//! | `etag?v=V&weak=0|1` | has an ETag; obeys the precondition |
//! | `redirect?code=301|302|303|307|308&to=T` | redirect |
//! | `status?code=C&html=H` | any success, client or server error code of the interface |
//! | `error-body?code=C` | the error with a JSON body |
//! | `no-content?reset=0|1` | no content |
//! | `download?name=N` | a download |
//! | `gzip`, `language` | a body with that encoding or language |
//! | `header?name=N&value=V` | sends one additional header |
//! | `count` | adds one to the number in `/var/count` and answers it |
//! | `counter` | answers it without adding |
//! | `write?name=N&bytes=B` | writes B bytes to `/var/N` |
//! | `mkdirs?n=N`, `unlinked?bytes=B&how=open|mapped` | N folders in `/var/dirs`; a file of B bytes without a name, kept open or only mapped |
//! | `read?path=P` | the file's text, or why not |
//! | `whoami` | JSON: user, permissions, deprecatedPermissions, session parameters, tab id |
//! | `api` | calls every method of `SandstormApi` and of the session context and answers name → `ok`, `unimplemented: …`, `failed: …` |
//! | `log?text=T&err=0|1&n=N` | writes the line N times to its output |
//! | `crash?how=abort|exit|segv&code=C` | ends |
//! | `hang` | never answers |
//! | `sleep?ms=N` | answers later; `spin?ms=N` blocks the whole app meanwhile |
//! | `throw?kind=failed|overloaded|disconnected|unimplemented&text=T` | fails |
//! | `spam?calls=N` | makes N calls to `SandstormApi` at once, answers how many were answered and with what |
//! | `spam-forever?window=W` | keeps W calls going until it ends; answers at once |
//! | `never-finish?calls=N` | writes N bootstrap messages and never finishes them |
//! | `raw?kind=K` | writes raw bytes to fd 3, in the middle of the conversation |
//! | `stop-reading` | never reads fd 3 again |
//! | `close-api` | closes fd 3 and lives on |
//! | `ws-echo` (WebSocket) | sends every frame back, answers ping and close; protocol: the first one offered |
//! | `ws-push?n=N&ms=M` (WebSocket) | sends N text frames, M ms apart, then closes |
//! | `ws-refuse` (WebSocket) | fails to open |
//! | else | 404 |
//!
//! Kinds of raw bytes: `random` (64 KiB), `segments` (claims 2^32-1 segments), `huge` (claims 1 GiB), `claim` (claims
//! 60 MiB and sends 8), `truncated` (half a message, then closes), `zero` (a megabyte of zeros), `deep` (a message of
//! pointers that nest too deep), `self-resolve` (a promise that resolves to itself), `bad-return` (a return nobody asked
//! for), `bad-target` (a call to nothing), `caps` (a call with 100 000 capabilities), `partial` (half a header, then
//! nothing), `junk-type` (a message type that does not exist).

mod boot;
mod probe;
mod raw;
mod reply;
mod session;
mod upload;
mod view;
mod websocket;

use std::rc::Rc;

use granary_wire::grain_capnp::{main_view, sandstorm_api};

/// The app's own object ids are texts.
pub(crate) type ObjectId = capnp::text::Owned;
/// The platform, as this app sees it.
pub(crate) type Api = sandstorm_api::Client<ObjectId>;

fn main() {
    let options = boot::Options::from_args();
    boot::early(&options);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("tokio starts");
    let tasks = tokio::task::LocalSet::new();
    tasks.block_on(&runtime, serve(options));
}

async fn serve(options: boot::Options) {
    let stream = boot::api_socket();
    let (read, write) = stream.into_split();
    let network = capnp_rpc::twoparty::VatNetwork::new(
        tokio_util::compat::TokioAsyncReadCompatExt::compat(tokio::io::BufReader::new(read)),
        tokio_util::compat::TokioAsyncWriteCompatExt::compat_write(write),
        capnp_rpc::rpc_twoparty_capnp::Side::Client,
        capnp::message::ReaderOptions::default(),
    );
    let slot: Rc<std::cell::OnceCell<Api>> = Rc::default();
    let view: main_view::Client<ObjectId> =
        capnp_rpc::new_client(view::View { api: slot.clone(), options: options.clone() });
    let mut rpc = capnp_rpc::RpcSystem::new(Box::new(network), Some(view.client));
    let api: Api = rpc.bootstrap(capnp_rpc::rpc_twoparty_capnp::Side::Server);
    let _ = slot.set(api.clone());
    boot::late(&options, &api);
    // Ends when the platform closes the connection.
    let _ = rpc.await;
    if options.stay {
        std::future::pending::<()>().await;
    }
}

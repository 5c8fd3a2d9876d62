//! Files: a box of files that people upload, look at and download, of any size. Who may change it comes from the session's permissions.

mod kind;
mod shelf;

use std::{cell::RefCell, path::Path, rc::Rc};

use futures::{SinkExt, StreamExt};
use granary_app::{App, Body, Permission, Reply, Request, Role, Socket, Status, Upload, View, Visitor, decode};
use serde::Serialize;
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::Message;

use crate::shelf::{Incoming, Problem, Shelf};

/// Index of the only permission: whoever may open the grain may look and download.
const EDIT: usize = 0;

struct Files {
    shelf: RefCell<Shelf>,
    /// Counts changes; every open page follows it.
    changes: watch::Sender<u64>,
}

/// What the page is told about the box.
#[derive(Serialize)]
struct Listing {
    edit: bool,
    files: Vec<shelf::Entry>,
}

fn refuse(problem: &Problem) -> Reply {
    let status = match problem {
        Problem::Missing => Status::NotFound,
        Problem::Name(_) => Status::BadRequest,
        Problem::Taken => Status::Conflict,
        Problem::Disk(e) => {
            eprintln!("{e}");
            Status::Failed
        }
    };
    Reply::error(status, &problem.to_string())
}

fn json(value: &impl Serialize) -> Reply {
    Reply::bytes("application/json", serde_json::to_vec(value).unwrap_or_default())
}

fn read_only() -> Reply {
    Reply::error(Status::Forbidden, "You can look at these files, but not change them.")
}

impl Files {
    fn changed(&self) {
        self.changes.send_modify(|n| *n += 1);
    }

    fn listing(&self, who: &Visitor) -> Result<Listing, Problem> {
        Ok(Listing { edit: who.may(EDIT), files: self.shelf.borrow().list()? })
    }

    fn file(&self, name: &str, download: bool) -> Result<Reply, Problem> {
        let (file, size, tag) = self.shelf.borrow().read(name)?;
        let kind = kind::of(name);
        let reply = Reply::new(kind.mime, Body::File { file, size }).with_etag(tag);
        Ok(if download || !kind.shown { reply.as_download(name) } else { reply })
    }
}

/// `file/NAME` with the name decoded.
fn named(request: &Request, folder: &str) -> Option<String> {
    request.path.strip_prefix(folder)?.strip_prefix('/').and_then(decode)
}

impl App for Files {
    fn view(&self) -> View {
        View {
            permissions: &[Permission { name: "edit", title: "Add, rename and delete files" }],
            roles: &[
                Role { title: "editor", verb: "can edit", permissions: &[true], default: true },
                Role { title: "viewer", verb: "can view", permissions: &[false], default: false },
            ],
        }
    }

    fn get(&self, who: &Visitor, request: &Request) -> Reply {
        match request.path.as_str() {
            "" => Reply::bytes("text/html; charset=utf-8", include_str!("../web/index.html")),
            "app.js" => Reply::bytes("text/javascript; charset=utf-8", include_str!("../web/app.js")),
            "app.css" => Reply::bytes("text/css; charset=utf-8", include_str!("../web/app.css")),
            "list" => match self.listing(who) {
                Ok(listing) => json(&listing),
                Err(problem) => refuse(&problem),
            },
            _ => match named(request, "file") {
                Some(name) => self.file(&name, request.query == "download").unwrap_or_else(|problem| refuse(&problem)),
                None => Reply::error(Status::NotFound, "There is no such page here."),
            },
        }
    }

    fn put(&self, who: &Visitor, request: &Request) -> Result<Box<dyn Upload>, Reply> {
        if !who.may(EDIT) {
            return Err(read_only());
        }
        let name = named(request, "file").ok_or_else(|| refuse(&Problem::Missing))?;
        let incoming = self.shelf.borrow_mut().receive(&name).map_err(|problem| refuse(&problem))?;
        Ok(Box::new(Receiving { incoming, changes: self.changes.clone() }))
    }

    fn post(&self, who: &Visitor, request: &Request, body: &[u8]) -> Reply {
        if !who.may(EDIT) {
            return read_only();
        }
        let done = if let Some(name) = named(request, "rename") {
            let to = String::from_utf8_lossy(body).into_owned();
            self.shelf.borrow().rename(&name, &to)
        } else if let Some(id) = named(request, "restore") {
            self.shelf.borrow().restore(&id)
        } else {
            Err(Problem::Missing)
        };
        match done {
            Ok(name) => {
                self.changed();
                json(&name)
            }
            Err(problem) => refuse(&problem),
        }
    }

    fn delete(&self, who: &Visitor, request: &Request) -> Reply {
        if !who.may(EDIT) {
            return read_only();
        }
        let deleted =
            named(request, "file").ok_or(Problem::Missing).and_then(|name| self.shelf.borrow_mut().delete(&name));
        match deleted {
            Ok(id) => {
                self.changed();
                json(&id)
            }
            Err(problem) => refuse(&problem),
        }
    }

    fn socket(self: Rc<Self>, who: Rc<Visitor>, request: &Request, socket: Socket) -> Result<(), Reply> {
        if request.path != "live" {
            return Err(Reply::error(Status::NotFound, "The live connection is at /live."));
        }
        tokio::task::spawn_local(follow(self, who, socket));
        Ok(())
    }
}

/// Sends the listing at once and after each change, until the page goes.
async fn follow(files: Rc<Files>, who: Rc<Visitor>, socket: Socket) {
    let (mut sink, mut stream) = socket.split();
    let mut changes = files.changes.subscribe();
    changes.mark_changed();
    loop {
        tokio::select! {
            message = stream.next() => if !matches!(message, Some(Ok(_))) { return },
            change = changes.changed() => {
                let (Ok(()), Ok(listing)) = (change, files.listing(&who)) else { return };
                let text = serde_json::to_string(&listing).unwrap_or_default();
                if sink.send(Message::text(text)).await.is_err() {
                    return;
                }
            }
        }
    }
}

struct Receiving {
    incoming: Incoming,
    changes: watch::Sender<u64>,
}

impl Upload for Receiving {
    fn expect(&mut self, size: u64) -> Result<(), Reply> {
        self.incoming.reserve(size).map_err(|problem| refuse(&problem))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Reply> {
        self.incoming.write(bytes).map_err(|problem| refuse(&problem))
    }

    fn finish(self: Box<Self>) -> Reply {
        match self.incoming.finish() {
            Ok(name) => {
                self.changes.send_modify(|n| *n += 1);
                json(&name).with_status(Status::Created)
            }
            Err(problem) => refuse(&problem),
        }
    }
}

fn main() -> std::io::Result<()> {
    let shelf = Shelf::open(Path::new("/var"))?;
    granary_app::run(Files { shelf: RefCell::new(shelf), changes: watch::channel(0).0 })
}

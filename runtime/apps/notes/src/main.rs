//! Notes: one Markdown note, edited by several people at once. Who may edit comes from the session's permissions.

mod document;
mod edit;
mod live;
mod render;

use std::{path::Path, rc::Rc};

use granary_app::{App, Permission, Reply, Request, Role, Socket, Status, View, Visitor};

use crate::live::Room;

/// Index of the only permission: whoever may open the grain may read.
const EDIT: usize = 0;

struct Notes {
    room: Rc<Room>,
}

impl App for Notes {
    fn view(&self) -> View {
        View {
            permissions: &[Permission { name: "edit", title: "Change the note" }],
            roles: &[
                Role { title: "editor", verb: "can edit", permissions: &[true], default: true },
                Role { title: "reader", verb: "can view", permissions: &[false], default: false },
            ],
        }
    }

    fn get(&self, _who: &Visitor, request: &Request) -> Reply {
        match request.path.as_str() {
            "" => Reply::bytes("text/html; charset=utf-8", include_str!("../web/index.html")),
            "app.js" => Reply::bytes("text/javascript; charset=utf-8", include_str!("../web/app.js")),
            "edit.js" => Reply::bytes("text/javascript; charset=utf-8", include_str!("../web/edit.js")),
            "app.css" => Reply::bytes("text/css; charset=utf-8", include_str!("../web/app.css")),
            "note.md" => Reply::bytes("text/markdown; charset=utf-8", self.room.text()).as_download("note.md"),
            _ => Reply::error(Status::NotFound, "There is no such page in this note."),
        }
    }

    fn socket(self: Rc<Self>, who: Rc<Visitor>, request: &Request, socket: Socket) -> Result<(), Reply> {
        if request.path != "live" {
            return Err(Reply::error(Status::NotFound, "The live connection is at /live."));
        }
        tokio::task::spawn_local(self.room.clone().serve(who.name.clone(), who.may(EDIT), socket));
        Ok(())
    }
}

fn main() -> std::io::Result<()> {
    let room = Room::open(Path::new("/var")).map_err(std::io::Error::other)?;
    granary_app::run(Notes { room: Rc::new(room) })
}

//! Everybody who has the note open: edits, names and the rendered text go to all of them as they happen.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    io,
    path::Path,
    rc::Rc,
    time::Duration,
};

use futures::{SinkExt, StreamExt};
use granary_app::Socket;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

use crate::{
    document::{Change, Document, Refused},
    edit::Edit,
    render::render,
};

/// Messages waiting for one page; a page that is further behind is disconnected and comes back by itself.
const BACKLOG: usize = 256;
/// How long after an edit the text is rendered and brought to the disk.
const SETTLE: Duration = Duration::from_millis(150);

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum FromPage {
    /// The first message: who the page is and which revision it has, 0 for none.
    Join {
        page: String,
        rev: u64,
    },
    Edit {
        rev: u64,
        edit: Edit,
        seq: u64,
    },
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum ToPage<'a> {
    /// The whole text; `seen` is the last of the page's own edits in it.
    Text {
        rev: u64,
        text: String,
        seen: u64,
        edit: bool,
    },
    /// The page is told what it missed by edits; this says that it may go on.
    Resumed {
        edit: bool,
    },
    Edit(&'a Change),
    People {
        names: Vec<&'a str>,
    },
    Html {
        html: String,
    },
    Refused {
        sentence: &'a str,
    },
}

impl ToPage<'_> {
    fn message(&self) -> Message {
        Message::text(serde_json::to_string(self).unwrap_or_default())
    }
}

struct Person {
    name: String,
    outbox: mpsc::Sender<Message>,
}

/// The note and the people in it.
pub struct Room {
    document: RefCell<Document>,
    people: RefCell<BTreeMap<u64, Person>>,
    next: Cell<u64>,
    settling: Cell<bool>,
}

impl Room {
    /// Opens the note in `folder`.
    pub fn open(folder: &Path) -> io::Result<Self> {
        Ok(Self {
            document: RefCell::new(Document::open(folder)?),
            people: RefCell::default(),
            next: Cell::new(0),
            settling: Cell::new(false),
        })
    }

    /// The text of the note.
    pub fn text(&self) -> String {
        self.document.borrow().text()
    }

    /// Serves one page until it goes.
    pub async fn serve(self: Rc<Self>, name: String, may_edit: bool, socket: Socket) {
        let (mut sink, mut stream) = socket.split();
        let (outbox, mut inbox) = mpsc::channel(BACKLOG);
        let id = self.next.replace(self.next.get() + 1);
        let mut page = None;
        loop {
            tokio::select! {
                message = stream.next() => {
                    let Some(Ok(message)) = message else { break };
                    let Message::Text(text) = message else { continue };
                    let Ok(message) = serde_json::from_str(text.as_str()) else { break };
                    if !self.take(id, &name, may_edit, &mut page, &outbox, message) {
                        break;
                    }
                }
                message = inbox.recv() => {
                    let Some(message) = message else { break };
                    if sink.send(message).await.is_err() {
                        break;
                    }
                }
            }
            // Removed by `tell` because it was too far behind.
            if page.is_some() && !self.people.borrow().contains_key(&id) {
                break;
            }
        }
        if self.people.borrow_mut().remove(&id).is_some() {
            self.tell_people();
        }
    }

    /// One message of a page; `false` ends the connection.
    fn take(
        self: &Rc<Self>,
        id: u64,
        name: &str,
        may_edit: bool,
        page: &mut Option<String>,
        outbox: &mpsc::Sender<Message>,
        message: FromPage,
    ) -> bool {
        match (message, page.as_deref()) {
            (FromPage::Join { page: known_as, rev }, None) if known_as.len() <= 64 => {
                for greeting in self.greet(&known_as, rev, may_edit) {
                    if outbox.try_send(greeting).is_err() {
                        return false;
                    }
                }
                *page = Some(known_as);
                self.people.borrow_mut().insert(id, Person { name: name.to_owned(), outbox: outbox.clone() });
                self.tell_people();
                true
            }
            (FromPage::Edit { .. }, Some(_)) if !may_edit => outbox
                .try_send(ToPage::Refused { sentence: "You can read this note, but not change it." }.message())
                .is_ok(),
            (FromPage::Edit { rev, edit, seq }, Some(by)) => {
                let changed = self.document.borrow_mut().change(rev, edit, by, seq);
                match changed {
                    Ok(None) => true,
                    Ok(Some(change)) => {
                        self.tell(&ToPage::Edit(&change).message());
                        self.settle();
                        true
                    }
                    Err(Refused::TooLong) => {
                        let sentence = "A note can hold about a million characters. Start another note for the rest.";
                        let _ = outbox.try_send(ToPage::Refused { sentence }.message());
                        false
                    }
                    Err(Refused::Disk(e)) => {
                        eprintln!("could not save an edit: {e}");
                        let sentence = "This edit could not be saved: is the disk full? It is tried again.";
                        let _ = outbox.try_send(ToPage::Refused { sentence }.message());
                        false
                    }
                    // The page starts again from the whole text.
                    Err(Refused::Unknown | Refused::Misfit) => false,
                }
            }
            _ => false,
        }
    }

    /// What a page needs to be up to date: the edits it missed, or the whole text.
    fn greet(&self, page: &str, rev: u64, may_edit: bool) -> Vec<Message> {
        let document = self.document.borrow();
        let mut greetings = match document.since(rev) {
            Some(missed) if rev > 0 && document.rev() - rev < BACKLOG as u64 / 2 => {
                let mut all: Vec<Message> = missed.map(|change| ToPage::Edit(change).message()).collect();
                all.push(ToPage::Resumed { edit: may_edit }.message());
                all
            }
            _ => vec![
                ToPage::Text { rev: document.rev(), text: document.text(), seen: document.seen(page), edit: may_edit }
                    .message(),
            ],
        };
        greetings.push(ToPage::Html { html: render(&document.text()) }.message());
        greetings
    }

    fn tell(&self, message: &Message) {
        self.people.borrow_mut().retain(|_, person| person.outbox.try_send(message.clone()).is_ok());
    }

    fn tell_people(&self) {
        let message = {
            let people = self.people.borrow();
            ToPage::People { names: people.values().map(|p| p.name.as_str()).collect() }.message()
        };
        self.tell(&message);
    }

    /// Renders and syncs a moment after the last of a burst of edits.
    fn settle(self: &Rc<Self>) {
        if self.settling.replace(true) {
            return;
        }
        let room = self.clone();
        tokio::task::spawn_local(async move {
            tokio::time::sleep(SETTLE).await;
            room.settling.set(false);
            let html = {
                let document = room.document.borrow();
                if let Err(e) = document.sync() {
                    eprintln!("could not bring the note to the disk: {e}");
                }
                render(&document.text())
            };
            room.tell(&ToPage::Html { html }.message());
        });
    }
}

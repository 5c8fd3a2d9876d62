//! Incoming e-mail: each message becomes a file in the app's maildir.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use granary_wire::email_capnp::{email_address, email_message, email_send_port};
use granary_wire::grain_capnp::ui_session;
use granary_wire::hack_session_capnp::hack_email_session;

use crate::http::{civil_date, text};
use crate::log::log;

/// Longer lines may not be sent as they are (RFC 5322).
const MAX_LINE: usize = 998;

/// A session that takes messages.
pub(crate) struct Mailbox {
    folder: PathBuf,
}

impl Mailbox {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }
}

impl ui_session::Server for Mailbox {}
impl hack_email_session::Server for Mailbox {}

impl email_send_port::Server for Mailbox {
    async fn send(
        self: Rc<Self>,
        params: email_send_port::SendParams,
        _: email_send_port::SendResults,
    ) -> capnp::Result<()> {
        let message = params.get()?.get_email()?;
        let unique = random_name().map_err(|error| failed(&self.folder, &error))?;
        let bytes = format_message(message, &unique)?;
        deliver(&self.folder, &unique, &bytes).map_err(|error| failed(&self.folder, &error))
    }
}

fn failed(folder: &Path, error: &io::Error) -> capnp::Error {
    let text = format!(
        "an e-mail could not be stored in {}: {error}; the app has to make the folders new, cur and tmp there",
        folder.display()
    );
    log!("{text}");
    capnp::Error::failed(text)
}

/// Writes beside and renames, so that the app never sees half a message.
fn deliver(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let aside = folder.join("tmp").join(name);
    let written = (|| {
        let mut file = std::fs::File::create_new(&aside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&aside, folder.join("new").join(name))
    })();
    if written.is_err() {
        let _ = std::fs::remove_file(&aside);
    }
    written
}

/// `_` and 23 letters and digits.
fn random_name() -> io::Result<String> {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut bytes = [0_u8; 23];
    // SAFETY: the pointer and the length are those of one buffer.
    let count = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
    if usize::try_from(count).is_ok_and(|count| count == bytes.len()) {
        let letters = bytes.iter().map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]));
        Ok(std::iter::once('_').chain(letters).collect())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// The message in the form of RFC 5322 with MIME.
fn format_message(message: email_message::Reader<'_>, unique: &str) -> capnp::Result<Vec<u8>> {
    let mut out = String::new();
    header(&mut out, "Date", &date(message.get_date()));
    addresses(&mut out, "To", message.get_to()?.iter())?;
    addresses(&mut out, "From", message.has_from().then(|| message.get_from()).transpose()?.into_iter())?;
    addresses(&mut out, "Reply-To", message.has_reply_to().then(|| message.get_reply_to()).transpose()?.into_iter())?;
    addresses(&mut out, "CC", message.get_cc()?.iter())?;
    addresses(&mut out, "BCC", message.get_bcc()?.iter())?;
    optional(&mut out, "Subject", &encoded_words(&text(message.get_subject()?.as_bytes())));
    optional(&mut out, "Message-Id", &text(message.get_message_id()?.as_bytes()));
    optional(&mut out, "References", &ids(message.get_references()?)?);
    optional(&mut out, "In-Reply-To", &ids(message.get_in_reply_to()?)?);
    header(&mut out, "MIME-Version", "1.0");

    let attachments = message.get_attachments()?;
    let outer = format!("mixed{unique}");
    let inner = format!("alternative{unique}");
    if !attachments.is_empty() {
        header(&mut out, "Content-Type", &format!("multipart/mixed; boundary=\"{outer}\""));
        let _ = writeln!(out, "\n--{outer}");
    }
    header(&mut out, "Content-Type", &format!("multipart/alternative; boundary=\"{inner}\""));
    out.push('\n');
    for (kind, body) in [("text/plain", message.get_text()?), ("text/html", message.get_html()?)] {
        if !body.is_empty() {
            let _ = writeln!(out, "--{inner}");
            header(&mut out, "Content-Type", &format!("{kind}; charset=UTF-8"));
            text_body(&mut out, body.as_bytes());
        }
    }
    let _ = writeln!(out, "--{inner}--");
    for attachment in attachments {
        let _ = writeln!(out, "\n--{outer}");
        let kind = text(attachment.get_content_type()?.as_bytes());
        header(&mut out, "Content-Type", if kind.is_empty() { "application/octet-stream" } else { &kind });
        let disposition = text(attachment.get_content_disposition()?.as_bytes());
        header(&mut out, "Content-Disposition", if disposition.is_empty() { "attachment" } else { &disposition });
        optional(&mut out, "Content-Id", &text(attachment.get_content_id()?.as_bytes()));
        base64_body(&mut out, attachment.get_content()?);
    }
    if !attachments.is_empty() {
        let _ = writeln!(out, "--{outer}--");
    }
    Ok(out.into_bytes())
}

fn header(out: &mut String, name: &str, value: &str) {
    // Writing to a String cannot fail, here and below.
    let _ = writeln!(out, "{name}: {value}");
}

fn optional(out: &mut String, name: &str, value: &str) {
    if !value.is_empty() {
        header(out, name, value);
    }
}

fn addresses<'a>(
    out: &mut String,
    name: &str,
    list: impl Iterator<Item = email_address::Reader<'a>>,
) -> capnp::Result<()> {
    let mut all = String::new();
    for address in list {
        if !all.is_empty() {
            all.push_str(", ");
        }
        let mail = text(address.get_address()?.as_bytes());
        let display = text(address.get_name()?.as_bytes());
        if display.is_empty() {
            all.push_str(&mail);
        } else if display.is_ascii() {
            let _ = write!(all, "\"{}\" <{mail}>", display.replace('\\', "\\\\").replace('"', "\\\""));
        } else {
            let _ = write!(all, "{} <{mail}>", encoded_words(&display));
        }
    }
    optional(out, name, &all);
    Ok(())
}

fn ids(list: capnp::text_list::Reader<'_>) -> capnp::Result<String> {
    let mut all = String::new();
    for id in list {
        if !all.is_empty() {
            all.push(' ');
        }
        all.push_str(&text(id?.as_bytes()));
    }
    Ok(all)
}

/// Text that is not ASCII, as RFC 2047 writes it in headers.
fn encoded_words(value: &str) -> String {
    if value.is_ascii() {
        return value.to_owned();
    }
    let mut words = Vec::new();
    let mut word = String::new();
    // A word may have 75 characters, 63 of them base64: 45 bytes, and no character torn.
    for c in value.chars() {
        if word.len() + c.len_utf8() > 45 {
            words.push(std::mem::take(&mut word));
        }
        word.push(c);
    }
    words.push(word);
    let words = words.iter().map(|word| format!("=?UTF-8?B?{}?=", base64(word.as_bytes())));
    words.collect::<Vec<_>>().join("\n ")
}

fn text_body(out: &mut String, body: &[u8]) {
    match std::str::from_utf8(body) {
        Ok(body) if !body.contains('\0') && body.lines().all(|line| line.len() <= MAX_LINE) => {
            header(out, "Content-Transfer-Encoding", if body.is_ascii() { "7bit" } else { "8bit" });
            out.push('\n');
            out.push_str(body);
            out.push('\n');
        }
        _ => base64_body(out, body),
    }
}

fn base64_body(out: &mut String, body: &[u8]) {
    header(out, "Content-Transfer-Encoding", "base64");
    out.push('\n');
    // 76 characters a line.
    for line in body.chunks(57) {
        out.push_str(&base64(line));
        out.push('\n');
    }
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |i: usize| u32::from(group.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..4 {
            let six = usize::try_from(bits >> (18 - 6 * i) & 63).unwrap_or(0);
            out.push(if i > group.len() { '=' } else { char::from(ALPHABET[six]) });
        }
    }
    out
}

fn date(nanoseconds: i64) -> String {
    civil_date(nanoseconds.div_euclid(1_000_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use capnp::message::Builder;

    fn example(fill: impl FnOnce(email_message::Builder<'_>)) -> String {
        let mut builder = Builder::new_default();
        fill(builder.init_root());
        let message = builder.get_root_as_reader::<email_message::Reader<'_>>().unwrap();
        String::from_utf8(format_message(message, "_U").unwrap()).unwrap()
    }

    #[test]
    fn a_message_is_written_as_mime() {
        let got = example(|mut message| {
            message.set_date(784_111_777_000_000_000);
            message.set_subject("Grüße\r\nBcc: evil@example.com");
            message.set_message_id("<1@example.com>");
            message.set_text("Hello");
            message.set_html("<b>Hello</b>");
            let mut from = message.reborrow().init_from();
            from.set_name("Alice \"A\"");
            from.set_address("alice@example.com");
            let mut to = message.reborrow().init_to(2);
            to.reborrow().get(0).set_address("bob@example.com");
            to.reborrow().get(1).set_address("c@example.com");
            to.get(1).set_name("Zoë");
            let mut references = message.reborrow().init_references(2);
            references.set(0, "<a@b>");
            references.set(1, "<c@d>");
            let mut attachment = message.init_attachments(1).get(0);
            attachment.set_content_type("image/png");
            attachment.set_content_disposition("attachment; filename=\"x.png\"");
            attachment.set_content(&[0x89, b'P', b'N', b'G']);
        });
        assert_eq!(
            got,
            "Date: Sun, 06 Nov 1994 08:49:37 +0000\n\
             To: bob@example.com, =?UTF-8?B?Wm/Dqw==?= <c@example.com>\n\
             From: \"Alice \\\"A\\\"\" <alice@example.com>\n\
             Subject: =?UTF-8?B?R3LDvMOfZSAgQmNjOiBldmlsQGV4YW1wbGUuY29t?=\n\
             Message-Id: <1@example.com>\n\
             References: <a@b> <c@d>\n\
             MIME-Version: 1.0\n\
             Content-Type: multipart/mixed; boundary=\"mixed_U\"\n\
             \n\
             --mixed_U\n\
             Content-Type: multipart/alternative; boundary=\"alternative_U\"\n\
             \n\
             --alternative_U\n\
             Content-Type: text/plain; charset=UTF-8\n\
             Content-Transfer-Encoding: 7bit\n\
             \n\
             Hello\n\
             --alternative_U\n\
             Content-Type: text/html; charset=UTF-8\n\
             Content-Transfer-Encoding: 7bit\n\
             \n\
             <b>Hello</b>\n\
             --alternative_U--\n\
             \n\
             --mixed_U\n\
             Content-Type: image/png\n\
             Content-Disposition: attachment; filename=\"x.png\"\n\
             Content-Transfer-Encoding: base64\n\
             \n\
             iVBORw==\n\
             --mixed_U--\n"
        );
    }

    #[test]
    fn long_lines_and_long_subjects_are_encoded() {
        let got = example(|mut message| {
            message.set_text("x".repeat(2000).as_str());
            message.set_subject("ü".repeat(60).as_str());
        });
        assert!(got.lines().all(|line| line.len() <= 100), "{got}");
        assert!(got.contains("Content-Transfer-Encoding: base64\n\neHh4"), "{got}");
    }
}

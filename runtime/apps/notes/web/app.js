// The page of a note: keeps the text field, the server and everybody else's edits together.
import { apply, compose, difference, moved, transform } from "./edit.js";

const $ = (id) => document.getElementById(id);
const field = $("text");
const page = crypto.randomUUID();

// `base` is the server's text at `rev`; `sent` is on its way there, `waiting` was typed since.
let rev = 0;
let base = "";
let sent = null;
let waiting = null;
let seq = 0;
let mayEdit = false;
let socket = null;
let retry = 250;

const local = () => {
  let text = base;
  if (sent) text = apply(sent, text);
  if (waiting) text = apply(waiting, text);
  return text;
};

function status(text) {
  if ($("status").textContent !== text) $("status").textContent = text;
}

function refresh() {
  if (!socket || socket.readyState !== WebSocket.OPEN) status(rev ? "Reconnecting…" : "Opening…");
  else if (sent || waiting) status("Saving…");
  else status(mayEdit ? "Saved" : "You can read this note");
  const words = field.value.trim() ? field.value.trim().split(/\s+/u).length : 0;
  $("count").textContent = words === 1 ? "1 word" : `${words} words`;
}

function flush() {
  if (sent || !waiting || !socket || socket.readyState !== WebSocket.OPEN) return;
  sent = waiting;
  waiting = null;
  seq += 1;
  socket.send(JSON.stringify({ type: "edit", rev, edit: sent, seq }));
}

function typed() {
  const before = local();
  if (before === field.value) return;
  const edit = difference(before, field.value);
  waiting = waiting ? compose(waiting, edit) : edit;
  flush();
  refresh();
}

function show(text, edit) {
  const [start, end, top] = [field.selectionStart, field.selectionEnd, field.scrollTop];
  field.value = text;
  if (edit) field.setSelectionRange(moved(start, edit), moved(end, edit));
  field.scrollTop = top;
}

function changed(change) {
  rev = change.rev;
  if (change.by === page) {
    base = apply(sent, base);
    sent = null;
    flush();
    return;
  }
  base = apply(change.edit, base);
  let edit = change.edit;
  if (sent) [edit, sent] = transform(edit, sent);
  if (waiting) [edit, waiting] = transform(edit, waiting);
  show(local(), edit);
}

function started(message) {
  // What was typed while nobody answered is kept: it becomes an edit of the text as it is now.
  const mine = rev ? local() : null;
  const pending = Boolean((sent && message.seen < seq) || waiting);
  rev = message.rev;
  base = message.text;
  sent = null;
  waiting = null;
  seq = Math.max(seq, message.seen);
  if (pending && mine !== null && mine !== base) waiting = difference(base, mine);
  show(local(), null);
  flush();
}

function allow(edit) {
  mayEdit = edit;
  field.readOnly = !edit;
  document.body.classList.toggle("reader", !edit);
  if (!edit) view("read");
}

const handlers = {
  text(message) {
    allow(message.edit);
    started(message);
  },
  resumed(message) {
    allow(message.edit);
    if (sent) socket.send(JSON.stringify({ type: "edit", rev, edit: sent, seq }));
    else flush();
  },
  edit: changed,
  html(message) {
    $("preview").innerHTML = message.html || "<p class=hint>Nothing here yet.</p>";
    for (const link of $("preview").querySelectorAll("a")) {
      link.target = "_blank";
      link.rel = "noopener noreferrer";
    }
  },
  people(message) {
    const names = [...new Set(message.names)];
    $("people").textContent = names.length > 1 || message.names.length > 1 ? names.join(", ") : "";
    $("people").title = message.names.length > 1 ? `${message.names.length} open this note` : "";
  },
  refused(message) {
    $("problem").textContent = message.sentence;
    $("problem").hidden = false;
  },
};

function connect() {
  socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/live`);
  socket.onopen = () => {
    retry = 250;
    socket.send(JSON.stringify({ type: "join", page, rev }));
  };
  socket.onmessage = (event) => {
    const message = JSON.parse(event.data);
    if (message.type !== "refused" && message.type !== "people") $("problem").hidden = true;
    handlers[message.type]?.(message);
    refresh();
  };
  socket.onclose = () => {
    refresh();
    setTimeout(connect, retry);
    retry = Math.min(retry * 2, 10000);
  };
}

// ---- views and writing helps

function view(name) {
  document.body.dataset.view = name;
  for (const button of document.querySelectorAll("[data-view-button]")) {
    button.setAttribute("aria-pressed", String(button.dataset.viewButton === name));
  }
}

function surround(mark, after = mark) {
  const [start, end] = [field.selectionStart, field.selectionEnd];
  const chosen = field.value.slice(start, end);
  field.setRangeText(mark + chosen + after, start, end, "preserve");
  field.setSelectionRange(start + mark.length, end + mark.length);
  field.focus();
  typed();
}

const marks = { bold: () => surround("**"), italic: () => surround("*"), link: () => surround("[", "](https://)") };

function startOfLine(mark) {
  const start = field.value.lastIndexOf("\n", field.selectionStart - 1) + 1;
  field.setRangeText(mark, start, start, "end");
  field.focus();
  typed();
}
marks.heading = () => startOfLine("# ");
marks.list = () => startOfLine("- ");

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.viewButton) view(button.dataset.viewButton);
  if (button?.dataset.mark && mayEdit) marks[button.dataset.mark]();
});

field.addEventListener("keydown", (event) => {
  const mark = (event.ctrlKey || event.metaKey) && !event.altKey && { b: "bold", i: "italic", k: "link" }[event.key];
  if (mark && mayEdit) {
    event.preventDefault();
    marks[mark]();
  }
});
field.addEventListener("input", typed);
window.addEventListener("beforeunload", (event) => {
  if (sent || waiting) event.preventDefault();
});

view(matchMedia("(max-width: 700px)").matches ? "write" : "both");
refresh();
connect();

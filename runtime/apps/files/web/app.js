// The page of a box of files: the list follows the server live, uploads show their progress, deleting can be undone.

const $ = (id) => document.getElementById(id);
let files = [];
let mayEdit = false;
let sort = { by: "name", up: true };

const address = (name) => `file/${encodeURIComponent(name)}`;
const numbers = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 3 });
function bytes(n) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let i = 0;
  while (n >= 1000 && i < units.length - 1) [n, i] = [n / 1000, i + 1];
  return `${numbers.format(n)} ${units[i]}`;
}
const when = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

function problem(sentence) {
  $("problem").textContent = sentence;
  $("problem").hidden = !sentence;
}

async function call(method, path, body) {
  const answer = await fetch(path, { method, body });
  const text = await answer.text();
  if (!answer.ok) throw new Error(text || "That did not work. Try again.");
  return JSON.parse(text);
}

// ---- the list

function row(file) {
  const tr = document.createElement("tr");
  const name = document.createElement("button");
  name.type = "button";
  name.className = "name";
  name.textContent = file.name;
  name.onclick = () => preview(file);
  const actions = document.createElement("td");
  if (mayEdit) {
    for (const [label, act] of [["Rename", () => rename(file)], ["Delete", () => remove(file)]]) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = label;
      button.setAttribute("aria-label", `${label} ${file.name}`);
      button.onclick = act;
      actions.append(button, " ");
    }
  }
  const cell = (content) => {
    const td = document.createElement("td");
    td.append(content);
    return td;
  };
  tr.append(cell(name), cell(bytes(file.size)), cell(when.format(file.modified)), actions);
  return tr;
}

function draw() {
  const words = $("search").value.toLowerCase().split(/\s+/u).filter(Boolean);
  const shown = files.filter((f) => words.every((w) => f.name.toLowerCase().includes(w)));
  const compare = { name: (a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }), size: (a, b) => a.size - b.size, modified: (a, b) => a.modified - b.modified }[sort.by];
  shown.sort((a, b) => (sort.up ? compare(a, b) : compare(b, a)));
  $("list").replaceChildren(...shown.map(row));
  for (const button of document.querySelectorAll("[data-sort]")) {
    const mine = button.dataset.sort === sort.by;
    button.parentElement.setAttribute("aria-sort", mine ? (sort.up ? "ascending" : "descending") : "none");
  }
  document.querySelector("table").hidden = !shown.length;
  $("empty").hidden = Boolean(shown.length);
  $("empty").textContent = files.length
    ? "No file has these words in its name."
    : mayEdit ? "Nothing here yet. Drop files anywhere on this page, or choose “Add files”." : "Nothing here yet.";
  const total = files.reduce((sum, f) => sum + f.size, 0);
  $("sum").textContent = files.length ? `${files.length === 1 ? "1 file" : `${files.length} files`}, ${bytes(total)}` : "";
}

function listed(listing) {
  files = listing.files;
  mayEdit = listing.edit;
  $("add").hidden = !mayEdit;
  draw();
}

let retry = 250;
function follow() {
  const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/live`);
  socket.onopen = () => (retry = 250);
  socket.onmessage = (event) => listed(JSON.parse(event.data));
  socket.onclose = () => {
    setTimeout(follow, retry);
    retry = Math.min(retry * 2, 10000);
  };
}

// ---- uploads, one after another

const queue = [];
let uploading = false;

function enqueue(list) {
  if (!mayEdit) return problem("You can look at these files, but not change them.");
  problem("");
  for (const file of list) {
    const item = document.createElement("li");
    const name = document.createElement("span");
    name.textContent = file.name;
    const bar = document.createElement("progress");
    bar.max = 1;
    bar.value = 0;
    bar.setAttribute("aria-label", `Upload of ${file.name}`);
    const stop = document.createElement("button");
    stop.type = "button";
    stop.textContent = "Cancel";
    item.append(name, bar, stop);
    $("uploads").append(item);
    const job = { file, item, bar, request: null, cancelled: false };
    stop.onclick = () => {
      job.cancelled = true;
      job.request?.abort();
      item.remove();
    };
    queue.push(job);
  }
  next();
}

function next() {
  if (uploading) return;
  const job = queue.shift();
  if (!job) return;
  if (job.cancelled) return next();
  uploading = true;
  const request = (job.request = new XMLHttpRequest());
  request.upload.onprogress = (event) => (job.bar.value = event.lengthComputable ? event.loaded / event.total : 0);
  request.onloadend = () => {
    uploading = false;
    job.item.remove();
    if (!job.cancelled && request.status !== 201) problem(`${job.file.name}: ${request.responseText || "the upload did not get through. Try again."}`);
    next();
  };
  request.open("PUT", address(job.file.name));
  request.setRequestHeader("Content-Type", job.file.type || "application/octet-stream");
  request.send(job.file);
}

$("pick").onchange = (event) => {
  enqueue(event.target.files);
  event.target.value = "";
};
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("over");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("over");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("over");
  enqueue(event.dataTransfer.files);
});

// ---- one file

let undoTimer;
async function remove(file) {
  try {
    const id = await call("DELETE", address(file.name));
    $("undo").firstElementChild.textContent = `“${file.name}” was deleted.`;
    $("undo").hidden = false;
    clearTimeout(undoTimer);
    undoTimer = setTimeout(() => ($("undo").hidden = true), 10000);
    $("undo").lastElementChild.onclick = async () => {
      $("undo").hidden = true;
      await call("POST", `restore/${encodeURIComponent(id)}`).catch((e) => problem(e.message));
    };
  } catch (e) {
    problem(e.message);
  }
}

function rename(file) {
  const dialog = $("rename");
  $("rename-name").value = file.name;
  $("rename-problem").textContent = "";
  $("rename-cancel").onclick = () => dialog.close();
  dialog.querySelector("form").onsubmit = async (event) => {
    event.preventDefault();
    try {
      if ($("rename-name").value !== file.name) await call("POST", `rename/${encodeURIComponent(file.name)}`, $("rename-name").value);
      dialog.close();
    } catch (e) {
      $("rename-problem").textContent = e.message;
    }
  };
  dialog.showModal();
  $("rename-name").setSelectionRange(0, Math.max(0, file.name.lastIndexOf(".")) || file.name.length);
}

function media(tag, file) {
  const element = document.createElement(tag);
  element.src = address(file.name);
  if (tag === "img") element.alt = file.name;
  else element.controls = true;
  return element;
}

async function preview(file) {
  const ending = file.name.slice(file.name.lastIndexOf(".") + 1).toLowerCase();
  const body = $("preview-body");
  body.replaceChildren();
  $("preview-name").textContent = file.name;
  $("preview-save").href = `${address(file.name)}?download`;
  if (["png", "jpg", "jpeg", "gif", "webp", "avif", "svg"].includes(ending)) body.append(media("img", file));
  else if (["mp4", "m4v", "webm"].includes(ending)) body.append(media("video", file));
  else if (["mp3", "ogg", "oga", "opus", "wav", "flac", "m4a"].includes(ending)) body.append(media("audio", file));
  else if (["txt", "md", "log", "csv", "json", "toml", "yaml", "yml", "rs", "py", "c", "h", "sh", "css", "js", "ts"].includes(ending) && file.size < 2_000_000) {
    const text = document.createElement("pre");
    text.textContent = await fetch(address(file.name)).then((r) => r.text()).catch(() => "This file could not be read.");
    body.append(text);
  } else body.append(`There is no preview for this kind of file (${bytes(file.size)}). Download it to open it with a program of your computer.`);
  $("preview").showModal();
}
$("preview-close").onclick = () => $("preview").close();
$("preview").addEventListener("close", () => $("preview-body").replaceChildren());

$("search").oninput = draw;
document.addEventListener("click", (event) => {
  const by = event.target.closest("[data-sort]")?.dataset.sort;
  if (!by) return;
  sort = { by, up: sort.by === by ? !sort.up : by === "name" };
  draw();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !event.target.closest("input, dialog")) {
    event.preventDefault();
    $("search").focus();
  }
});
follow();

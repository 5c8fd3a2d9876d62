// Edits as the server knows them: [5, "text", -2, 3] keeps, inserts, deletes and keeps UTF-16 units.
// The same merging rules as src/edit.rs; where two insert at one place, the first argument of `transform` stands first.

export function join(parts) {
  const out = [];
  for (const part of parts) {
    if (part === 0 || part === "") continue;
    const last = out[out.length - 1];
    if (typeof part === "string") {
      const deletion = typeof last === "number" && last < 0 ? out.pop() : null;
      if (typeof out[out.length - 1] === "string") out[out.length - 1] += part;
      else out.push(part);
      if (deletion !== null) out.push(deletion);
    } else if (typeof last === "number" && Math.sign(last) === Math.sign(part)) out[out.length - 1] += part;
    else out.push(part);
  }
  return out;
}

export function apply(edit, text) {
  let at = 0;
  let out = "";
  for (const part of edit) {
    if (typeof part === "string") out += part;
    else {
      if (part > 0) out += text.slice(at, at + part);
      at += Math.abs(part);
    }
  }
  if (at !== text.length) throw new Error("the edit does not fit the text");
  return out;
}

// For two edits of one text: each as it must read when the other was applied first.
export function transform(first, second) {
  const [mine, theirs] = [[], []];
  const a = [...first];
  const b = [...second];
  while (a.length || b.length) {
    if (typeof a[0] === "string") {
      theirs.push(a[0].length);
      mine.push(a.shift());
    } else if (typeof b[0] === "string") {
      mine.push(b[0].length);
      theirs.push(b.shift());
    } else {
      if (!a.length || !b.length) throw new Error("the edits are not of one text");
      const step = Math.min(Math.abs(a[0]), Math.abs(b[0]));
      if (a[0] > 0 && b[0] > 0) {
        mine.push(step);
        theirs.push(step);
      } else if (a[0] < 0 && b[0] > 0) mine.push(-step);
      else if (a[0] > 0 && b[0] < 0) theirs.push(-step);
      a[0] -= Math.sign(a[0]) * step;
      b[0] -= Math.sign(b[0]) * step;
      if (a[0] === 0) a.shift();
      if (b[0] === 0) b.shift();
    }
  }
  return [join(mine), join(theirs)];
}

// One edit with the effect of `first` and then `second`.
export function compose(first, second) {
  const out = [];
  const a = [...first];
  const b = [...second];
  while (a.length || b.length) {
    if (typeof a[0] === "number" && a[0] < 0) out.push(a.shift());
    else if (typeof b[0] === "string") out.push(b.shift());
    else {
      if (!a.length || !b.length) throw new Error("the edits do not follow one another");
      const length = typeof a[0] === "string" ? a[0].length : a[0];
      const step = Math.min(length, Math.abs(b[0]));
      if (b[0] > 0) out.push(typeof a[0] === "string" ? a[0].slice(0, step) : step);
      else if (typeof a[0] === "number") out.push(-step);
      if (typeof a[0] === "string") a[0] = a[0].slice(step);
      else a[0] -= step;
      b[0] -= Math.sign(b[0]) * step;
      if (a[0] === "" || a[0] === 0) a.shift();
      if (b[0] === 0) b.shift();
    }
  }
  return join(out);
}

const high = (unit) => unit >= 0xd800 && unit < 0xdc00;

// The edit that leads from one text to another: what differs between the common start and the common end.
export function difference(before, after) {
  let start = 0;
  const most = Math.min(before.length, after.length);
  while (start < most && before[start] === after[start]) start++;
  if (start > 0 && high(before.charCodeAt(start - 1))) start--;
  let end = 0;
  while (end < most - start && before[before.length - 1 - end] === after[after.length - 1 - end]) end++;
  if (end > 0 && !high(before.charCodeAt(before.length - end)) && (before.charCodeAt(before.length - end) & 0xfc00) === 0xdc00) end--;
  return join([start, after.slice(start, after.length - end), start + end - before.length, end]);
}

// Where a caret at `position` stands after `edit`.
export function moved(position, edit) {
  let [at, shift] = [0, 0];
  for (const part of edit) {
    if (at > position) break;
    if (typeof part === "string") shift += part.length;
    else if (part > 0) at += part;
    else {
      shift -= Math.min(-part, Math.max(0, position - at));
      at -= part;
    }
  }
  return Math.max(0, position + shift);
}

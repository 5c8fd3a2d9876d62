// Messages with something inside: `Run <code>granary open</code>.` A tag is a name, never HTML.

export interface Part {
  tag: string | null;
  text: string;
}

const TAG = /<([a-z]+)>(.*?)<\/\1>/gs;

export function parts(message: string): Part[] {
  const list: Part[] = [];
  let from = 0;
  for (const match of message.matchAll(TAG)) {
    if (match.index > from) list.push({ tag: null, text: message.slice(from, match.index) });
    list.push({ tag: match[1] ?? null, text: match[2] ?? '' });
    from = match.index + match[0].length;
  }
  if (from < message.length) list.push({ tag: null, text: message.slice(from) });
  return list;
}

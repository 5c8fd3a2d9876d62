// Which rows of a long list have to be drawn.

/** Rows drawn beyond the edge, so that quick scrolling shows no gaps. */
const SPARE = 6;

export interface Span {
  from: number;
  to: number;
}

export function visibleRows(scrolled: number, height: number, rowHeight: number, rows: number): Span {
  const from = Math.max(0, Math.floor(scrolled / rowHeight) - SPARE);
  const to = Math.min(rows, Math.ceil((scrolled + height) / rowHeight) + SPARE);
  return { from: Math.min(from, to), to };
}

/** Where to scroll so that a row is in full view; the same place when it is already. */
export function scrollTo(row: number, scrolled: number, height: number, rowHeight: number): number {
  const top = row * rowHeight;
  if (top < scrolled) return top;
  const needed = top + rowHeight - height;
  return needed > scrolled ? needed : scrolled;
}

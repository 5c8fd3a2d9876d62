// Which rows of a list are picked: one by one, from here to there, or all.

export class Selection {
  ids: ReadonlySet<string> = $state.raw(new Set());
  #anchor: string | null = null;

  has(id: string): boolean {
    return this.ids.has(id);
  }

  toggle(id: string): void {
    const ids = new Set(this.ids);
    if (!ids.delete(id)) ids.add(id);
    this.ids = ids;
    this.#anchor = id;
  }

  /** Everything between the row that was picked last and this one, and nothing else. */
  reach(id: string, order: readonly string[]): void {
    const to = order.indexOf(id);
    const from = this.#anchor === null ? to : order.indexOf(this.#anchor);
    if (to < 0) return;
    const begin = from < 0 ? to : from;
    this.ids = new Set(order.slice(Math.min(begin, to), Math.max(begin, to) + 1));
    if (from < 0 || this.#anchor === null) this.#anchor = id;
  }

  /** Where a stretch begins that nobody has picked yet. */
  begin(id: string): void {
    if (this.ids.size === 0) this.#anchor = id;
  }

  all(ids: Iterable<string>): void {
    this.ids = new Set(ids);
  }

  clear(): void {
    this.ids = new Set();
    this.#anchor = null;
  }
}

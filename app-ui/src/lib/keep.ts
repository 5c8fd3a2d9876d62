// What this browser remembers between visits, under names that carry the port: two Granaries never mix.

export class Keep {
  readonly #storage: Storage;
  readonly #port: string;

  constructor(storage: Storage, port: string) {
    this.#storage = storage;
    this.#port = port === '' ? '443' : port;
  }

  name(what: string): string {
    return `granary-${what}-${this.#port}`;
  }

  get(what: string): string | null {
    return this.#storage.getItem(this.name(what));
  }

  set(what: string, value: string): void {
    try {
      this.#storage.setItem(this.name(what), value);
    } catch {
      // Storage is full or switched off: the page works, it only forgets.
    }
  }

  remove(what: string): void {
    this.#storage.removeItem(this.name(what));
  }

  list(what: string): string[] {
    try {
      const kept: unknown = JSON.parse(this.get(what) ?? '[]');
      return Array.isArray(kept) ? [...new Set(kept.filter((each) => typeof each === 'string'))] : [];
    } catch {
      return [];
    }
  }

  setList(what: string, list: readonly string[]): void {
    this.set(what, JSON.stringify(list));
  }
}

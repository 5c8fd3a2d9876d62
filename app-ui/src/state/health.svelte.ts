// What the person should know about this computer, this appliance and single grains.
import type { Entry, Status } from '../api/types';

/** Notices come in bursts; one look at the registry answers all of them. */
const GATHER = 150;

export class Health {
  status: Status | null = $state.raw(null);
  #dismissed: ReadonlySet<string> = $state.raw(new Set());
  /** Which grain an entry is about, as far as this page was told. */
  #about: ReadonlyMap<string, string> = $state.raw(new Map());
  readonly #read: () => Promise<Status>;
  #timer: ReturnType<typeof setTimeout> | undefined;

  readonly shown = $derived((this.status?.health ?? []).filter((e) => !e.ok && !this.#dismissed.has(fullKey(e))));

  constructor(read: () => Promise<Status>) {
    this.#read = read;
  }

  async load(): Promise<void> {
    this.status = await this.#read();
  }

  /** The registry holds the truth, so a notice only says that it is worth another look. */
  notice(entry: Entry, grainId: string | null | undefined): void {
    if (grainId) this.#about = new Map(this.#about).set(key(entry), grainId);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.load().catch(() => {});
    }, GATHER);
  }

  about(entry: Entry): string | undefined {
    return this.#about.get(key(entry));
  }

  /** Puts an entry aside until it changes. */
  dismiss(entry: Entry): void {
    this.#dismissed = new Set(this.#dismissed).add(fullKey(entry));
  }
}

function key(entry: Entry): string {
  return `${entry.code}\n${entry.title}`;
}

function fullKey(entry: Entry): string {
  return `${key(entry)}\n${entry.text}`;
}

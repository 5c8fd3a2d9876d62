// What the person should know about this computer, this appliance and single grains.
import type { Entry, Status } from '../api/types';
import type { Keep } from '../lib/keep';

/** Notices come in bursts; one look at the registry answers all of them. */
const GATHER = 150;
const ASIDE = 'aside';
/** So many entries put aside are remembered. */
const MOST = 50;

export class Health {
  status: Status | null = $state.raw(null);
  #dismissed: readonly string[] = $state.raw([]);
  /** Which grain an entry is about, as far as this page was told. */
  #about: ReadonlyMap<string, string> = $state.raw(new Map());
  readonly #read: () => Promise<Status>;
  readonly #keep: Keep;
  #timer: ReturnType<typeof setTimeout> | undefined;

  readonly shown = $derived((this.status?.health ?? []).filter((e) => !e.ok && !this.#dismissed.includes(fullKey(e))));

  constructor(read: () => Promise<Status>, keep: Keep) {
    this.#read = read;
    this.#keep = keep;
    this.#dismissed = keep.list(ASIDE);
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

  /** Puts an entry aside until it changes, also for the next visit. The settings go on showing it. */
  dismiss(entry: Entry): void {
    this.#dismissed = [...this.#dismissed, fullKey(entry)].slice(-MOST);
    this.#keep.setList(ASIDE, this.#dismissed);
  }
}

function key(entry: Entry): string {
  return `${entry.code}\n${entry.title}`;
}

function fullKey(entry: Entry): string {
  return `${key(entry)}\n${entry.text}`;
}

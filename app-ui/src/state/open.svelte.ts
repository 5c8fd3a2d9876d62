// The grains that are open in this window, each with a frame that lives on while another one is looked at.
import type { Api } from '../api/client';
import { asProblem, made } from '../api/problem';
import type { Problem, Session } from '../api/types';
import type { Keep } from '../lib/keep';
import { readMessage } from '../lib/messages';

const OPEN = 'open';
/** A frame that loses its session again and again cannot be helped by another one. */
const RENEWALS = 4;
/** What keeps a grain from being shown at all; the rest concerns one page of it, which says so itself. */
const GRAVE = /^(?:sandbox-.*|app-ended|app-error|app-timeout|open-timeout|missing-package|disk-full|grain-storage-full|grain-io|shutting-down|internal)$/;
const RENEWALS_WITHIN = 30_000;

export class OpenGrain {
  readonly grainId: string;
  /** Where in the grain to begin, and later where its page says it is. */
  path = $state('/');
  /** What the grain's page wants to be called; null for the grain's own name. */
  pageTitle: string | null = $state(null);
  session: Session | null = $state.raw(null);
  problem: Problem | null = $state.raw(null);
  /** Whether it was looked at since the window opened: only then it has a frame. */
  awake = $state(false);
  /** Whether its first page is there. */
  shown = $state(false);
  frame: HTMLIFrameElement | null = null;
  busy = false;
  renewed: number[] = [];

  constructor(grainId: string, path = '/') {
    this.grainId = grainId;
    this.path = path;
  }
}

export class OpenGrains {
  items: OpenGrain[] = $state.raw([]);
  readonly #api: Pick<Api, 'session'>;
  readonly #keep: Keep;
  readonly #now: () => number;

  constructor(api: Pick<Api, 'session'>, keep: Keep, now: () => number = Date.now) {
    this.#api = api;
    this.#keep = keep;
    this.#now = now;
    this.items = keep.list(OPEN).map((id) => new OpenGrain(id));
  }

  find(grainId: string): OpenGrain | undefined {
    return this.items.find((item) => item.grainId === grainId);
  }

  /** Opens a grain, or comes back to it as it was left. */
  open(grainId: string, path = '/'): OpenGrain {
    let item = this.find(grainId);
    if (!item) {
      item = new OpenGrain(grainId, path);
      this.items = [...this.items, item];
      this.#remember();
    }
    if (!item.awake) {
      item.path = path;
      item.awake = true;
      void this.enter(item);
    }
    return item;
  }

  /** Closes it and says which one stands in its place. */
  close(grainId: string): string | null {
    const at = this.items.findIndex((item) => item.grainId === grainId);
    if (at < 0) return null;
    this.items = this.items.filter((item) => item.grainId !== grainId);
    this.#remember();
    return (this.items[at] ?? this.items[at - 1])?.grainId ?? null;
  }

  closeAll(): void {
    this.items = [];
    this.#remember();
  }

  /** Takes a new session; the frame goes there by itself. */
  async enter(item: OpenGrain): Promise<void> {
    if (item.busy) return;
    item.busy = true;
    item.problem = null;
    try {
      item.session = await this.#api.session(item.grainId, item.path === '/' ? null : item.path);
    } catch (thrown) {
      item.problem = asProblem(thrown);
    } finally {
      item.busy = false;
    }
  }

  /** The session at `host` is over: the person should not have to notice. */
  async renew(item: OpenGrain, host: string): Promise<void> {
    if (item.busy || item.session?.host !== host) return;
    const now = this.#now();
    item.renewed = [...item.renewed.filter((time) => now - time < RENEWALS_WITHIN), now];
    if (item.renewed.length > RENEWALS) {
      item.session = null;
      item.problem = made('session-keeps-ending');
      return;
    }
    await this.enter(item);
  }

  lost(grainId: string, host: string): void {
    const item = this.find(grainId);
    if (item?.awake) void this.renew(item, host);
  }

  /** Takes what a frame says, if it is one of ours and speaks from the session it was given. */
  hear(event: Pick<MessageEvent, 'source' | 'origin' | 'data'>): OpenGrain | null {
    if (event.source === null) return null;
    const item = this.items.find((each) => each.frame?.contentWindow === event.source);
    if (!item?.session || event.origin !== new URL(item.session.url).origin) return null;
    const message = readMessage(event.data);
    if (message?.kind === 'lost') void this.renew(item, item.session.host);
    else if (message?.kind === 'failed' && GRAVE.test(message.code)) item.problem = { code: message.code, title: message.title, message: message.text, remedy: '' };
    else if (message?.kind === 'path') item.path = message.path;
    else if (message?.kind === 'title') item.pageTitle = message.title;
    return message ? item : null;
  }

  #remember(): void {
    this.#keep.setList(OPEN, this.items.map((item) => item.grainId));
  }
}

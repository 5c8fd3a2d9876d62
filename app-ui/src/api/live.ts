// Keeps the stream of live updates open: notices silence, waits a little longer after each failure, heals by itself.
import { Refused } from './problem';
import type { LiveEvent } from './types';

/** The appliance says something at least every 15 s. */
const SILENCE = 40_000;
const FIRST_WAIT = 400;
const LONGEST_WAIT = 8_000;

export type LiveState = 'connecting' | 'live' | 'gone';

export interface LiveOptions {
  open: (signal: AbortSignal, onBytes: () => void) => Promise<AsyncIterable<LiveEvent>>;
  onEvent: (event: LiveEvent) => void;
  onState: (state: LiveState) => void;
}

export class LiveUpdates {
  readonly #options: LiveOptions;
  #running: AbortController | null = null;
  #wake: () => void = () => {};

  constructor(options: LiveOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#running) return;
    const running = new AbortController();
    this.#running = running;
    void this.#run(running.signal);
  }

  stop(): void {
    this.#running?.abort();
    this.#running = null;
    this.#wake();
  }

  /** Tries at once instead of after the wait: the person looks at the page again, or the network is back. */
  hurry(): void {
    this.#wake();
  }

  async #run(over: AbortSignal): Promise<void> {
    let wait = FIRST_WAIT;
    this.#options.onState('connecting');
    while (!over.aborted) {
      try {
        await this.#follow(over, () => {
          wait = FIRST_WAIT;
        });
      } catch (thrown) {
        // Without a login there is nothing to try again; whoever logs in starts anew.
        if (thrown instanceof Refused && thrown.status === 401) {
          this.stop();
          return;
        }
      }
      if (over.aborted) return;
      this.#options.onState('gone');
      await this.#sleep(wait);
      wait = Math.min(wait * 2, LONGEST_WAIT);
    }
  }

  async #follow(over: AbortSignal, onLive: () => void): Promise<void> {
    const once = new AbortController();
    const stop = () => once.abort();
    over.addEventListener('abort', stop);
    let silence = setTimeout(stop, SILENCE);
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(stop, SILENCE);
    };
    try {
      for await (const event of await this.#options.open(once.signal, heard)) {
        if (over.aborted) return;
        if (event.type === 'hello') {
          onLive();
          this.#options.onState('live');
        }
        this.#options.onEvent(event);
      }
    } finally {
      clearTimeout(silence);
      over.removeEventListener('abort', stop);
    }
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

// Short messages at the edge of the window, most of them with a way to take something back.
import type { Told } from '../i18n/words.svelte';

const LONG = 9_000;

export interface Toast {
  id: number;
  text: string;
  detail: string;
  tone: 'plain' | 'problem';
  action: { label: string; run: () => void } | null;
  /** How much of a long work is done, 0 to 1; null when there is nothing to wait for. */
  progress: number | null;
}

interface Options {
  detail?: string;
  tone?: Toast['tone'];
  action?: Toast['action'];
  /** Work under way: the message stays until `update` says it is over. */
  progress?: number;
  /** Called when the message goes without its action having been used. */
  onGone?: () => void;
}

interface Timer {
  handle: ReturnType<typeof setTimeout> | undefined;
  onGone: () => void;
}

export class Toasts {
  items: Toast[] = $state.raw([]);
  readonly #timers = new Map<number, Timer>();
  #next = 1;

  show(text: string, { detail = '', tone = 'plain', action = null, progress, onGone = () => {} }: Options = {}): number {
    const id = this.#next++;
    const wrapped = action && {
      label: action.label,
      run: () => {
        this.#take(id);
        action.run();
      },
    };
    this.items = [...this.items, { id, text, detail, tone, action: wrapped, progress: progress ?? null }];
    this.#timers.set(id, { handle: undefined, onGone });
    if (progress === undefined) this.release(id);
    return id;
  }

  problem(told: Told): void {
    const detail = [told.message, told.remedy].filter(Boolean).join(' ');
    this.show(told.title, { detail, tone: 'problem' });
  }

  update(id: number, progress: number): void {
    this.items = this.items.map((toast) => (toast.id === id ? { ...toast, progress } : toast));
  }

  dismiss(id: number): void {
    this.#take(id)?.onGone();
  }

  /** Nobody loses a message they are reading. */
  hold(id: number): void {
    clearTimeout(this.#timers.get(id)?.handle);
  }

  release(id: number): void {
    const timer = this.#timers.get(id);
    if (!timer || this.items.some((toast) => toast.id === id && toast.progress !== null)) return;
    clearTimeout(timer.handle);
    timer.handle = setTimeout(() => this.dismiss(id), LONG);
  }

  #take(id: number): Timer | undefined {
    const timer = this.#timers.get(id);
    clearTimeout(timer?.handle);
    this.#timers.delete(id);
    this.items = this.items.filter((toast) => toast.id !== id);
    return timer;
  }
}

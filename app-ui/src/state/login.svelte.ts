// Whether this browser is logged in, and the secret that every call carries.
import type { Problem } from '../api/types';
import type { Keep } from '../lib/keep';

const SECRET = 'secret';
const WINDOW = 'window';

export type WindowKind = 'main' | 'grain';

export class Login {
  /** Why nothing can be asked for; null while all is well. */
  ended: Problem | null = $state.raw(null);
  readonly #keep: Keep;

  constructor(keep: Keep, window: Window) {
    this.#keep = keep;
    // Another tab logged in: this one goes on with it.
    window.addEventListener('storage', (event) => {
      if (event.key === keep.name(SECRET) && event.newValue !== null) this.ended = null;
    });
  }

  secret(): string | null {
    return this.#keep.get(SECRET);
  }

  /** Which of the desktop's windows this is; null in a browser. */
  window(): WindowKind | null {
    const kind = this.#keep.get(WINDOW);
    return kind === 'main' || kind === 'grain' ? kind : null;
  }

  begin(secret: string, window: WindowKind | null): void {
    this.#keep.set(SECRET, secret);
    if (window === null) this.#keep.remove(WINDOW);
    else this.#keep.set(WINDOW, window);
    this.ended = null;
  }

  end(problem: Problem): void {
    this.ended = problem;
  }

  forget(): void {
    this.#keep.remove(SECRET);
  }
}

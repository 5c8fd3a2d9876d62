// Whether this browser is logged in, and the secret that every call carries.
import type { Problem } from '../api/types';
import type { Keep } from '../lib/keep';

const SECRET = 'secret';

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

  begin(secret: string): void {
    this.#keep.set(SECRET, secret);
    this.ended = null;
  }

  end(problem: Problem): void {
    this.ended = problem;
  }

  forget(): void {
    this.#keep.remove(SECRET);
  }
}

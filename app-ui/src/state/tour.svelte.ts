// The short way around on the first visit; whoever skips it is not asked again.

/** Each points at an element with `data-tour`, and has the messages `tour-<name>` and its `.text`. */
export const STEPS = ['grains', 'apps', 'palette', 'settings'] as const;

export class Tour {
  /** Which step is shown; null when none is. */
  step: number | null = $state(null);
  readonly #onEnd: () => void;

  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
  }

  begin(): void {
    this.step = 0;
  }

  next(): void {
    if (this.step === null) return;
    if (this.step + 1 < STEPS.length) this.step += 1;
    else this.end();
  }

  back(): void {
    if (this.step !== null && this.step > 0) this.step -= 1;
  }

  end(): void {
    this.step = null;
    this.#onEnd();
  }
}

// Light, dark, or as the desktop has it; remembered by this browser.
import type { Keep } from '../lib/keep';

export const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

export class Look {
  theme: Theme = $state('system');
  readonly #keep: Keep;
  readonly #page: HTMLElement;

  constructor(keep: Keep, page: HTMLElement) {
    this.#keep = keep;
    this.#page = page;
    const kept = keep.get('theme');
    this.theme = THEMES.find((theme) => theme === kept) ?? 'system';
    this.#apply();
  }

  choose(theme: Theme): void {
    this.theme = theme;
    if (theme === 'system') this.#keep.remove('theme');
    else this.#keep.set('theme', theme);
    this.#apply();
  }

  #apply(): void {
    if (this.theme === 'system') delete this.#page.dataset.theme;
    else this.#page.dataset.theme = this.theme;
  }
}

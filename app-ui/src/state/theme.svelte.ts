// Light, dark, or as the desktop has it; remembered by this browser.
import type { Keep } from '../lib/keep';

export const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

export class Look {
  theme: Theme = $state('system');
  readonly #keep: Keep;
  readonly #page: HTMLElement;
  readonly #dark: MediaQueryList;

  constructor(keep: Keep, window: Window) {
    this.#keep = keep;
    this.#page = window.document.documentElement;
    this.#dark = window.matchMedia('(prefers-color-scheme: dark)');
    this.#dark.addEventListener('change', () => this.#apply());
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
    this.#page.dataset.theme = this.theme !== 'system' ? this.theme : this.#dark.matches ? 'dark' : 'light';
  }
}

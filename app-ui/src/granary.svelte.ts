// Puts the page's parts together, once, from the window it lives in; components get them from the context.
import { createContext } from 'svelte';

import { Api } from './api/client';
import { LiveUpdates, type LiveState } from './api/live';
import { made } from './api/problem';
import type { LiveEvent } from './api/types';
import { chooseLanguage } from './i18n/languages';
import { Words, type T } from './i18n/words.svelte';
import { Keep } from './lib/keep';
import { Shortcuts } from './state/shortcuts.svelte';
import { Deeds } from './state/deeds';
import { Health } from './state/health.svelte';
import { Icons } from './state/icons';
import { Installs } from './state/installs.svelte';
import { Library } from './state/library.svelte';
import { Login } from './state/login.svelte';
import { OpenGrains } from './state/open.svelte';
import { Router } from './state/router.svelte';
import { Choices } from './state/settings.svelte';
import { Look } from './state/theme.svelte';
import { Tour } from './state/tour.svelte';
import { Toasts } from './state/toasts.svelte';

export class Granary {
  /** Whether the appliance answers. */
  connection: LiveState = $state('connecting');
  readonly keep: Keep;
  readonly login: Login;
  readonly router: Router;
  readonly api: Api;
  readonly words = new Words();
  readonly t: T = this.words.t;
  readonly look: Look;
  readonly tour: Tour;
  readonly shortcuts = new Shortcuts();
  readonly library = new Library();
  readonly toasts = new Toasts();
  readonly settings: Choices;
  readonly health: Health;
  readonly icons: Icons;
  readonly installs: Installs;
  readonly open: OpenGrains;
  readonly deeds: Deeds;
  readonly #live: LiveUpdates;
  readonly #window: Window;

  constructor(window: Window, fetch: typeof globalThis.fetch) {
    this.#window = window;
    this.keep = new Keep(window.localStorage, window.location.port);
    this.tour = new Tour(this.keep);
    this.look = new Look(this.keep, window.document.documentElement);
    this.login = new Login(this.keep, window);
    this.router = new Router(window);
    this.api = new Api({
      origin: window.location.origin,
      fetch,
      secret: () => this.login.secret(),
      onLoggedOut: (problem) => this.login.end(problem),
    });
    this.settings = new Choices(this.api, () => {});
    this.health = new Health(() => this.api.status(), this.keep);
    this.icons = new Icons(this.api);
    this.installs = new Installs(this.api);
    this.open = new OpenGrains(this.api, this.keep);
    this.deeds = new Deeds(this);
    this.#live = new LiveUpdates({
      open: (signal, onBytes) => this.api.events(signal, onBytes),
      onEvent: (event) => this.#take(event),
      onState: (state) => (this.connection = state),
    });
    window.addEventListener('message', (event) => this.open.hear(event));
    window.addEventListener('online', () => this.#live.hurry());
    window.document.addEventListener('visibilitychange', () => {
      if (!window.document.hidden) this.#live.hurry();
    });
  }

  /** Speaks the chosen language, or the one that the browser asks for. Nothing can be shown before that. */
  async speak(chosen: string | null = this.keep.get('language')): Promise<void> {
    const { navigator, document } = this.#window;
    await this.words.use(chooseLanguage(chosen, navigator.languages), navigator.languages, document.documentElement);
  }

  /** Changes the language, and remembers it for the next start of the page. */
  async chooseLanguage(chosen: string | null): Promise<void> {
    if (chosen === null) this.keep.remove('language');
    else this.keep.set('language', chosen);
    await this.speak(chosen);
  }

  /** Begins to listen, once somebody is logged in. */
  start(): void {
    if (this.login.secret() === null) this.login.end(made('login-needed'));
    else this.#live.start();
  }

  stop(): void {
    this.#live.stop();
  }

  async logout(): Promise<void> {
    this.stop();
    // An appliance that is away cannot be told, and need not be: without the secret the cookie opens nothing.
    await this.api.logout().catch(() => {});
    this.login.forget();
    this.open.closeAll();
    this.library.forget();
    this.login.end(made('login-needed'));
  }

  /** Reads everything again. */
  async reload(): Promise<void> {
    await Promise.all([
      this.library.load(() => Promise.all([this.api.grains(), this.api.apps()])),
      this.health.load(),
    ]).catch(() => {
      // The stream breaks off for the same reason, and with its return everything is read again.
    });
  }

  #take(event: LiveEvent): void {
    switch (event.type) {
      case 'hello':
      case 'resync':
        void this.reload();
        break;
      case 'notice':
        this.health.notice(event.entry, event.grainId);
        break;
      case 'session-lost':
        this.open.lost(event.grainId, event.host);
        break;
      case 'ping':
        break;
      default:
        this.library.take(event);
    }
  }
}

const [useGranary, provideGranary] = createContext<Granary>();

export { provideGranary, useGranary };

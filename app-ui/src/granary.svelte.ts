// Puts the page's parts together, once, from the window it lives in; components get them from the context.
import { createContext } from 'svelte';

import { Api } from './api/client';
import { LiveUpdates, type LiveState } from './api/live';
import { Refused, made } from './api/problem';
import type { Grain, LiveEvent, Settings } from './api/types';
import { chooseLanguage, isLanguage } from './i18n/languages';
import { Words, type T } from './i18n/words.svelte';
import { Keep } from './lib/keep';
import { Shortcuts } from './state/shortcuts.svelte';
import { Deeds } from './state/deeds';
import { Health } from './state/health.svelte';
import { Icons } from './state/icons';
import { Installs } from './state/installs.svelte';
import { Notices } from './state/notices.svelte';
import { Library } from './state/library.svelte';
import { Login, type WindowKind } from './state/login.svelte';
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
  readonly notifications: Notices;
  readonly #window: Window;

  constructor(window: Window, fetch: typeof globalThis.fetch) {
    this.#window = window;
    this.keep = new Keep(window.localStorage, window.location.port);
    this.tour = new Tour(() => void this.settings.change({ tourDone: true }).catch(() => {}));
    this.look = new Look(this.keep, window);
    this.login = new Login(this.keep, window);
    this.router = new Router(window);
    this.api = new Api({
      origin: window.location.origin,
      fetch,
      secret: () => this.login.secret(),
      onLoggedOut: (problem) => this.login.end(problem),
    });
    this.settings = new Choices(this.api, (settings) => void this.#adopt(settings));
    this.health = new Health(() => this.api.status(), this.keep);
    this.icons = new Icons(this.api);
    this.installs = new Installs(this.api);
    this.notifications = new Notices(this.api);
    this.open = new OpenGrains(this.api, this.keep);
    this.deeds = new Deeds(this);
    this.router.elsewhere = (route) => {
      if (this.window !== 'main' || route.page !== 'grain') return false;
      void this.deeds.show(route, route.path);
      return true;
    };
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

  /** Which of the desktop's windows this is; null in a browser. */
  get window(): WindowKind | null {
    return this.login.window();
  }

  /** Whether this window shows one thing only. */
  get alone(): boolean {
    return this.#window.opener !== null || this.window === 'main' && this.#window.history.length === 1;
  }

  /** The appliance's settings hold here too, and for the next start of the page, before it can ask. */
  async #adopt(settings: Settings): Promise<void> {
    this.look.choose(settings.theme);
    const chosen = isLanguage(settings.language) ? settings.language : null;
    if (chosen === null) this.keep.remove('language');
    else this.keep.set('language', chosen);
    const { navigator } = this.#window;
    if (chooseLanguage(chosen, navigator.languages) === this.words.language) return;
    await this.speak(chosen);
    // Apps have names in several languages.
    await this.reload();
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
    const parts: Promise<unknown>[] = this.window === 'grain'
      ? [this.library.load(async () => [await this.#ownGrain(), []]), this.health.load(), this.settings.load()]
      : [
          this.library.load(() => Promise.all([this.api.grains(), this.api.apps()])),
          this.health.load(), this.settings.load(), this.installs.load(), this.notifications.load(),
        ];
    // The stream breaks off for the same reason, and with its return everything is read again.
    await Promise.allSettled(parts);
  }

  /** All that a grain's window may know of. */
  async #ownGrain(): Promise<Grain[]> {
    const { route } = this.router;
    if (route.page !== 'grain' && route.page !== 'log') return [];
    try {
      return [await this.api.grain(route.grainId)];
    } catch (thrown) {
      if (thrown instanceof Refused && thrown.status === 404) return [];
      throw thrown;
    }
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
      case 'settings':
        this.settings.take(event.settings);
        break;
      case 'install':
      case 'install-removed':
        this.installs.take(event);
        break;
      case 'notification':
      case 'notifications-changed':
        this.notifications.take(event);
        break;
      default:
        this.library.take(event);
    }
  }
}

const [useGranary, provideGranary] = createContext<Granary>();

export { provideGranary, useGranary };

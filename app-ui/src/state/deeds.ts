// What a person does to grains and apps: done at once, and taken back where that is possible.
import type { Api } from '../api/client';
import { asProblem } from '../api/problem';
import type { App, Grain } from '../api/types';
import type { Words } from '../i18n/words.svelte';
import { forEach } from '../lib/each';
import { grainAddress } from '../lib/routes';
import type { Library } from './library.svelte';
import type { OpenGrains } from './open.svelte';
import type { Router } from './router.svelte';
import type { Toasts } from './toasts.svelte';

interface Parts {
  api: Api;
  library: Library;
  open: OpenGrains;
  router: Router;
  toasts: Toasts;
  words: Words;
}

/** From here on, doing something to each of many shows how far it is. */
const MANY = 20;

export class Deeds {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async create(app: App, action?: number): Promise<void> {
    const { api, library, router } = this.#parts;
    await this.#try(async () => {
      const grain = await api.createGrain(action === undefined ? { appId: app.appId } : { appId: app.appId, action });
      library.put(grain);
      router.go(grainAddress(grain.grainId));
    });
  }

  async rename(grain: Grain, title: string): Promise<void> {
    const { api, library } = this.#parts;
    const wanted = title.trim();
    if (wanted === '' || wanted === grain.title) return;
    library.put({ ...grain, title: wanted });
    const done = await this.#try(async () => library.put(await api.rename(grain.grainId, wanted)));
    if (!done) library.put(grain);
  }

  async trash(...grains: Grain[]): Promise<void> {
    const { api, library, toasts, words } = this.#parts;
    const now = Date.now();
    library.put(...grains.map((grain) => ({ ...grain, trashed: now })));
    const done = await this.#toEach('task-trashing', grains, (grain) => api.trash(grain.grainId), (grain) => library.put(grain));
    if (done.length === 0) return;
    done.forEach((grain) => this.#leaveFrame(grain.grainId));
    toasts.show(words.t('toast-trashed', about(done)), {
      action: { label: words.t('undo'), run: () => void this.restore(...done) },
    });
  }

  async restore(...grains: Grain[]): Promise<void> {
    const { api, library } = this.#parts;
    library.put(...grains.map((grain) => ({ ...grain, trashed: null })));
    await this.#toEach('task-restoring', grains, (grain) => api.restore(grain.grainId), (grain) => library.put(grain));
  }

  /** Nothing is deleted while it can still be taken back: not even when the page is closed meanwhile. */
  deleteForGood(...grains: Grain[]): void {
    const { api, library, toasts, words } = this.#parts;
    if (grains.length === 0) return;
    const ids = grains.map((grain) => grain.grainId);
    library.leave(...ids);
    toasts.show(words.t('toast-deleted', about(grains)), {
      action: { label: words.t('undo'), run: () => library.stay(...ids) },
      onGone: async () => {
        const done = await this.#toEach('task-deleting', grains, (grain) => api.remove(grain.grainId), () => {});
        library.drop(...done.map((grain) => grain.grainId));
        library.stay(...ids);
      },
    });
  }

  uninstall(app: App): void {
    const { api, library, toasts, words } = this.#parts;
    library.leave(app.appId);
    toasts.show(words.t('toast-uninstalled', { name: app.title }), {
      detail: app.grains > 0 ? words.t('app-grains-stay') : '',
      action: { label: words.t('undo'), run: () => library.stay(app.appId) },
      onGone: async () => {
        if (await this.#try(() => api.uninstall(app.appId))) library.take({ type: 'app-removed', appId: app.appId });
        // The removal has been taken in by then, so that the tile does not flash up again.
        setTimeout(() => library.stay(app.appId), 500);
      },
    });
  }

  /** Puts grains to sleep; each wakes on its next use. */
  async stop(...grains: Grain[]): Promise<void> {
    const { api, library } = this.#parts;
    const running = grains.filter((grain) => grain.state !== 'stopped');
    await this.#toEach('task-stopping', running, async (grain) => library.put(await api.stop(grain.grainId)), () => {});
  }

  /** Stops the grain; its page, opened anew, starts it. */
  async restart(grainId: string): Promise<void> {
    const { api, open } = this.#parts;
    await this.#try(async () => {
      await api.stop(grainId);
      const item = open.find(grainId);
      if (item) await open.enter(item);
    });
  }

  /** The grain's own page without anything around it, in a tab of its own. */
  async openAlone(grainId: string): Promise<void> {
    const { api } = this.#parts;
    await this.#try(async () => {
      const { url } = await api.session(grainId, null);
      window.open(url, '_blank', 'noopener');
    });
  }

  /** Closes an open grain; the person sees its neighbour next. */
  close(grainId: string): void {
    this.#leaveFrame(grainId);
  }

  #leaveFrame(grainId: string): void {
    const { open, router } = this.#parts;
    const neighbour = open.close(grainId);
    const { route } = router;
    if (route.page !== 'grain' || route.grainId !== grainId) return;
    router.go(neighbour === null ? '/grains' : grainAddress(neighbour, open.find(neighbour)?.path));
  }

  /** Does it to each, takes back what was not done, and says how many that were. Answers with those it was done to. */
  async #toEach(task: string, grains: Grain[], deed: (grain: Grain) => Promise<unknown>, takeBack: (grain: Grain) => void): Promise<Grain[]> {
    const { toasts, words } = this.#parts;
    const stop = new AbortController();
    const shown = grains.length < MANY ? null : toasts.show(words.t(task, { count: grains.length }), {
      progress: 0,
      action: { label: words.t('cancel'), run: () => stop.abort() },
    });
    const { done, failed } = await forEach(grains, deed, {
      signal: stop.signal,
      onProgress: (number) => shown !== null && toasts.update(shown, number / grains.length),
    });
    if (shown !== null) toasts.dismiss(shown);
    const left = new Set(grains);
    done.forEach((grain) => left.delete(grain));
    left.forEach(takeBack);
    const [first] = failed;
    if (first) {
      const told = words.problem(asProblem(first.thrown));
      const title = failed.length === 1 ? told.title : words.t('toast-failed', { count: failed.length, why: told.title });
      toasts.problem({ ...told, title });
    }
    return done;
  }

  async #try(deed: () => Promise<unknown>): Promise<boolean> {
    try {
      await deed();
      return true;
    } catch (thrown) {
      this.#parts.toasts.problem(this.#parts.words.problem(asProblem(thrown)));
      return false;
    }
  }
}

/** What a message about one or several grains needs. */
function about(grains: Grain[]): { count: number; name: string } {
  return { count: grains.length, name: grains[0]?.title ?? '' };
}

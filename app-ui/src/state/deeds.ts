// What a person does to grains and apps: done at once, and taken back where that is possible.
import type { Api } from '../api/client';
import { asProblem } from '../api/problem';
import type { App, Grain } from '../api/types';
import { count } from '../lib/format';
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
}

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

  async trash(grain: Grain): Promise<void> {
    const { api, library, toasts } = this.#parts;
    library.put({ ...grain, trashed: Date.now() });
    const done = await this.#try(async () => library.put(await api.trash(grain.grainId)));
    if (!done) {
      library.put(grain);
      return;
    }
    this.#leaveFrame(grain.grainId);
    toasts.show(`“${grain.title}” is in the trash`, {
      action: { label: 'Undo', run: () => void this.restore(grain) },
    });
  }

  async restore(grain: Grain): Promise<void> {
    const { api, library } = this.#parts;
    await this.#try(async () => library.put(await api.restore(grain.grainId)));
  }

  /** Nothing is deleted while it can still be taken back: not even when the page is closed meanwhile. */
  deleteForGood(grains: Grain[]): void {
    const { api, library, toasts } = this.#parts;
    const [first] = grains;
    if (!first) return;
    const stay = () => grains.forEach((grain) => library.stay(grain.grainId));
    grains.forEach((grain) => library.leave(grain.grainId));
    const what = grains.length === 1 ? `“${first.title}”` : count(grains.length, 'grain', 'grains');
    toasts.show(`${what} deleted for good`, {
      action: { label: 'Undo', run: stay },
      onGone: async () => {
        for (const grain of grains) {
          if (await this.#try(() => api.remove(grain.grainId))) library.drop(grain.grainId);
        }
        stay();
      },
    });
  }

  uninstall(app: App): void {
    const { api, library, toasts } = this.#parts;
    library.leave(app.appId);
    toasts.show(`${app.title} uninstalled`, {
      detail: app.grains > 0 ? 'Its grains stay and keep working.' : '',
      action: { label: 'Undo', run: () => library.stay(app.appId) },
      onGone: async () => {
        if (await this.#try(() => api.uninstall(app.appId))) library.take({ type: 'app-removed', appId: app.appId });
        // The removal has been taken in by then, so that the tile does not flash up again.
        setTimeout(() => library.stay(app.appId), 500);
      },
    });
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

  async #try(deed: () => Promise<unknown>): Promise<boolean> {
    try {
      await deed();
      return true;
    } catch (thrown) {
      this.#parts.toasts.problem(asProblem(thrown));
      return false;
    }
  }
}

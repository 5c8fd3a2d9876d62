// What a person does to grains and apps: done at once, and taken back where that is possible.
import type { Api } from '../api/client';
import { asProblem } from '../api/problem';
import type { App, BulkAction, Grain, Problem } from '../api/types';
import type { WindowKind } from './login.svelte';
import type { Words } from '../i18n/words.svelte';
import { forEach, type Outcome } from '../lib/each';
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
  /** Which of the desktop's windows this is; null in a browser. */
  readonly window: WindowKind | null;
}

/** From here on, doing something to each of many shows how far it is. */
const MANY = 20;
/** So many are done by one call: enough to be quick, few enough to be stopped in between. */
const PIECE = 100;
const TASKS: Record<BulkAction, string> = { trash: 'task-trashing', restore: 'task-restoring', delete: 'task-deleting' };

export class Deeds {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async create(app: App, action?: number): Promise<void> {
    const { api, library } = this.#parts;
    await this.#try(async () => {
      const grain = await api.createGrain(action === undefined ? { appId: app.appId } : { appId: app.appId, action });
      library.put(grain);
      await this.show(grain);
    });
  }

  /** Opens a grain where grains open: here, or in a window of its own. */
  async show(grain: Pick<Grain, 'grainId'>, path = '/'): Promise<void> {
    const { api, router, window } = this.#parts;
    if (window === 'main') await this.#try(() => api.showWindow(grain.grainId, path === '/' ? null : path));
    else router.go(grainAddress(grain.grainId, path));
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
    const { library, toasts, words } = this.#parts;
    const now = Date.now();
    library.put(...grains.map((grain) => ({ ...grain, trashed: now })));
    const done = await this.#bulk('trash', grains, (list) => library.put(...list));
    if (done.length === 0) return;
    done.forEach((grain) => this.#leaveFrame(grain.grainId));
    toasts.show(words.t('toast-trashed', about(done)), {
      action: { label: words.t('undo'), run: () => void this.restore(...done) },
    });
  }

  async restore(...grains: Grain[]): Promise<void> {
    const { library } = this.#parts;
    library.put(...grains.map((grain) => ({ ...grain, trashed: null })));
    await this.#bulk('restore', grains, (list) => library.put(...list));
  }

  /** Nothing is deleted while it can still be taken back: not even when the page is closed meanwhile. */
  deleteForGood(...grains: Grain[]): void {
    const { library, toasts, words } = this.#parts;
    if (grains.length === 0) return;
    const ids = grains.map((grain) => grain.grainId);
    library.leave(...ids);
    toasts.show(words.t('toast-deleted', about(grains)), {
      action: { label: words.t('undo'), run: () => library.stay(...ids) },
      onGone: async () => {
        const done = await this.#bulk('delete', grains, () => {});
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
    await this.#toEach('task-stopping', running, async (grain) => library.put(await api.stop(grain.grainId)));
  }

  /** Stops the grain; its page, opened anew, starts it. */
  async restart(grainId: string): Promise<void> {
    const { api, open } = this.#parts;
    await this.#try(async () => {
      await api.restart(grainId);
      const item = open.find(grainId);
      if (item) await open.enter(item);
    });
  }

  /** The grain's own page without anything around it: in a tab of its own, or out of the desktop in the person's browser. */
  async openAlone(grainId: string): Promise<void> {
    const { api, window: kind } = this.#parts;
    await this.#try(async () => {
      if (kind !== null) return api.openInBrowser(grainId);
      const { url } = await api.session(grainId, null);
      window.open(url, '_blank', 'noopener');
    });
  }

  /** Closes an open grain; the person sees its neighbour next. */
  close(grainId: string): void {
    this.#leaveFrame(grainId);
  }

  #leaveFrame(grainId: string): void {
    const { open, router, window } = this.#parts;
    const neighbour = open.close(grainId);
    const { route } = router;
    // A window of one grain stays with it, and offers to take it back.
    if (window === 'grain' || route.page !== 'grain' || route.grainId !== grainId) return;
    router.go(neighbour === null ? '/grains' : grainAddress(neighbour, open.find(neighbour)?.path));
  }

  /** Does it to all in few calls, takes back what was not done, and answers with those it was done to. */
  async #bulk(action: BulkAction, grains: Grain[], takeBack: (grains: Grain[]) => void): Promise<Grain[]> {
    const { api, library, window } = this.#parts;
    // A grain's own window may speak of that grain only.
    const one: Record<BulkAction, (grain: Grain) => Promise<unknown>> = {
      trash: (grain) => api.trash(grain.grainId),
      restore: (grain) => api.restore(grain.grainId),
      delete: (grain) => api.remove(grain.grainId),
    };
    const pieces: Grain[][] = [];
    for (let at = 0; at < grains.length; at += PIECE) pieces.push(grains.slice(at, at + PIECE));
    const undone: { grain: Grain; problem: Problem }[] = [];
    const done: Grain[] = [];
    const byId = new Map(grains.map((grain) => [grain.grainId, grain]));
    const whole = await this.#withProgress(TASKS[action], grains.length, pieces, async (piece) => {
      const [only] = piece;
      if (window === 'grain' && only) await one[action](only);
      const result = window === 'grain' ? { done: piece.map((grain) => grain.grainId), failed: [] } : await api.bulk(action, piece.map((grain) => grain.grainId));
      result.done.forEach((id) => done.push(...[byId.get(id)].filter((grain) => grain !== undefined)));
      result.failed.forEach(({ grainId, error }) => undone.push(...[byId.get(grainId)].filter((grain) => grain !== undefined).map((grain) => ({ grain, problem: error }))));
      return piece.length;
    });
    const finished = new Set(done);
    const left = grains.filter((grain) => !finished.has(grain));
    // What the appliance told meanwhile is newer than what the page knew before.
    takeBack(left.map((grain) => ({ ...(library.grains.get(grain.grainId) ?? grain), trashed: grain.trashed })));
    whole.failed.forEach(({ item, thrown }) => item.forEach((grain) => undone.push({ grain, problem: asProblem(thrown) })));
    this.#sayFailed(undone.map(({ problem }) => problem));
    return done;
  }

  /** Does it to each. */
  async #toEach(task: string, grains: Grain[], deed: (grain: Grain) => Promise<unknown>): Promise<void> {
    const { failed } = await this.#withProgress(task, grains.length, grains, async (grain) => {
      await deed(grain);
      return 1;
    });
    this.#sayFailed(failed.map(({ thrown }) => asProblem(thrown)));
  }

  async #withProgress<I>(task: string, count: number, items: I[], deed: (item: I) => Promise<number>): Promise<Outcome<I>> {
    const { toasts, words } = this.#parts;
    const stop = new AbortController();
    const shown = count < MANY ? null : toasts.show(words.t(task, { count }), {
      progress: 0,
      action: { label: words.t('cancel'), run: () => stop.abort() },
    });
    let done = 0;
    const outcome = await forEach(items, async (item) => {
      done += await deed(item);
      if (shown !== null) toasts.update(shown, done / count);
    }, { signal: stop.signal });
    if (shown !== null) toasts.dismiss(shown);
    return outcome;
  }

  #sayFailed(problems: Problem[]): void {
    const { toasts, words } = this.#parts;
    const [first] = problems;
    if (!first) return;
    const told = words.problem(first);
    const title = problems.length === 1 ? told.title : words.t('toast-failed', { count: problems.length, why: told.title });
    toasts.problem({ ...told, title });
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

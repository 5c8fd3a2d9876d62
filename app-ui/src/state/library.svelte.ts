// All grains and apps as the appliance last told of them.
import type { App, Grain, LiveEvent } from '../api/types';
import { sortApps } from '../lib/search';

/** Events that come together are taken in together: each makes lists be sorted and searched again. */
const GATHER = 40;

export class Library {
  grains: ReadonlyMap<string, Grain> = $state.raw(new Map());
  apps: ReadonlyMap<string, App> = $state.raw(new Map());
  loaded = $state(false);
  /** Grains and apps that are about to go, unless the person takes it back. */
  leaving: ReadonlySet<string> = $state.raw(new Set());

  readonly live = $derived([...this.grains.values()].filter((g) => g.trashed === null && !this.leaving.has(g.grainId)));
  readonly trashed = $derived([...this.grains.values()].filter((g) => g.trashed !== null && !this.leaving.has(g.grainId)));
  readonly appList = $derived(sortApps([...this.apps.values()].filter((app) => !this.leaving.has(app.appId))));

  #waiting: LiveEvent[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #loading = 0;

  /** Reads everything. Events that arrive meanwhile are taken in afterwards, because they may be the newer ones. */
  async load(read: () => Promise<[Grain[], App[]]>): Promise<void> {
    this.#loading += 1;
    try {
      const [grains, apps] = await read();
      this.grains = new Map(grains.map((grain) => [grain.grainId, grain]));
      this.apps = new Map(apps.map((app) => [app.appId, app]));
      this.loaded = true;
    } finally {
      this.#loading -= 1;
      this.#flush();
    }
  }

  take(event: LiveEvent): void {
    this.#waiting.push(event);
    this.#timer ??= setTimeout(() => this.#flush(), GATHER);
  }

  /** What a call just answered, without waiting for the event that says the same. */
  put(...changed: Grain[]): void {
    const grains = new Map(this.grains);
    for (const grain of changed) grains.set(grain.grainId, grain);
    this.grains = grains;
  }

  drop(...gone: string[]): void {
    const grains = new Map(this.grains);
    for (const id of gone) grains.delete(id);
    this.grains = grains;
  }

  leave(...ids: string[]): void {
    this.leaving = new Set([...this.leaving, ...ids]);
  }

  stay(...ids: string[]): void {
    const leaving = new Set(this.leaving);
    for (const id of ids) leaving.delete(id);
    this.leaving = leaving;
  }

  forget(): void {
    this.grains = new Map();
    this.apps = new Map();
    this.loaded = false;
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#loading > 0 || this.#waiting.length === 0) return;
    const grains = new Map(this.grains);
    const apps = new Map(this.apps);
    for (const event of this.#waiting) {
      if (event.type === 'grain') grains.set(event.grain.grainId, event.grain);
      else if (event.type === 'grains') event.grains.forEach((grain) => grains.set(grain.grainId, grain));
      else if (event.type === 'grains-removed') event.grainIds.forEach((id) => grains.delete(id));
      else if (event.type === 'grain-removed') grains.delete(event.grainId);
      else if (event.type === 'app') apps.set(event.app.appId, event.app);
      else if (event.type === 'app-removed') apps.delete(event.appId);
    }
    this.#waiting = [];
    this.grains = grains;
    this.apps = apps;
  }
}

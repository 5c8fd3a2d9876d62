// Packages on their way, as the appliance tells of them, and the one that the person is asked about.
import type { Api } from '../api/client';
import { Refused, asProblem, isAbort, made } from '../api/problem';
import type { Install, InstallDone, InstallSource, LiveEvent, Problem } from '../api/types';
import { isPackage } from '../lib/install';

type InstallApi = Pick<Api, 'installs' | 'beginInstall' | 'uploadInstall' | 'confirmInstall' | 'cancelInstall'>;

export class Installs {
  /** The oldest first. */
  items: Install[] = $state.raw([]);
  /** How those that this page confirmed ended. */
  results: ReadonlyMap<string, InstallDone> = $state.raw(new Map());
  /** Those that this page began: it asks about them as soon as they are ready. */
  #own: ReadonlySet<string> = $state.raw(new Set());
  /** What could not even begin. */
  refused: { id: number; name: string; problem: Problem }[] = $state.raw([]);
  readonly #api: InstallApi;
  readonly #uploads = new Map<string, AbortController>();
  #gone = new Set<string>();
  #next = 1;

  /** The package that waits for an answer. */
  readonly asking = $derived(this.items.find((item) => this.#own.has(item.installId) && (item.state === 'ready' || item.state === 'installing')) ?? null);

  constructor(api: InstallApi) {
    this.#api = api;
  }

  async load(): Promise<void> {
    this.items = await this.#api.installs();
  }

  take(event: LiveEvent): void {
    if (event.type === 'install') this.#put(event.install);
    else if (event.type === 'install-removed') this.#drop(event.installId);
  }

  files(files: Iterable<File>): void {
    for (const file of files) {
      void this.#begin(file.name, { kind: 'upload', name: file.name, size: file.size }, async () => {
        if (!(await isPackage(file))) throw new Refused(made('not-a-package-file', { name: file.name }));
      }, async (install) => {
        const abort = new AbortController();
        this.#uploads.set(install.installId, abort);
        try {
          this.#put(await this.#api.uploadInstall(install.installId, file, abort.signal));
        } finally {
          this.#uploads.delete(install.installId);
        }
      });
    }
  }

  url(url: string): void {
    void this.#begin(url, { kind: 'url', url }, async () => {}, async () => {});
  }

  /** Asks about one that came from elsewhere. */
  ask(install: Install): void {
    this.#own = new Set(this.#own).add(install.installId);
  }

  async confirm(install: Install, upgradeGrains: boolean): Promise<InstallDone> {
    const done = await this.#api.confirmInstall(install.installId, upgradeGrains);
    this.results = new Map(this.results).set(install.installId, done);
    return done;
  }

  /** Stops one that runs, puts one aside that is over. */
  async dismiss(install: Install): Promise<void> {
    this.#uploads.get(install.installId)?.abort();
    this.#drop(install.installId);
    await this.#api.cancelInstall(install.installId).catch((thrown: unknown) => {
      // Over and forgotten already.
      if (!(thrown instanceof Refused)) throw thrown;
    });
  }

  forget(id: number): void {
    this.refused = this.refused.filter((each) => each.id !== id);
  }

  async #begin(name: string, source: InstallSource, check: () => Promise<void>, send: (install: Install) => Promise<void>): Promise<void> {
    let began: Install | null = null;
    try {
      await check();
      began = await this.#api.beginInstall(source);
      this.#own = new Set(this.#own).add(began.installId);
      this.#put(began);
      await send(began);
    } catch (thrown) {
      if (isAbort(thrown)) return;
      // The appliance tells of what failed there by itself.
      if (began && this.items.some((item) => item.installId === began?.installId && item.state === 'failed')) return;
      if (began) void this.dismiss(began);
      this.refused = [...this.refused, { id: this.#next++, name, problem: asProblem(thrown) }];
    }
  }

  /** News can overtake each other: what is over stays over, what is gone stays gone. */
  #put(install: Install): void {
    if (this.#gone.has(install.installId)) return;
    const known = this.items.find((item) => item.installId === install.installId);
    if (known && RANK[known.state] > RANK[install.state]) return;
    this.items = known ? this.items.map((item) => (item === known ? install : item)) : [...this.items, install];
  }

  #drop(installId: string): void {
    this.#gone.add(installId);
    this.items = this.items.filter((item) => item.installId !== installId);
  }
}

const RANK: Record<Install['state'], number> = { waiting: 0, working: 1, ready: 2, installing: 3, installed: 4, failed: 4 };

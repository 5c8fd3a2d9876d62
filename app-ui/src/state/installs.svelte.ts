// Installations under way, and how the finished ones went.
import type { Api } from '../api/client';
import { Refused, asProblem, isAbort, made } from '../api/problem';
import type { InstallEvent } from '../api/types';
import { advance, isOver, isPackage, type Progress, type Source } from '../lib/install';

export class Install {
  readonly id: number;
  readonly name: string;
  readonly source: Source;
  progress: Progress = $state.raw({ step: 'waiting' });
  readonly abort = new AbortController();

  constructor(id: number, name: string, source: Source) {
    this.id = id;
    this.name = name;
    this.source = source;
  }
}

export class Installs {
  items: Install[] = $state.raw([]);
  readonly #api: Pick<Api, 'installFile' | 'installUrl'>;
  #next = 1;

  constructor(api: Pick<Api, 'installFile' | 'installUrl'>) {
    this.#api = api;
  }

  files(files: Iterable<File>): Promise<void>[] {
    return Array.from(files, (file) =>
      this.#run(file.name, 'file', async (signal) => {
        if (!(await isPackage(file))) throw new Refused(made('not-a-package-file', { name: file.name }));
        return this.#api.installFile(file, signal);
      }),
    );
  }

  url(url: string): Promise<void> {
    return this.#run(nameOf(url), 'url', (signal) => Promise.resolve(this.#api.installUrl(url, signal)));
  }

  /** Stops one that runs, puts one aside that is over. */
  dismiss(install: Install): void {
    install.abort.abort();
    this.items = this.items.filter((item) => item !== install);
  }

  async #run(
    name: string,
    source: Source,
    begin: (signal: AbortSignal) => Promise<AsyncIterable<InstallEvent>>,
  ): Promise<void> {
    const install = new Install(this.#next++, name, source);
    this.items = [...this.items, install];
    try {
      for await (const event of await begin(install.abort.signal)) install.progress = advance(event);
      if (!isOver(install.progress)) throw new Refused(made('broken-off'));
    } catch (thrown) {
      if (isAbort(thrown) || install.abort.signal.aborted) return;
      install.progress = { step: 'failed', problem: asProblem(thrown) };
    }
  }
}

function nameOf(url: string): string {
  const path = url.split(/[?#]/)[0] ?? url;
  return path.split('/').findLast((part) => part !== '') ?? url;
}

// What the page knows and remembers.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { Refused } from '../src/api/problem';
import type { InstallEvent, Session } from '../src/api/types';
import { Keep } from '../src/lib/keep';
import { Installs } from '../src/state/installs.svelte';
import { Library } from '../src/state/library.svelte';
import { OpenGrains } from '../src/state/open.svelte';
import { Toasts } from '../src/state/toasts.svelte';
import { aGrain, anApp } from './things';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('the library', () => {
  it('takes events that came while it read', async () => {
    const library = new Library();
    const reading = library.load(async () => {
      library.take({ type: 'grain', grain: aGrain({ title: 'Newer' }) });
      library.take({ type: 'app-removed', appId: 'app1' });
      await vi.advanceTimersByTimeAsync(1000);
      return [[aGrain({ title: 'Older' })], [anApp()]];
    });
    await reading;
    expect(library.grains.get('g1')?.title).toBe('Newer');
    expect(library.apps.size).toBe(0);
  });

  it('parts the trash from the rest, and hides what is leaving', () => {
    const library = new Library();
    library.put(aGrain());
    library.put(aGrain({ grainId: 'g2', trashed: 5 }));
    expect(library.live.map((g) => g.grainId)).toEqual(['g1']);
    expect(library.trashed.map((g) => g.grainId)).toEqual(['g2']);
    library.leave('g2');
    expect(library.trashed).toEqual([]);
    library.stay('g2');
    expect(library.trashed).toHaveLength(1);
  });
});

describe('what is remembered', () => {
  it('stands under names with the port', () => {
    new Keep(localStorage, '6443').set('secret', 'x');
    expect(localStorage.getItem('granary-secret-6443')).toBe('x');
    expect(new Keep(localStorage, '7000').get('secret')).toBeNull();
    expect(new Keep(localStorage, '').name('a')).toBe('granary-a-443');
  });
  it('is read with care', () => {
    const keep = new Keep(localStorage, '1');
    keep.set('open', '{broken');
    expect(keep.list('open')).toEqual([]);
    keep.set('open', '["a",1,"a"]');
    expect(keep.list('open')).toEqual(['a']);
  });
});

describe('messages', () => {
  it('go by themselves, and say so', async () => {
    const toasts = new Toasts();
    const onGone = vi.fn();
    toasts.show('Gone soon', { onGone });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(toasts.items).toEqual([]);
    expect(onGone).toHaveBeenCalledOnce();
  });
  it('are not gone when taken back', async () => {
    const toasts = new Toasts();
    const [run, onGone] = [vi.fn(), vi.fn()];
    toasts.show('Deleted', { action: { label: 'Undo', run }, onGone });
    toasts.items[0]?.action?.run();
    await vi.advanceTimersByTimeAsync(20_000);
    expect(run).toHaveBeenCalledOnce();
    expect(onGone).not.toHaveBeenCalled();
  });
  it('stay while they are read', async () => {
    const toasts = new Toasts();
    const id = toasts.show('Read me');
    toasts.hold(id);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(toasts.items).toHaveLength(1);
    toasts.release(id);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(toasts.items).toEqual([]);
  });
});

describe('open grains', () => {
  function build() {
    let number = 0;
    const asked: (string | null)[] = [];
    const api = {
      session: async (_: string, path: string | null): Promise<Session> => {
        asked.push(path);
        number += 1;
        return { url: `https://ui-${number}.granary.localhost:6443/_granary-init?code=c`, host: `ui-${number}.granary.localhost:6443` };
      },
    };
    const keep = new Keep(localStorage, '6443');
    return { open: new OpenGrains(api, keep, () => Date.now()), asked, keep, api };
  }
  const settle = () => vi.advanceTimersByTimeAsync(0);

  it('come back after a reload, asleep', async () => {
    const { open, api, keep } = build();
    open.open('a');
    open.open('b');
    await settle();
    const again = new OpenGrains(api, keep);
    expect(again.items.map((item) => [item.grainId, item.awake])).toEqual([['a', false], ['b', false]]);
  });

  it('close towards their neighbour', () => {
    const { open } = build();
    ['a', 'b', 'c'].forEach((id) => open.open(id));
    expect(open.close('b')).toBe('c');
    expect(open.close('c')).toBe('a');
    expect(open.close('a')).toBeNull();
    expect(open.close('nothing')).toBeNull();
  });

  it('hear their own frame only, from its own origin only', async () => {
    const { open, asked } = build();
    const item = open.open('a', '/start');
    await settle();
    const source = {} as Window;
    item.frame = { contentWindow: source } as HTMLIFrameElement;
    const origin = 'https://ui-1.granary.localhost:6443';
    expect(open.hear({ source: {} as Window, origin, data: { setTitle: 'x' } })).toBeNull();
    expect(open.hear({ source, origin: 'https://ui-9.granary.localhost:6443', data: { setTitle: 'x' } })).toBeNull();
    expect(open.hear({ source: null, origin, data: { setTitle: 'x' } })).toBeNull();
    expect(open.hear({ source, origin, data: { unknown: 1 } })).toBeNull();
    expect(item.pageTitle).toBeNull();
    expect(open.hear({ source, origin, data: { setTitle: 'x' } })).toBe(item);
    expect(item.pageTitle).toBe('x');
    open.hear({ source, origin, data: { setPath: '/page' } });
    open.hear({ source, origin, data: { granary: 'session-lost' } });
    // The event of the appliance tells of the same loss: one new session is enough.
    open.lost('a', 'ui-1.granary.localhost:6443');
    await settle();
    expect(asked).toEqual(['/start', '/page']);
    expect(item.session?.host).toBe('ui-2.granary.localhost:6443');
  });

  it('give up on a browser that keeps no cookies', async () => {
    const { open, asked } = build();
    const item = open.open('a');
    await settle();
    for (let round = 0; round < 10 && item.session; round += 1) {
      open.lost('a', item.session.host);
      await settle();
    }
    expect(item.problem?.code).toBe('session-keeps-ending');
    expect(asked).toHaveLength(5);
  });
});

describe('installations', () => {
  async function* report(...events: InstallEvent[]) {
    yield* events;
  }
  const done: InstallEvent = { type: 'done', app: anApp(), outcome: 'installed', moved: 0 };

  it.each([
    ['done', [done], 'done', ''],
    ['refused', [{ type: 'error', error: { code: 'bad-signature', title: 't', message: 'm', remedy: 'r' } } as InstallEvent], 'failed', 'bad-signature'],
    ['broken off', [{ type: 'progress', phase: 'verify', bytes: 1, total: 2 } as InstallEvent], 'failed', 'broken-off'],
  ])('%s', async (_, events, step, code) => {
    const installs = new Installs({ installUrl: () => report(...events), installFile: () => report() });
    await installs.url('https://example.org/apps/notes.spk?x');
    const [install] = installs.items;
    expect(install?.name).toBe('notes.spk');
    expect(install?.progress.step).toBe(step);
    if (install?.progress.step === 'failed') expect(install.progress.problem.code).toBe(code);
  });

  it('cancelled: leaves nothing behind', async () => {
    let signal: AbortSignal | undefined;
    const installs = new Installs({
      installFile: () => report(),
      installUrl: async function* (_, given): AsyncGenerator<InstallEvent> {
        signal = given;
        await new Promise((_resolve, reject) => given.addEventListener('abort', () => reject(new Refused({ code: 'x', title: '', message: '', remedy: '' }))));
        yield done;
      },
    });
    const running = installs.url('https://example.org/a.spk');
    await vi.advanceTimersByTimeAsync(0);
    installs.items.forEach((install) => installs.dismiss(install));
    await running;
    expect(signal?.aborted).toBe(true);
    expect(installs.items).toEqual([]);
  });
});

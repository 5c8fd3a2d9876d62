// What the page knows and remembers.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { Notification, Session } from '../src/api/types';
import { Keep } from '../src/lib/keep';
import { Installs } from '../src/state/installs.svelte';
import { Library } from '../src/state/library.svelte';
import { OpenGrains } from '../src/state/open.svelte';
import { Notices } from '../src/state/notices.svelte';
import { Toasts } from '../src/state/toasts.svelte';
import { aGrain, anApp, anInstall, anOffer } from './things';

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

describe('packages on their way', () => {
  const package_ = () => ({ name: 'notes.spk', size: 9, slice: () => ({ arrayBuffer: async () => new Uint8Array([0x8f, 0xc6, 0xcd, 0xef, 0x45, 0x1a, 0xea, 0x96]).buffer }) }) as unknown as File;
  const settle = () => vi.advanceTimersByTimeAsync(0);
  function build(parts: Partial<ConstructorParameters<typeof Installs>[0]> = {}) {
    return new Installs({
      installs: async () => [], beginInstall: async () => anInstall(), confirmInstall: async () => ({ app: anApp(), outcome: 'installed', moved: 0 }),
      cancelInstall: async () => {}, uploadInstall: async () => anInstall({ state: 'ready', offer: anOffer() }), ...parts,
    });
  }

  it('ask once they are ready, and only where they began', async () => {
    const installs = build();
    installs.take({ type: 'install', install: anInstall({ installId: 'other', state: 'ready', offer: anOffer() }) });
    expect(installs.asking).toBeNull();
    installs.files([package_()]);
    await settle();
    expect(installs.asking?.installId).toBe('i1');
    installs.ask(installs.items.find((item) => item.installId === 'other') ?? anInstall());
    expect(installs.items).toHaveLength(2);
  });

  it('never go back: late news and news of what is gone change nothing', async () => {
    const installs = build();
    installs.take({ type: 'install', install: anInstall({ state: 'ready', offer: anOffer() }) });
    installs.take({ type: 'install', install: anInstall({ state: 'working' }) });
    expect(installs.items[0]?.state).toBe('ready');
    await installs.dismiss(anInstall());
    installs.take({ type: 'install', install: anInstall({ state: 'ready' }) });
    expect(installs.items).toEqual([]);
  });

  it('are refused before they are sent when they are none', async () => {
    const beginInstall = vi.fn();
    const installs = build({ beginInstall });
    installs.files([{ name: 'film.mp4', slice: () => ({ arrayBuffer: async () => new ArrayBuffer(8) }) } as unknown as File]);
    await settle();
    expect(installs.refused[0]?.problem.code).toBe('not-a-package-file');
    expect(beginInstall).not.toHaveBeenCalled();
  });

  it('cancelled: stop the upload and leave nothing behind', async () => {
    let signal: AbortSignal | undefined;
    const cancelInstall = vi.fn(async () => {});
    const installs = build({
      cancelInstall,
      uploadInstall: (_, __, given) => new Promise((_resolve, reject) => {
        signal = given;
        given.addEventListener('abort', () => reject(Object.assign(new Error('stopped'), { name: 'AbortError' })));
      }),
    });
    installs.files([package_()]);
    await settle();
    await Promise.all(installs.items.map((install) => installs.dismiss(install)));
    await settle();
    expect([signal?.aborted, installs.items, installs.refused]).toEqual([true, [], []]);
    expect(cancelInstall).toHaveBeenCalledWith('i1');
  });
});

describe('notices', () => {
  const notice = (notificationId: number, read = false): Notification => ({
    notificationId, code: 'grain-crashed', severity: 'warning', title: 't', text: 'x', remedy: '', details: {}, grainId: null, appId: null, created: 1, times: 1, read,
  });
  it('are counted, replaced, read up to what was shown', async () => {
    const readNotifications = vi.fn(async () => 0);
    const notices = new Notices({ notifications: async () => ({ unread: 1, notifications: [notice(1)] }), readNotifications, dismissNotification: async () => {}, dismissNotifications: async () => {} });
    await notices.load();
    notices.take({ type: 'notification', notification: notice(2), unread: 2 });
    notices.take({ type: 'notification', notification: notice(2), unread: 2 });
    expect(notices.items.map((item) => item.notificationId)).toEqual([2, 1]);
    await notices.read();
    expect(readNotifications).toHaveBeenCalledWith(2);
    expect(notices.unread).toBe(0);
  });
});

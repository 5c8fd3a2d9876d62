// The pure parts: words, numbers, addresses, colours.
import { describe, expect, it } from 'vitest';

import type { Grain } from '../src/api/types';
import { AnsiReader } from '../src/lib/ansi';
import { takeLoginCode } from '../src/lib/code';
import { Format, grouped } from '../src/lib/format';
import { fraction, isPackage, nameOf, outcomeOf, stepOf } from '../src/lib/install';
import { readMessage } from '../src/lib/messages';
import { insideAddress, isLocal, parseRoute } from '../src/lib/routes';
import { scrollTo, visibleRows } from '../src/lib/rows';
import { findGrains, nextSorting, sortGrains } from '../src/lib/search';
import { forEach } from '../src/lib/each';
import { rank, type Choice } from '../src/lib/palette';
import { parts } from '../src/lib/rich';
import { chooseLanguage, formatLocale } from '../src/i18n/languages';
import { Selection } from '../src/state/selection.svelte';
import { aGrain, anInstall } from './things';

describe('format', () => {
  it.each([
    [0, '0 bytes'],
    [1, '1 byte'],
    [999, '999 bytes'],
    [1234, '1.23 kB'],
    [999_600, '1 MB'],
    [12_345_678, '12.3 MB'],
    [4e12, '4 TB'],
  ])('size %d', (bytes, words) => expect(new Format('en').size(bytes)).toBe(words));

  const now = Date.UTC(2026, 5, 20, 12);
  it.each([
    [0, 'now'],
    [-5000, 'now'],
    [5 * 60_000, '5 minutes ago'],
    [3 * 3_600_000, '3 hours ago'],
    [25 * 3_600_000, 'yesterday'],
    [20 * 86_400_000, 'May 31, 2026'],
  ])('ago %d', (past, words) => expect(new Format('en').ago(now - past, now)).toBe(words));

  it.each([
    ['de', '1,23 MB', '5 Minuten'],
    ['fr', '1,23 Mo', '5 minutes'],
    ['zh-Hans', '1.23 MB', '5分钟'],
  ])('in %s', (locale, size, duration) => {
    const format = new Format(locale);
    expect(format.size(1_234_000).replace(/\s/g, ' ')).toBe(size);
    expect(format.duration(300)).toBe(duration);
  });

  it('groups', () => {
    expect(grouped('ABCDEFGHIJ')).toBe('ABCD EFGH IJ');
  });
});

describe('search', () => {
  const grains = [
    aGrain({ grainId: 'a', title: 'Cafe plans', size: 5, lastUsed: 3 }),
    aGrain({ grainId: 'b', title: 'Café menu 10', size: 9, lastUsed: 1 }),
    aGrain({ grainId: 'c', title: 'Café menu 9', size: 5, lastUsed: 2 }),
  ];
  const ids = (list: Grain[]) => list.map((grain) => grain.grainId).join('');
  it.each([['', 'abc'], ['CAFÉ', 'abc'], ['menu cafe', 'bc'], ['notes plans', 'a'], ['zebra', '']])(
    'finds "%s"', (query, found) => expect(ids(findGrains(grains, query))).toBe(found));
  it.each([
    ['title', false, 'cba'],
    ['title', true, 'abc'],
    ['size', true, 'bca'],
    ['lastUsed', true, 'acb'],
  ] as const)('sorts by %s, descending %s', (key, descending, order) => {
    expect(ids(sortGrains(grains, { key, descending }))).toBe(order);
  });
  it('turns round, or begins the useful way', () => {
    expect(nextSorting({ key: 'title', descending: false }, 'title')).toEqual({ key: 'title', descending: true });
    expect(nextSorting({ key: 'title', descending: false }, 'size')).toEqual({ key: 'size', descending: true });
    expect(nextSorting({ key: 'size', descending: true }, 'title')).toEqual({ key: 'title', descending: false });
  });
  it('sorts and finds among 10 000 grains within a glance', () => {
    const many = Array.from({ length: 10_000 }, (_, at) => aGrain({ grainId: `${at}`, title: `Grain number ${at}`, appTitle: `App ${at % 7}`, lastUsed: at % 99 }));
    for (const key of ['title', 'app', 'lastUsed'] as const) {
      const start = performance.now();
      expect(sortGrains(many, { key, descending: true })).toHaveLength(10_000);
      expect(performance.now() - start).toBeLessThan(1000);
    }
  });
  it('finds among 10 000 grains within 50 ms', () => {
    const many = Array.from({ length: 10_000 }, (_, at) => aGrain({ grainId: `${at}`, title: `Grain number ${at}` }));
    findGrains(many, 'x');
    const start = performance.now();
    expect(findGrains(many, 'number 77')).not.toHaveLength(0);
    expect(performance.now() - start).toBeLessThan(50);
  });
});

describe('routes', () => {
  it.each([
    ['/', { page: 'home' }],
    ['/apps/', { page: 'apps' }],
    ['/apps/abc', { page: 'app', appId: 'abc' }],
    ['/grain/x', { page: 'grain', grainId: 'x', path: '/' }],
    ['/grain/x/a/b?c=d#e', { page: 'grain', grainId: 'x', path: '/a/b?c=d#e' }],
    ['/grain/%zz', { page: 'missing' }],
    ['/grain', { page: 'grains' }],
    ['/log/x', { page: 'log', grainId: 'x' }],
    ['/install/i1', { page: 'install', id: 'i1' }],
    ['/settings', { page: 'settings', section: 'general' }],
    ['/settings/about', { page: 'settings', section: 'about' }],
    ['/settings/nothing', { page: 'missing' }],
    ['/constructor', { page: 'missing' }],
  ])('%s', (address, route) => expect(parseRoute(new URL(address, 'https://granary.localhost'))).toEqual(route));

  it.each([
    ['/notes?x#y', '/grain/g/notes?x#y'],
    ['/', '/grain/g'],
    ['/a/../b', '/grain/g/b'],
    ['/../../settings', null],
    ['/../other', null],
    ['/%2e%2e/other', null],
  ])('an address for %s', (path, address) => expect(insideAddress('https://granary.localhost', 'g', path)).toBe(address));

  it.each([['/grains', true], ['//evil.example', false], ['/\\evil.example', false], ['https://x', false], ['', false], ['/a\n', false]])(
    'local %s', (path, local) => expect(isLocal(path)).toBe(local));
});

describe('messages of frames', () => {
  it.each([
    [{ granary: 'session-lost' }, { kind: 'lost' }],
    [{ granary: 'else' }, null],
    [{ granary: 'failed', code: 'app-ended', text: 'Why' }, { kind: 'failed', code: 'app-ended', title: '', text: 'Why' }],
    [{ granary: 'failed', code: '<b>' }, null],
    [{ setPath: '' }, { kind: 'path', path: '/' }],
    [{ setPath: '/a' }, { kind: 'path', path: '/a' }],
    [{ setPath: 'a' }, null],
    [{ setPath: `/${'a'.repeat(5000)}` }, null],
    [{ setPath: 4 }, null],
    [{ setTitle: ' My\n page ' }, { kind: 'title', title: 'My page' }],
    [{ setTitle: '' }, { kind: 'title', title: '' }],
    [{ startSharing: {} }, null],
    ['text', null],
    [null, null],
  ])('%j', (data, message) => expect(readMessage(data)).toEqual(message));
});

describe('the log', () => {
  const read = (...parts: string[]) => {
    const reader = new AnsiReader();
    return parts.map((part) => reader.push(part).map((line) => line.map(({ text, look }) => (look ? `<${look}>${text}` : text)).join('')));
  };
  it.each([
    [['a\nb\r\nc'], [['a', 'b', 'c']]],
    [['\x1b[31mred\x1b[0m plain'], [['<red>red plain']]],
    [['\x1b[38;2;10;200;30mg\x1b[38;5;196mr'], [['<green>g<red>r']]],
    [['\x1b[1;38;5;9;4mx\x1b[22my'], [['<red bold underline>x<red underline>y']]],
    [['\x1b[2K\x1b[10;3Hx\x1b]0;title\x07y\x1b(Bz'], [['xyz']]],
    [['a\x1b[3', '1mb'], [['a'], ['<red>b']]],
    [['\x1b[94mblue\nstill'], [['<blue>blue', '<blue>still']]],
    [['a\x00\x08b\tc'], [['ab\tc']]],
  ])('%j', (parts, lines) => expect(read(...parts)).toEqual(lines));
});

describe('installing', () => {
  it('says what happens', () => {
    expect(stepOf(anInstall())).toBe('install-handing-over');
    expect(stepOf(anInstall({ state: 'working', phase: 'download', source: { kind: 'url', url: 'https://x/a.spk' } }))).toBe('install-downloading');
    expect(stepOf(anInstall({ state: 'working', phase: 'unpack' }))).toBe('install-unpacking');
    expect(fraction(anInstall({ bytes: 5, total: 10 }))).toBe(0.5);
    expect(fraction(anInstall({ bytes: 5 }))).toBeNull();
    expect(outcomeOf('upgraded')).toBe('install-upgraded');
    expect(outcomeOf('installed')).toBe('install-done');
    expect(nameOf(anInstall({ source: { kind: 'url', url: 'https://example.org/apps/notes.spk?x' } }))).toBe('notes.spk');
  });
  it('knows a package by its first bytes', async () => {
    // jsdom's Blob cannot be read.
    const blob = (bytes: number[]) => ({ slice: () => ({ arrayBuffer: async () => new Uint8Array(bytes).buffer }) }) as unknown as Blob;
    expect(await isPackage(blob([0x8f, 0xc6, 0xcd, 0xef, 0x45, 0x1a, 0xea, 0x96]))).toBe(true);
    expect(await isPackage(blob([0x50, 0x4b]))).toBe(false);
    expect(await isPackage(blob([]))).toBe(false);
  });
});

describe('long lists', () => {
  it('draws what is seen and a little more', () => {
    expect(visibleRows(0, 500, 50, 10_000)).toEqual({ from: 0, to: 16 });
    expect(visibleRows(50_000, 500, 50, 10_000)).toEqual({ from: 994, to: 1016 });
    expect(visibleRows(99_999, 500, 50, 5)).toEqual({ from: 5, to: 5 });
  });
  it('scrolls no further than needed', () => {
    expect(scrollTo(3, 0, 500, 50)).toBe(0);
    expect(scrollTo(3, 200, 500, 50)).toBe(150);
    expect(scrollTo(20, 0, 500, 50)).toBe(550);
  });
});

describe('the login code', () => {
  it('leaves the address at once', () => {
    history.replaceState(null, '', '/login#secret-code');
    expect(takeLoginCode(window)).toBe('secret-code');
    expect(location.href).toBe('https://granary.localhost:6443/login');
    expect(takeLoginCode(window)).toBeNull();
  });
  it('is looked for on its own page only', () => {
    history.replaceState(null, '', '/grains#part');
    expect(takeLoginCode(window)).toBeNull();
    expect(location.hash).toBe('#part');
  });
});

describe('the palette', () => {
  const choice = (name: string, hint = '', also = ''): Choice => ({ id: name, name, hint, also, group: 'grains', run: () => {} });
  const choices = [choice('Old plans', 'Notes'), choice('Plans', 'Files'), choice('New note', 'Notes', 'note'), choice('Airplane')];
  const names = (query: string) => rank(choices, query).map((each) => each.name);
  it.each([
    ['', ['Old plans', 'Plans', 'New note', 'Airplane']],
    ['plan', ['Plans', 'Old plans', 'Airplane']],
    ['notes', ['Old plans', 'New note']],
    ['plans notes', ['Old plans']],
    ['zzz', []],
  ])('"%s"', (query, found) => expect(names(query)).toEqual(found));
});

describe('picking rows', () => {
  const order = ['a', 'b', 'c', 'd'];
  it('one by one, in a stretch, all, none', () => {
    const selection = new Selection();
    selection.toggle('b');
    selection.reach('d', order);
    expect([...selection.ids]).toEqual(['b', 'c', 'd']);
    selection.reach('a', order);
    expect([...selection.ids]).toEqual(['a', 'b']);
    selection.toggle('a');
    expect([...selection.ids]).toEqual(['b']);
    selection.all(order);
    expect(selection.ids.size).toBe(4);
    selection.clear();
    selection.begin('c');
    selection.reach('d', order);
    expect([...selection.ids]).toEqual(['c', 'd']);
  });
});

describe('one deed on many', () => {
  it('goes on after a failure, and stops when told', async () => {
    const progress: number[] = [];
    const outcome = await forEach([1, 2, 3], async (each) => { if (each === 2) throw new Error('no'); }, { onProgress: (done) => progress.push(done) });
    expect([outcome.done.sort(), outcome.failed.map(({ item }) => item)]).toEqual([[1, 3], [2]]);
    expect(progress).toEqual([1, 2, 3]);
    const stop = new AbortController();
    const some = await forEach(Array.from({ length: 50 }, (_, at) => at), async (each) => { if (each === 3) stop.abort(); }, { signal: stop.signal });
    expect(some.done.length).toBeLessThan(50);
  });
});

describe('languages', () => {
  it.each([
    [null, ['de-AT', 'en'], 'de'],
    [null, ['pt-BR', 'fr-CA'], 'fr'],
    [null, ['zh-CN'], 'zh-Hans'],
    [null, ['ja'], 'en'],
    ['fr', ['de'], 'fr'],
    ['xx', ['de'], 'de'],
  ])('%s, %j: %s', (chosen, wanted, language) => expect(chooseLanguage(chosen, wanted)).toBe(language));
  it('numbers follow the place', () => {
    expect(formatLocale('en', ['de', 'en-GB'])).toBe('en-GB');
    expect(formatLocale('de', ['en-GB'])).toBe('de');
  });
  it('messages have parts', () => {
    expect(parts('Run <code>this</code> or <link>that</link>.')).toEqual([
      { tag: null, text: 'Run ' }, { tag: 'code', text: 'this' }, { tag: null, text: ' or ' }, { tag: 'link', text: 'that' }, { tag: null, text: '.' },
    ]);
  });
});

// Finding and sorting: all words must occur, whatever their case and accents; names sort as people expect.
import type { App, Grain } from '../api/types';

export type SortKey = 'title' | 'app' | 'size' | 'lastUsed' | 'state';

export interface Sorting {
  key: SortKey;
  descending: boolean;
}

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });

/** Lower case, without accents. */
export function fold(text: string): string {
  return text.normalize('NFKD').replace(/\p{Mn}/gu, '').toLowerCase();
}

export function words(query: string): string[] {
  return fold(query).split(/\s+/).filter((word) => word !== '');
}

const folded = new WeakMap<object, string>();

/** What can be found of `item`; worked out once, as an item that changes is a new one. */
function haystack(item: object, make: () => string): string {
  let text = folded.get(item);
  if (text === undefined) {
    text = fold(make());
    folded.set(item, text);
  }
  return text;
}

export function findGrains(grains: Grain[], query: string): Grain[] {
  const wanted = words(query);
  if (wanted.length === 0) return grains;
  return grains.filter((grain) => {
    const text = haystack(grain, () => `${grain.title}\n${grain.appTitle}`);
    return wanted.every((word) => text.includes(word));
  });
}

export function findApps(apps: App[], query: string): App[] {
  const wanted = words(query);
  if (wanted.length === 0) return apps;
  return apps.filter((app) => {
    const nouns = app.actions.map((action) => `${action.title}\n${action.nounPhrase}`);
    const text = haystack(app, () => [app.title, app.shortDescription ?? '', app.author.name ?? '', ...nouns].join('\n'));
    return wanted.every((word) => text.includes(word));
  });
}

const STATES = { stopped: 0, starting: 1, running: 2 } as const;

/** A new list; grains that are alike in `key` stand by name, and by id where even that is the same. */
export function sortGrains(grains: Iterable<Grain>, { key, descending }: Sorting): Grain[] {
  const byName = (a: Grain, b: Grain) => compareNames(a.title, b.title) || (a.grainId < b.grainId ? -1 : 1);
  const by: Record<SortKey, (a: Grain, b: Grain) => number> = {
    title: byName,
    app: (a, b) => compareNames(a.appTitle, b.appTitle),
    size: (a, b) => a.size - b.size,
    lastUsed: (a, b) => a.lastUsed - b.lastUsed,
    state: (a, b) => STATES[a.state] - STATES[b.state],
  };
  const sign = descending ? -1 : 1;
  return [...grains].sort((a, b) => sign * by[key](a, b) || byName(a, b));
}

/** Most neighbours in a sorted list of apps are the same: they need no look at the rules of a language. */
function compareNames(a: string, b: string): number {
  return a === b ? 0 : collator.compare(a, b);
}

export function sortApps(apps: Iterable<App>): App[] {
  return [...apps].sort((a, b) => collator.compare(a.title, b.title) || (a.appId < b.appId ? -1 : 1));
}

/** What a click on a column's head means: the other way round, or the way that column is mostly wanted. */
export function nextSorting(now: Sorting, key: SortKey): Sorting {
  return now.key === key ? { key, descending: !now.descending } : { key, descending: key !== 'title' && key !== 'app' };
}

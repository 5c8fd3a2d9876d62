// What the pages say, in the person's language: messages are Fluent files beside this one, one folder a language.
import { FluentBundle, FluentResource } from '@fluent/bundle';

import type { Entry, Notification, Problem } from '../api/types';
import { Format } from '../lib/format';
import { formatLocale, type Language } from './languages';

export type Values = Record<string, string | number>;
export type T = (key: string, values?: Values) => string;

/** A problem or a finding in words; `detail` is what the appliance said about this very case, in English. */
export interface Told {
  title: string;
  message: string;
  remedy: string;
  detail: string;
}

const files = import.meta.glob<string>('./*/*.ftl', { query: '?raw', import: 'default' });
/** Letters that are written from right to left. */
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;

export class Words {
  language: Language = $state('en');
  format: Format = $state.raw(new Format('en'));
  #bundle: FluentBundle = $state.raw(new FluentBundle('en'));

  /** Reads a language's messages and speaks it from then on. */
  async use(language: Language, wanted: readonly string[], page: HTMLElement): Promise<void> {
    const locale = formatLocale(language, wanted);
    const bundle = new FluentBundle(locale, { useIsolating: false });
    const own = Object.entries(files).filter(([path]) => path.startsWith(`./${language}/`));
    for (const text of await Promise.all(own.map(([, load]) => load()))) bundle.addResource(new FluentResource(text));
    this.#bundle = bundle;
    this.format = new Format(locale);
    this.language = language;
    page.lang = language;
  }

  readonly t: T = (key, values) => this.#say(key, null, values) ?? key;

  /** A refusal, in the person's language where its code is known there. */
  problem(problem: Problem): Told {
    // Problems that a page makes carry no words of their own; those of the appliance carry English ones.
    const key = `problem-${problem.code}`;
    // Sandboxes and packages have dozens of codes each, whose detail is for experts.
    const family = key.split('-').slice(0, 2).join('-');
    return this.#tell(this.#bundle.hasMessage(key) ? key : family, problem.title, problem.message, problem.remedy, problem.values);
  }

  /** An entry of the registry. Good news are the same for every entry. */
  entry(entry: Entry): Told {
    const key = `entry-${entry.code}`;
    const told = this.#tell(key, entry.title, entry.text, entry.remedy, this.#details(entry.details));
    const good = entry.ok && told.detail !== '' ? this.#say('entry-in-order', null, undefined) : null;
    return good === null ? told : { ...told, message: good, remedy: '' };
  }

  /** Something that happened; its words are those of the entry of the same code. */
  notification(notification: Notification): Told {
    return this.#tell(`entry-${notification.code}`, notification.title, notification.text, notification.remedy, this.#details(notification.details));
  }

  /** What the appliance's sentences are made of: sizes come as numbers of bytes. */
  #details(details: Record<string, string> | undefined): Values {
    const sizes = new Set(['bytes', 'limit']);
    return Object.fromEntries(Object.entries(details ?? {}).map(([name, value]) => {
      const number = Number(value);
      if (sizes.has(name) && value !== '' && Number.isFinite(number)) return [name, this.format.size(number)];
      return [name, /^\d{1,9}$/.test(value) ? number : value];
    }));
  }

  #tell(key: string, title: string, message: string, remedy: string, values: Values | undefined): Told {
    const known = this.#bundle.hasMessage(key);
    const own = this.#say(key, null, values);
    return {
      title: this.#say(key, 'title', values) ?? title,
      message: own ?? message,
      remedy: this.#say(key, 'remedy', values) ?? remedy,
      detail: known && own !== null ? message : '',
    };
  }

  #say(key: string, attribute: string | null, values: Values | undefined): string | null {
    const message = this.#bundle.getMessage(key);
    const pattern = attribute === null ? message?.value : message?.attributes[attribute];
    if (!pattern) return null;
    const isolated = values && Object.fromEntries(Object.entries(values).map(([name, value]) => [name, isolate(value)]));
    return this.#bundle.formatPattern(pattern, isolated ?? null, []);
  }
}

const [BEGIN, END] = [String.fromCodePoint(0x2068), String.fromCodePoint(0x2069)];

/** Keeps a name that runs from right to left from turning the sentence around it. */
function isolate(value: string | number): string | number {
  return typeof value === 'string' && RIGHT_TO_LEFT.test(value) ? BEGIN + value + END : value;
}

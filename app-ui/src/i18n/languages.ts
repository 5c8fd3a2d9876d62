// The languages that the pages speak, each by its own name, and which of them suits a person.
import { negotiateLanguages } from '@fluent/langneg';

export const LANGUAGES = { en: 'English', de: 'Deutsch', fr: 'Français', 'zh-Hans': '简体中文' } as const;
export type Language = keyof typeof LANGUAGES;

export function isLanguage(tag: string | null | undefined): tag is Language {
  return typeof tag === 'string' && Object.hasOwn(LANGUAGES, tag);
}

/** What the person chose, else the first that their browser asks for, else English. */
export function chooseLanguage(chosen: string | null | undefined, wanted: readonly string[]): Language {
  if (isLanguage(chosen)) return chosen;
  const [best] = negotiateLanguages([...wanted], Object.keys(LANGUAGES), { strategy: 'lookup', defaultLocale: 'en' });
  return isLanguage(best) ? best : 'en';
}

/** English of Ireland has other dates than English of America: numbers and dates follow the browser's own kind of a language. */
export function formatLocale(language: Language, wanted: readonly string[]): string {
  const first = (tag: string) => tag.split('-')[0];
  return wanted.find((tag) => first(tag) === first(language)) ?? language;
}

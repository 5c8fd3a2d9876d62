// Sizes, times and numbers in the words of the person's language.

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;
const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['minute', 60_000],
  ['hour', 3_600_000],
  ['day', 86_400_000],
];

/** Decimal units, three digits that matter: `1.23 MB`. */
export function size(bytes: number, locale?: string): string {
  let unit = 0;
  let amount = bytes;
  while (amount >= 999.5 && unit < UNITS.length - 1) {
    amount /= 1000;
    unit += 1;
  }
  return new Intl.NumberFormat(locale, {
    style: 'unit',
    unit: UNITS[unit] ?? 'byte',
    unitDisplay: unit === 0 ? 'long' : 'short',
    maximumSignificantDigits: 3,
  }).format(amount);
}

/** "5 minutes ago"; a date when that is easier to think of. */
export function ago(then: number, now: number, locale?: string): string {
  const past = now - then;
  if (past < 60_000) return 'just now';
  if (past >= 14 * 86_400_000) return date(then, locale);
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
  const [unit, length] = STEPS.findLast(([, length]) => past >= length) ?? ['minute', 60_000];
  return relative.format(-Math.floor(past / length), unit);
}

export function date(when: number, locale?: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'medium' }).format(when);
}

export function dateAndTime(when: number, locale?: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'full', timeStyle: 'short' }).format(when);
}

/** "1 grain", "2 grains". */
export function count(number: number, one: string, many: string, locale?: string): string {
  return `${new Intl.NumberFormat(locale).format(number)} ${number === 1 ? one : many}`;
}

export function percent(fraction: number, locale?: string): string {
  return new Intl.NumberFormat(locale, { style: 'percent' }).format(fraction);
}

/** A long key in groups of four, as people compare them. */
export function grouped(key: string): string {
  return key.match(/.{1,4}/g)?.join(' ') ?? '';
}

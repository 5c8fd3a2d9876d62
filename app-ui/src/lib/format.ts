// Sizes, times and numbers as people of one place write them.

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;
const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['minute', 60_000],
  ['hour', 3_600_000],
  ['day', 86_400_000],
];
const LONG_AGO = 14 * 86_400_000;

/** Makers of text are dear, so each is made once. */
export class Format {
  readonly locale: string;
  readonly #units: Intl.NumberFormat[];
  readonly #number: Intl.NumberFormat;
  readonly #percent: Intl.NumberFormat;
  readonly #relative: Intl.RelativeTimeFormat;
  readonly #date: Intl.DateTimeFormat;
  readonly #moment: Intl.DateTimeFormat;
  readonly #clock: Intl.DateTimeFormat;

  constructor(locale: string) {
    this.locale = locale;
    this.#units = UNITS.map((unit, at) => new Intl.NumberFormat(locale, {
      style: 'unit', unit, unitDisplay: at === 0 ? 'long' : 'short', maximumSignificantDigits: 3,
    }));
    this.#number = new Intl.NumberFormat(locale);
    this.#percent = new Intl.NumberFormat(locale, { style: 'percent' });
    this.#relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
    this.#date = new Intl.DateTimeFormat(locale, { dateStyle: 'medium' });
    this.#moment = new Intl.DateTimeFormat(locale, { dateStyle: 'full', timeStyle: 'short' });
    this.#clock = new Intl.DateTimeFormat(locale, { dateStyle: 'short', timeStyle: 'short' });
  }

  /** Decimal units, three digits that matter: `1.23 MB`. */
  size(bytes: number): string {
    let unit = 0;
    let amount = bytes;
    while (amount >= 999.5 && unit < UNITS.length - 1) {
      amount /= 1000;
      unit += 1;
    }
    return this.#units[unit]?.format(amount) ?? '';
  }

  /** "5 minutes ago"; a date when that is easier to think of. */
  ago(then: number, now: number): string {
    const past = now - then;
    if (past < 60_000) return this.#relative.format(0, 'second');
    if (past >= LONG_AGO) return this.date(then);
    const [unit, length] = STEPS.findLast(([, each]) => past >= each) ?? ['minute', 60_000];
    return this.#relative.format(-Math.floor(past / length), unit);
  }

  /** "30 seconds", "5 minutes", "1 hour": in the largest unit that leaves a whole number. */
  duration(seconds: number): string {
    const [unit, length] = ([['day', 86_400], ['hour', 3600], ['minute', 60]] as const)
      .find(([, each]) => seconds >= each && seconds % each === 0) ?? ['second', 1];
    return new Intl.NumberFormat(this.locale, { style: 'unit', unit, unitDisplay: 'long' }).format(seconds / length);
  }

  number(value: number): string {
    return this.#number.format(value);
  }

  percent(fraction: number): string {
    return this.#percent.format(fraction);
  }

  date(when: number): string {
    return this.#date.format(when);
  }

  dateAndTime(when: number): string {
    return this.#moment.format(when);
  }

  shortMoment(when: number): string {
    return this.#clock.format(when);
  }
}

/** A long key in groups of four, as people compare them. */
export function grouped(key: string): string {
  return key.match(/.{1,4}/g)?.join(' ') ?? '';
}

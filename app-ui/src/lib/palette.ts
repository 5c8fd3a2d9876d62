// What the palette offers for a few letters: the best first.
import { fold, words } from './search';

export interface Choice {
  id: string;
  name: string;
  /** Words beside the name, shown smaller. */
  hint: string;
  /** Words that find it too, and are not shown. */
  also: string;
  group: string;
  run: () => void;
}

const MOST = 60;

/** How well a name fits: 0 when it does not. */
function score(name: string, rest: string, wanted: string[]): number {
  let sum = 0;
  for (const word of wanted) {
    const at = name.indexOf(word);
    if (at === 0) sum += 6;
    else if (at > 0 && /[\s\p{P}]/u.test(name[at - 1] ?? '')) sum += 4;
    else if (at > 0) sum += 2;
    else if (rest.includes(word)) sum += 1;
    else return 0;
  }
  return sum;
}

const folded = new WeakMap<Choice, [name: string, rest: string]>();

/** Choices that fit all words, the best first; those alike keep their order. */
export function rank(choices: readonly Choice[], query: string): Choice[] {
  const wanted = words(query);
  if (wanted.length === 0) return choices.slice(0, MOST);
  const fitting: { choice: Choice; fit: number }[] = [];
  for (const choice of choices) {
    let texts = folded.get(choice);
    if (!texts) folded.set(choice, (texts = [fold(choice.name), fold(`${choice.hint}\n${choice.also}`)]));
    const fit = score(...texts, wanted);
    if (fit > 0) fitting.push({ choice, fit });
  }
  return fitting.sort((a, b) => b.fit - a.fit).slice(0, MOST).map(({ choice }) => choice);
}

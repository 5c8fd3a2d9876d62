// Reads what programs print on terminals: colours become class names, other control sequences go.

export interface Piece {
  text: string;
  /** Names of classes, parted by spaces; empty for plain text. */
  look: string;
}

const COLOURS = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'];
// CSI, OSC (ended by BEL or ST), two-character escapes; then an escape that is not complete yet.
const SEQUENCE =
  /\x1b\[([0-9;:?<=>]*)[ -/]*([@-~])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-Z\\^-~]|(\x1b(?:\[[0-9;:?<=>]*[ -/]*|\][^\x07\x1b]*\x1b?|[ -/]*)?)$/g;
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f]/g;
const LONGEST_HELD = 4096;

/** Keeps colours and cut-off sequences over the pieces in which the text arrives. */
export class AnsiReader {
  #held = '';
  #colour = '';
  #bold = false;
  #dim = false;
  #italic = false;
  #underline = false;

  /** The lines in `text`; the last one goes on with the first of the next call. */
  push(text: string): Piece[][] {
    const input = (this.#held + text).replace(/\r\n/g, '\n').replace(/\r(?=[^\n])/g, '\n');
    this.#held = '';
    const lines: Piece[][] = [[]];
    let from = 0;
    for (const match of input.matchAll(SEQUENCE)) {
      this.#add(lines, input.slice(from, match.index));
      from = match.index + match[0].length;
      if (match[3] !== undefined && match[3].length < LONGEST_HELD) this.#held = match[3];
      else if (match[2] === 'm') this.#select(match[1] ?? '');
    }
    this.#add(lines, input.slice(from));
    return lines;
  }

  #add(lines: Piece[][], text: string): void {
    const look = this.#look();
    text.split('\n').forEach((part, index) => {
      if (index > 0) lines.push([]);
      const clean = part.replace(CONTROLS, '');
      if (clean !== '') lines.at(-1)?.push({ text: clean, look });
    });
  }

  #look(): string {
    const names = [this.#colour, this.#bold && 'bold', this.#dim && 'dim', this.#italic && 'italic'];
    return [...names, this.#underline && 'underline'].filter(Boolean).join(' ');
  }

  #select(parameters: string): void {
    const codes = parameters.split(/[;:]/).map(Number);
    for (let at = 0; at < codes.length; at += 1) {
      const code = codes[at] ?? 0;
      if (code === 0) this.#reset();
      else if (code === 1) this.#bold = true;
      else if (code === 2) this.#dim = true;
      else if (code === 3) this.#italic = true;
      else if (code === 4) this.#underline = true;
      else if (code === 22) this.#bold = this.#dim = false;
      else if (code === 23) this.#italic = false;
      else if (code === 24) this.#underline = false;
      else if (code >= 30 && code <= 37) this.#colour = COLOURS[code - 30] ?? '';
      else if (code >= 90 && code <= 97) this.#colour = COLOURS[code - 90] ?? '';
      else if (code === 39) this.#colour = '';
      else if (code === 38 || code === 48) {
        const [kind, ...values] = codes.slice(at + 1);
        if (code === 38) this.#colour = nearest(kind ?? 0, values) ?? this.#colour;
        at += kind === 5 ? 2 : kind === 2 ? 4 : 0;
      }
    }
  }

  #reset(): void {
    this.#colour = '';
    this.#bold = this.#dim = this.#italic = this.#underline = false;
  }
}

/** Of 256 colours and of all others, the one of the eight that can be read on the log's ground. */
function nearest(kind: number, [first = 0, second = 0, third = 0]: number[]): string | null {
  if (kind === 2) return hue(first, second, third);
  if (kind !== 5) return null;
  if (first < 16) return COLOURS[first % 8] ?? null;
  if (first >= 232) return first < 244 ? 'black' : 'white';
  const cube = first - 16;
  return hue(Math.floor(cube / 36) * 51, (Math.floor(cube / 6) % 6) * 51, (cube % 6) * 51);
}

function hue(red: number, green: number, blue: number): string {
  const [least, most] = [Math.min(red, green, blue), Math.max(red, green, blue)];
  if (most - least < 40) return most < 120 ? 'black' : 'white';
  const middle = (least + most) / 2;
  return COLOURS[(red > middle ? 1 : 0) + (green > middle ? 2 : 0) + (blue > middle ? 4 : 0)] ?? 'white';
}

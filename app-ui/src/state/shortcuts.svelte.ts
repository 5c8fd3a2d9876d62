// The keys that work on every page, and the two things that they open: the palette and the list of keys.

/** What the list shows; each has a message `key-<name>`. */
export const KEYS: { name: string; keys: string[] }[] = [
  { name: 'palette', keys: ['Ctrl', 'K'] },
  { name: 'help', keys: ['?'] },
  { name: 'search', keys: ['/'] },
  { name: 'new', keys: ['N'] },
  { name: 'walk', keys: ['↑', '↓'] },
  { name: 'jump', keys: ['A–Z'] },
  { name: 'open', keys: ['Enter'] },
  { name: 'rename', keys: ['F2'] },
  { name: 'delete', keys: ['Delete'] },
  { name: 'pick', keys: ['Space'] },
  { name: 'stretch', keys: ['Shift', '↓'] },
  { name: 'all', keys: ['Ctrl', 'A'] },
  { name: 'away', keys: ['Escape'] },
];

export class Shortcuts {
  palette = $state(false);
  help = $state(false);

  /** Whether the key was one of those that work everywhere. */
  take(event: KeyboardEvent, onNew: () => void): boolean {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === 'k') {
      this.palette = !this.palette;
      this.help = false;
      return true;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || this.palette) return false;
    if (event.key === '?') {
      this.help = true;
      return true;
    }
    // In a list of grains, letters lead to the grain that begins with them.
    const inList = event.target instanceof Element && event.target.closest('[role=grid], dialog') !== null;
    if (event.key.toLowerCase() === 'n' && !inList) {
      onNew();
      return true;
    }
    return false;
  }
}

export function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches('input:not([type=checkbox]), textarea, select'));
}

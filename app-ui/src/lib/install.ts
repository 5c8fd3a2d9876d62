// One installation as a person sees it: pure steps from one state to the next.
import type { Values } from '../i18n/words.svelte';
import type { App, InstallEvent, InstallPhase, Problem } from '../api/types';

export type Progress =
  | { step: 'waiting' }
  | { step: InstallPhase; bytes: number; total: number | null }
  | { step: 'done'; app: App; outcome: string; moved: number }
  | { step: 'failed'; problem: Problem };

export type Source = 'file' | 'url';

export function advance(event: InstallEvent): Progress {
  switch (event.type) {
    case 'progress':
      return { step: event.phase, bytes: event.bytes, total: event.total };
    case 'done':
      return { step: 'done', app: event.app, outcome: event.outcome, moved: event.moved };
    case 'error':
      return { step: 'failed', problem: event.error };
  }
}

/** How much of the step is done; null where nobody knows. */
export function fraction(progress: Progress): number | null {
  if (!('bytes' in progress) || progress.total === null || progress.total === 0) return null;
  return Math.min(1, progress.bytes / progress.total);
}

export function isOver(progress: Progress): boolean {
  return progress.step === 'done' || progress.step === 'failed';
}

/** The message for it, with what the message needs. */
export function describe(progress: Progress, source: Source): [key: string, values?: Values] {
  switch (progress.step) {
    case 'waiting':
      return [source === 'url' ? 'install-asking' : 'install-handing-over'];
    case 'download':
      return [source === 'url' ? 'install-downloading' : 'install-reading'];
    case 'verify':
      return ['install-checking'];
    case 'unpack':
      return ['install-unpacking'];
    case 'failed':
      return ['install-failed'];
    case 'done':
      return outcome(progress);
  }
}

const OUTCOMES: Record<string, string> = { alreadyInstalled: 'install-was-here', upgraded: 'install-upgraded', downgraded: 'install-downgraded' };

function outcome({ app, outcome, moved }: Extract<Progress, { step: 'done' }>): [string, Values] {
  return [OUTCOMES[outcome] ?? 'install-done', { name: app.title, version: app.marketingVersion, moved }];
}

/** Every package begins with these bytes. */
const MAGIC = [0x8f, 0xc6, 0xcd, 0xef, 0x45, 0x1a, 0xea, 0x96];

/** Looks before a film of 4 GB is handed over in place of an app. */
export async function isPackage(file: Blob): Promise<boolean> {
  const start = new Uint8Array(await file.slice(0, MAGIC.length).arrayBuffer());
  return MAGIC.every((byte, index) => start[index] === byte);
}

// One installation as a person sees it: pure steps from one state to the next.
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

export function describe(progress: Progress, source: Source): string {
  switch (progress.step) {
    case 'waiting':
      return source === 'url' ? 'Asking for the package…' : 'Handing the file over…';
    case 'download':
      return source === 'url' ? 'Downloading…' : 'Reading the file…';
    case 'verify':
      return 'Checking the signature…';
    case 'unpack':
      return 'Unpacking…';
    case 'failed':
      return progress.problem.title;
    case 'done':
      return outcome(progress);
  }
}

function outcome({ app, outcome, moved }: Extract<Progress, { step: 'done' }>): string {
  const version = app.marketingVersion;
  const grains = moved === 0 ? '' : moved === 1 ? ' One grain moved along.' : ` ${moved} grains moved along.`;
  switch (outcome) {
    case 'alreadyInstalled':
      return `${app.title} was here already.`;
    case 'upgraded':
      return `${app.title} is now version ${version}.${grains}`;
    case 'downgraded':
      return `${app.title} is back at version ${version}.${grains}`;
    default:
      return `${app.title} is ready to use.`;
  }
}

/** Every package begins with these bytes. */
const MAGIC = [0x8f, 0xc6, 0xcd, 0xef, 0x45, 0x1a, 0xea, 0x96];

/** Looks before a film of 4 GB is handed over in place of an app. */
export async function isPackage(file: Blob): Promise<boolean> {
  const start = new Uint8Array(await file.slice(0, MAGIC.length).arrayBuffer());
  return MAGIC.every((byte, index) => start[index] === byte);
}

export function notAPackage(name: string): Problem {
  return {
    code: 'not-a-package',
    title: `${name} is not an app`,
    message: 'Granary installs app packages. They are single files, most of them with names that end in .spk.',
    remedy: 'Choose a package file.',
    invalid: true,
  };
}

// One package on its way as a person sees it: what the appliance tells, in messages.
import type { Install } from '../api/types';

/** How much of the step is done; null where nobody knows. */
export function fraction(install: Pick<Install, 'bytes' | 'total'>): number | null {
  if (install.total === null || install.total === 0) return null;
  return Math.min(1, install.bytes / install.total);
}

/** The message for what is being done to it now. */
export function stepOf({ state, phase, source }: Pick<Install, 'state' | 'phase' | 'source'>): string {
  const upload = source.kind !== 'url';
  if (state === 'waiting') return upload ? 'install-handing-over' : 'install-asking';
  if (state === 'installing') return 'install-changing-over';
  if (phase === 'verify') return 'install-checking';
  if (phase === 'unpack') return 'install-unpacking';
  return upload ? 'install-reading' : 'install-downloading';
}

/** The message for how it ended. */
export function outcomeOf(outcome: string | null): string {
  const known: Record<string, string> = { alreadyInstalled: 'install-was-here', upgraded: 'install-upgraded', downgraded: 'install-downgraded' };
  return known[outcome ?? ''] ?? 'install-done';
}

export function nameOf(install: Pick<Install, 'source' | 'offer'>): string {
  if (install.offer) return install.offer.title;
  const { source } = install;
  const path = source.kind === 'url' ? (source.url.split(/[?#]/)[0] ?? '') : source.kind === 'file' ? source.path : source.name;
  return path.split('/').findLast((part) => part !== '') ?? path;
}

/** Every package begins with these bytes. */
const MAGIC = [0x8f, 0xc6, 0xcd, 0xef, 0x45, 0x1a, 0xea, 0x96];

/** Looks before a film of 4 GB is handed over in place of an app. */
export async function isPackage(file: Blob): Promise<boolean> {
  const start = new Uint8Array(await file.slice(0, MAGIC.length).arrayBuffer());
  return MAGIC.every((byte, index) => start[index] === byte);
}

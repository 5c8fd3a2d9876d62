// Grains, apps and answers to test with.
import type { App, Grain } from '../src/api/types';

export function aGrain(parts: Partial<Grain> = {}): Grain {
  return {
    grainId: 'g1', title: 'Shopping', appId: 'app1', appTitle: 'Notes', packageId: 'p1', size: 1000,
    created: 1, lastUsed: 2, state: 'stopped', trashed: null, ...parts,
  };
}

export function anApp(parts: Partial<App> = {}): App {
  return {
    appId: 'app1', packageId: 'p1', title: 'Notes', version: 1, marketingVersion: '1.0', shortDescription: null,
    author: { fingerprint: null, name: null }, starter: true, unpackedSize: 10, grains: 0,
    actions: [{ index: 0, title: 'New note', nounPhrase: 'note', description: null }], ...parts,
  };
}

export function json(body: unknown, status = 200): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } });
}

export function problem(code: string, status: number): Response {
  return json({ code, title: `Title of ${code}`, message: 'Message.', remedy: 'Remedy.' }, status);
}

/** A body that arrives in the given pieces, and stays open when asked to. */
export function stream(pieces: string[], { open = false } = {}): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream({
    start(controller) {
      pieces.forEach((piece) => controller.enqueue(encoder.encode(piece)));
      if (!open) controller.close();
    },
  });
}

// Grains, apps and answers to test with.
import type { App, Grain, Install, Offer, Settings } from '../src/api/types';

export function aGrain(parts: Partial<Grain> = {}): Grain {
  return {
    grainId: 'g1', title: 'Shopping', appId: 'app1', appTitle: 'Notes', packageId: 'p1', size: 1000,
    created: 1, lastUsed: 2, appVersion: 1, neverOpened: false, state: 'stopped', trashed: null, ...parts,
  };
}

export function anApp(parts: Partial<App> = {}): App {
  return {
    appId: 'app1', packageId: 'p1', title: 'Notes', version: 1, marketingVersion: '1.0', shortDescription: null,
    author: { fingerprint: null, name: null }, starter: true, unpackedSize: 10, grains: 0,
    actions: [{ index: 0, title: 'New note', nounPhrase: 'note', description: null }], ...parts,
  };
}

export function anInstall(parts: Partial<Install> = {}): Install {
  return {
    installId: 'i1', source: { kind: 'upload', name: 'notes.spk', size: 9 }, state: 'waiting', phase: null, bytes: 0, total: null,
    offer: null, outcome: null, error: null, background: false, created: 1, expires: null, ...parts,
  };
}

export function anOffer(parts: Partial<Offer> = {}): Offer {
  return {
    appId: 'app1', packageId: 'p2', title: 'Notes', version: 2, marketingVersion: '2.0', shortDescription: 'Write things down',
    author: { fingerprint: 'ABCD1234', name: 'Ada' }, links: { website: null, code: null, issues: null },
    licence: { kind: 'openSource', id: 'MIT', text: '', notices: '' }, packageSize: 10, unpackedSize: 2000, hasIcon: false, actions: [],
    asks: { bridge: false, permissions: [], roles: [], apiPath: null, offeredApis: [], takesOffers: 0, appHooks: false, savesIdentities: false },
    change: { kind: 'new', installed: null, authorChanged: false, appInstalled: false, grainsMoving: 0, grainsNewer: 0 }, ...parts,
  };
}

export function someSettings(parts: Partial<Settings> = {}): Settings {
  return {
    displayName: null, accountName: 'ada', port: 6443, idleSeconds: 90, installFromLocalAddresses: false, language: 'auto', theme: 'system',
    limits: { memory: 1, processes: 1, cpuPercent: null, storage: 1, storageWarning: 1 }, restoreWindows: true, startAtLogin: false,
    closeToTray: true, openGrainsIn: 'window', desktopNotifications: true, softwareRendering: 'auto', developerTools: false, tourDone: true, ...parts,
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

// Whole pages against an appliance that is made of answers.
import { cleanup, fireEvent, render, screen, waitFor, within } from '@testing-library/svelte';
import { afterEach, describe, expect, it } from 'vitest';

import App from '../src/App.svelte';
import { Granary } from '../src/granary.svelte';
import type { App as AppInfo, Grain } from '../src/api/types';
import { aGrain, anApp, json, someSettings, problem, stream } from './things';

afterEach(cleanup);

interface World {
  grains?: Grain[];
  apps?: AppInfo[];
  answers?: Record<string, (body: string) => Response>;
}

async function begin(address: string, { grains = [], apps = [anApp()], answers = {} }: World = {}, code: string | null = null) {
  history.replaceState(null, '', address);
  const calls: string[] = [];
  const status = { version: '1', port: 6443, origin: location.origin, instance: 'i', dataDir: '/d', health: [] };
  const routes: Record<string, (body: string) => Response> = {
    'GET /events': () => new Response(stream(['{"type":"hello"}\n'], { open: true })),
    'GET /grains': () => json(grains),
    'GET /apps': () => json(apps),
    'GET /status': () => json(status),
    'GET /settings': () => json(someSettings()),
    'GET /installs': () => json([]),
    'GET /notifications': () => json({ unread: 0, notifications: [] }),
    ...answers,
  };
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    const method = input instanceof Request ? input.method : (init?.method ?? 'GET');
    const body = input instanceof Request ? await input.text() : String(init?.body ?? '');
    const call = `${method} ${url.split('/api/v1')[1]}`;
    calls.push(call);
    return routes[call]?.(body) ?? problem('not-here', 404);
  };
  const granary = new Granary(window, fetch);
  await granary.speak();
  render(App, { granary, code });
  return { granary, calls };
}

const logIn = () => localStorage.setItem('granary-secret-6443', 's');

describe('without a login', () => {
  it('says how to come back, and asks for nothing', async () => {
    const { calls } = await begin('/grains');
    expect(await screen.findByRole('heading', { name: 'Open Granary again' })).toBeTruthy();
    expect(calls).toEqual([]);
  });

  it('a code becomes a login and leads to its page', async () => {
    await begin('/login', { grains: [aGrain()], answers: { 'POST /login': () => json({ secret: 'fresh', path: '/grains' }) } }, 'code');
    expect(await screen.findByRole('link', { name: 'Shopping' })).toBeTruthy();
    expect(localStorage.getItem('granary-secret-6443')).toBe('fresh');
    expect(location.pathname).toBe('/grains');
  });

  it('an old code says what to do', async () => {
    await begin('/login', { answers: { 'POST /login': () => problem('login-code-invalid', 401) } }, 'code');
    expect(await screen.findByText('Remedy.')).toBeTruthy();
  });
});

describe('at home', () => {
  it('teaches, and makes the first grain with one click', async () => {
    logIn();
    const { calls } = await begin('/', {
      answers: {
        'POST /grains': () => json(aGrain(), 201),
        'POST /grains/g1/session': () => json({ url: 'https://ui-1.granary.localhost:6443/_granary-init?code=c', host: 'ui-1.granary.localhost:6443' }),
      },
    });
    expect(await screen.findByRole('heading', { name: 'What is a grain?' })).toBeTruthy();
    await fireEvent.click(screen.getByRole('button', { name: 'New note' }));
    const frame = await waitFor(() => document.querySelector('iframe') ?? expect.fail('no frame'));
    expect(frame.title).toBe('Shopping');
    expect(frame.getAttribute('sandbox')).toBe(
      'allow-scripts allow-same-origin allow-forms allow-modals allow-downloads allow-popups allow-popups-to-escape-sandbox',
    );
    expect(calls).toContain('POST /grains');
    expect(location.pathname).toBe('/grain/g1');
    expect(document.title).toBe('Shopping · Granary');
  });

  it('finds, throws away and takes back', async () => {
    logIn();
    const grains = [aGrain(), aGrain({ grainId: 'g2', title: 'Plans' })];
    const { calls } = await begin('/grains', {
      grains,
      answers: {
        'POST /grains/bulk': (body) => json({ done: (JSON.parse(body) as { grainIds: string[] }).grainIds, failed: [] }),
      },
    });
    const grid = await screen.findByRole('grid');
    expect(within(grid).getAllByRole('link').map((link) => link.textContent)).toEqual(['Plans', 'Shopping']);
    await fireEvent.input(screen.getByRole('searchbox'), { target: { value: 'shop' } });
    await waitFor(() => expect(screen.queryByRole('link', { name: 'Plans' })).toBeNull());
    await fireEvent.click(screen.getByRole('button', { name: 'Move Shopping to the trash' }));
    await waitFor(() => expect(calls).toContain('POST /grains/bulk'));
    await fireEvent.click(await screen.findByRole('button', { name: 'Undo' }));
    expect(await screen.findByRole('link', { name: 'Shopping' })).toBeTruthy();
  });

  it('says what an address without a page is', async () => {
    logIn();
    await begin('/nothing');
    expect(await screen.findByRole('heading', { name: 'There is no page here' })).toBeTruthy();
  });

  it('offers to restore a grain from the trash', async () => {
    logIn();
    await begin('/grain/g1', { grains: [aGrain({ trashed: 4 })] });
    expect(await screen.findByRole('button', { name: 'Restore it' })).toBeTruthy();
  });
});

describe('in the windows of the desktop', () => {
  it('a grain’s window knows its grain and asks for nothing else', async () => {
    logIn();
    localStorage.setItem('granary-window-6443', 'grain');
    const { calls } = await begin('/grain/g1', { answers: { 'GET /grains/g1': () => json(aGrain({ trashed: 5 })) } });
    expect(await screen.findByRole('button', { name: 'Restore it' })).toBeTruthy();
    expect(screen.queryByRole('navigation')).toBeNull();
    expect(calls.filter((call) => ['GET /grains', 'GET /apps', 'GET /notifications', 'GET /installs'].includes(call))).toEqual([]);
  });

  it('the main window lets each grain open in its own', async () => {
    logIn();
    localStorage.setItem('granary-window-6443', 'main');
    const { calls, granary } = await begin('/grains', { grains: [aGrain()], answers: { 'POST /grains/g1/window': () => json({}) } });
    await screen.findByRole('link', { name: 'Shopping' });
    await granary.deeds.show(aGrain());
    // An address that is opened as it stands shows where the grain is.
    granary.router.go('/grain/g1');
    await screen.findByRole('button', { name: 'Show its window' });
    await waitFor(() => expect(calls).toContain('POST /grains/g1/window'));
    expect(document.querySelector('iframe')).toBeNull();
    expect(calls).not.toContain('POST /grains/g1/session');
  });
});

// The way to the appliance: streams, lost cookies, refusals, reconnecting.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { Api } from '../src/api/client';
import { LiveUpdates, type LiveState } from '../src/api/live';
import { readLines } from '../src/api/ndjson';
import { Refused } from '../src/api/problem';
import type { LiveEvent, Problem } from '../src/api/types';
import { aGrain, anInstall, json, problem, stream } from './things';

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const each of source) list.push(each);
  return list;
}

describe('lines of JSON', () => {
  it.each([
    ['one a piece', ['{"a":1}\n', '{"a":2}\n'], [{ a: 1 }, { a: 2 }]],
    ['cut anywhere', ['{"a"', ':1}\n{"a":', '2}\n'], [{ a: 1 }, { a: 2 }]],
    ['with empty lines', ['\n{"a":1}\n\n'], [{ a: 1 }]],
    ['without a last newline', ['{"a":1}\n{"a":2}'], [{ a: 1 }, { a: 2 }]],
    ['broken off', ['{"a":1}\n{"a"'], [{ a: 1 }]],
  ])('%s', async (_, pieces, values) => expect(await all(readLines(stream(pieces)))).toEqual(values));

  it('keeps a letter that two pieces share', async () => {
    const bytes = new TextEncoder().encode('{"a":"ö"}\n');
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(bytes.slice(0, 7));
        controller.enqueue(bytes.slice(7));
        controller.close();
      },
    });
    expect(await all(readLines(body))).toEqual([{ a: 'ö' }]);
  });
});

describe('calls', () => {
  function build(answers: (Response | Error)[], secret: string | null = 's') {
    const calls: { url: string; secret: string | null; body: string }[] = [];
    const loggedOut: Problem[] = [];
    const api = new Api({
      origin: 'https://granary.localhost:6443',
      secret: () => secret,
      onLoggedOut: (why) => loggedOut.push(why),
      fetch: async (input, init) => {
        const request = input instanceof Request ? input : new Request(input, init);
        calls.push({ url: request.url.split('/api/v1')[1] ?? '', secret: request.headers.get('X-Granary-Secret'), body: await request.text() });
        const answer = answers.shift();
        if (answer instanceof Response) return answer;
        throw answer ?? new Error('one call too many');
      },
    });
    return { api, calls, loggedOut };
  }

  it('carry the secret', async () => {
    const { api, calls } = build([json([aGrain()])]);
    expect(await api.grains()).toEqual([aGrain()]);
    expect(calls).toEqual([{ url: '/grains', secret: 's', body: '' }]);
  });

  it('mend a lost cookie once, and send the same again', async () => {
    const { api, calls, loggedOut } = build([problem('cookie-missing', 401), json({}), json(aGrain({ title: 'New' }))]);
    expect((await api.rename('g1', 'New')).title).toBe('New');
    expect(calls.map((call) => call.url)).toEqual(['/grains/g1', '/login/restore', '/grains/g1']);
    expect(calls[2]?.body).toBe('{"title":"New"}');
    expect(loggedOut).toEqual([]);
  });

  it('say when the login is over', async () => {
    const { api, loggedOut } = build([problem('login-needed', 401)]);
    await expect(api.apps()).rejects.toMatchObject({ problem: { code: 'login-needed' } });
    expect(loggedOut.map((why) => why.code)).toEqual(['login-needed']);
  });

  it('ask nothing without a login', async () => {
    const { api, calls, loggedOut } = build([], null);
    await expect(api.apps()).rejects.toBeInstanceOf(Refused);
    expect(calls).toEqual([]);
    expect(loggedOut).toHaveLength(1);
  });

  it('turn every failure into words', async () => {
    const { api } = build([new TypeError('Failed to fetch'), problem('no-such-app', 404), new Response('<html>', { status: 502 })]);
    await expect(api.apps()).rejects.toMatchObject({ problem: { code: 'unreachable' } });
    await expect(api.stop('x')).rejects.toMatchObject({ status: 404, problem: { remedy: 'Remedy.' } });
    await expect(api.icon('a', 'grid')).rejects.toMatchObject({ problem: { code: 'unexpected-answer' } });
  });

  it('take an app without a picture as it is', async () => {
    const { api } = build([problem('no-icon', 404)]);
    expect(await api.icon('a', 'grid')).toBeNull();
  });

  it('hand a file over', async () => {
    const { api, calls } = build([json(anInstall({ state: 'ready' }))]);
    expect((await api.uploadInstall('i 1', new Blob(['x']), new AbortController().signal)).state).toBe('ready');
    expect(calls[0]).toMatchObject({ url: '/installs/i%201/file', secret: 's' });
  });
});

describe('live updates', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function build(opens: (() => Promise<AsyncIterable<LiveEvent>>)[]) {
    const states: LiveState[] = [];
    const events: string[] = [];
    const signals: AbortSignal[] = [];
    const live = new LiveUpdates({
      open: (signal) => {
        signals.push(signal);
        return (opens.shift() ?? never)();
      },
      onEvent: (event) => events.push(event.type),
      onState: (state) => states.push(state),
    });
    return { live, states, events, signals };
  }
  const never = () => new Promise<AsyncIterable<LiveEvent>>(() => {});
  const refuse = (status: number) => async () => {
    throw new Refused({ code: 'x', title: 'x', message: 'x', remedy: '' }, status);
  };
  async function* some(...types: ('hello' | 'ping')[]): AsyncGenerator<LiveEvent> {
    for (const type of types) yield { type };
  }

  it('come back after a break, and after several', async () => {
    const { live, states, events } = build([async () => some('hello', 'ping'), refuse(0), refuse(0), async () => some('hello')]);
    live.start();
    await vi.advanceTimersByTimeAsync(0);
    expect(events).toEqual(['hello', 'ping']);
    expect(states).toEqual(['connecting', 'live', 'gone']);
    await vi.advanceTimersByTimeAsync(400 + 800 + 1600);
    expect(events).toEqual(['hello', 'ping', 'hello']);
    live.stop();
  });

  it('hurry when told to', async () => {
    const { live, signals } = build([refuse(0), refuse(0)]);
    live.start();
    await vi.advanceTimersByTimeAsync(0);
    expect(signals).toHaveLength(1);
    live.hurry();
    await vi.advanceTimersByTimeAsync(0);
    expect(signals).toHaveLength(2);
    live.stop();
  });

  it('notice silence', async () => {
    const { live, signals } = build([never]);
    live.start();
    await vi.advanceTimersByTimeAsync(39_000);
    expect(signals[0]?.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(signals[0]?.aborted).toBe(true);
    live.stop();
  });

  it('do not knock without a login, and start again with one', async () => {
    const { live, signals, states } = build([refuse(401), async () => some('hello')]);
    live.start();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(signals).toHaveLength(1);
    live.start();
    await vi.advanceTimersByTimeAsync(0);
    expect(states).toContain('live');
    live.stop();
  });
});

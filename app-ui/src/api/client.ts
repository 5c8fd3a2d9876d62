// The one place that talks to the appliance: adds the login's secret, mends a lost cookie, turns refusals into errors.
import createClient, { type Client } from 'openapi-fetch';

import { readLines } from './ndjson';
import { Refused, isAbort, made, refusalOf } from './problem';
import type { paths } from './schema';
import type {
  About,
  App,
  AppDetails,
  BulkAction,
  BulkResult,
  Certificates,
  Entry,
  Grain,
  Install,
  InstallDone,
  InstallSource,
  LiveEvent,
  LoginReply,
  NewGrain,
  Notifications,
  Problem,
  Session,
  Settings,
  SettingsPatch,
  Status,
  Storage,
} from './types';

const PREFIX = '/api/v1';
const SECRET = 'X-Granary-Secret';

/** What the client needs of the page. */
export interface ApiOptions {
  origin: string;
  fetch: typeof fetch;
  /** The login's secret; null when nobody is logged in here. */
  secret: () => string | null;
  /** The login has ended; asked for nothing more until there is a new one. */
  onLoggedOut: (problem: Problem) => void;
}

type Send = (secret: string) => Promise<Response>;

export class Api {
  readonly #options: ApiOptions;
  readonly #client: Client<paths>;
  #restoring: Promise<boolean> | null = null;

  constructor(options: ApiOptions) {
    this.#options = options;
    this.#client = createClient<paths>({
      baseUrl: options.origin + PREFIX,
      fetch: (request) =>
        this.#guarded((secret) => {
          // A copy, so that the call can be made again after a lost cookie came back.
          const copy = request.clone();
          copy.headers.set(SECRET, secret);
          return options.fetch(copy);
        }),
    });
  }

  // ---- login

  async login(code: string): Promise<LoginReply> {
    const response = await reach(() =>
      this.#options.fetch(this.#url('/login'), {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ code }),
      }),
    );
    if (!response.ok) throw await refusalOf(response);
    return (await response.json()) as LoginReply;
  }

  async logout(): Promise<void> {
    await this.#raw('/logout', { method: 'POST' });
  }

  // ---- appliance

  status(): Promise<Status> {
    return value(this.#client.GET('/status'));
  }

  doctor(): Promise<Entry[]> {
    return value(this.#client.GET('/doctor'));
  }

  settings(): Promise<Settings> {
    return value(this.#client.GET('/settings'));
  }

  changeSettings(patch: SettingsPatch): Promise<Settings> {
    return value(this.#client.PATCH('/settings', { body: patch }));
  }

  storage(): Promise<Storage> {
    return value(this.#client.GET('/storage'));
  }

  certificates(): Promise<Certificates> {
    return value(this.#client.GET('/certificates'));
  }

  changeCertificates(deed: 'install' | 'remove'): Promise<Certificates> {
    return value(this.#client.POST(`/certificates/${deed}`, { body: { userOnly: true } }));
  }

  about(): Promise<About> {
    return value(this.#client.GET('/about'));
  }

  async licence(notice: number): Promise<string> {
    return (await this.#raw(`/about/notices/${notice}`, {})).text();
  }

  // ---- what happened

  notifications(): Promise<Notifications> {
    return value(this.#client.GET('/notifications'));
  }

  async readNotifications(upTo: number): Promise<number> {
    return (await value(this.#client.POST('/notifications/read', { body: { upTo } }))).unread;
  }

  async dismissNotification(notificationId: number): Promise<void> {
    await done(this.#client.DELETE('/notifications/{notificationId}', { params: { path: { notificationId } } }));
  }

  async dismissNotifications(): Promise<void> {
    await done(this.#client.DELETE('/notifications'));
  }

  /** Live updates until the signal or the other side ends them. */
  async events(signal: AbortSignal, onBytes: () => void): Promise<AsyncIterable<LiveEvent>> {
    const response = await this.#raw('/events', { signal });
    return readLines<LiveEvent>(bodyOf(response), onBytes);
  }

  // ---- apps

  apps(): Promise<App[]> {
    return value(this.#client.GET('/apps'));
  }

  async uninstall(appId: string): Promise<void> {
    await done(this.#client.DELETE('/apps/{appId}', { params: { path: { appId } } }));
  }

  /** An app's picture; null when it has none. */
  async icon(appId: string, kind: 'grid' | 'grain'): Promise<Blob | null> {
    return this.#picture(`/apps/${encodeURIComponent(appId)}/icon?kind=${kind}`);
  }

  app(appId: string): Promise<AppDetails> {
    return value(this.#client.GET('/apps/{appId}', { params: { path: { appId } } }));
  }

  async upgradeGrains(appId: string): Promise<number> {
    return (await value(this.#client.POST('/apps/{appId}/upgrade-grains', { params: { path: { appId } } }))).grainIds.length;
  }

  // ---- packages on their way

  installs(): Promise<Install[]> {
    return value(this.#client.GET('/installs'));
  }

  beginInstall(source: InstallSource): Promise<Install> {
    return value(this.#client.POST('/installs', { body: { source } }));
  }

  /** Sends the file of an upload; answers once it is checked. */
  async uploadInstall(installId: string, file: Blob, signal: AbortSignal): Promise<Install> {
    const headers = { 'content-type': 'application/octet-stream' };
    const path = `/installs/${encodeURIComponent(installId)}/file`;
    const response = await this.#raw(path, { method: 'PUT', headers, body: file, signal });
    return (await response.json()) as Install;
  }

  install(installId: string): Promise<Install> {
    return value(this.#client.GET('/installs/{installId}', { params: { path: { installId } } }));
  }

  confirmInstall(installId: string, upgradeGrains: boolean): Promise<InstallDone> {
    return value(this.#client.POST('/installs/{installId}/confirm', { params: { path: { installId } }, body: { upgradeGrains } }));
  }

  async cancelInstall(installId: string): Promise<void> {
    await done(this.#client.DELETE('/installs/{installId}', { params: { path: { installId } } }));
  }

  async installIcon(installId: string): Promise<Blob | null> {
    return this.#picture(`/installs/${encodeURIComponent(installId)}/icon?kind=grid`);
  }

  // ---- grains

  grains(): Promise<Grain[]> {
    return value(this.#client.GET('/grains'));
  }

  createGrain(grain: NewGrain): Promise<Grain> {
    return value(this.#client.POST('/grains', { body: grain }));
  }

  rename(grainId: string, title: string): Promise<Grain> {
    return value(this.#client.PATCH('/grains/{grainId}', { params: { path: { grainId } }, body: { title } }));
  }

  trash(grainId: string): Promise<Grain> {
    return value(this.#client.POST('/grains/{grainId}/trash', { params: { path: { grainId } } }));
  }

  restore(grainId: string): Promise<Grain> {
    return value(this.#client.POST('/grains/{grainId}/restore', { params: { path: { grainId } } }));
  }

  async remove(grainId: string): Promise<void> {
    await done(this.#client.DELETE('/grains/{grainId}', { params: { path: { grainId } } }));
  }

  grain(grainId: string): Promise<Grain> {
    return value(this.#client.GET('/grains/{grainId}', { params: { path: { grainId } } }));
  }

  bulk(action: BulkAction, grainIds: string[]): Promise<BulkResult> {
    return value(this.#client.POST('/grains/bulk', { body: { action, grainIds } }));
  }

  restart(grainId: string): Promise<Grain> {
    return value(this.#client.POST('/grains/{grainId}/restart', { params: { path: { grainId } } }));
  }

  /** Opens the grain's own window of the desktop, or raises it. */
  async showWindow(grainId: string, path: string | null): Promise<void> {
    await done(this.#client.POST('/grains/{grainId}/window', { params: { path: { grainId } }, body: { path } }));
  }

  /** Opens the grain in the person's browser. */
  async openInBrowser(grainId: string): Promise<void> {
    await done(this.#client.POST('/grains/{grainId}/browser', { params: { path: { grainId } } }));
  }

  stop(grainId: string): Promise<Grain> {
    return value(this.#client.POST('/grains/{grainId}/stop', { params: { path: { grainId } } }));
  }

  session(grainId: string, path: string | null): Promise<Session> {
    return value(this.#client.POST('/grains/{grainId}/session', { params: { path: { grainId } }, body: { path } }));
  }

  /** What the grain printed, and goes on printing until the signal. */
  async log(grainId: string, backlog: number, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const path = `/grains/${encodeURIComponent(grainId)}/log?backlog=${backlog}&follow=true`;
    return bodyOf(await this.#raw(path, { signal }));
  }

  /** The end of what the grain printed, as far as it goes now. */
  async logEnd(grainId: string, bytes: number): Promise<string> {
    const response = await this.#raw(`/grains/${encodeURIComponent(grainId)}/log?backlog=${bytes}&follow=false`, {});
    return response.text();
  }

  // ---- below

  async #picture(path: string): Promise<Blob | null> {
    try {
      return await (await this.#raw(path, {})).blob();
    } catch (thrown) {
      if (thrown instanceof Refused && thrown.status === 404) return null;
      throw thrown;
    }
  }

  async #raw(path: string, init: RequestInit): Promise<Response> {
    const response = await this.#guarded((secret) => {
      const headers = new Headers(init.headers);
      headers.set(SECRET, secret);
      return this.#options.fetch(this.#url(path), { ...init, headers });
    });
    if (!response.ok) throw await refusalOf(response);
    return response;
  }

  #url(path: string): string {
    return this.#options.origin + PREFIX + path;
  }

  async #guarded(send: Send): Promise<Response> {
    const secret = this.#options.secret();
    if (secret === null) {
      this.#options.onLoggedOut(made('login-needed'));
      throw new Refused(made('login-needed'), 401);
    }
    const response = await reach(() => send(secret));
    if (response.status !== 401) return response;
    const refused = await refusalOf(response);
    if (refused.problem.code === 'cookie-missing' && (await this.#restoreCookie(secret))) {
      return reach(() => send(secret));
    }
    // A newer login, made in another tab meanwhile, is not over because this one is.
    if (this.#options.secret() === secret) this.#options.onLoggedOut(refused.problem);
    throw refused;
  }

  /** Browsers throw cookies away when pages set too many; the secret gives Granary's back. */
  #restoreCookie(secret: string): Promise<boolean> {
    this.#restoring ??= this.#options
      .fetch(this.#url('/login/restore'), { method: 'POST', headers: { [SECRET]: secret } })
      .then((response) => response.ok)
      .catch(() => false)
      .finally(() => {
        this.#restoring = null;
      });
    return this.#restoring;
  }
}

async function reach(send: () => Promise<Response>): Promise<Response> {
  try {
    return await send();
  } catch (thrown) {
    throw isAbort(thrown) || thrown instanceof Refused ? thrown : new Refused(made('unreachable'));
  }
}

function bodyOf(response: Response): ReadableStream<Uint8Array> {
  if (response.body === null) throw new Refused(made('broken-off'));
  return response.body;
}

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

async function value<T>(call: Promise<Answer<T>>): Promise<T> {
  const answer = await call;
  if (answer.data !== undefined) return answer.data;
  throw refusedBy(answer);
}

async function done(call: Promise<Answer<unknown>>): Promise<void> {
  const answer = await call;
  if (!answer.response.ok) throw refusedBy(answer);
}

function refusedBy(answer: Answer<unknown>): Refused {
  const { error, response } = answer;
  if (typeof error === 'object' && error !== null && 'code' in error) {
    return new Refused(error as Problem, response.status);
  }
  return new Refused(made('broken-off'), response.status);
}

// What goes wrong between the page and the appliance. Problems that begin here have a code only: their words are messages.
import type { Values } from '../i18n/words.svelte';
import type { Problem } from './types';

/** A call that was not done. */
export class Refused extends Error {
  constructor(
    readonly problem: Problem,
    readonly status = 0,
  ) {
    super(problem.message || problem.code);
    this.name = 'Refused';
  }
}

/** A problem of the page's own; `detail` is for those who look closer. */
export function made(code: PageProblem, values: Values = {}, detail = ''): Problem {
  return { code, title: '', message: detail, remedy: '', values };
}

/** Each has a message `problem-<code>`. */
export type PageProblem =
  | 'unreachable'
  | 'broken-off'
  | 'login-needed'
  | 'page-error'
  | 'unexpected-answer'
  | 'not-a-package-file'
  | 'session-keeps-ending';

/** Whatever was thrown, as a problem to show. */
export function asProblem(thrown: unknown): Problem {
  if (thrown instanceof Refused) return thrown.problem;
  return made('page-error', {}, thrown instanceof Error ? thrown.message : String(thrown));
}

export function isAbort(thrown: unknown): boolean {
  return typeof thrown === 'object' && thrown !== null && 'name' in thrown && thrown.name === 'AbortError';
}

/** Reads the refusal in a response; one that did not come from the API gets general words. */
export async function refusalOf(response: Response): Promise<Refused> {
  let body: unknown = null;
  try {
    body = await response.json();
  } catch {
    // Not JSON: the general words below.
  }
  return new Refused(isProblem(body) ? body : made('unexpected-answer', { status: response.status }), response.status);
}

function isProblem(body: unknown): body is Problem {
  return typeof body === 'object' && body !== null && 'code' in body && 'title' in body && 'message' in body;
}

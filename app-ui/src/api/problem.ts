// What goes wrong between the page and the appliance, always in words a person can use.
import type { Problem } from './types';

/** A call that was not done. */
export class Refused extends Error {
  constructor(
    readonly problem: Problem,
    readonly status = 0,
  ) {
    super(problem.message);
    this.name = 'Refused';
  }
}

/** The appliance does not answer at all. */
export function unreachable(): Problem {
  return {
    code: 'unreachable',
    title: 'Granary does not answer',
    message: 'This page cannot reach Granary at the moment.',
    remedy: 'It may be starting again. If this stays, open Granary from its icon.',
  };
}

/** A report that ended before its end. */
export function brokenOff(): Problem {
  return {
    code: 'broken-off',
    title: 'The connection broke off',
    message: 'Granary stopped answering before it was done.',
    remedy: 'Try it again.',
  };
}

export function loginNeeded(): Problem {
  return {
    code: 'login-needed',
    title: 'Open Granary again',
    message: 'This browser is not logged in to Granary, or its login has ended.',
    remedy: 'Open Granary from its icon, or run `granary open` and follow the link.',
  };
}

/** Whatever was thrown, as a problem to show. */
export function asProblem(thrown: unknown): Problem {
  if (thrown instanceof Refused) return thrown.problem;
  return {
    code: 'page-error',
    title: 'Something in this page went wrong',
    message: thrown instanceof Error ? thrown.message : String(thrown),
    remedy: 'Reload the page.',
  };
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
  return new Refused(isProblem(body) ? body : general(response.status), response.status);
}

function isProblem(body: unknown): body is Problem {
  return typeof body === 'object' && body !== null && 'code' in body && 'title' in body && 'message' in body;
}

function general(status: number): Problem {
  return {
    code: 'unexpected-answer',
    title: 'Granary gave an answer this page does not understand',
    message: `The answer had the status ${status}.`,
    remedy: 'Reload the page; it may be older than Granary itself.',
  };
}

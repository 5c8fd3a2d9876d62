// Addresses of the pages, to and fro.

export type Route =
  | { page: 'home' }
  | { page: 'login' }
  | { page: 'apps' }
  | { page: 'app'; appId: string }
  | { page: 'grains' }
  | { page: 'grain'; grainId: string; path: string }
  | { page: 'trash' }
  | { page: 'settings'; section: Section }
  | { page: 'log'; grainId: string }
  | { page: 'install'; id: string }
  | { page: 'notifications' }
  | { page: 'missing' };

const PLAIN = { '': 'home', login: 'login', apps: 'apps', grains: 'grains', grain: 'grains', trash: 'trash', notifications: 'notifications', welcome: 'home', install: 'apps' } as const;
export const SECTIONS = ['general', 'storage', 'certificates', 'computer', 'about'] as const;
export type Section = (typeof SECTIONS)[number];

/** The page at an address. What follows a grain's id is the path inside the grain. */
export function parseRoute(url: { pathname: string; search: string; hash: string }): Route {
  const parts = url.pathname.split('/').slice(1);
  const [first = '', second = ''] = parts;
  if (first === 'grain' && second !== '') {
    const grainId = decode(second);
    if (grainId === null) return { page: 'missing' };
    const inside = parts.slice(2).join('/');
    return { page: 'grain', grainId, path: `/${inside}${url.search}${url.hash}` };
  }
  if (first === 'apps' && second !== '' && parts.length === 2) {
    const appId = decode(second);
    return appId === null ? { page: 'missing' } : { page: 'app', appId };
  }
  if (first === 'log' && second !== '' && parts.length === 2) {
    const grainId = decode(second);
    return grainId === null ? { page: 'missing' } : { page: 'log', grainId };
  }
  if (first === 'install' && second !== '' && parts.length === 2) {
    const id = decode(second);
    return id === null ? { page: 'missing' } : { page: 'install', id };
  }
  if (first === 'settings' && parts.length <= 2) {
    const section = second === '' ? 'general' : SECTIONS.find((each) => each === second);
    return section ? { page: 'settings', section } : { page: 'missing' };
  }
  const trimmed = url.pathname.replace(/^\/|\/$/g, '');
  return Object.hasOwn(PLAIN, trimmed) ? { page: PLAIN[trimmed as keyof typeof PLAIN] } : { page: 'missing' };
}

export function grainAddress(grainId: string, path = '/'): string {
  const base = `/grain/${encodeURIComponent(grainId)}`;
  return path === '/' ? base : base + path;
}

export function logAddress(grainId: string): string {
  return `/log/${encodeURIComponent(grainId)}`;
}

export function appAddress(appId: string): string {
  return `/apps/${encodeURIComponent(appId)}`;
}

/**
 * The address for a path that a grain's page names; null for one that would show as the address of anything else,
 * such as `/../../settings`.
 */
export function insideAddress(origin: string, grainId: string, path: string): string | null {
  const base = grainAddress(grainId);
  let url: URL;
  try {
    url = new URL(grainAddress(grainId, path), origin);
  } catch {
    return null;
  }
  const inside = url.pathname === base || url.pathname.startsWith(`${base}/`);
  return url.origin === origin && inside ? url.pathname + url.search + url.hash : null;
}

/** Whether `path` is a page of this origin and nothing cleverer. */
export function isLocal(path: string): boolean {
  return path.startsWith('/') && !path.startsWith('//') && !/[\\\p{Cc}]/u.test(path);
}

function decode(part: string): string | null {
  try {
    return decodeURIComponent(part);
  } catch {
    return null;
  }
}

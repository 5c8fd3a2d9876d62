// Takes the one-time login code out of the address, where it must not stay.

/** The code after `/login#`; the address and this entry of the history are without it from now on. */
export function takeLoginCode(window: Window): string | null {
  const { location, history } = window;
  if (location.pathname !== '/login' || location.hash.length < 2) return null;
  const code = location.hash.slice(1);
  history.replaceState(null, '', '/login');
  return code;
}

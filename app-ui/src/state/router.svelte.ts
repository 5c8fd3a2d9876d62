// Where the person is; links and the browser's Back and Forward lead through here.
import { parseRoute, type Route } from '../lib/routes';

export class Router {
  route: Route = $state.raw({ page: 'home' });
  /** Grows with each change of the page, so that the page's head can take the focus. */
  moves = $state(0);
  readonly #window: Window;
  /** Takes links to other places than this window; true when it did. */
  elsewhere: (route: Route) => boolean = () => false;

  constructor(window: Window) {
    this.#window = window;
    this.#read();
    window.addEventListener('popstate', () => this.#read(true));
    window.document.addEventListener('click', (event) => this.#followLink(event));
  }

  go(address: string, { replace = false } = {}): void {
    const { location, history } = this.#window;
    if (address !== location.pathname + location.search + location.hash) {
      if (replace) history.replaceState(null, '', address);
      else history.pushState(null, '', address);
    }
    this.#read(true);
  }

  /** Shows another address for the page that is there already. */
  rewrite(address: string): void {
    this.#window.history.replaceState(null, '', address);
  }

  #read(moved = false): void {
    this.route = parseRoute(this.#window.location);
    if (moved) this.moves += 1;
  }

  #followLink(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (!link || link.target !== '' || link.hasAttribute('download')) return;
    const { origin } = this.#window.location;
    // Pages of the gateway itself, such as the one that clears cookies, are not ours to draw.
    if (link.origin !== origin || link.pathname.startsWith('/_')) return;
    event.preventDefault();
    if (this.elsewhere(parseRoute(link))) return;
    this.go(link.pathname + link.search + link.hash);
  }
}

// Pictures of apps: fetched with the login's secret, kept as blob URLs for as long as the page lives.
import type { Api } from '../api/client';

export class Icons {
  readonly #api: Pick<Api, 'icon'>;
  readonly #urls = new Map<string, Promise<string | null>>();

  constructor(api: Pick<Api, 'icon'>) {
    this.#api = api;
  }

  /** Null when the app has none, or when it cannot be had now; then the next call asks again. */
  url(appId: string, packageId: string, kind: 'grid' | 'grain'): Promise<string | null> {
    const key = `${appId}/${packageId}/${kind}`;
    let url = this.#urls.get(key);
    if (!url) {
      url = this.#api.icon(appId, kind).then(
        (blob) => (blob ? URL.createObjectURL(blob) : null),
        () => {
          this.#urls.delete(key);
          return null;
        },
      );
      this.#urls.set(key, url);
    }
    return url;
  }
}

// The person's settings as the appliance keeps them.
import type { Api } from '../api/client';
import type { Settings, SettingsPatch } from '../api/types';

export class Choices {
  all: Settings | null = $state.raw(null);
  readonly #api: Pick<Api, 'settings' | 'changeSettings'>;
  readonly #onChange: (settings: Settings) => void;

  constructor(api: Pick<Api, 'settings' | 'changeSettings'>, onChange: (settings: Settings) => void) {
    this.#api = api;
    this.#onChange = onChange;
  }

  async load(): Promise<void> {
    this.take(await this.#api.settings());
  }

  async change(patch: SettingsPatch): Promise<void> {
    try {
      this.take(await this.#api.changeSettings(patch));
    } catch (thrown) {
      // The fields show again what holds.
      if (this.all) this.all = { ...this.all };
      throw thrown;
    }
  }

  take(settings: Settings): void {
    this.all = settings;
    this.#onChange(settings);
  }
}

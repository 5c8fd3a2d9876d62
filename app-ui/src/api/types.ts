// Short names for the types that are generated from the appliance's description of its API.
import type { Values } from '../i18n/words.svelte';
import type { components } from './schema';

type Schemas = components['schemas'];

export type App = Schemas['App'];
export type Action = Schemas['Action'];
export type Entry = Schemas['Entry'];
export type Grain = Schemas['Grain'];
export type InstallEvent = Schemas['InstallEvent'];
export type InstallPhase = Schemas['InstallPhase'];
export type Limits = Schemas['Limits'];
export type LiveEvent = Schemas['Event'];
export type LoginReply = Schemas['LoginReply'];
export type NewGrain = Schemas['NewGrain'];
/** A refusal; one that a page makes by itself carries what its message needs in place of words. */
export type Problem = Schemas['Problem'] & { values?: Values };
export type Session = Schemas['Session'];
export type Settings = Schemas['Settings'];
export type SettingsPatch = Schemas['SettingsPatch'];
export type Status = Schemas['Status'];

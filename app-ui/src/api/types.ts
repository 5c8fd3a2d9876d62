// Short names for the types that are generated from the appliance's description of its API.
import type { Values } from '../i18n/words.svelte';
import type { components } from './schema';

type Schemas = components['schemas'];

export type About = Schemas['About'];
export type App = Schemas['App'];
export type AppDetails = Schemas['AppDetails'];
export type Asks = Schemas['Asks'];
export type Author = Schemas['Author'];
export type BulkAction = Schemas['BulkAction'];
export type BulkResult = Schemas['BulkResult'];
export type Certificates = Schemas['Certificates'];
export type Action = Schemas['Action'];
export type Entry = Schemas['Entry'];
export type Grain = Schemas['Grain'];
export type Install = Schemas['Install'];
export type InstallDone = Schemas['InstallDone'];
export type InstallSource = Schemas['InstallSource'];
export type Limits = Schemas['Limits'];
export type LiveEvent = Schemas['Event'];
export type LoginReply = Schemas['LoginReply'];
export type Notification = Schemas['Notification'];
export type Notifications = Schemas['Notifications'];
export type Offer = Schemas['Offer'];
export type NewGrain = Schemas['NewGrain'];
/** A refusal; one that a page makes by itself carries what its message needs in place of words. */
export type Problem = Schemas['Problem'] & { values?: Values };
export type Session = Schemas['Session'];
export type Settings = Schemas['Settings'];
export type SettingsPatch = Schemas['SettingsPatch'];
export type Storage = Schemas['Storage'];
export type Status = Schemas['Status'];

// SPDX-License-Identifier: Apache-2.0
import type { Application } from './application.ts';

/** An Application as people name it. The project is always said: without it Argo CD answers 403 also where the application does not exist. */
export type AppRef = { name: string; project: string; namespace?: string | undefined };

export type SyncRequest = {
  /** What later tells this operation from everybody else's. */
  id: string;
  /** One a source; undefined syncs what the Application tracks. Argo CD refuses any other revision while auto-sync is on. */
  revisions?: readonly (string | undefined)[] | undefined;
  prune: boolean;
  /** The whole list: what is given here replaces that of the Application. */
  syncOptions?: readonly string[] | undefined;
  retries: number;
};

/** `busy`: somebody else's operation runs; `blocked`: a sync window forbids it. Nothing was started then. */
export type SyncAnswer = { kind: 'started'; app: Application } | { kind: 'busy' } | { kind: 'blocked'; message: string };

export type SyncWindow = { kind: string; schedule: string; duration: string; manualSync: boolean };
export type SyncWindows = { canSync: boolean; active: SyncWindow[] };

/** An object of the application: what Git wants, what is there, and what would be there after a sync. Secrets come masked from Argo CD. */
export type ManagedResource = {
  group: string;
  kind: string;
  namespace: string;
  name: string;
  live: unknown;
  target: unknown;
  normalized: unknown;
  predicted: unknown;
};

/** Where an image was found. */
export type LiveImage = { image: string; where: string };

/** What a step needs of Argo CD, by its API or, where there is none (core installs), by the Application objects in the cluster. */
export type ArgoCd = {
  get(): Promise<Application>;
  /** The application after Argo CD has looked at Git and cluster anew; `hard` also renders the manifests anew. */
  refresh(how: 'normal' | 'hard'): Promise<Application>;
  sync(request: SyncRequest): Promise<SyncAnswer>;
  /** Ends the running operation; does nothing when there is none. */
  terminate(): Promise<void>;
  /** Undefined where windows cannot be asked for; the controller then holds the operation back and says so in its message. */
  syncWindows(): Promise<SyncWindows | undefined>;
  /** Undefined where they cannot be asked for. */
  managedResources(): Promise<ManagedResource[] | undefined>;
  /** Images of pods and, where the API does not give whole objects, of what was applied last. */
  images(app: Application): Promise<LiveImage[]>;
  /** When a commit was authored (ms epoch), undefined where Argo CD does not know the commit or cannot be asked. */
  revisionDate(revision: string): Promise<number | undefined>;
  /** States of the application as they come, ends when the server ends it. `deleted` when the application is gone. */
  stream(signal: AbortSignal): AsyncIterable<Application | 'deleted'>;
  /** The page about the application, '' where there is none. */
  url: string;
};

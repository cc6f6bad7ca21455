// SPDX-License-Identifier: Apache-2.0
import type { PeerName } from '../../peers/peers.ts';
import type { CommandResult } from '../api-server.ts';

/** One peer of the bed: a server on this machine, or what is installed into the cluster. */
export type Component = {
  /** As people write it: `npm run cluster -- up --only rekor-v2`. */
  name: string;
  /** Sets of components that go together, e.g. `sigstore`, `kubernetes`; `--only` and `--skip` take these, too. */
  groups: readonly string[];
  /** Names of the components that must be ready before this one starts. */
  needs: readonly string[];
  /** Peers that `up` asks `ensurePeer` for: built before anything starts, one after another, so that no server has to become ready beside a compiler. */
  peers?: readonly PeerName[];
  /** Program (name on PATH, or absolute path of a file) → Debian package that brings it; installed before anything starts, which needs root. */
  programs?: Readonly<Record<string, string>>;
  /** Names of the daemons that belong to it, for `status` and `logs`; its own name when not given, none for what runs in the cluster. */
  daemons?: readonly string[];
  /** Builds what is missing, starts or installs it, and returns when it is ready; when it already is, it changes nothing. */
  up(bed: Bed): Promise<void>;
  /** Whether it answers now; never starts anything. */
  isReady(bed: Bed): Promise<boolean>;
  /** Undoes what `up` left outside of its daemons, its folder and the cluster (mounts, interfaces, rules). Must not fail when there is nothing. */
  clean?(bed: Bed): Promise<void>;
};

/** A server that outlives the command that starts it. */
export type DaemonSpec = {
  /** Name of its log (`<logs>/<name>.log`) and of its record. */
  name: string;
  command: string;
  args: readonly string[];
  /** The whole environment but PATH. */
  env?: Readonly<Record<string, string>>;
  cwd?: string;
  /** Numeric user and group, for programs that refuse root. */
  uid?: number;
  gid?: number;
  /** Asked every 100 ms; may throw while the server is not up. */
  isReady: () => Promise<boolean>;
  /** 60,000 unless told. */
  readyTimeoutMs?: number;
};

/** What components get to work with. */
export type Bed = {
  /** Folder of everything that the bed keeps; `down` deletes it. */
  root: string;
  /** `<root>/<name>`, made with mode 0700 when missing. */
  dir(name: string): Promise<string>;
  /** Address of the node: servers that pods call listen there. It is RFC 1918, so that clients take plain HTTP, and reachable from this machine alone. */
  node: string;
  log(line: string): void;
  /**
   * Starts a daemon and waits until it is ready. One that runs with the same command, args and env is left alone; one that differs is replaced.
   * Throws StepError `PEER_NOT_READY` with the end of its log.
   */
  daemon(spec: DaemonSpec): Promise<void>;
  /** Whether the daemon of this name runs. */
  isRunning(name: string): Promise<boolean>;
  /** SIGTERM, after `graceMs` SIGKILL, to the daemon of this name; waits for its end. Harmless when it does not run. */
  stop(name: string, graceMs?: number): Promise<void>;
  /** Runs kubectl as admin; a refusal is a result with its exit code, not an error. */
  kubectl(args: readonly string[], stdin?: string): Promise<CommandResult>;
  /** Server-side apply of objects. Throws StepError `APPLY_REFUSED` with what the API server said. */
  apply(objects: readonly object[]): Promise<void>;
  /**
   * An image composed from files of this machine (static binaries of peers), in the registry of the bed: `<node>:5000/peers/<name>@sha256:…`.
   * `files` maps a path in the image to a file here; user 65532 unless told. Equal files give an equal digest and no second push.
   */
  image(image: PeerImage): Promise<string>;
};

export type PeerImage = {
  name: string;
  files: Readonly<Record<string, string>>;
  /** Entrypoint of the image. */
  entrypoint: readonly string[];
  user?: string;
  env?: Readonly<Record<string, string>>;
};

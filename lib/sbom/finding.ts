// SPDX-License-Identifier: Apache-2.0
import type { ApkInstalled } from './cataloguers/apk.ts';
import type { DpkgStatus } from './cataloguers/dpkg.ts';
import type { ElfFacts } from './cataloguers/elf.ts';
import type { GoMod } from './cataloguers/go-mod.ts';
import type { HiddenLock } from './cataloguers/npm-installed.ts';
import type { NpmLock } from './cataloguers/npm-lock.ts';
import type { NpmManifest } from './cataloguers/npm-package.ts';
import type { Distribution } from './model.ts';

/** What is kept of one file: no more than a catalogue needs. */
export type Value =
  | { kind: 'os-release'; distribution: Distribution }
  | { kind: 'dpkg-status'; status: DpkgStatus }
  /** A list of the files of one dpkg package, as it lies there. */
  | { kind: 'dpkg-files'; package: string; bytes: Buffer }
  | { kind: 'copyright'; package: string; licenses: string[] }
  /** `bytes` for the files of its packages. */
  | { kind: 'apk-installed'; installed: ApkInstalled; bytes: Buffer }
  | { kind: 'npm-manifest'; manifest: NpmManifest }
  /** A package.json of a source folder: how many dependencies it declares. */
  | { kind: 'npm-declared'; dependencies: number }
  | { kind: 'npm-hidden-lock'; lock: HiddenLock }
  | { kind: 'npm-lock'; lock: NpmLock }
  | { kind: 'go-mod'; mod: GoMod }
  | { kind: 'elf'; facts: ElfFacts }
  /** A symbolic link that stands for a package folder, or for its documentation. `target` is relative to the root. */
  | { kind: 'link'; target: string }
  /** A package database or file of an ecosystem that no cataloguer reads. */
  | { kind: 'unread'; reason: string }
  /** A file that a cataloguer wanted and could not read. */
  | { kind: 'problem'; reason: string };

export type Finding = { path: string; layer?: string | undefined; value: Value };

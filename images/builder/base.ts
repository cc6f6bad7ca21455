// SPDX-License-Identifier: Apache-2.0
import type { ReadyLayer } from '../../lib/artifact/write-layout.ts';
import { inputError } from '../../lib/errors/errors.ts';

/** The architectures that every image is built for, as image config and Debian name them. */
export const ARCHITECTURES = ['amd64', 'arm64'] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

/** What an image builds on, for one architecture. */
export type BaseImage = {
  layers: ReadyLayer[];
  /** The `config` member of its image config (image spec 1.1, config.md): Env, WorkingDir, Labels … */
  config: Record<string, unknown>;
  /** One entry a layer and those with `empty_layer`; empty when the base says nothing. */
  history: Record<string, unknown>[];
  /** Digest of its manifest. */
  digest: string;
};

/** A base for all architectures; `name` is the reference it was read from, not there for the base that is made here. */
export type Base = { name?: string; images: ReadonlyMap<Architecture, BaseImage> };

/** Throws input BASE_PLATFORM_MISSING. */
export function baseFor(base: Base, architecture: Architecture): BaseImage {
  const image = base.images.get(architecture);
  if (image === undefined) throw inputError('BASE_PLATFORM_MISSING', `the base ${base.name ?? 'made here'} has no image for linux/${architecture}`);
  return image;
}

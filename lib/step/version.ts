// SPDX-License-Identifier: Apache-2.0
import manifest from '../../package.json' with { type: 'json' };

/** The one version of the whole suite. */
export const VERSION: string = manifest.version;

// SPDX-License-Identifier: Apache-2.0
import { inputError } from '../../lib/errors/errors.ts';
import { type ImageReference, parseReference } from '../../lib/reference/reference.ts';
import { isNamespace } from './logins.ts';

/** Who asks about which image; the namespace is `''` where there is none. */
export type Asked = { namespace: string; reference: ImageReference };

/**
 * A key of the templates of the catalog, `NAMESPACE|IMAGE`: Gatekeeper's protocol carries keys and nothing else, and the namespace decides whose registry login is used.
 * A key without the bar is no key: the image is what somebody writes into a Pod, so that one who could leave the bar to him would let him choose the namespace.
 * Throws input KEY_INVALID, REFERENCE_INVALID.
 */
export function parseKey(key: string): Asked {
  const bar = key.indexOf('|');
  const namespace = key.slice(0, Math.max(bar, 0));
  if (bar < 0 || (namespace !== '' && !isNamespace(namespace)))
    throw inputError('KEY_INVALID', `"${key.slice(0, 200)}" is no key of the form NAMESPACE|IMAGE`, { hint: 'apply the ConstraintTemplate of this version' });
  return { namespace, reference: parseReference(key.slice(bar + 1)) };
}

/** The image of a key, for people. */
export function imageOf(key: string): string {
  return key.slice(key.indexOf('|') + 1);
}

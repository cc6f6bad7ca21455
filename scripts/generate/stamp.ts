// SPDX-License-Identifier: Apache-2.0
import { isScalar, parseDocument } from 'yaml';
import { inputError } from '../../lib/errors/errors.ts';
import { IMAGE_REPOSITORY, imageOf } from './metadata.ts';

/** What stands in a hand-written manifest where the version of the suite belongs. */
const PLACEHOLDER = '0.0.0';

/**
 * A hand-written manifest with the version of the suite in its label and in the tags of its images, and every other byte kept. Throws input
 * MANIFEST_INVALID when the text is no YAML or has no version label to fill in.
 */
export function stampVersion(yaml: string, version: string, path: string): { kind: string; text: string } {
  const document = parseDocument(yaml);
  const label = document.getIn(['metadata', 'labels', 'app.kubernetes.io/version'], true);
  const kind = document.get('kind');
  if (document.errors.length > 0 || !isScalar(label) || !label.range || typeof kind !== 'string' || label.value !== PLACEHOLDER) {
    throw inputError('MANIFEST_INVALID', `${path}: is no manifest with the label app.kubernetes.io/version: "${PLACEHOLDER}"`, {
      hint: 'the generator puts the version of package.json there',
    });
  }
  const [start, end] = label.range;
  const labelled = `${yaml.slice(0, start)}"${version}"${yaml.slice(end)}`;
  const image = new RegExp(`${IMAGE_REPOSITORY.replaceAll('.', '\\.')}/([a-z0-9-]+):${PLACEHOLDER.replaceAll('.', '\\.')}`, 'g');
  return { kind, text: labelled.replaceAll(image, (_all, name: string) => imageOf(name, version)) };
}

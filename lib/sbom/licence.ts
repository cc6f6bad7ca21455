// SPDX-License-Identifier: Apache-2.0
import * as Enums from '@cyclonedx/cyclonedx-library/Enums';
import * as Models from '@cyclonedx/cyclonedx-library/Models';
import { isSupportedSpdxId } from '@cyclonedx/cyclonedx-library/SPDX';

const MAX_EXPRESSION_LENGTH = 500;

/**
 * Licence texts as CycloneDX 1.6 wants them: one SPDX expression alone, or a list of SPDX ids and names, because the two may not stand together.
 * Every one is marked as declared; nothing is concluded from it.
 */
export function declaredLicenses(texts: string[]): Models.License[] {
  const [only] = texts;
  if (texts.length === 1 && only !== undefined && !isSupportedSpdxId(only) && isSpdxExpression(only)) {
    const expression = new Models.LicenseExpression(only);
    expression.acknowledgement = Enums.LicenseAcknowledgement.Declared;
    return [expression];
  }
  const acknowledgement = Enums.LicenseAcknowledgement.Declared;
  return texts.map((text) =>
    isSupportedSpdxId(text) ? new Models.SpdxLicense(text, { acknowledgement }) : new Models.NamedLicense(text, { acknowledgement }),
  );
}

/** Whether the text is a license expression of SPDX 2.3 annex D with ids of the SPDX list, `id+` and LicenseRefs. */
export function isSpdxExpression(text: string): boolean {
  if (text.length > MAX_EXPRESSION_LENGTH) return false;
  const tokens = text
    .replace(/([()])/g, ' $1 ')
    .split(/\s+/)
    .filter((token) => token !== '');
  let at = 0;
  const simple = (): boolean => {
    const token = tokens[at++] ?? '';
    if (token === '(') return compound() && tokens[at++] === ')';
    if (!isSupportedSpdxId(token.replace(/\+$/, '')) && !/^(?:DocumentRef-[A-Za-z0-9.-]+:)?LicenseRef-[A-Za-z0-9.-]+$/.test(token)) return false;
    if (tokens[at] !== 'WITH') return true;
    at += 2;
    return isSupportedSpdxId(tokens[at - 1] ?? '');
  };
  const compound = (): boolean => {
    while (simple()) {
      if (tokens[at] !== 'AND' && tokens[at] !== 'OR') return true;
      at++;
    }
    return false;
  };
  return compound() && at === tokens.length;
}

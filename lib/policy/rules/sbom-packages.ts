// SPDX-License-Identifier: Apache-2.0
import { oneLine } from '../foreign-text.ts';
import { globMatches } from '../glob.ts';
import type { RuleOf } from '../policy-schema.ts';
import type { SbomFacts, SbomPackage } from '../sbom-reader.ts';

const SHOWN = 20;

/** What the rule forbids of the packages that the SBOM lists, a text each; a bounded number. */
export function forbiddenReasons(rule: Pick<RuleOf<'sbom'>, 'forbiddenLicences' | 'requireLicences' | 'forbiddenPackages'>, sbom: SbomFacts): string[] {
  if (rule.forbiddenLicences.length === 0 && rule.forbiddenPackages.length === 0 && !rule.requireLicences) return [];
  if (sbom.packages === undefined) return ['lists its packages in no form that can be read'];
  const reasons = sbom.packages.flatMap((one) => {
    const why = whyForbidden(one, rule);
    return why === undefined ? [] : [`holds ${oneLine(one.purl ?? `${one.name} ${one.version}`)}, ${why}`];
  });
  return reasons.length > SHOWN ? [...reasons.slice(0, SHOWN), `holds ${reasons.length - SHOWN} more packages that the rule forbids`] : reasons;
}

function whyForbidden(one: SbomPackage, { forbiddenLicences, requireLicences, forbiddenPackages }: Parameters<typeof forbiddenReasons>[0]): string | undefined {
  const { purl, licences } = one;
  if (purl !== undefined && forbiddenPackages.length > 0 && isNamedBy(forbiddenPackages, purl)) return 'which the rule forbids';
  if (one.unreadableLicence && (forbiddenLicences.length > 0 || requireLicences)) return 'whose licence is stated in a form that cannot be read';
  if (licences.length === 0) return requireLicences ? 'which states no licence' : undefined;
  const forbidden = licences.find((text) => needsForbidden(text, forbiddenLicences));
  return forbidden === undefined ? undefined : `whose licence ${oneLine(forbidden, 100)} the rule forbids`;
}

/** A glob without qualifiers is for a package with any. A package URL is also looked at decoded: one name has several spellings, of which the policy has one. */
function isNamedBy(globs: readonly string[], purl: string): boolean {
  const bare = purl.split(/[?#]/, 1)[0] ?? purl;
  const spellings = bare.includes('%') ? [bare, decoded(bare)] : [bare];
  return globs.some((glob) => (glob.includes('?') ? [purl, decoded(purl)] : spellings).some((text) => globMatches(glob, text)));
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * Whether who uses the package cannot but use a forbidden licence. In an SPDX expression (SPDX 2.3, Annex D) OR leaves the choice and AND does not; one with parentheses is not taken apart, so that any
 * forbidden licence in it counts. No choice is empty. Runs of spaces are made one first, because expressions over them take the square of their length.
 */
function needsForbidden(stated: string, globs: readonly string[]): boolean {
  const expression = stated.replace(/\s+/g, ' ').trim();
  const isForbidden = (text: string): boolean => {
    const [id = ''] = text.trim().split(/ WITH /i);
    return globs.some((glob) => globMatches(glob.toLowerCase(), id.toLowerCase()));
  };
  if (/[()]/.test(expression)) return isForbidden(expression) || expression.split(/[()]| (?:AND|OR)(?: |$)/i).some(isForbidden);
  const choices = expression.split(/ OR(?: |$)/i).filter((choice) => choice !== '');
  return choices.length > 0 && choices.every((choice) => choice.split(/ AND(?: |$)/i).some(isForbidden));
}

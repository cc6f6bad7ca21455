// SPDX-License-Identifier: Apache-2.0
import { StepError } from '../../errors/errors.ts';
import { verifiedPieces } from '../../evidence/evidence.ts';
import { predicateTypeUri } from '../../intoto/predicate-type.ts';
import { type Finding, identifiers } from '../findings.ts';
import { oneLine } from '../foreign-text.ts';
import { type PackageUrl, parsePurl } from '../package-url.ts';
import type { RuleOf } from '../policy-schema.ts';
import type { Problem } from '../verdict.ts';
import { readVex, type VexPart, type VexProduct, type VexStatement } from '../vex-reader.ts';
import { acceptedStatements } from './accepted.ts';
import type { RuleInput } from './judgement.ts';
import { instant, SKEW_MS } from './stated-time.ts';

/** What trusted VEX statements say of findings. */
export type Vex = {
  /** Why the finding is suppressed; undefined when it is not. */
  suppresses(finding: Finding): string | undefined;
  /** Digests of the attestations that were read. */
  evidence: string[];
  facts: string[];
  problems: Problem[];
};

type Said = VexStatement & { object: string; time: number | undefined };

/** Each of the identifiers of a statement is paired with each of its products, so that a small document could name very many. */
const MAX_WORDS = 500_000;

const NOTHING: Vex = { suppresses: () => undefined, evidence: [], facts: [], problems: [] };

/**
 * The VEX statements that the rule's signers attested to this artifact. Of all statements about a finding the latest decides, and where several are as late, each of them must suppress it.
 * One that only seems late (without a time, or with one to come) never suppresses, and always withdraws. A trusted document that cannot be read is a problem, and nothing is suppressed: it may withdraw something.
 */
export function vexOf(rule: RuleOf<'vulnerabilities'>, input: RuleInput): Vex {
  if (rule.vex === undefined) return NOTHING;
  const { signers, predicateTypes } = rule.vex;
  const said: Said[] = [];
  const found: Omit<Vex, 'suppresses'> = { evidence: [], facts: [], problems: [] };
  const types = new Set(predicateTypes.map((type) => predicateTypeUri(type) ?? type));
  for (const type of types)
    for (const statement of acceptedStatements(input.evidence, type, signers)) {
      const [piece] = statement;
      if (piece === undefined) continue;
      try {
        const statements = readVex(piece.statement?.predicate, `the VEX in ${piece.digest}`);
        if (statements.length === 0) continue;
        found.evidence.push(...statement.map(({ digest }) => digest));
        found.facts.push(`${piece.digest}: ${statements.length} VEX statements`);
        for (const one of statements) said.push({ ...one, object: piece.digest, time: timeOf(one, input.now) });
      } catch (error) {
        if (!(error instanceof StepError)) throw error;
        found.problems.push({
          object: piece.digest,
          reason: `cannot be read: ${oneLine(error.message, 500)}`,
          remedy: 'attest a valid OpenVEX or CycloneDX document',
        });
      }
    }
  const strangers = strangerPieces(input, types, new Set(found.evidence));
  if (strangers.length > 0)
    found.facts.push(
      `${strangers.length} attestations that may hold VEX are by nobody whom the rule names, and were not looked at: ${strangers.slice(0, 5).join(', ')}`,
    );
  if (found.problems.length > 0) return { ...found, suppresses: () => undefined };
  const words = lastWords(said, input.evidence.digest);
  if (words === undefined) {
    const reason = `has VEX statements about more than ${MAX_WORDS} vulnerabilities in packages, so none was looked at`;
    return {
      ...found,
      problems: [{ object: input.evidence.digest, reason, remedy: 'attest statements about this artifact alone' }],
      suppresses: () => undefined,
    };
  }
  return { ...found, suppresses: (finding) => suppression(lastWordsAbout(finding, words)) };
}

/** The last word about something: of statements as late as each other, whether all suppress. */
type LastWord = { late: number; suppressing: boolean; first: Said };

/**
 * The last word about each vulnerability in the artifact as a whole and in each package, by `keyOf`. Looked up, not searched: findings and statements may be many. A statement is about this artifact
 * where a product is the artifact by digest and no parts are named, and about a package where that is among the parts of this artifact or is the product itself. A product that is an image without
 * digest, or that names nothing, is not this artifact; but a withdrawal that names nothing else is for all of it, since it is attested to this artifact. undefined: too many.
 */
function lastWords(said: readonly Said[], digest: string): ReadonlyMap<string, LastWord> | undefined {
  const words = new Map<string, LastWord>();
  let pairs = 0;
  for (const statement of said) {
    const suppressing = isSuppressing(statement);
    const late = statement.time ?? (suppressing ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY);
    const places = new Set(statement.products.flatMap((product) => placesOf(product, digest)));
    if (!suppressing && statement.products.every(isUnclear)) places.add('');
    const ids = new Set(statement.ids.map((one) => one.toUpperCase()));
    pairs += ids.size * places.size;
    if (pairs > MAX_WORDS) return undefined;
    for (const id of ids)
      for (const place of places) {
        const key = keyOf(id, place);
        words.set(key, later(words.get(key), { late, suppressing, first: statement }));
      }
  }
  return words;
}

function lastWordsAbout(finding: Finding, words: ReadonlyMap<string, LastWord>): LastWord | undefined {
  const purl = parsePurl(finding.purl ?? '');
  const places = ['', ...(purl ? [placeOf({ ...purl, version: undefined }), placeOf(purl)] : [])];
  let last: LastWord | undefined;
  for (const id of new Set(identifiers(finding).map((one) => one.toUpperCase())))
    for (const place of places) {
      const word = words.get(keyOf(id, place));
      if (word) last = later(last, word);
    }
  return last;
}

function later(known: LastWord | undefined, word: LastWord): LastWord {
  if (known === undefined || word.late > known.late) return word;
  return word.late < known.late ? known : { ...known, suppressing: known.suppressing && word.suppressing };
}

function suppression(word: LastWord | undefined): string | undefined {
  if (word === undefined || word.late === Number.NEGATIVE_INFINITY || !word.suppressing) return undefined;
  const { status, object, justification } = word.first;
  return `${status} by ${object}${justification === '' ? '' : `, because: ${oneLine(justification, 200)}`}`;
}

/** That something is not affected counts with a reason alone (OpenVEX, "Status Justifications"). */
function isSuppressing({ status, justification }: VexStatement): boolean {
  return status === 'fixed' || (status === 'not_affected' && justification !== '');
}

function timeOf({ at }: VexStatement, now: Date): number | undefined {
  const time = instant(at);
  return time === undefined || time > now.getTime() + SKEW_MS ? undefined : time;
}

/** The places within the artifact that a product of a statement names: the empty one is all of it. */
function placesOf(product: VexProduct, digest: string): string[] {
  const { parts } = product;
  if (namesDigest(product, digest)) return parts.length === 0 ? [''] : parts.flatMap(packagesOf);
  return parts.length === 0 ? packagesOf(product) : [];
}

function packagesOf({ purls }: VexPart): string[] {
  return purls.flatMap((text) => {
    const purl = parsePurl(text);
    return purl ? [placeOf(purl)] : [];
  });
}

function placeOf({ type, name, version }: PackageUrl): string {
  return JSON.stringify(version === undefined ? [type, name] : [type, name, version]);
}

function keyOf(id: string, place: string): string {
  return JSON.stringify([id, place]);
}

function namesDigest({ digests, purls }: VexPart, digest: string): boolean {
  if (digests.includes(digest)) return true;
  return purls.some((text) => {
    const purl = parsePurl(text);
    return purl?.type === 'oci' && purl.version === digest;
  });
}

/** Neither an artifact by digest nor a package, such as an image by its tag. */
function isUnclear({ digests, purls }: VexProduct): boolean {
  return (
    digests.length === 0 &&
    purls.every((text) => {
      const purl = parsePurl(text);
      return purl === undefined || (purl.type === 'oci' && purl.version === undefined);
    })
  );
}

/** Attestations of these types that are by others. Who may attest an SBOM may not thereby attest VEX. */
function strangerPieces({ evidence }: RuleInput, types: ReadonlySet<string>, read: ReadonlySet<string>): string[] {
  const openVex = [...types].filter((type) => type.startsWith('https://openvex.dev/'));
  return verifiedPieces(evidence, 'attestation')
    .filter(({ digest, predicateType }) => openVex.includes(predicateType ?? '') && !read.has(digest))
    .map(({ digest }) => digest);
}

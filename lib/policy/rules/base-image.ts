// SPDX-License-Identifier: Apache-2.0
import { StepError } from '../../errors/errors.ts';
import { PREDICATE_TYPE } from '../../intoto/predicate-type.ts';
import { oneLine } from '../foreign-text.ts';
import { globMatches } from '../glob.ts';
import { parsePurl } from '../package-url.ts';
import type { RuleOf } from '../policy-schema.ts';
import { type Dependency, readProvenance } from '../provenance-reader.ts';
import type { Problem } from '../verdict.ts';
import { acceptedStatements, digestsOf, missing } from './accepted.ts';
import type { RuleJudge } from './judgement.ts';
import { signersInWords } from './signers.ts';

/** An image that a provenance says the build used. */
type UsedImage = { repository: string; sha256: string | undefined };

/** Host and repository (OCI distribution spec 1.1, "Pulling manifests"), so that no path climbs out of what a glob allows. */
const REPOSITORY = /^[A-Za-z0-9.:[\]-]{1,255}(?:\/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)+$/;

/**
 * Whether all images that a build used are among those that the rule allows, by a provenance of the named signers. The labels and annotations of the image itself
 * (`org.opencontainers.image.base.*`) are not looked at: whoever pushes an image writes what he likes there.
 */
export const judgeBaseImage: RuleJudge<'base-image'> = (rule, { evidence }) => {
  const types = [PREDICATE_TYPE.slsaprovenance, PREDICATE_TYPE.slsaprovenance1];
  const statements = types.flatMap((type) => acceptedStatements(evidence, type, rule.signers));
  const wanted = signersInWords(rule.signers);
  if (statements.length === 0) {
    const near = types.flatMap((type) => missing(evidence, type, rule.signers));
    const found = near.filter(({ object }) => object !== evidence.digest);
    return {
      outcome: 'failed',
      summary: `no provenance by ${wanted} says what the build used`,
      facts: [],
      problems: found.length > 0 ? found : near,
      evidence: [],
    };
  }
  const facts: string[] = [];
  const problems: Problem[] = [];
  for (const [piece] of statements) {
    if (piece === undefined) continue;
    try {
      const { dependencies } = readProvenance(piece.predicateType ?? '', piece.statement?.predicate, `the provenance in ${piece.digest}`);
      const images = dependencies.flatMap(imageOf);
      facts.push(`${piece.digest} says that the build used ${images.map(({ repository }) => oneLine(repository)).join(', ') || 'no images'}`);
      problems.push(...problemsOf(images, rule).map((problem) => ({ object: piece.digest, ...problem })));
    } catch (error) {
      if (!(error instanceof StepError)) throw error;
      problems.push({ object: piece.digest, reason: `cannot be read: ${oneLine(error.message, 500)}`, remedy: 'have the artifact built and attested again' });
    }
  }
  const used = digestsOf(statements);
  if (problems.length === 0)
    return { outcome: 'passed', summary: `all images that the build used are allowed, by the word of ${wanted}`, facts, problems, evidence: used };
  return { outcome: 'failed', summary: `images that the build used are not allowed`, facts, problems, evidence: used };
};

function problemsOf(images: readonly UsedImage[], { allow, deny }: RuleOf<'base-image'>): Omit<Problem, 'object'>[] {
  if (images.length === 0)
    return [
      {
        reason: 'names no image that the build used, so it does not say what the artifact is based on',
        remedy: 'let the builder list the base image among materials or resolvedDependencies',
      },
    ];
  return images.flatMap(({ repository, sha256 }) => {
    const name = oneLine(repository);
    const remedy = 'build on an allowed image, by its digest, or allow this one in the rule';
    if (deny.some((glob) => globMatches(glob, repository))) return [{ reason: `says that the build used ${name}, which the rule denies`, remedy }];
    if (!allow.some((glob) => globMatches(glob, repository))) return [{ reason: `says that the build used ${name}, which the rule does not allow`, remedy }];
    if (!REPOSITORY.test(repository)) return [{ reason: `says that the build used ${name}, which is no name of an image`, remedy }];
    return sha256 !== undefined && /^[0-9a-f]{64}$/.test(sha256) ? [] : [{ reason: `says that the build used ${name} without its digest`, remedy }];
  });
}

/** Images as Tekton Chains (`oci://`), BuildKit (`pkg:docker`) and others (`pkg:oci`, `docker://`) write them. Docker's short names are written out. */
function imageOf({ uri, sha256 }: Dependency): UsedImage[] {
  const [, address] = /^(?:oci|docker):\/\/(.+)$/.exec(uri) ?? [];
  if (address !== undefined) {
    const [name = '', digest] = address.split('@sha256:', 2);
    return [{ repository: written(name.replace(/:[^/:]*$/, '')), sha256: sha256 ?? digest }];
  }
  const purl = parsePurl(uri);
  if (purl?.type === 'docker') return [{ repository: written(purl.name), sha256: sha256 ?? digestOf(purl.version) ?? digestOf(qualifier(uri, 'digest')) }];
  if (purl?.type === 'oci') return [{ repository: written(qualifier(uri, 'repository_url') ?? purl.name), sha256: sha256 ?? digestOf(purl.version) }];
  return [];
}

function digestOf(text: string | undefined): string | undefined {
  return text?.startsWith('sha256:') ? text.slice('sha256:'.length) : undefined;
}

function qualifier(purl: string, key: string): string | undefined {
  return new URLSearchParams(purl.split('#')[0]?.split('?')[1] ?? '').get(key) ?? undefined;
}

function written(name: string): string {
  const [host = ''] = name.split('/', 1);
  if (name.includes('/') && (/[.:]/.test(host) || host === 'localhost')) return name.replace(/^index\.docker\.io\//, 'docker.io/');
  return `docker.io/${name.includes('/') ? '' : 'library/'}${name}`;
}

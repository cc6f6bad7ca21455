// SPDX-License-Identifier: Apache-2.0
import { StepError } from '../../errors/errors.ts';
import { PREDICATE_TYPE } from '../../intoto/predicate-type.ts';
import { digestHex } from '../../reference/digest.ts';
import { oneLine } from '../foreign-text.ts';
import { globMatches } from '../glob.ts';
import type { RuleOf } from '../policy-schema.ts';
import { type Provenance, type ProvenanceSource, plainRepository, readProvenance } from '../provenance-reader.ts';
import type { Problem } from '../verdict.ts';
import { acceptedStatements, digestsOf, missing, namesIn, type Statement } from './accepted.ts';
import { alternativesInWords, matchesAny, unmetConditions } from './conditions.ts';
import type { RuleJudge } from './judgement.ts';
import { signersInWords } from './signers.ts';

const COMMIT = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;
/** Steps . and .. of a path, plain or escaped, and backslashes: clients resolve them, so that a glob for one team would let in what lies beside it. */
const CLIMBS = /\\|%5c|%2f|(?:\/|^)(?:\.|%2e){1,2}(?:\/|$)/i;
const MAX_INPUT_VALUES = 100_000;

/** Whether one provenance by the named signers says that a named builder built the artifact of the named source. One that meets the rule is enough; the others are facts. */
export const judgeProvenance: RuleJudge<'provenance'> = (rule, { evidence }) => {
  const types = rule.predicateTypes.map((name) => PREDICATE_TYPE[name]);
  const statements = types.flatMap((type) => acceptedStatements(evidence, type, rule.signers));
  const wanted = signersInWords(rule.signers);
  if (statements.length === 0) {
    const near = types.flatMap((type) => missing(evidence, type, rule.signers));
    const found = near.filter(({ object }) => object !== evidence.digest);
    return { outcome: 'failed', summary: `no provenance by ${wanted}`, facts: [], problems: found.length > 0 ? found : near, evidence: [] };
  }
  const facts: string[] = [];
  const problems: Problem[] = [];
  const good: Statement[] = [];
  for (const statement of statements) {
    const { fact, problems: found } = inspect(statement, rule, evidence.digest);
    if (fact !== undefined) facts.push(fact);
    if (found.length === 0) good.push(statement);
    problems.push(...found);
  }
  if (good.length > 0) {
    facts.push(...problems.map(({ object, reason }) => `${object} does not meet the rule: it ${reason}`));
    return { outcome: 'passed', summary: `built as the rule asks, by the word of ${wanted}`, facts, problems: [], evidence: digestsOf(good) };
  }
  return { outcome: 'failed', summary: `no provenance by ${wanted} meets the rule`, facts, problems, evidence: digestsOf(statements) };
};

function inspect(statement: Statement, rule: RuleOf<'provenance'>, digest: string): { fact?: string; problems: Problem[] } {
  const [piece] = statement;
  if (piece === undefined) return { problems: [] };
  const problem = (reason: string, remedy: string): Problem => ({ object: piece.digest, reason, remedy });
  let provenance: Provenance;
  try {
    provenance = readProvenance(piece.predicateType ?? '', piece.statement?.predicate, `the provenance in ${piece.digest}`);
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    return { problems: [problem(`cannot be read: ${oneLine(error.message, 500)}`, 'find out who wrote it, and have the artifact built and attested again')] };
  }
  const problems = [
    ...builderProblems(provenance, rule, problem),
    ...sourceProblems(provenance, rule, problem),
    ...unmetConditions(provenance.parameters, rule.parameters).map((why) =>
      problem(`has parameters of which ${why}`, 'build with the parameters that the rule asks for'),
    ),
    ...unmetConditions(piece.statement?.predicate, rule.conditions).map((why) => problem(`does not meet a condition: ${why}`, 'build as the rule asks')),
    ...buildProblems(provenance, rule, digest, problem),
  ];
  const sources = provenance.sources.map((source) => `${oneLine(source.repository)} at ${oneLine(source.commit ?? 'no commit', 80)}`);
  const fact = `${piece.digest} by ${namesIn(piece).join(', ')}: built by ${oneLine(provenance.builder)}, type ${oneLine(provenance.buildType)}, from ${sources.slice(0, 5).join(', ') || 'no source'}`;
  return { fact, problems };
}

type MakeProblem = (reason: string, remedy: string) => Problem;

function builderProblems({ builder, buildType }: Provenance, rule: RuleOf<'provenance'>, problem: MakeProblem): Problem[] {
  const problems: Problem[] = [];
  if (!matchesAny(builder, rule.builders))
    problems.push(
      problem(
        `names the builder ${oneLine(builder)}, and it must be ${alternativesInWords(rule.builders)}`,
        'build there, or name the builder in the rule if it is right',
      ),
    );
  if (rule.buildTypes && !matchesAny(buildType, rule.buildTypes))
    problems.push(
      problem(
        `is of build type ${oneLine(buildType)}, and it must be ${alternativesInWords(rule.buildTypes)}`,
        'build that way, or name the build type in the rule',
      ),
    );
  return problems;
}

function sourceProblems({ sources }: Provenance, { source }: RuleOf<'provenance'>, problem: MakeProblem): Problem[] {
  if (source === undefined) return [];
  if (sources.length === 0)
    return [
      problem(
        'names no Git source, so it does not say what was built',
        'let the build say its source; with Tekton Chains by the params CHAINS-GIT_URL and CHAINS-GIT_COMMIT or results of that name',
      ),
    ];
  return sources.flatMap((one) => {
    const why = whyNotSource(one, source);
    return why === undefined
      ? []
      : [problem(`names the source ${oneLine(one.repository)}, ${why}`, 'build from the source that the rule names, or name this one in the rule')];
  });
}

function whyNotSource({ repository, commit, ref }: ProvenanceSource, { repositories, refs }: NonNullable<RuleOf<'provenance'>['source']>): string | undefined {
  if (!repositories.some((glob) => globMatches(plainRepository(glob), repository))) return 'which is none that the rule names';
  if (CLIMBS.test(repository)) return 'whose path leads elsewhere than it seems to';
  if (commit === undefined || !COMMIT.test(commit)) return 'without the commit';
  if (refs === undefined) return undefined;
  if (ref === undefined) return 'without a ref, and the rule asks for one';
  return refs.some((glob) => globMatches(glob, ref)) ? undefined : `at ref ${oneLine(ref, 100)}, which is none that the rule names`;
}

/** Whether it was a build at all, and one that ended well. */
function buildProblems(provenance: Provenance, rule: RuleOf<'provenance'>, digest: string, problem: MakeProblem): Problem[] {
  const { dependencies, inputs, ended } = provenance;
  const hex = digestHex(digest);
  const problems: Problem[] = [];
  const echo = 'the artifact itself, so it was looked at and not built';
  const remedy = 'let only the task that builds have results named IMAGE_DIGEST or *_ARTIFACT_OUTPUTS';
  if (dependencies.some(({ sha256, uri }) => sha256?.toLowerCase() === hex || uri.toLowerCase().includes(hex)))
    problems.push(problem(`lists among what the build used ${echo}`, remedy));
  else if (!rule.acceptSubjectAsInput && mentions(inputs, hex)) problems.push(problem(`has a param that names ${echo}`, remedy));
  if (ended === 'failed') problems.push(problem('says that a task of the run did not succeed', 'build again until the whole run succeeds'));
  if (ended === 'not stated' && !rule.acceptUnknownOutcome)
    problems.push(
      problem(
        'does not say whether the run succeeded, and Tekton Chains attests failed runs too',
        'sign the artifact in the Pipeline after the build, ask for that by a rule of type signature, and set acceptUnknownOutcome: true',
      ),
    );
  return problems;
}

/** Whether a text within the value holds the digest; parameters too many to look through count as holding it. */
function mentions(value: unknown, hex: string): boolean {
  const todo: unknown[] = [value];
  for (let count = 0; todo.length > 0; count++) {
    if (count > MAX_INPUT_VALUES) return true;
    const next = todo.pop();
    if (typeof next === 'string' && next.toLowerCase().includes(hex)) return true;
    if (typeof next === 'object' && next !== null) for (const member of Object.values(next)) todo.push(member);
  }
  return false;
}

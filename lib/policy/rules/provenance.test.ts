// SPDX-License-Identifier: Apache-2.0
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Evidence, EvidencePiece } from '../../evidence/evidence.ts';
import { PREDICATE_TYPE } from '../../intoto/predicate-type.ts';
import { digestHex, sha256Digest } from '../../reference/digest.ts';
import { evidence, piece, SUBJECT_DIGEST, signature } from '../test-evidence.ts';
import { cpuMs, expectResult, resultOf } from '../test-judge.ts';

const V02 = PREDICATE_TYPE.slsaprovenance;
const V1 = PREDICATE_TYPE.slsaprovenance1;
const COMMIT = '7f2f46e1b97df36b2b82d1b1d87c81b8b3d21601';
const HEX = digestHex(SUBJECT_DIGEST);
const GIT = { uri: 'git+https://git.example/team/app.git@refs/heads/main', digest: { gitCommit: COMMIT } };

type Shape = { builder?: string; buildType?: string; external?: Record<string, unknown>; dependencies?: unknown };
const v1 = ({
  builder = 'https://github.com/actions/runner',
  buildType = 'https://actions.github.io/buildtypes/workflow/v1',
  external = {},
  dependencies = [GIT],
}: Shape = {}) => ({
  buildDefinition: { buildType, externalParameters: external, resolvedDependencies: dependencies },
  runDetails: { builder: { id: builder } },
});
const github = { workflow: { ref: 'refs/heads/main', repository: 'https://git.example/team/app', path: '.github/workflows/build.yml' } };
const tekton = (params: unknown[] = [], dependencies: unknown = [GIT]) =>
  v1({ builder: 'https://chains.example', buildType: 'https://tekton.dev/chains/v2/slsa', external: { runSpec: { params } }, dependencies });
const v02 = (more: object = {}) => ({
  builder: { id: 'https://github.com/actions/runner' },
  buildType: 'https://example.com/generic@v1',
  invocation: { configSource: { uri: 'git+https://git.example/team/app@refs/tags/v1', digest: { sha1: COMMIT } }, parameters: { fast: 'no' } },
  materials: [],
  ...more,
});

const base = 'type: provenance, signers: { any: [release] }, builders: ["https://github.com/actions/runner"]';
const sourced = `${base}, source: { repositories: ["https://git.example/team/*"] }`;
const ofMain = `${base}, source: { repositories: ["https://git.example/team/app"], refs: [refs/heads/main] }`;
const chains =
  'type: provenance, signers: { any: [release] }, builders: [{ matches: "https://chains[.]example(/lab)?" }], source: { repositories: ["https://git.example/team/app"] }';
const judged = (rule: string, predicate: unknown, type: string = V1) => resultOf(rule, evidence(piece(type, { predicate })));

describe('provenance', () => {
  it.each<[name: string, rule: string, predicate: unknown, type?: string]>([
    ['by the builder', base, v1()],
    ['from the source', sourced, v1()],
    [
      'from the source, by a user of its host',
      `${base}, source: { repositories: ["ssh://git@git.example/team/*"], refs: [main] }`,
      v1({ dependencies: [{ ...GIT, uri: 'git+ssh://git@git.example/team/app@main' }] }),
    ],
    ['from the source, whose URL ends in .git in the rule', sourced.replace('team/*', 'team/app.git'), v1()],
    ['at the ref, told by the dependency', ofMain, v1()],
    [
      'at the ref, told by the workflow',
      ofMain,
      v1({ external: github, dependencies: [{ uri: 'git+https://git.example/team/app', digest: { gitCommit: COMMIT } }] }),
    ],
    ['of the build type', `${base}, buildTypes: ["https://actions.github.io/buildtypes/workflow/v1"]`, v1()],
    ['0.2, by the config source', `${base}, source: { repositories: ["https://git.example/team/app"], refs: ["refs/tags/*"] }`, v02(), V02],
    ['0.2, by a material', sourced, v02({ invocation: {}, materials: [{ uri: 'git+https://git.example/team/app.git', digest: { sha1: COMMIT } }] }), V02],
    [
      '0.2, of BuildKit, by a URL with a fragment',
      sourced,
      v02({ invocation: { configSource: { uri: 'https://git.example/team/app.git#refs/heads/main', digest: { sha1: COMMIT } } } }),
      V02,
    ],
    ['with its parameters', `${base}, parameters: [{ path: /workflow/path, matches: ".github/workflows/.*" }]`, v1({ external: github })],
    [
      'with parameters of Tekton by name',
      `${chains}, acceptUnknownOutcome: true, parameters: [{ path: /mode, equals: release }]`,
      tekton([{ name: 'mode', value: 'release' }]),
    ],
    ['with a condition on the whole', `${base}, conditions: [{ path: /runDetails/builder/id, exists: true }]`, v1()],
    [
      'a resolver fetched the Task, which is no source',
      `${chains}, acceptUnknownOutcome: true`,
      tekton([], [GIT, { name: 'task', uri: 'git+https://git.example/tasks.git', digest: { sha1: COMMIT } }]),
    ],
    [
      'the digest as a param, where that is accepted',
      `${chains}, acceptUnknownOutcome: true, acceptSubjectAsInput: true`,
      tekton([{ name: 'd', value: SUBJECT_DIGEST }]),
    ],
  ])('passes: %s', (_name, rule, predicate, type) => {
    expectResult(judged(rule, predicate, type), 'passed');
  });

  it.each<[name: string, rule: string, predicate: unknown, expected: string, type?: string]>([
    ['another builder', base, v1({ builder: 'https://github.com/actions/runner2' }), 'names the builder https://github.com/actions/runner2'],
    ['a builder whose name begins alike, by pattern', chains, v1({ builder: 'https://chains.example/lab/evil' }), 'names the builder'],
    ['another build type', `${base}, buildTypes: [x]`, v1(), 'is of build type'],
    [
      'another repository',
      sourced,
      v1({ dependencies: [{ ...GIT, uri: 'git+https://git.example/evil/app' }] }),
      'names the source https://git.example/evil/app, which is none',
    ],
    ['a repository below the named one', sourced, v1({ dependencies: [{ ...GIT, uri: 'git+https://git.example/team/app/../../evil' }] }), 'which is none'],
    [
      'the named repository as user of another host',
      sourced,
      v1({ dependencies: [{ ...GIT, uri: 'git+https://git.example@evil.example/team/app' }] }),
      'which is none',
    ],
    [
      'the named host as user of another one',
      `${base}, source: { repositories: ["https://git.example"] }`,
      v1({ dependencies: [{ ...GIT, uri: 'git+https://git.example@evil.example/team/app' }] }),
      'which is none',
    ],
    ...['team/../evil/app', 'team/%2e%2E/evil/app', 'team/..', 'team/..%2fevil', 'team/..\\evil'].map((path): [string, string, unknown, string] => [
      `a path that climbs out of the named one: ${path}`,
      sourced.replace('team/*', 'team/**'),
      v1({ dependencies: [{ ...GIT, uri: `git+https://git.example/${path}` }] }),
      'leads elsewhere',
    ]),
    [
      'a source that is no Git repository beside one',
      sourced,
      v1({ external: { source: { uri: 'https://evil.example/app.tar.gz', digest: { sha256: 'e'.repeat(64) } } } }),
      'https://evil.example/app.tar.gz',
    ],
    [
      '0.2, a config source that is no Git repository',
      sourced,
      v02({ invocation: { configSource: { uri: 'https://evil.example/app.zip' } }, materials: [GIT] }),
      'app.zip',
      V02,
    ],
    [
      'another source under the name of a Tekton Task',
      sourced,
      v1({ dependencies: [GIT, { ...GIT, name: 'task', uri: 'git+https://evil.example/app' }] }),
      'evil',
    ],
    ['the named repository and another one', sourced, v1({ dependencies: [GIT, { ...GIT, uri: 'git+https://evil.example/app' }] }), 'https://evil.example/app'],
    [
      'the workflow of another repository',
      sourced,
      v1({ external: { workflow: { ...github.workflow, repository: 'https://evil.example/app' } } }),
      'https://evil.example/app',
    ],
    ['no source', sourced, v1({ dependencies: [] }), 'names no Git source'],
    ['no dependencies at all', sourced, v1({ dependencies: null }), 'names no Git source'],
    ['no commit', sourced, v1({ dependencies: [{ uri: GIT.uri }] }), 'without the commit'],
    ['a branch for a commit', sourced, v1({ dependencies: [{ uri: GIT.uri, digest: { gitCommit: 'main' } }] }), 'without the commit'],
    ['another ref', ofMain, v1({ dependencies: [{ ...GIT, uri: 'git+https://git.example/team/app@refs/heads/evil' }] }), 'at ref refs/heads/evil'],
    ['no ref', ofMain, v1({ dependencies: [{ ...GIT, uri: 'git+https://git.example/team/app' }] }), 'without a ref'],
    ['another parameter', `${base}, parameters: [{ path: /workflow/path, equals: other }]`, v1({ external: github }), 'has parameters of which'],
    [
      'a param of Tekton given twice',
      `${chains}, acceptUnknownOutcome: true, parameters: [{ path: /m, equals: a }]`,
      tekton([
        { name: 'm', value: 'a' },
        { name: 'm', value: 'b' },
      ]),
      'is not there',
    ],
    ['Tekton does not say how it ended', chains, tekton(), 'does not say whether the run succeeded'],
    [
      'a task failed',
      chains,
      {
        ...v02(),
        builder: { id: 'https://chains.example' },
        buildType: 'tekton.dev/v1/PipelineRun',
        buildConfig: { tasks: [{ status: 'Succeeded' }, { status: 'Failed' }] },
        materials: [{ uri: 'git+https://git.example/team/app', digest: { sha1: COMMIT } }],
      },
      'did not succeed',
      V02,
    ],
    [
      'the artifact among what was used',
      base,
      v1({ dependencies: [GIT, { uri: 'oci://r.example.com/app', digest: { sha256: HEX } }] }),
      'looked at and not built',
    ],
    ['the artifact in the URI of what was used', base, v1({ dependencies: [{ uri: `pkg:oci/app@sha256:${HEX}` }] }), 'looked at and not built'],
    [
      'the artifact in capitals among what was used',
      base,
      v1({ dependencies: [GIT, { uri: 'oci://r.example.com/app', digest: { sha256: HEX.toUpperCase() } }] }),
      'looked at',
    ],
    [
      'the artifact as a param given twice',
      `${chains}, acceptUnknownOutcome: true`,
      tekton([
        { name: 'd', value: SUBJECT_DIGEST },
        { name: 'd', value: 'x' },
      ]),
      'has a param that names',
    ],
    [
      'the artifact in the definition of the run',
      `${chains}, acceptUnknownOutcome: true`,
      v1({
        builder: 'https://chains.example',
        buildType: 'https://tekton.dev/chains/v2/slsa',
        external: { runSpec: { taskSpec: { params: [{ default: SUBJECT_DIGEST }] } } },
      }),
      'has a param that names',
    ],
    ['the artifact as a param', `${chains}, acceptUnknownOutcome: true`, tekton([{ name: 'd', value: SUBJECT_DIGEST }]), 'has a param that names'],
    [
      'the artifact deep in a param',
      `${chains}, acceptUnknownOutcome: true`,
      tekton([{ name: 'd', value: [{ a: `X${HEX.toUpperCase()}` }] }]),
      'has a param that names',
    ],
    ['too many params to look through', base, v1({ external: { list: new Array(200_000).fill(0) } }), 'has a param that names'],
    ['version 1 under the type of 0.2', base, v1(), 'cannot be read', V02],
    ['version 0.2 under the type of 1', base, v02(), 'cannot be read', V1],
    ['no builder', base, { ...v1(), runDetails: {} }, 'runDetails.builder'],
    ['a builder that is a list', base, { ...v1(), runDetails: { builder: { id: ['https://github.com/actions/runner'] } } }, 'cannot be read'],
    ['dependencies that are no list', base, v1({ dependencies: { 0: GIT } }), 'cannot be read'],
    ['too many dependencies', base, v1({ dependencies: new Array(20_001).fill(GIT) }), 'cannot be read'],
    ['nothing', base, undefined, 'cannot be read'],
    ['null', base, null, 'cannot be read'],
  ])('fails: %s', (_name, rule, predicate, expected, type) => {
    expectResult(judged(rule, predicate, type), expected);
  });

  it('reads URLs of slashes in linear time', () => {
    const dependencies = new Array(200).fill({ ...GIT, uri: `git+https://git.example/${'/'.repeat(9000)}x` });
    expect(cpuMs(() => expect(judged(sourced, v1({ dependencies })).outcome).toBe('failed'))).toBeLessThan(3000);
  });

  it.each<[name: string, pieces: EvidencePiece[], expected: string]>([
    ['there is none', [signature()], 'there is no slsaprovenance'],
    ['by somebody else', [piece(V1, { by: 'qa', predicate: v1() })], 'is by qa'],
    ['pending', [piece(V1, { kind: 'pending', predicate: v1() })], 'not logged yet'],
    ['rejected', [piece(V1, { rejected: 'tampered', predicate: v1() })], 'was rejected: tampered'],
    ['of a type that the rule does not name', [piece('https://example.com/provenance', { predicate: v1() })], 'there is no'],
  ])('fails when %s', (_name, pieces, expected) => {
    expectResult(resultOf(base, evidence(...pieces)), expected);
  });

  it('passes by one of several, and says of the others why they do not', () => {
    const result = resultOf(sourced, evidence(piece(V1, { predicate: v1() }), piece(V1, { predicate: v1({ dependencies: [] }) })));
    expectResult(result, 'passed');
    expect(result.facts.join('\n')).toContain('does not meet the rule: it names no Git source');
    expect(result.evidence).toHaveLength(1);
  });
});

describe('what a real Tekton Chains wrote', () => {
  const VECTORS = join(process.env['TSC_VECTORS'] ?? join(import.meta.dirname, '../../../../shared/vectors'), 'chains');
  const FORMATS = ['slsa-v1', 'slsa-v2alpha3', 'slsa-v2alpha4'];
  const lenient = `${chains}, acceptUnknownOutcome: true, acceptSubjectAsInput: true`;

  function recorded(format: string, run: string): Evidence {
    const folder = join(VECTORS, `${format}.sigstore-bundle`, run);
    const statements = readdirSync(folder).filter((name) => /^referrer\.\d+\.statement\.json$/.test(name));
    const pieces = statements.map((name) => {
      const { predicateType, predicate } = JSON.parse(readFileSync(join(folder, name), 'utf8'));
      return piece(predicateType, { predicate });
    });
    const digest = sha256Digest(readFileSync(join(folder, 'image.manifest.json')));
    return { subject: `r.example.com/chains@${digest}`, digest, pieces };
  }

  const runs = (...names: string[]) => FORMATS.flatMap((format) => names.map((run) => [format, run] as const));

  it.for(runs('build-tr', 'build-pr'))('is a build with the source that the rule names: %s %s', ([format, run], { skip }) => {
    skip(!existsSync(VECTORS), `no Chains vectors at ${VECTORS}: set TSC_VECTORS`);
    expectResult(resultOf(lenient, recorded(format, run)), 'passed');
    expectResult(resultOf(chains, recorded(format, run)), 'has a param that names');
  });

  it.for(runs('failed-tr', 'verify-echo-tr'))('is no build, also by the most lenient rule with a source: %s %s', ([format, run], { skip }) => {
    skip(!existsSync(VECTORS), `no Chains vectors at ${VECTORS}: set TSC_VECTORS`);
    expectResult(resultOf(lenient, recorded(format, run)), 'names no Git source');
    expectResult(resultOf(chains.replace(/, source: .*/, ''), recorded(format, run)), 'does not say whether the run succeeded');
  });

  it('says of a PipelineRun in the form of SLSA 0.2 that it ended well', ({ skip }) => {
    skip(!existsSync(VECTORS), `no Chains vectors at ${VECTORS}: set TSC_VECTORS`);
    expectResult(resultOf(`${chains}, acceptSubjectAsInput: true`, recorded('slsa-v1', 'build-pr')), 'passed');
    expectResult(resultOf(`${chains}, acceptSubjectAsInput: true`, recorded('slsa-v1', 'build-tr')), 'does not say whether the run succeeded');
  });
});

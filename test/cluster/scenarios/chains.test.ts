// SPDX-License-Identifier: Apache-2.0
import { createHash, createPublicKey } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, onTestFailed, test } from 'vitest';
import { EXIT_CODE } from '../../../lib/errors/errors.ts';
import { type ImageReference, parseDigestReference } from '../../../lib/reference/reference.ts';
import { ensurePeer } from '../../peers/peers.ts';
import { type ArtifactPlace, openArtifactPlace } from './artifact-place.ts';
import { attachedEnvelopes, type ChainsRecord, chainsKey, chainsRecords } from './chains-records.ts';
import { tagsOf } from './evidence-standing.ts';
import { type ForgePlace, type ForgeRepository, openForge } from './forge-place.ts';
import { SECURE_POLICY, secureImageRun } from './secure-runs.ts';
import { installCatalog, openSuite, type Suite } from './suite.ts';
import { createTeam, deleteTeam, NEW_VOLUME, RUN_ACCOUNT, type Team } from './team.ts';
import { explain, logOf, type RunEnd, runToEnd, runToSuccess } from './tekton-run.ts';

const PROVENANCE = 'https://slsa.dev/provenance/v1';
const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';

/** Believes the key of Chains for provenance, and asks, to be told only, whether it passes for a signature of the image. */
const POLICY = `apiVersion: supply-chain.tekton.dev/v1alpha1
kind: Policy
metadata:
  name: built
signers:
  - name: chains
    key: {file: chains.pub}
rules:
  - {id: built, type: attestation, predicateType: slsaprovenance1, signers: {any: [chains]}}
  - id: from-build
    type: provenance
    signers: {any: [chains]}
    builders: ['https://tekton.dev/chains/v2']
    acceptUnknownOutcome: true
  - {id: signed-by-chains, type: signature, level: warn, signers: {any: [chains]}}
`;

let suite: Suite;
let team: Team;
let forge: ForgePlace;
let artifacts: ArtifactPlace;
let repository: string;
/** registry/name@sha256:HEX of what build-image has built. */
let image: string;
let built: RunEnd;
let secured: RunEnd;
let records: ChainsRecord[];

beforeAll(async () => {
  suite = await openSuite();
  const { bed } = suite;
  team = await createTeam(bed, { name: 'chains', trustedRoot: suite.trustedRoot, policy: SECURE_POLICY });
  const { namespace } = team;
  artifacts = openArtifactPlace(suite.registry);
  forge = await openForge(suite, namespace);
  const source = await forge.repository('app', await sourceFiles(), { isPublic: true, collaborators: {} });
  await installCatalog(suite, namespace);
  const data = { 'policy.yaml': POLICY, 'chains.pub': await chainsKey(bed) };
  await bed.apply([{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'built', namespace }, data }]);
  repository = `${suite.registry}/${namespace}/app`;
  built = await runToSuccess(bed, buildImageRun(source));
  image = `${repository}@${built.results['IMAGE_DIGEST']}`;
  secured = await runToSuccess(bed, secureImageRun({ suite, team, image }));
  records = await chainsRecords(bed, namespace);
});

afterAll(async () => {
  artifacts?.close();
  if (team) await deleteTeam(suite.bed, team);
  await forge?.remove();
});

async function sourceFiles(): Promise<Record<string, string>> {
  const { pause } = await ensurePeer('bed', suite.bed);
  const base = await suite.bed.image({ name: 'app-base', files: { '/bin/app': pause }, entrypoint: ['/bin/app'] });
  return {
    Dockerfile: `FROM ${base}\nLABEL org.opencontainers.image.title="${team.namespace}"\nCOPY app/ /app/\nUSER 65532:65532\nENTRYPOINT ["/bin/app"]\n`,
    'app/node_modules/greeting/package.json': '{"name":"greeting","version":"2.1.0","license":"MIT"}\n',
  };
}

function buildImageRun(source: ForgeRepository): object {
  const params = { repository: source.url, 'staging-repository': repository, 'clone-task': 'git-checkout', 'build-task': 'image-build' };
  return {
    apiVersion: 'tekton.dev/v1',
    kind: 'PipelineRun',
    metadata: { generateName: 'build-image-', namespace: team.namespace },
    spec: {
      pipelineRef: { name: 'build-image' },
      params: paramsOf(params),
      taskRunTemplate: { serviceAccountName: RUN_ACCOUNT, podTemplate: { securityContext: { fsGroup: 65532 } } },
      workspaces: [{ name: 'source', ...NEW_VOLUME }],
    },
  };
}

function paramsOf(values: Readonly<Record<string, string>>): object[] {
  return Object.entries(values).map(([name, value]) => ({ name, value }));
}

/** policy-check alone, with the policy that believes Chains; `log` is what it wrote. */
async function judged(subject: string): Promise<{ end: RunEnd; exitCodes: number[]; log: string }> {
  const end = await runToEnd(suite.bed, {
    apiVersion: 'tekton.dev/v1',
    kind: 'TaskRun',
    metadata: { generateName: 'built-', namespace: team.namespace },
    spec: {
      serviceAccountName: RUN_ACCOUNT,
      taskRef: { name: 'policy-check' },
      params: paramsOf({ image: subject, 'insecure-registries': suite.insecure }),
      workspaces: [{ name: 'policy', configMap: { name: 'built' } }],
    },
  });
  onTestFailed(async () => console.error(await explain(suite.bed, end)));
  const [task] = end.tasks;
  return { end, exitCodes: Object.values(task?.exitCodes ?? {}), log: task ? await logOf(suite.bed, end, task) : '' };
}

/** Attaches an envelope as a referrer, as Chains does with the encoding sigstore-bundle; the envelope itself stays as Chains has signed it. */
async function attach(subject: string, envelope: string): Promise<void> {
  const key = createPublicKey(await chainsKey(suite.bed)).export({ type: 'spki', format: 'der' });
  const { payload, payloadType, signatures } = JSON.parse(envelope) as { payload: string; payloadType: string; signatures: { sig: string }[] };
  const bundle = {
    mediaType: BUNDLE,
    verificationMaterial: { publicKey: { hint: createHash('sha256').update(key).digest('base64') } },
    dsseEnvelope: { payload, payloadType, signatures: signatures.map(({ sig }) => ({ sig })) },
  };
  await artifacts.client.pushReferrer(parseDigestReference(subject), {
    artifactType: BUNDLE,
    annotations: { 'dev.sigstore.bundle.content': 'dsse-envelope', 'dev.sigstore.bundle.predicateType': PROVENANCE },
    layers: [{ mediaType: BUNDLE, bytes: Buffer.from(JSON.stringify(bundle)) }],
  });
}

/** What the tag `sha256-HEX.ENDING` of one image holds, under that of another of the same repository. */
async function copyTag(from: string, to: string, ending: string): Promise<void> {
  const [source, target] = [from, to].map((text) => {
    const { registry, repository, digest } = parseDigestReference(text);
    return { registry, repository, tag: `${digest.replace(':', '-')}.${ending}` };
  }) as [ImageReference, ImageReference];
  const { digest, mediaType } = await artifacts.client.resolve(source);
  const { bytes } = await artifacts.client.manifest({ registry: source.registry, repository: source.repository, digest });
  await artifacts.client.putManifest(target, bytes, mediaType);
}

describe('Tekton Chains beside build-image and secure-image', () => {
  test('attests every run, and names what was built for the two that have built it alone', () => {
    const runs = [built, secured];
    expect(records.map(({ name }) => name).sort()).toEqual(runs.flatMap(({ name, tasks }) => [name, ...tasks.map(({ taskRun }) => taskRun)]).sort());
    expect(records.filter(({ signed, predicateType }) => signed !== 'true' || predicateType !== PROVENANCE)).toEqual([]);
    const claiming = records.filter(({ subjects }) => subjects.length > 0).map(({ kind, task = '', name, subjects }) => ({ kind, task, name, subjects }));
    expect(claiming.sort((a, b) => (a.kind < b.kind ? -1 : 1))).toEqual([
      { kind: 'PipelineRun', task: '', name: built.name, subjects: [image] },
      { kind: 'TaskRun', task: 'build', name: built.tasks.find(({ task }) => task === 'build')?.taskRun, subjects: [image] },
    ]);
  });

  test('leaves in the registry what is about that image, and nothing else', async () => {
    const hex = image.split('@sha256:')[1];
    const tags = (await tagsOf(repository)).filter((tag) => /\.(att|sig|sbom)$/.test(tag));
    expect(tags.sort()).toEqual([`sha256-${hex}.att`, `sha256-${hex}.sig`]);
    expect(await attachedEnvelopes(image)).toHaveLength(2);
  });
});

describe('policy-check and the live attestation of a build', () => {
  test('accepts what stands in the tags of old cosign: the attestation as one of a build, the signature as a signature', async () => {
    const { end, exitCodes, log } = await judged(image);
    expect(exitCodes, log).toEqual([EXIT_CODE.ok]);
    expect(end.results).toMatchObject({ outcome: 'ok', verdict: 'passed', failed: '', warnings: '' });
  });

  test('takes nothing of it for another image: neither as its referrer nor under its tags', async () => {
    const stranger = await artifacts.image(`${team.namespace}/app`, `stranger-${team.namespace}`);
    for (const envelope of await attachedEnvelopes(image)) await attach(stranger, envelope);
    for (const ending of ['att', 'sig']) await copyTag(image, stranger, ending);
    const { end, exitCodes, log } = await judged(stranger);
    expect(exitCodes, log).toEqual([EXIT_CODE.denied]);
    expect(end.results).toMatchObject({ outcome: 'denied', verdict: 'failed', failed: 'built,from-build', warnings: 'signed-by-chains' });
    expect(log).toContain('speaks about another artifact');
  });
});

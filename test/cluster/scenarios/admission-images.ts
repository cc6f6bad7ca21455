// SPDX-License-Identifier: Apache-2.0
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { transientError } from '../../../lib/errors/errors.ts';
import { PREDICATE_TYPE } from '../../../lib/intoto/predicate-type.ts';
import { APPROVAL_TYPE } from '../../../lib/policy/approval-predicate.ts';
import type { Verdict } from '../../../lib/policy/verdict.ts';
import { parseDigestReference } from '../../../lib/reference/reference.ts';
import { generateCosignKey } from '../../../lib/sigstore/cosign-key.ts';
import { grypeReport } from '../../step/reports.ts';
import { runStep, type StepEnd, type TaskName } from '../../step/spawn-step.ts';
import { pushAppImage } from './app-image.ts';
import { openArtifactPlace } from './artifact-place.ts';
import { referrersOf } from './evidence-reading.ts';
import type { Suite } from './suite.ts';

/** What scans have found. The policy once let CVE-2026-0002 pass. */
const FINDINGS = {
  clean: [],
  critical: [{ id: 'CVE-2026-0001', severity: 'Critical', package: 'greeting', version: '2.1.0' }],
  waived: [{ id: 'CVE-2026-0002', severity: 'Critical', package: 'greeting', version: '2.1.0' }],
} as const;

/** What is true of an image; what is not told is as the policy wants it. */
export type Evidence = { signature?: 'logged' | 'unlogged' | 'stranger' | 'none'; sbom?: boolean; scan?: keyof typeof FINDINGS | 'none'; approved?: boolean };

/** Judges what the steps make of an image; every report is an attested one, since nobody hands a file over to an admission. */
export const ADMISSION_POLICY = `apiVersion: supply-chain.tekton.dev/v1alpha1
kind: Policy
metadata:
  name: cluster
signers:
  - name: release
    key: {file: cosign.pub}
rules:
  - {id: signed, type: signature, signers: {any: [release]}}
  - {id: logged, type: log-entry, signers: {any: [release]}}
  - {id: sbom, type: sbom, signers: {any: [release]}}
  - id: vulnerabilities
    type: vulnerabilities
    report: {file: false, attestation: {signers: {any: [release]}}}
    block: [{severity: critical}]
    waivers: [{id: CVE-2026-0002, reason: the function is not called, approver: ann, expires: 2026-01-31}]
  - {id: approved, type: approval, signers: {any: [release]}}
`;

/** The team that makes images and evidence, by the steps as processes. Files under `root`: policy/, trust/, and keys. */
export type Maker = {
  root: string;
  /** Pushes an image with this evidence; gives its digest reference. */
  image(name: string, evidence?: Evidence): Promise<string>;
  /** Pushes an image that has nothing but the evidence about another one. */
  thief(name: string, donor: string): Promise<string>;
  /** Pushes an image whose SBOM attestation is that of another one, changed to speak of it. */
  tampered(name: string, donor: string): Promise<string>;
  /** Attests a scan that found something critical. */
  findCritical(image: string): Promise<void>;
  /** What policy-check says of it for the stage deploy. */
  check(image: string): Promise<Verdict>;
};

export async function openMaker(suite: Suite, root: string, repository: string): Promise<Maker> {
  for (const folder of ['policy', 'trust', 'release', 'stranger']) await mkdir(join(root, folder), { recursive: true });
  await writeFile(join(root, 'policy/policy.yaml'), ADMISSION_POLICY);
  await writeFile(join(root, 'policy/cosign.pub'), await makeKey(join(root, 'release')));
  await makeKey(join(root, 'stranger'));
  await writeFile(join(root, 'trust/trusted_root.json'), suite.trustedRoot);
  const making = { suite, root, repository };
  return {
    root,
    image: (name, evidence = {}) => makeImage(making, name, evidence),
    thief: (name, donor) => makeThief(making, name, donor),
    tampered: (name, donor) => makeTampered(making, name, donor),
    findCritical: (image) => attestScan(making, image, 'critical'),
    check: (image) => checkImage(making, image),
  };
}

type Making = { suite: Suite; root: string; repository: string };

async function makeKey(folder: string): Promise<string> {
  const { privatePem, publicPem } = await generateCosignKey('secret');
  await writeFile(join(folder, 'cosign.key'), privatePem);
  await writeFile(join(folder, 'cosign.password'), 'secret');
  return publicPem;
}

function push({ suite, repository }: Making, name: string): Promise<string> {
  return pushAppImage(suite.bed, { registry: suite.registry, repository: `${repository}/${name}`, note: `${repository}/${name}` });
}

async function makeImage(making: Making, name: string, { signature = 'logged', sbom = true, scan = 'clean', approved = true }: Evidence): Promise<string> {
  const image = await push(making, name);
  if (signature !== 'none') {
    const by = signature === 'stranger' ? 'stranger' : 'release';
    await sign(making, image, { by, params: { log: signature === 'unlogged' ? 'never' : 'now' } });
  }
  if (sbom) {
    const reports = await reportsFolder(making, image);
    const { results } = await step(making, 'sbom-generate', { params: { image }, workspaces: { reports } });
    await sign(making, image, { params: { predicate: results['sbom-path'] ?? '', 'predicate-type': 'cyclonedx' } });
  }
  if (scan !== 'none') await attestScan(making, image, scan);
  if (approved) await attestApproval(making, image);
  return image;
}

async function makeThief(making: Making, name: string, donor: string): Promise<string> {
  const image = await push(making, name);
  await attachCopies(making, image, donor, (bundle) => bundle);
  return image;
}

/** With all evidence but an SBOM, and the donor's SBOM attestation with the digest of this image in it. */
async function makeTampered(making: Making, name: string, donor: string): Promise<string> {
  const image = await makeImage(making, name, { sbom: false });
  const hex = (reference: string): string => parseDigestReference(reference).digest.slice('sha256:'.length);
  await attachCopies(making, image, donor, (bundle) => {
    const { dsseEnvelope, ...rest } = JSON.parse(bundle.toString('utf8')) as { dsseEnvelope: { payload: string } };
    const statement = Buffer.from(dsseEnvelope.payload, 'base64').toString('utf8');
    if ((JSON.parse(statement) as { predicateType: string }).predicateType !== PREDICATE_TYPE.cyclonedx) return undefined;
    const payload = Buffer.from(statement.replaceAll(hex(donor), hex(image))).toString('base64');
    return Buffer.from(JSON.stringify({ ...rest, dsseEnvelope: { ...dsseEnvelope, payload } }));
  });
  return image;
}

/** Lets the evidence of the donor refer to the image, as `change` makes of it; what it makes nothing of is left out. */
async function attachCopies({ suite }: Making, image: string, donor: string, change: (bundle: Buffer) => Buffer | undefined): Promise<void> {
  const place = openArtifactPlace(suite.registry);
  try {
    const { registry, repository } = parseDigestReference(donor);
    for (const digest of await referrersOf(donor)) {
      const { bytes } = await place.client.manifest({ registry, repository, digest });
      const { artifactType, annotations, layers } = JSON.parse(bytes.toString('utf8')) as Referrer;
      const [layer] = layers;
      const changed = layer && change(await blobOf(donor, layer.digest));
      if (layer && changed)
        await place.client.pushReferrer(parseDigestReference(image), { artifactType, annotations, layers: [{ mediaType: layer.mediaType, bytes: changed }] });
    }
  } finally {
    place.close();
  }
}

type Referrer = { artifactType: string; annotations: Record<string, string>; layers: { mediaType: string; digest: string }[] };

async function blobOf(image: string, digest: string): Promise<Buffer> {
  const { registry, repository } = parseDigestReference(image);
  const response = await fetch(`http://${registry}/v2/${repository}/blobs/${digest}`);
  if (!response.ok) throw transientError('ANSWER_REFUSED', `the blob ${digest} is answered with ${response.status}`);
  return Buffer.from(await response.arrayBuffer());
}

async function attestScan(making: Making, image: string, scan: keyof typeof FINDINGS): Promise<void> {
  await writeFile(join(await reportsFolder(making, image), 'scan.json'), JSON.stringify(grypeReport(image, FINDINGS[scan])));
  await sign(making, image, { params: { predicate: 'scan.json', 'predicate-type': 'vuln' } });
}

async function attestApproval(making: Making, image: string): Promise<void> {
  const approval = { gate: 'production', decision: 'approved', approvers: ['ann'], decidedAt: new Date().toISOString() };
  await writeFile(join(await reportsFolder(making, image), 'approval.json'), JSON.stringify(approval));
  await sign(making, image, { params: { predicate: 'approval.json', 'predicate-type': APPROVAL_TYPE } });
}

async function sign(making: Making, image: string, { by = 'release', params }: { by?: string; params: Record<string, string> }): Promise<void> {
  const { suite, root } = making;
  const workspaces = { 'signing-key': join(root, by), trust: join(root, 'trust'), reports: await reportsFolder(making, image) };
  await step(making, 'cosign-sign', { params: { image, 'rekor-url': suite.rekorUrl, 'trusted-root': 'trusted_root.json', ...params }, workspaces });
}

async function checkImage(making: Making, image: string): Promise<Verdict> {
  const [reports, { root, suite }] = [await reportsFolder(making, image), making];
  const params = { image, stage: 'deploy', enforce: 'false', 'trusted-root': 'trusted_root.json', 'insecure-registries': suite.insecure };
  await step(making, 'policy-check', { params, workspaces: { policy: join(root, 'policy'), trust: join(root, 'trust'), reports } });
  return JSON.parse(await readFile(join(reports, 'verdict.json'), 'utf8')) as Verdict;
}

/** Reports of an image, which are its own, since images are made side by side. */
async function reportsFolder({ root }: Making, image: string): Promise<string> {
  const folder = join(root, 'reports', parseDigestReference(image).digest.slice(-16));
  await mkdir(folder, { recursive: true });
  return folder;
}

type Called = { params: Record<string, string>; workspaces: Record<string, string> };

async function step({ suite }: Making, task: TaskName, { params, workspaces }: Called): Promise<StepEnd> {
  const end = await runStep({ task, params: { 'insecure-registries': suite.insecure, ...params }, workspaces });
  if (end.code !== 0) throw transientError('STEP_FAILED', `${task} ended with ${end.code}: ${end.stderr}`);
  return end;
}

// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PREDICATE_TYPE } from '../../lib/intoto/predicate-type.ts';
import { parseDigestReference } from '../../lib/reference/reference.ts';
import { type Forge, foreignKey, openForge } from './forge.ts';
import { type Laptop, openLaptop, runSecureImage } from './laptop.ts';
import { grypeReport, smallSbom, trivyReport } from './reports.ts';
import { piecesOf } from './standing.ts';

const { signature: SIGNATURE, cyclonedx: SBOM, vsa: VSA } = PREDICATE_TYPE;
const CRITICAL = { id: 'CVE-2026-4711', severity: 'Critical', package: 'tiny', version: '1.0.0' };

let laptop: Laptop;
let forge: Forge;
beforeAll(async () => {
  laptop = await openLaptop();
  forge = await openForge(laptop);
});
afterAll(() => laptop.close());

async function remove(image: string, predicateType: string): Promise<void> {
  const pieces = (await piecesOf(laptop, image)).filter((piece) => piece.predicateType === predicateType);
  expect(pieces).toHaveLength(1);
  for (const { digest } of pieces) await laptop.client.deleteReferrer(parseDigestReference(image), digest);
}

/** Puts another SBOM attestation into the place of the one of the run; gives the digest of the new referrer. */
async function replaceSbom(image: string, predicate: unknown, options: { about?: string; by?: ReturnType<typeof foreignKey> } = {}): Promise<string> {
  await remove(image, SBOM);
  return forge.attach(image, await forge.bundle(options.about ?? image, SBOM, predicate, options), SBOM);
}

/** What is done to the evidence after it was logged and before it is judged; gives the rule and the object that the verdict must name, and the scan report if it is not a clean one. */
type Attack = (image: string) => Promise<{ rule: string; object: string; reason: RegExp; report?: Record<string, unknown> }>;

const ATTACKS: Record<string, Attack> = {
  'the signature is removed': async (image) => {
    await remove(image, SIGNATURE);
    const [sbom] = await piecesOf(laptop, image);
    return { rule: 'signed', object: sbom?.digest ?? '', reason: /an attestation is not a signature; there is no signature/ };
  },
  'the SBOM attestation is replaced by one of a foreign key with other content': async (image) => {
    const object = await replaceSbom(image, { ...smallSbom(image), components: [{ type: 'library', name: 'harmless' }] }, { by: foreignKey() });
    return { rule: 'sbom', object, reason: /none of the trusted keys signed/ };
  },
  'the SBOM attestation is replaced by a valid one of another image': async (image) => {
    const other = await laptop.pushImage('team/other');
    const object = await replaceSbom(image, smallSbom(other), { about: other });
    return { rule: 'sbom', object, reason: /speaks about another artifact/ };
  },
  'the SBOM of another image is attested about this one': async (image) => {
    const object = await replaceSbom(image, smallSbom(image.replace(/[0-9a-f]{64}$/, 'd'.repeat(64))));
    return { rule: 'sbom', object, reason: /describes another artifact: its root is sha256:d{64}/ };
  },
  'the predicate of the SBOM is cut': async (image) => {
    const object = await replaceSbom(image, JSON.stringify(smallSbom(image)).slice(0, 200));
    return { rule: 'sbom', object, reason: /cannot be read/ };
  },
  'the components of the SBOM are emptied': async (image) => {
    const object = await replaceSbom(image, { ...smallSbom(image), components: [] });
    return { rule: 'sbom', object, reason: /is not whole|holds 0 components/ };
  },
  'the grype report holds a critical vulnerability': async (image) => {
    return { rule: 'vulnerabilities', object: 'CVE-2026-4711 in tiny 1.0.0', reason: /critical, fixed in 9\.9\.9/, report: grypeReport(image, [CRITICAL]) };
  },
  'the trivy report holds a critical vulnerability': async (image) => {
    return { rule: 'vulnerabilities', object: 'CVE-2026-4711 in tiny 1.0.0', reason: /critical, fixed in 9\.9\.9/, report: trivyReport(image, [CRITICAL]) };
  },
};

describe('the Pipeline secure-image', { timeout: 60_000 }, () => {
  test('passes when nobody interferes', async () => {
    const image = await laptop.pushImage('team/undisturbed');
    const { code, run, stderr } = await runSecureImage(laptop, image, async () => grypeReport(image, []));
    expect(code, stderr).toBe(0);
    expect(run.tasks.map(({ name, state }) => `${name} ${state}`)).toEqual(
      ['sbom', 'scan', 'sign', 'attest-sbom', 'log', 'store', 'verdict', 'seal', 'notify'].map((name) => `${name} Succeeded`),
    );
    expect(run.results).toMatchObject({ subject: image, verdict: 'passed' });
  });

  test.each(Object.entries(ATTACKS))('is denied when %s', async (name, attack) => {
    const image = await laptop.pushImage(`team/attack-${Object.keys(ATTACKS).indexOf(name)}`);
    let wanted: Awaited<ReturnType<Attack>> | undefined;
    const { code, run, stderr } = await runSecureImage(laptop, image, async () => {
      wanted = await attack(image);
      return wanted.report ?? grypeReport(image, []);
    });
    expect(code, stderr).toBe(20);
    const states = Object.fromEntries(run.tasks.map((task) => [task.name, task]));
    expect(states['verdict']).toMatchObject({ state: 'Failed', exitCode: 20, results: { outcome: 'denied', verdict: 'failed', subject: image } });
    expect(states['seal']).toMatchObject({ section: 'finally', state: 'Succeeded' });
    expect(run.status).toBe('Failed');
    expect(String(states['verdict']?.results['failed']).split(',')).toContain(wanted?.rule);
    const said = stderr.split('\n').filter((line) => line.includes(`error:   - ${wanted?.rule}: ${wanted?.object}`));
    expect(said.join('\n'), stderr).toMatch(wanted?.reason ?? /never/);
    const pieces = await piecesOf(laptop, image);
    const [vsa, ...more] = pieces.filter(({ predicateType }) => predicateType === VSA);
    expect(more).toEqual([]);
    expect(vsa?.statement?.predicate).toMatchObject({ verificationResult: 'FAILED', verifiedLevels: ['FAILED'] });
    expect(vsa?.verification).toMatchObject({ state: 'verified', log: { log: laptop.logUrl } });
    expect(pieces.filter(({ kind }) => kind === 'pending')).toEqual([]);
  });
});

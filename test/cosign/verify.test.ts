// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EvidenceDocument } from '../../cli/laptop/evidence-document.ts';
import { writeLayout } from '../../lib/artifact/write-layout.ts';
import { type Cosign, openCosign, printedPredicates } from './cosign.ts';
import { smallImage } from './images.ts';
import { type Laptop, openLaptop } from './laptop.ts';
import { succeeded } from './run-command.ts';

/** An image after `start`, with the SBOM file and the log indexes of that run. */
type Started = { image: string; sbom: unknown; indexes: number[] };

let laptop: Laptop;
let cosign: Cosign;
const started: Started[] = [];

async function start(name: string): Promise<Started> {
  const layout = join(laptop.folder, name);
  await writeLayout(layout, smallImage(name));
  succeeded(await laptop.run(['start', '--image', layout]), `start --image ${name}`);
  const report = async (file: string): Promise<unknown> => JSON.parse(await readFile(join(laptop.state, 'reports', file), 'utf8'));
  const { subject, evidence } = (await report('evidence.json')) as EvidenceDocument;
  return { image: subject, sbom: await report('sbom.cdx.json'), indexes: evidence.map(({ logIndex }) => logIndex ?? -1) };
}

beforeAll(async () => {
  laptop = await openLaptop('verify');
  cosign = await openCosign(join(laptop.folder, 'home'));
  await laptop.up();
  started.push(await start('first'), await start('second'));
  await laptop.down();
  await laptop.up();
  started.push(await start('third'));
});
afterAll(() => laptop.remove());

describe('what start publishes, in the eyes of cosign', () => {
  test('the log went on counting after its restart', () => {
    expect(started.map(({ indexes }) => indexes.toSorted())).toEqual([
      [0, 1, 2],
      [3, 4, 5],
      [6, 7, 8],
    ]);
  });

  test.each([0, 1, 2])('image %i is signed', async (number) => {
    const result = await cosign.verify(started[number]?.image ?? '', laptop.trust);
    expect(result, result.stderr).toMatchObject({ code: 0 });
    expect(result.stderr).toContain('Existence of the claims in the transparency log was verified offline');
    expect(result.stdout).toContain(started[number]?.image.split('@')[1]);
  });

  test.each([0, 1, 2])('image %i has an SBOM attestation that holds the SBOM file', async (number) => {
    const result = await cosign.verifyAttestation(started[number]?.image ?? '', 'cyclonedx', laptop.trust);
    expect(result, result.stderr).toMatchObject({ code: 0 });
    const predicates = printedPredicates(result.stdout);
    expect(predicates).toEqual([started[number]?.sbom]);
    expect(predicates[0]).toMatchObject({ bomFormat: 'CycloneDX', components: [{ name: ['first', 'second', 'third'][number] }] });
  });

  test('the verification summary is an attestation like any other', async () => {
    const result = await cosign.verifyAttestation(started[2]?.image ?? '', 'https://slsa.dev/verification_summary/v1', laptop.trust);
    expect(result, result.stderr).toMatchObject({ code: 0 });
    expect(printedPredicates(result.stdout)).toMatchObject([{ verificationResult: 'PASSED' }]);
  });

  test('an attestation of another type is not there', async () => {
    expect(await cosign.verifyAttestation(started[2]?.image ?? '', 'spdxjson', laptop.trust)).not.toMatchObject({ code: 0 });
  });

  test.each([0, 1, 2])('image %i passes for us as well', async (number) => {
    const { code, verdict } = await laptop.verify(started[number]?.image ?? '');
    expect(code, JSON.stringify(verdict.rules)).toBe(0);
  });
});

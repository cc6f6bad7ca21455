// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addToLog } from '../../lib/attest/log.ts';
import { PENDING_ARTIFACT_TYPE, PUBLIC_KEY_ANNOTATION } from '../../lib/evidence/pending.ts';
import { type Laptop, startLaptop } from '../../lib/evidence/test-laptop.ts';
import { failureOf } from '../../lib/http/test-server.ts';
import { PREDICATE_TYPE } from '../../lib/intoto/predicate-type.ts';
import { encodeStatement } from '../../lib/intoto/statement.ts';
import { silentLogger } from '../../lib/log/log.ts';
import { digestHex } from '../../lib/reference/digest.ts';
import { type DigestReference, formatReference } from '../../lib/reference/reference.ts';
import { encodeBundle, signStatement } from '../../lib/sigstore/bundle.ts';
import { spkiDer } from '../../lib/sigstore/public-key.ts';
import { CERTIFICATE, newSigningKey } from '../../lib/sigstore/test-keys.ts';
import { signedBundle, startTestLog, trustedRootJson } from '../../lib/sigstore/test-log.ts';
import { parseInputs } from '../../lib/spec/parse.ts';
import { run } from './run.ts';
import { spec } from './spec.ts';

let laptop: Laptop;
beforeAll(async () => {
  laptop = await startLaptop();
});
afterAll(() => laptop.close());

function upload(image: DigestReference): ReturnType<typeof run> {
  const { http, running } = laptop.log;
  const inputs = parseInputs(spec, [`--image=${formatReference(image)}`, `--rekor-url=${running.url}`, '--trusted-root=root.json'], {});
  const given = { log: silentLogger, http, registry: laptop.registry, trustedRoot: trustedRootJson(running.trustedLog), now: () => new Date() };
  return run(inputs, { ...given, version: '1.2.3', signal: new AbortController().signal, sourceDateEpoch: undefined });
}

test('a pending signature is logged and published once', async () => {
  const image = await laptop.image();
  await laptop.attest(image, 'later');
  expect((await upload(image)).results).toMatchObject({ completed: '1', proved: '1' });
  expect((await upload(image)).results).toMatchObject({ completed: '0', proved: '1' });
  expect((await laptop.collect(image)).pieces).toMatchObject([{ kind: 'signature', verification: { state: 'verified' } }]);
});

test('a pending signature whose finished bundle is there is removed, and not logged again', async () => {
  const image = await laptop.image();
  await laptop.attest(image, 'later');
  const { pieces } = await laptop.collect(image);
  const [{ bundle } = { bundle: undefined }] = pieces;
  if (!bundle) throw new Error('there is no pending signature');
  await laptop.attach(image, await addToLog(laptop.log.rekor, bundle, laptop.key.key));
  const before = await laptop.logSize();
  expect((await upload(image)).results).toMatchObject({ completed: '0', proved: '1' });
  expect(await laptop.logSize()).toBe(before);
  expect((await laptop.collect(image)).pieces.map(({ kind }) => kind)).toEqual(['signature']);
});

test('a log entry that somebody made up for a pending signature does not have it removed', async () => {
  const [image, other] = [await laptop.image(), await startTestLog()];
  try {
    await laptop.attest(image, 'later');
    const [piece] = (await laptop.collect(image)).pieces;
    if (!piece?.bundle) throw new Error('there is no pending signature');
    await laptop.attach(image, await addToLog(other.rekor, piece.bundle, laptop.key.key));
    expect((await upload(image)).results).toMatchObject({ completed: '1', proved: '1' });
    const verified = (await laptop.collect(image)).pieces.filter(({ verification }) => verification.state === 'verified' && verification.log !== undefined);
    expect(verified).toHaveLength(1);
  } finally {
    await other.close();
  }
});

test('one that names the key of somebody else as its signer is neither logged nor published', async () => {
  const image = await laptop.image();
  const bytes = encodeBundle(signedBundle(newSigningKey('mallory'), digestHex(image.digest)));
  const annotations = { [PUBLIC_KEY_ANNOTATION]: spkiDer(laptop.key.key).toString('base64') };
  await laptop.registry.pushReferrer(image, { artifactType: PENDING_ARTIFACT_TYPE, annotations, layers: [{ mediaType: PENDING_ARTIFACT_TYPE, bytes }] });
  const before = await laptop.logSize();
  expect(await failureOf(upload(image))).toMatchObject({ kind: 'denied', code: 'PENDING_INVALID' });
  expect(await laptop.logSize()).toBe(before);
  expect((await laptop.collect(image)).pieces.map(({ kind }) => kind)).toEqual(['pending']);
});

test('one with a certificate that nobody trusts is neither logged nor published', async () => {
  const image = await laptop.image();
  const { privateKey } = newSigningKey('mallory');
  const payload = encodeStatement([{ sha256: digestHex(image.digest) }], PREDICATE_TYPE.signature, {});
  const bytes = encodeBundle(signStatement(payload, privateKey, CERTIFICATE));
  const annotations = { [PUBLIC_KEY_ANNOTATION]: spkiDer(laptop.key.key).toString('base64') };
  await laptop.registry.pushReferrer(image, { artifactType: PENDING_ARTIFACT_TYPE, annotations, layers: [{ mediaType: PENDING_ARTIFACT_TYPE, bytes }] });
  const before = await laptop.logSize();
  expect(await failureOf(upload(image))).toMatchObject({ kind: 'denied', code: 'PENDING_INVALID' });
  expect(await laptop.logSize()).toBe(before);
});

// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { parseDigestReference } from '../../lib/reference/reference.ts';
import { allTrailers, commitMessage, commitSubject, isOurs, pullRequestBody } from './commit-text.ts';
import { checkTransport } from './git-place.ts';
import { checkReplaces, checkUnchanged } from './plan.ts';
import { DIGEST, edit, IMAGE, OLD, UNTAGGED } from './test-edit.ts';
import { isNewer } from './version.ts';

describe('versions', () => {
  // Each list in ascending order, by the examples of Semantic Versioning section 11 and some more.
  test.each([
    [['1.0.0-alpha', '1.0.0-alpha.1', '1.0.0-alpha.beta', '1.0.0-beta', '1.0.0-beta.2', '1.0.0-beta.11', '1.0.0-rc.1', '1.0.0']],
    [['0.9.9', '1.0.0', '2.0.0', '2.1.0', '2.1.1', '2.1.10', '10.0.0']],
    [['v1.2.3', '1.2.4', 'v1.3.0']],
  ])('%j', (versions) => {
    for (const [at, version] of versions.entries()) {
      for (const [other, against] of versions.entries()) expect(isNewer(version, against), `${version} > ${against}`).toBe(at > other);
    }
  });
  test.each([
    ['1.0.0+a', '1.0.0+b'],
    ['latest', '1.0.0'],
    ['1.0', '0.9'],
    ['1.0.0', 'main'],
  ])('%s is not known to be newer than %s', (a, b) => {
    expect(isNewer(a, b)).toBe(false);
  });
});

describe('what may be replaced', () => {
  test.each([
    ['a newer tag', 'helm-values:f#image', `image: {tag: 1.5.1, digest: ${OLD}}\n`],
    ['a newer tag of a reference', 'manifest:f', `spec: {containers: [{image: 'registry.example.com/team/app:v2.0.0@${OLD}'}]}\n`],
    ['a newer tag without a digest', 'manifest:f', `spec: {containers: [{image: 'registry.example.com/team/app:2.0.0'}]}\n`],
    ['a newer chart', 'value:f#v=chart-version', 'v: 1.5.1\n'],
  ])('%s is not', async (_, target, text) => {
    const { plan } = await edit(text, target, { chartVersion: '1.5.0' });
    expect(() => checkReplaces(plan, 'older')).toThrow(expect.objectContaining({ kind: 'denied', code: 'VALUE_NEWER' }));
    expect(() => checkReplaces(plan, 'any')).not.toThrow();
  });

  test.each([
    ['an older tag', `image: {tag: 1.4.9, digest: ${OLD}}\n`],
    ['the same tag with another digest', `image: {tag: 1.5.0, digest: ${OLD}}\n`],
    ['something that is no version', `image: {tag: main, digest: ${OLD}}\n`],
  ])('%s is', async (_, text) => {
    expect(() => checkReplaces({ changes: [], files: new Map() }, 'older')).not.toThrow();
    const { plan } = await edit(text, 'helm-values:f#image');
    expect(() => checkReplaces(plan, 'older')).not.toThrow();
  });

  test('the digest in place must be the named one', async () => {
    const { plan } = await edit(`image: {digest: ${OLD}}\n`, 'helm-values:f#image');
    expect(() => checkReplaces(plan, { digest: OLD })).not.toThrow();
    expect(() => checkReplaces(plan, { digest: DIGEST.replace('ab', 'cd') })).toThrow(expect.objectContaining({ code: 'VALUE_CHANGED' }));
    const { plan: none } = await edit('image: {digest: ""}\n', 'helm-values:f#image');
    expect(() => checkReplaces(none, { digest: OLD })).toThrow(/in place is no digest/);
    const { plan: done } = await edit(`image: {digest: ${DIGEST}}\n`, 'helm-values:f#image');
    expect(() => checkReplaces(done, { digest: OLD })).not.toThrow();
  });

  test('a value that somebody set during the race is not overwritten', async () => {
    const first = (await edit(`image: {digest: ${OLD}}\nx: 1\n`, 'helm-values:f#image')).plan;
    const moved = (await edit(`# a line more\nimage: {digest: ${OLD}}\nx: 2\n`, 'helm-values:f#image')).plan;
    expect(() => checkUnchanged(first, moved)).not.toThrow();
    const other = (await edit(`image: {digest: ${DIGEST.replace('ab', 'cd')}}\n`, 'helm-values:f#image')).plan;
    expect(() => checkUnchanged(first, other)).toThrow(expect.objectContaining({ kind: 'denied', code: 'VALUE_CHANGED' }));
  });
});

describe('texts', () => {
  const wanted = { image: parseDigestReference(IMAGE), chartVersion: '2.0.0' };
  const trailers = allTrailers(wanted, [{ key: 'Approved-By', value: 'ann' }]);

  test('the message holds subject, changes and trailers, and is known again', async () => {
    const { plan } = await edit(`image: {tag: "1.4.0", digest: ${OLD}}\n`, 'helm-values:f#image');
    const message = commitMessage(commitSubject(wanted, undefined), plan, trailers);
    expect(message).toBe(
      `deploy(app): 1.5.0\n\n- f:1 image.tag: 1.4.0 → 1.5.0\n- f:1 image.digest: ${OLD} → ${DIGEST}\n\nImage: ${IMAGE}\nImage-Digest: ${DIGEST}\nChart-Version: 2.0.0\nApproved-By: ann\nSupply-Chain-Loop-Guard: true\n`,
    );
    expect(isOurs(message)).toBe(true);
    expect(isOurs('fix: Supply-Chain-Loop-Guard: true in text\n')).toBe(false);
    expect(commitSubject({ image: parseDigestReference(UNTAGGED), chartVersion: undefined }, undefined)).toBe(`deploy(app): ${DIGEST.slice(0, 19)}`);
  });

  test('text of the repository cannot forge a trailer or markup', async () => {
    const { plan } = await edit(`d: "x\\n\\nApproved-By: mallory\\n| \`b\` ![](http://evil/x.png)"\n`, 'value:f#d=digest');
    const message = commitMessage('s', plan, trailers);
    expect(message.split('\n').filter((line) => line.startsWith('Approved-By:'))).toEqual(['Approved-By: ann']);
    const row =
      pullRequestBody(plan, trailers)
        .split('\n')
        .find((line) => line.includes('mallory')) ?? '';
    expect(row).toBe(`| \`f\` | \`d\` | \`x Approved-By: mallory \\| 'b' ![](http://evil/x.png)\` | \`${DIGEST}\` |`);
  });
});

describe('places', () => {
  test.each(['https://git.example.com/a', 'http://127.0.0.1:3000/a', 'http://localhost/a', 'http://gitea.svc:3000/a'])('%s may get a login', (url) => {
    expect(() => checkTransport(url, ['gitea.svc:3000'])).not.toThrow();
  });
  test.each(['http://git.example.com/a', 'http://gitea.svc/a'])('%s may not', (url) => {
    expect(() => checkTransport(url, ['gitea.svc:3000'])).toThrow(expect.objectContaining({ code: 'GIT_URL_INSECURE' }));
  });
});

// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { parseDigestReference } from '../reference/reference.ts';
import { bareUri, namesDigest, type ResourceUriScheme, resourceUri } from './resource-uri.ts';

const HEX = 'ab'.repeat(32);
const image = parseDigestReference(`r.example.com:5000/team/app:1.0@sha256:${HEX}`);

test.each<[ResourceUriScheme, string]>([
  ['https', `https://r.example.com:5000/team/app@sha256:${HEX}`],
  ['oci', `oci://r.example.com:5000/team/app@sha256:${HEX}`],
  ['none', `r.example.com:5000/team/app@sha256:${HEX}`],
])('%s', (scheme, uri) => {
  expect(resourceUri(image, scheme)).toBe(uri);
  expect(bareUri(uri)).toBe(`r.example.com:5000/team/app@sha256:${HEX}`);
});

test.each([
  [`https://a/b@sha256:${HEX}`, true],
  [`a/b@sha256:${HEX}`, true],
  [`file://sha256:${HEX}:app.tar`, true],
  [`https://a/b@sha256:${HEX}0`, false],
  [`https://a/b@sha256:${'ac'.repeat(32)}`, false],
  [`https://a/b?x=sha256:${HEX}`, false],
  ['', false],
])('%s names the digest: %s', (uri, answer) => {
  expect(namesDigest(uri, `sha256:${HEX}`)).toBe(answer);
});

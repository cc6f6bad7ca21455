// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { readDockerfile } from './dockerfile.ts';

const GOOD = `# A comment
ARG BASE_IMAGE
FROM \${BASE_IMAGE}
ARG VERSION=0.0.0-dev
LABEL org.opencontainers.image.title="cosign sign" \\
  # a comment between the lines
      org.opencontainers.image.version="\${VERSION}" plain='$VERSION'
COPY dist/x.packages/ /app/node_modules/
copy dist/x.cjs /app/step.cjs
USER 65532:65532
ENTRYPOINT ["/nodejs/bin/node", "/app/step.cjs"]
`;
const GIVEN = { BASE_IMAGE: 'r.example.com/node@sha256:0' };

function read(text: string, given: Record<string, string> = GIVEN) {
  return readDockerfile(text, 'images/x/Dockerfile', given);
}

describe('readDockerfile', () => {
  test('interprets the subset', () => {
    expect(read(GOOD)).toEqual({
      base: GIVEN.BASE_IMAGE,
      labels: { 'org.opencontainers.image.title': 'cosign sign', 'org.opencontainers.image.version': '0.0.0-dev', plain: '$VERSION' },
      copies: [
        {
          from: 'dist/x.packages/',
          to: '/app/node_modules/',
          text: 'COPY dist/x.packages/ /app/node_modules/',
          place: { file: 'images/x/Dockerfile', line: 8 },
        },
        { from: 'dist/x.cjs', to: '/app/step.cjs', text: 'COPY dist/x.cjs /app/step.cjs', place: { file: 'images/x/Dockerfile', line: 9 } },
      ],
      user: '65532:65532',
      entrypoint: ['/nodejs/bin/node', '/app/step.cjs'],
    });
  });

  test('a given value goes before the default of its ARG', () => {
    expect(read(GOOD, { ...GIVEN, VERSION: '1.2.3' }).labels['org.opencontainers.image.version']).toBe('1.2.3');
  });

  test('an ARG before FROM counts in FROM alone', () => {
    expect(() => read(GOOD.replace(`\${VERSION}`, `\${BASE_IMAGE}`))).toThrow(`images/x/Dockerfile:5: \${BASE_IMAGE} has no value: no ARG declares it here`);
  });

  const replaced = (from: string | RegExp, to: string): string => {
    const text = GOOD.replace(from, to);
    if (text === GOOD) throw new Error(`${from} is not in the Dockerfile`);
    return text;
  };
  test.each([
    ['RUN', replaced('USER', 'RUN id\nUSER'), ':10: RUN: '],
    ['ADD', replaced('COPY dist', 'ADD dist'), ':8: ADD: '],
    ['CMD', `${GOOD}CMD ["--help"]\n`, ':12: CMD: '],
    ['an instruction named like a property of every object', replaced('USER', 'CONSTRUCTOR x\nUSER'), ':10: CONSTRUCTOR: '],
    ['a syntax directive', `# syntax=docker/dockerfile:1\n${GOOD}`, ':1: # syntax=: '],
    ['an escape directive', `#escape=\`\n${GOOD}`, ':1: # escape=: '],
    ['a second stage', replaced('ARG VERSION', 'FROM scratch\nARG VERSION'), ':4: FROM: '],
    ['a named stage', replaced(`FROM \${BASE_IMAGE}`, `FROM \${BASE_IMAGE} AS x`), ':3: FROM: '],
    ['a platform flag', replaced('FROM ', 'FROM --platform=linux/amd64 '), ':3: FROM: '],
    ['COPY with a mode', replaced('copy dist', 'COPY --chmod=444 dist'), ':9: COPY: '],
    ['COPY of two sources', replaced('copy dist/x.cjs', 'COPY a b'), ':9: COPY: '],
    ['COPY as JSON', replaced('copy dist/x.cjs /app/step.cjs', 'COPY ["a", "/b"]'), ':9: COPY: '],
    ['COPY of a heredoc', replaced('copy dist/x.cjs', 'COPY <<EOF'), ':9: COPY: '],
    ['COPY of a pattern', replaced('dist/x.cjs', 'dist/*.cjs'), ':9: COPY: '],
    ['COPY to a relative path', replaced('/app/step.cjs\n', 'step.cjs\n'), ':9: COPY: '],
    ['USER by name', replaced('65532:65532', 'nonroot'), ':10: USER: '],
    ['USER root', replaced('65532:65532', '0:0'), ':10: USER: '],
    ['USER twice', replaced('ENTRYPOINT', 'USER 1:1\nENTRYPOINT'), ':11: USER: '],
    ['ENTRYPOINT for a shell', replaced(/ENTRYPOINT .*/, 'ENTRYPOINT node step.cjs'), ':11: ENTRYPOINT: '],
    ['ENTRYPOINT of nothing', replaced(/ENTRYPOINT .*/, 'ENTRYPOINT []'), ':11: ENTRYPOINT: '],
    ['a variable with a default', replaced(`"\${VERSION}"`, `"\${VERSION:-1}"`), `:5: \${VERSION:-1}`],
  ])('refuses %s by file, line and instruction', (_what, text, place) => {
    expect(() => read(text)).toThrow(
      expect.objectContaining({ kind: 'input', code: 'DOCKERFILE_UNSUPPORTED', message: expect.stringContaining(`images/x/Dockerfile${place}`) }),
    );
  });

  test.each([
    ['a source above the project', replaced('dist/x.cjs', '../x.cjs'), ':9: COPY'],
    ['an absolute source', replaced('dist/x.cjs', '/etc/passwd'), ':9: COPY'],
    ['a target that climbs', replaced('/app/step.cjs\n', '/app/../step.cjs\n'), ':9: COPY'],
    ['a label without value', replaced('plain=', 'plain '), ':5: LABEL'],
    ['an open quote', replaced('cosign sign"', 'cosign sign'), ':5: the quote'],
    ['LABEL before FROM', `LABEL a=b\n${GOOD}`, ':1: LABEL stands before FROM'],
    ['no USER', replaced(/USER .*\n/, ''), ':10: FROM, COPY, USER and ENTRYPOINT'],
    ['no COPY', replaced(/copy .*\n/i, '').replace(/copy .*\n/i, ''), 'must all be there'],
    ['an open last line', `${GOOD}LABEL a=b \\\n`, ':12: the last instruction ends with a backslash'],
    ['text that is no instruction', `${GOOD}!\n`, ':12: "!" is no instruction'],
    ['an ARG that is no name', replaced('ARG VERSION', 'ARG 1'), ':4: ARG'],
    ['an empty file', '', ':1: no ARG declares'],
  ])('does not understand %s', (_what, text, message) => {
    expect(() => read(text)).toThrow(expect.objectContaining({ code: 'DOCKERFILE_INVALID', message: expect.stringContaining(message) }));
  });

  test('a base without value, and a value for no ARG', () => {
    expect(() => read(GOOD, {})).toThrow(`images/x/Dockerfile:3: \${BASE_IMAGE} has no value: give it one for this build`);
    expect(() => read(GOOD, { ...GIVEN, BASE_IMGAE: 'x' })).toThrow('no ARG declares BASE_IMGAE');
  });
});

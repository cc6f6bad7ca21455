// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { parseDenials } from './admission-denial.ts';

const gatekeeper = 'admission webhook "validation.gatekeeper.sh" denied the request: ';

describe('parseDenials', () => {
  it.each([
    [
      'one constraint',
      `${gatekeeper}[must-sign] image is not signed`,
      [{ by: 'validation.gatekeeper.sh', constraint: 'must-sign', message: 'image is not signed' }],
    ],
    [
      'several constraints, one over two lines, behind what kubectl says',
      `error when creating "/dev/shm/2": ${gatekeeper}[a.b] first\nmore of it\n[c] second`,
      [
        { by: 'validation.gatekeeper.sh', constraint: 'a.b', message: 'first more of it' },
        { by: 'validation.gatekeeper.sh', constraint: 'c', message: 'second' },
      ],
    ],
    [
      'another webhook',
      'admission webhook "check.example.com" denied the request: no [x] here',
      [{ by: 'check.example.com', constraint: '', message: 'no [x] here' }],
    ],
    [
      'a webhook without a word',
      'admission webhook "check.example.com" denied the request without explanation',
      [{ by: 'check.example.com', constraint: '', message: 'no reason given' }],
    ],
    [
      'a ValidatingAdmissionPolicy',
      `deployments.apps "web" is forbidden: ValidatingAdmissionPolicy 'pinned' with binding 'pinned-all' denied request: must be pinned`,
      [{ by: 'pinned', constraint: 'pinned-all', message: 'must be pinned' }],
    ],
  ])('reads %s', (_what, message, wanted) => {
    expect(parseDenials(message)).toEqual(wanted);
  });

  it.each([
    ['', 'nothing'],
    ['Deployment.apps "web" is invalid: spec.replicas: Invalid value', 'an invalid object'],
    ['Internal error occurred: failed calling webhook "validation.gatekeeper.sh": context deadline exceeded', 'a webhook that could not be called'],
    ['deployments.apps "web" is forbidden: User "x" cannot create resource', 'missing rights'],
  ])('does not take %j for a denial: %s', (message) => {
    expect(parseDenials(message)).toEqual([]);
  });

  it('keeps a hostile answer short', () => {
    const denials = parseDenials(`${gatekeeper}${'[x] y\n'.repeat(100_000)}`);
    expect(denials).toHaveLength(50);
    expect(parseDenials(`${gatekeeper}[x] ${'y'.repeat(100_000)}`)[0]?.message).toHaveLength(501);
  });
});

// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { bedPlace } from './state.ts';

describe('bedPlace', () => {
  test('is below the state folder of the user, with a mark of its own', () => {
    const place = bedPlace({ XDG_STATE_HOME: '/var/tmp/s' });
    expect(place).toMatchObject({ root: '/var/tmp/s/tekton-supply-chain/bed', kubeconfig: '/var/tmp/s/tekton-supply-chain/bed/kubeconfig' });
    expect(place.mark).not.toBe(bedPlace({ XDG_STATE_HOME: '/var/tmp/t' }).mark);
    expect(bedPlace({}).root).toMatch(/^\/.*\/\.local\/state\/tekton-supply-chain\/bed$/);
  });

  test.each(['relative', `/${'long/'.repeat(10)}`])('refuses %s, where sockets could not be', (home) => {
    expect(() => bedPlace({ XDG_STATE_HOME: home })).toThrow(expect.objectContaining({ code: 'BED_PLACE_INVALID' }));
  });
});

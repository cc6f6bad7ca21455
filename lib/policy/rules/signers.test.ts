// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { SignerRequirement } from '../schema-parts.ts';
import { signer } from '../test-evidence.ts';
import { signersInWords, standing } from './signers.ts';

describe('which key signed', () => {
  it.each<[requirement: SignerRequirement, signers: ReturnType<typeof signer>[], met: boolean]>([
    [{ any: ['a'] }, [signer('a')], true],
    [{ any: ['a', 'b'] }, [signer('b')], true],
    [{ any: ['a', 'b'] }, [signer('c')], false],
    [{ any: ['a'] }, [], false],
    [{ all: ['a', 'b'] }, [signer('a'), signer('b')], true],
    [{ all: ['a', 'b'] }, [signer('a'), signer('a')], false],
    [{ all: ['a', 'b'] }, [signer('a', 'same'), signer('b', 'same')], false],
    [{ threshold: 2, of: ['a', 'b', 'c'] }, [signer('c'), signer('a')], true],
    [{ threshold: 2, of: ['a', 'b', 'c'] }, [signer('c'), signer('d')], false],
    [{ threshold: 2, of: ['a', 'b', 'c'] }, [signer('a'), signer('a', 'rotated')], false],
    [{ threshold: 2, of: ['a', 'b', 'c'] }, [signer('a', 'k'), signer('b', 'k'), signer('c', 'k')], false],
  ])('%j by %j: %s', (requirement, signers, met) => {
    expect(standing(requirement, signers).met).toBe(met);
  });

  it('names who is there and who is missing', () => {
    expect(standing({ all: ['a', 'b'] }, [signer('b'), signer('x')])).toEqual({ met: false, present: ['b'], missing: ['a'] });
  });

  it.each<[SignerRequirement, string]>([
    [{ any: ['a'] }, 'a'],
    [{ any: ['a', 'b'] }, 'any of a, b'],
    [{ all: ['a', 'b'] }, 'all of a, b'],
    [{ threshold: 2, of: ['a', 'b'] }, 'all of a, b'],
    [{ threshold: 2, of: ['a', 'b', 'c'] }, '2 of a, b, c'],
  ])('%j in words: %s', (requirement, words) => {
    expect(signersInWords(requirement)).toBe(words);
  });
});

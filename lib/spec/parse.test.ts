// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { StepError } from '../errors/errors.ts';
import { parseInputs } from './parse.ts';
import { ARGV, ENV, IMAGE, sampleSpec } from './test-spec.ts';

/** The problems that the error lists, one a line. */
function problemsOf(argv: readonly string[], env: Record<string, string | undefined> = ENV): string[] {
  try {
    parseInputs(sampleSpec, argv, env);
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    expect(error).toMatchObject({ kind: 'input', code: 'PARAMS_INVALID', hint: expect.stringContaining('--help') });
    const [head, ...problems] = error.message.split('\n');
    expect(head).toBe('weigh cannot start:');
    return problems.map((line) => line.replace('  - ', ''));
  }
  throw new Error('it was accepted');
}

describe('parseInputs', () => {
  it('gives parsed values, defaults, and undefined for what is not given', () => {
    const inputs = parseInputs(sampleSpec, ARGV, ENV);
    expect(inputs.params).toEqual({
      image: { registry: 'registry.example.com', repository: 'team/app', tag: '1.4.0', digest: IMAGE.split('@')[1] },
      unit: 'gram',
      'scale-url': undefined,
      enforce: true,
      'insecure-registries': [],
      'ca-bundle': undefined,
      'trusted-root': undefined,
      timeout: 600_000,
    });
    expect(inputs.workspaces).toEqual({ table: '/workspace/table', report: undefined, 'registry-credentials': undefined, trust: undefined });
  });

  it('takes an empty string for unset, as a Task passes it', () => {
    const empty = ['--scale-url=', '--enforce=', '--insecure-registries=', '--timeout='];
    expect(parseInputs(sampleSpec, [...ARGV, ...empty], { ...ENV, WORKSPACE_REPORT: '' })).toEqual(parseInputs(sampleSpec, ARGV, ENV));
  });

  it('takes a value with an equals sign, a leading dash or spaces as it is', () => {
    const argv = [...ARGV, '--insecure-registries=--help a=b'];
    expect(parseInputs(sampleSpec, argv, ENV).params['insecure-registries']).toEqual(['--help', 'a=b']);
  });

  it('cannot be changed afterwards', () => {
    const inputs = parseInputs(sampleSpec, ARGV, ENV) as unknown as { params: Record<string, unknown> };
    expect(() => {
      inputs.params['enforce'] = false;
    }).toThrow(TypeError);
  });

  it('names all problems at once, each as the user wrote it', () => {
    const argv = [
      '--image=registry.example.com/team/app:1',
      '--unit=stone',
      '--enforce=yes',
      '--scale-url=scale',
      '--timeout=10',
      '--colour=red',
      'stray',
      '--unit=gram',
    ];
    expect(problemsOf(argv, {})).toEqual([
      '--colour: there is no such param',
      '"stray": is not a param; write --name=value',
      '--unit: is given twice',
      expect.stringMatching(/^param image: "registry\.example\.com\/team\/app:1" names a tag/),
      expect.stringMatching(/^param unit: .*"gram"\|"ounce".* \(got "stone"\)$/),
      'param scale-url: must be an http:// or https:// URL (got "scale")',
      expect.stringMatching(/^param enforce: .* \(got "yes"\)$/),
      expect.stringMatching(/^param timeout: must be a duration .* \(got "10"\)$/),
      'workspace table: is not bound',
    ]);
  });

  it.each([
    ['a required param is missing', [`--image=${IMAGE}`], 'param unit: must be given, e.g. gram'],
    ['a required param is empty', [`--image=${IMAGE}`, '--unit='], 'param unit: must be given, e.g. gram'],
    ['a param has no value', [...ARGV, '--scale-url'], '--scale-url: has no value; write --scale-url=value'],
    ['a param is negated', [...ARGV, '--no-enforce'], '--no-enforce: there is no such param'],
    ['a short option is given', [...ARGV, '-v'], '-v: there is no such param'],
    ['a name of Object is given', [...ARGV, '--constructor=x'], '--constructor: there is no such param'],
    ['__proto__ is given', [...ARGV, '--__proto__=x'], '--__proto__: there is no such param'],
    ['something follows --', [...ARGV, '--', '--timeout=1s'], '"--timeout=1s": is not a param; write --name=value'],
    ['a path leaves its workspace', [...ARGV, '--ca-bundle=../ca.crt'], expect.stringContaining('param ca-bundle: must be a path below the workspace')],
  ])('says when %s', (_what, argv, wanted) => {
    expect(problemsOf(argv)).toEqual([wanted]);
  });

  it.each([
    ['--scale-url=https://user:swordfish@scale.example.com', 'https://***@scale.example.com'],
    ['--scale-url=https://swordfish@scale.example.com/path', 'https://***@scale.example.com'],
    ['--timeout=https://a:sword@fish@scale.example.com', 'https://***@scale.example.com'],
    ['https://user:swordfish@scale.example.com', 'https://***@scale.example.com'],
    ['--insecure-registries=ok --image=https://user:swordfish@scale.example.com/app', 'https://***@scale.example.com'],
  ])('does not repeat the credentials in %s', (argument, shown) => {
    const argv = argument.includes(' ') ? ['--unit=gram', ...argument.split(' ')] : [...ARGV, argument];
    const text = problemsOf(argv).join('\n');
    expect(text).toContain(shown);
    expect(text).not.toMatch(/sword|fish/);
  });

  it('shortens what the user wrote', () => {
    expect(problemsOf([...ARGV, `--timeout=${'9'.repeat(5000)}`]).join('').length).toBeLessThan(400);
  });
});

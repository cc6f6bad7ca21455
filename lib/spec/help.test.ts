// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { helpText } from './help.ts';
import { defineTask } from './spec.ts';
import { sampleSpec } from './test-spec.ts';

describe('helpText', () => {
  const text = helpText(sampleSpec, '1.2.3');

  it.each([
    'weigh 1.2.3: Weigh an artifact\n',
    'Says how heavy the artifact is.\n',
    '  --image=  [required]\n',
    '  --unit=  [required]\n      Unit of the weight.\n',
    '  --scale-url=  [optional]\n',
    '  --enforce=  [default true]\n',
    '  --insecure-registries=  [optional]\n',
    '  --timeout=  [default 10m]\n',
    '  WORKSPACE_TABLE  [required]\n',
    '  WORKSPACE_REGISTRY_CREDENTIALS  [optional]\n',
    '  report-digest\n      Digest of the report.\n',
    '  outcome\n',
    '  TOO_HEAVY  [exit 20]\n      take something out\n',
    '  SCALE_BROKEN  [exit 77]\n',
    'Exit codes: 0 ok, 20 denied, 64 input, 70 bug, 75 transient, 77 refused.\n',
  ])('says %j', (part) => {
    expect(text).toContain(part);
  });

  it('leaves out a section that is empty', () => {
    const { params: _params, ...rest } = sampleSpec;
    const bare = defineTask({ ...rest, params: {}, workspaces: {}, results: {}, failures: {} });
    expect(helpText(bare, '1')).not.toContain('Failures');
    expect(helpText(bare, '1')).toContain('Params\n');
  });
});

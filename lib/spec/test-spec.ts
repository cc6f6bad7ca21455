// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { defaulted, optional, required } from './param.ts';
import { Flag, ServiceUrl } from './param-types.ts';
import { defineTask } from './spec.ts';

export const IMAGE = `registry.example.com/team/app:1.4.0@sha256:${'4b825dc6'.repeat(8)}`;

/** A made-up step with a param, workspace, result and failure of every kind. */
export const sampleSpec = defineTask({
  name: 'weigh',
  title: 'Weigh an artifact',
  description: 'Says how heavy the artifact is.',
  categories: ['Other'],
  tags: ['sample'],
  image: 'required',
  params: {
    unit: required(z.enum(['gram', 'ounce']), { description: 'Unit of the weight.', example: 'gram' }),
    'scale-url': optional(ServiceUrl, { description: 'The scale to ask.', example: 'https://scale.example.com' }),
    enforce: defaulted(Flag, 'true', { description: 'Fail when it is too heavy.', example: 'false' }),
  },
  workspaces: {
    table: { description: 'Where it lies.', optional: false, readOnly: true },
    report: { description: 'Where the report goes.', optional: true, readOnly: false },
  },
  results: { weight: { description: 'The weight.' }, 'report-digest': { description: 'Digest of the report.' } },
  failures: {
    TOO_HEAVY: { kind: 'denied', hint: 'take something out' },
    SCALE_BROKEN: { kind: 'refused', hint: 'repair the scale' },
  },
  network: ['the scale'],
  resources: { requests: { cpu: '10m', memory: '32Mi' }, limits: { memory: '64Mi' } },
});

/** Arguments and environment with which it starts. */
export const ARGV: readonly string[] = [`--image=${IMAGE}`, '--unit=gram'];
export const ENV: Readonly<Record<string, string>> = { WORKSPACE_TABLE: '/workspace/table' };

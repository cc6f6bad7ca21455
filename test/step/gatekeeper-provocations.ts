// SPDX-License-Identifier: Apache-2.0
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fakeEvaluator } from '../../lib/gatekeeper/test-evaluator.ts';
import { serverCa } from '../../services/admission-provider/test-certificates.ts';
import { startRecordedProvider } from '../admission/recorded-provider.ts';
import type { Bench } from './bench.ts';
import type { Provoked } from './failures.ts';

/** The policy of the bench with a folder of Gatekeeper policies beside it, and a program in place of the evaluator that answers so. */
export async function withGatekeeper({ workspaces, folder }: Bench, body: string, files: Record<string, string> = {}): Promise<Omit<Provoked, 'names'>> {
  const policy = await folder('policy');
  for (const name of ['policy.yaml', 'cosign.pub']) await copyFile(join(workspaces.policy, name), join(policy, name));
  await mkdir(join(policy, 'gatekeeper'));
  for (const [name, text] of Object.entries({ 'gatekeeper/template.yaml': 'kind: ConstraintTemplate', ...files })) await writeFile(join(policy, name), text);
  return { params: { 'gatekeeper-policies': 'gatekeeper' }, workspaces: { policy }, env: { GATEKEEPER_EVALUATOR: await fakeEvaluator(body) } };
}

const more = (provoked: Omit<Provoked, 'names'>, params: Record<string, string>): Omit<Provoked, 'names'> => ({
  ...provoked,
  params: { ...provoked.params, ...params },
});

/** What goes wrong around Gatekeeper policies. */
export const GATEKEEPER_PROVOCATIONS = {
  GATEKEEPER_MISSING: async (bench: Bench): Promise<Provoked> => ({
    ...(await withGatekeeper(bench, '')),
    env: { GATEKEEPER_EVALUATOR: '/nonexistent/evaluator' },
    names: '/nonexistent/evaluator',
  }),
  GATEKEEPER_POLICY_INVALID: async (bench: Bench): Promise<Provoked> => ({
    ...(await withGatekeeper(bench, `return { error: 'adding template "signed": unable to parse modules' }`)),
    names: 'adding template "signed"',
  }),
  GATEKEEPER_FILES_INVALID: async (bench: Bench): Promise<Provoked> => ({
    ...(await withGatekeeper(bench, '')),
    workspaces: { ...(await withGatekeeper(bench, '')).workspaces, manifests: await bench.folder('manifests') },
    names: 'the folder of manifests',
  }),
  GATEKEEPER_LIMIT: async (bench: Bench): Promise<Provoked> => ({
    ...(await withGatekeeper(bench, `process.kill(process.pid, 'SIGKILL')`)),
    names: 'Gatekeeper policies',
  }),
  EXTERNAL_DATA_INVALID: async (bench: Bench): Promise<Provoked> => ({
    ...more(await withGatekeeper(bench, '', { 'external-data.json': '[]' }), { 'external-data': 'recorded' }),
    names: 'external-data.json',
  }),
  EXTERNAL_DATA_REFUSED: async (bench: Bench): Promise<Provoked> => {
    const provider = await startRecordedProvider({});
    provider.bend = () => ({ status: 200, body: '<html>' });
    const spec = { name: 'outside', url: provider.url, timeout: 5, caBundle: Buffer.from(serverCa).toString('base64') };
    const asking = await withGatekeeper(bench, `return ${JSON.stringify({ missing: [{ provider: 'outside', keys: ['a'] }], providers: [spec] })}`);
    return { ...more(asking, { 'external-data': 'provider' }), names: 'the provider outside' };
  },
  PARAM_UNUSED: async (bench: Bench): Promise<Provoked> => ({ workspaces: { manifests: await bench.folder('manifests') }, names: 'workspace manifests' }),
};

// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { signatureOf } from '../../lib/channels/webhook.ts';
import { spec } from '../../tasks/notify/spec.ts';
import { type Bench, openBench } from './bench.ts';
import { expectDone } from './expectations.ts';
import { SOON_NEVER, testFailures } from './failures.ts';
import { type Fault, type NotifyRig, openNotifyRig, REVISION, type RemoteName, SECRETS } from './notify-rig.ts';
import { runStep, type StepEnd } from './spawn-step.ts';

const IMAGE = `registry.example.com/team/app@sha256:${'4b825dc6'.repeat(8)}`;
const ALL = 'slack,slack-webhook,status,comment,webhook';

let bench: Bench;
let rig: NotifyRig;
beforeAll(async () => {
  bench = await openBench();
  rig = await openNotifyRig(bench);
});
afterAll(async () => {
  await rig.close();
  await bench.close();
});
afterEach(() => rig.calm());

/** Every secret, and its base64 as it looks wherever it begins. */
function expectNoSecrets(end: StepEnd, ...sent: string[]): void {
  const said = [end.stdout, end.stderr, ...Object.values(end.results), ...sent].join('\n');
  for (const secret of Object.values(SECRETS)) {
    expect(said).not.toContain(secret);
    expect(said).not.toContain(Buffer.from(secret).toString('base64').replace(/=+$/, ''));
  }
}

/** All that the rig got as message. */
function told(): string[] {
  return [
    JSON.stringify(rig.messages),
    ...rig.hooked,
    ...rig.events.map(({ body }) => body.toString()),
    JSON.stringify(rig.statuses),
    JSON.stringify(rig.comments),
  ];
}

/** The record of a run in which verdict failed with this message. */
async function reports(message: string): Promise<string> {
  const folder = await mkdtemp(join(bench.root, 'reports-'));
  const task = {
    name: 'verdict',
    task: 'policy-check',
    section: 'tasks',
    state: 'Failed',
    reason: 'Failed',
    message,
    steps: [],
    results: { outcome: 'denied' },
  };
  await writeFile(join(folder, 'run.json'), JSON.stringify({ status: 'Running', startTime: '2026-01-08T10:00:00Z', tasks: [task] }));
  return folder;
}

describe('all channels', () => {
  test('have the message once, however often the step runs', async () => {
    const first = await runStep(rig.step(IMAGE));
    expectDone(first, IMAGE);
    const [message] = rig.messages;
    expect(first.results).toMatchObject({ delivered: ALL, failed: '', 'slack-ts': message?.ts });
    expect([rig.messages.length, rig.hooked.length, rig.events.length, rig.statuses.length, rig.comments.length]).toEqual([1, 1, 1, 1, 1]);
    expect(rig.statuses[0]).toMatchObject({ context: 'supply-chain/deliver', status: 'failure', description: 'deliver failed' });
    expect(rig.comments[0]?.body).toMatch(/^<!-- supply-chain-notify team\/deliver -->\n### deliver failed\n/);
    const [event] = rig.events;
    expect(event?.headers['x-signature']).toBe(signatureOf(event?.body ?? Buffer.alloc(0), SECRETS['webhook-secret']));

    const again = await runStep(rig.step(IMAGE));
    expectDone(again, IMAGE);
    expect([rig.messages.length, rig.statuses.length, rig.comments.length]).toEqual([1, 1, 1]);
    expect(again.stderr).toContain(`slack: kept message ${message?.ts}`);
    expect(again.stderr).toContain('another run posts anew');
    expect(JSON.parse(rig.events[1]?.body.toString() ?? '').id).toBe(JSON.parse(event?.body.toString() ?? '').id);

    const later = await runStep(rig.step(IMAGE, { status: 'Succeeded' }));
    expect(later.results['delivered']).toBe(ALL);
    expect([rig.messages.length, rig.statuses.length, rig.comments.length]).toEqual([1, 2, 1]);
    expect([rig.messages[0]?.text, rig.statuses[0]?.status]).toEqual(['deliver succeeded', 'success']);
    expect(rig.comments[0]?.body).toContain('### deliver succeeded');
  });

  test('find what they wrote among the words of many others', async () => {
    await runStep(rig.step(IMAGE, { channels: 'comment,status' }));
    const others = Array.from({ length: 120 }, (_, at) => ({ id: 1000 + at, body: `> ${rig.comments[0]?.body}`, html_url: `https://git.example.com/c${at}` }));
    rig.comments.unshift(...others);
    const end = await runStep(rig.step(IMAGE, { channels: 'comment', status: 'Succeeded' }));
    expectDone(end, IMAGE);
    expect(rig.comments).toHaveLength(121);
    expect(rig.comments[120]?.body).toContain('### deliver succeeded');
  });

  test('tell which task failed and why', async () => {
    const end = await runStep(rig.step(IMAGE, { 'read-run': 'run.json' }, { reports: await reports('rule signed: <!channel> no signature') }));
    expectDone(end, IMAGE);
    for (const text of told().slice(0, 3)) expect(text).toContain('no signature');
    expect(rig.statuses[0]?.description).toBe('deliver failed: verdict (Failed, denied)');
    expect(rig.messages[0]?.text + rig.hooked.join()).not.toContain('<!channel>');
  });
});

test('without revision and pull request there is no status and no comment, and that is no failure', async () => {
  const end = await runStep(rig.step(IMAGE, { revision: '', 'pull-request': '', channels: 'status,comment,log', required: 'status,comment' }));
  expectDone(end, IMAGE);
  expect(end.results).toMatchObject({ delivered: 'log', failed: '' });
  expect(end.stderr).toContain('deliver failed: team/deliver-x7k2p');
  expect(rig.server.seen).toEqual([]);
});

test('params that a trigger filled wrongly are left out and told; only a required channel that needs them fails', async () => {
  const wrong = { revision: 'main', 'pull-request': '17', channels: 'status,comment' };
  const end = await runStep(rig.step(IMAGE, wrong));
  expect(end).toMatchObject({ code: 0, results: { delivered: 'comment', failed: 'status' } });
  expect(end.stderr).toContain('revision is left out: it must be the full hash of a commit');
  const required = await runStep(rig.step(IMAGE, { ...wrong, required: 'status' }));
  expect(required.code).toBe(64);
  expect(required.stderr).toContain('channel status needs the param revision');
});

test('details that cannot be read are missed in the message, and the message is sent', async () => {
  const noFile = await runStep(rig.step(IMAGE, { 'read-run': 'run.json', channels: 'comment' }, { reports: await bench.folder('empty') }));
  expect(noFile).toMatchObject({ code: 0, results: { delivered: 'comment' } });
  expect(rig.comments[0]?.body).toMatch(/Note: `no details of the tasks: .*run\.json/);
  const noCluster = await runStep(rig.step(IMAGE, { 'read-run': 'cluster', channels: 'comment' }));
  expect(noCluster).toMatchObject({ code: 0, results: { delivered: 'comment' } });
  expect(noCluster.stderr).toContain('code=KUBE_NOT_IN_CLUSTER');
});

describe('a channel that fails', () => {
  const outage: Fault = { status: 503, headers: SOON_NEVER };
  const remotes: RemoteName[] = ['slack', 'hook', 'events', 'forge'];

  test('does not fail the step, nor keep others from the message', async () => {
    rig.faults.slack = outage;
    rig.faults.hook = { status: 200, body: '<html>Sign in</html>' };
    const end = await runStep(rig.step(IMAGE));
    expect(end).toMatchObject({ code: 0, results: { outcome: 'ok', delivered: 'status,comment,webhook', failed: 'slack,slack-webhook', 'slack-ts': '' } });
    expect(end.stderr).toMatch(/warn: slack failed, which does not fail the step: .*code=HTTP_SERVER_ERROR/);
    expect(end.stderr).toMatch(/warn: slack-webhook failed, which does not fail the step: .*code=SLACK_REFUSED/);
    expectNoSecrets(end, ...told());
  });

  test('or is not complete does neither', async () => {
    const folder = await rig.secret({ 'slack-token': undefined, 'webhook-url': 'nowhere' });
    const end = await runStep(rig.step(IMAGE, {}, { 'notify-credentials': folder }));
    expect(end).toMatchObject({ code: 0, results: { delivered: 'slack-webhook,status,comment', failed: 'slack,webhook' } });
  });

  test('fails the step when it is required, after the others were told', async () => {
    rig.faults.forge = outage;
    const end = await runStep(rig.step(IMAGE, { required: 'status' }));
    expect(end).toMatchObject({ code: 75, results: { outcome: 'transient', delivered: 'slack,slack-webhook,webhook', failed: 'status,comment' } });
  });

  test('by never answering fails within the time-out of the step', async () => {
    for (const remote of remotes) rig.faults[remote] = { status: 0, cut: true };
    const end = await runStep(rig.step(IMAGE, { timeout: '4s' }));
    expect(end).toMatchObject({ code: 0, results: { delivered: '', failed: ALL } });
  });

  test('shows no secret, whatever a remote writes', async () => {
    const echo = JSON.stringify({ ok: false, error: Object.values(SECRETS).join('-'), message: Object.values(SECRETS).join(' ') });
    for (const [status, body] of [
      [200, echo],
      [403, echo],
      [422, Object.values(SECRETS).join(' ')],
      [404, `<html>${Object.values(SECRETS).join(' ')}</html>`],
    ] as const) {
      for (const remote of remotes) rig.faults[remote] = { status, body };
      const end = await runStep({ ...rig.step(IMAGE), env: { DEPLOY_TOKEN: SECRETS.environment, LOG_FORMAT: 'json' } });
      expect(end.code).toBe(0);
      expect(end.results['failed']).toContain('slack,slack-webhook');
      expectNoSecrets(end);
    }
  });
});

test('secrets in what is to be told are told to nobody', async () => {
  const planted = Object.values(SECRETS).join(' ');
  const params = {
    details: `Note: ${planted}\nUrl: ${rig.server.url}${SECRETS['webhook-path']}`,
    url: `https://tekton.example.com/${SECRETS.environment}`,
    'read-run': 'run.json',
  };
  const end = await runStep(rig.step(IMAGE, { ...params, channels: `${ALL},log` }, { reports: await reports(`leaked ${planted} ghp_${'a1'.repeat(18)}`) }));
  expectDone(end, IMAGE);
  expectNoSecrets(end, ...told());
  expect(told().join()).not.toContain('ghp_');
  expect(told().join()).toContain('leaked ***');
});

describe('failures of required channels', () => {
  const only = (channel: string, params: Record<string, string> = {}): Record<string, string> => ({ channels: channel, required: channel, ...params });
  const fault = (remote: RemoteName, answer: Fault): void => {
    rig.faults[remote] = answer;
  };
  const slackSays = (error: string): void => fault('slack', { status: 200, body: JSON.stringify({ ok: false, error }) });
  const forgeSays = (status: number): void => fault('forge', { status, body: '{"message":"no"}' });

  testFailures(
    spec,
    {
      CHANNEL_INCOMPLETE: () => ({ params: only('slack', { slack: '' }), names: 'needs the param slack' }),
      CREDENTIAL_INVALID: async () => ({
        params: only('webhook'),
        workspaces: { 'notify-credentials': await rig.secret({ 'webhook-url': 'nowhere' }) },
        names: 'webhook-url',
      }),
      CHANNEL_URL_INSECURE: () => ({ params: only('status', { repository: 'http://git.example.com/team/app' }), names: 'git.example.com' }),
      FORGE_UNKNOWN: () => ({ params: only('status', { forge: '' }), names: '127.0.0.1' }),
      FORGE_REPOSITORY_INVALID: () => ({ params: only('comment', { repository: rig.server.url }), names: 'is not the name of a repository' }),
      SLACK_UNAUTHORIZED: () => {
        slackSays('token_revoked');
        return { params: only('slack'), names: 'token_revoked' };
      },
      SLACK_CHANNEL_REFUSED: () => {
        slackSays('is_archived');
        return { params: only('slack'), names: 'is_archived' };
      },
      SLACK_REFUSED: () => {
        fault('hook', { status: 404, body: 'no_service' });
        return { params: only('slack-webhook'), names: 'no_service' };
      },
      WEBHOOK_REFUSED: () => {
        fault('events', { status: 410, body: 'closed' });
        return { params: only('webhook'), names: 'status 410' };
      },
      FORGE_UNAUTHORIZED: () => {
        forgeSays(401);
        return { params: only('status'), names: REVISION };
      },
      FORGE_FORBIDDEN: () => {
        forgeSays(403);
        return { params: only('comment'), names: 'pull request 17' };
      },
      FORGE_NOT_FOUND: () => ({ params: only('comment', { 'pull-request': '18' }), names: 'pull request 18' }),
      FORGE_REFUSED: () => {
        forgeSays(422);
        return { params: only('status'), names: REVISION };
      },
      SLACK_UNAVAILABLE: () => {
        slackSays('internal_error');
        return { params: only('slack'), names: 'internal_error' };
      },
      HTTP_UNREACHABLE: () => {
        fault('events', { status: 0, cut: true });
        return { params: only('webhook', { timeout: '3s' }), names: 'the webhook' };
      },
      HTTP_THROTTLED: () => {
        fault('hook', { status: 429, headers: SOON_NEVER });
        return { params: only('slack-webhook'), names: 'the incoming webhook' };
      },
      HTTP_SERVER_ERROR: () => {
        fault('forge', { status: 500, headers: SOON_NEVER });
        return { params: only('comment'), names: 'pull request 17' };
      },
    },
    { bench: () => bench, base: (_bench, image) => rig.step(image) },
  );
});

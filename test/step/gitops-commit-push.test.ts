// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Bench, openBench } from './bench.ts';
import { expectDone, expectNoSecrets } from './expectations.ts';
import { type GitopsRig, LOGIN, newImage, OLD_DIGEST, openGitopsRig, tagged, VALUES, VALUES_FILE } from './gitops-rig.ts';
import { runStep } from './spawn-step.ts';

let bench: Bench;
let rig: GitopsRig;
beforeAll(async () => {
  bench = await openBench();
  rig = await openGitopsRig(bench);
});
afterAll(async () => {
  await rig.close();
  await bench.close();
});
beforeEach(() => rig.calm());

const pushes = (): number => rig.server.requests.filter(({ method, path }) => method === 'POST' && path.endsWith('/git-receive-pack')).length;

describe('push', () => {
  test('changes the values and no other byte, with the record as trailers; the second run adds nothing', async () => {
    const image = newImage();
    const remote = rig.repository(image);
    const before = remote.head();
    const params = { 'chart-version': '2.0.0', trailers: 'Source-Commit: 6c1a49b\nApproved-By:\nPolicy-Result: passed\n' };
    const run = rig.step(tagged(image), remote, params);
    const first = await runStep(run);
    expectDone(first, image);
    const head = remote.head();
    expect(first.results).toMatchObject({ commit: head, branch: 'main', changed: 'true', 'pull-request-url': '' });
    const [repository = '', digest = ''] = image.split('@');
    const whole = VALUES.replace('REPOSITORY', repository);
    expect(remote.file(VALUES_FILE)).toBe(whole.replace('1.4.0', '1.5.0').replace(OLD_DIGEST, digest));
    expect(remote.git('diff', '--numstat', before, head).trim()).toBe(`2\t2\t${VALUES_FILE}`);
    expect(remote.git('log', '-1', '--format=%an <%ae>|%P|%s', head).trim()).toBe(`Robot <robot@example.com>|${before}|deploy(app): 1.5.0`);
    const trailers = ['Image-Digest', 'Chart-Version', 'Source-Commit', 'Policy-Result', 'Approved-By', 'Supply-Chain-Loop-Guard'];
    const values = trailers.map((key) => remote.git('log', '-1', `--format=%(trailers:key=${key},valueonly,separator=;)`, head).trim());
    expect(values).toEqual([digest, '2.0.0', '6c1a49b', 'passed', '', 'true']);

    rig.calm();
    const second = await runStep(run);
    expectDone(second, image);
    expect(second.results).toMatchObject({ commit: head, branch: 'main', changed: 'false' });
    expect([remote.head(), pushes()]).toEqual([head, 0]);
  });

  test('all targets go into one commit', async () => {
    const image = newImage();
    const remote = rig.repository(image, {
      'kustomization.yaml': 'images:\n- name: registry.example.com/team/app\n',
      'deploy.yaml': 'spec: {containers: [{image: "registry.example.com/team/app:1"}]}\n',
      'app.yaml': 'kind: Application\nspec: {source: {chart: app, targetRevision: 1.0.0}}\n',
      'values.json': '{"image": "x"}',
    });
    const targets = 'kustomize:kustomization.yaml manifest:deploy.yaml argocd:app.yaml helm-values:values.json#image';
    const end = await runStep(rig.step(image, remote, { targets, 'chart-version': '1.1.0', branch: 'main', message: 'Deploy it' }));
    expectDone(end, image);
    expect(['kustomization.yaml', 'deploy.yaml', 'app.yaml', 'values.json'].map((file) => remote.file(file))).toEqual([
      `images:\n- name: registry.example.com/team/app\n  digest: ${image.split('@')[1]}\n`,
      `spec: {containers: [{image: "${image}"}]}\n`,
      'kind: Application\nspec: {source: {chart: app, targetRevision: 1.1.0}}\n',
      `{"image": "${image}"}`,
    ]);
    expect(remote.git('log', '--format=%s', 'main').trim().split('\n')).toEqual(['Deploy it', 'first']);
  });

  test('others who push at the same time lose nothing, and neither do we', async () => {
    const image = newImage();
    const remote = rig.repository(image);
    let number = 0;
    rig.beforePush(2, () => remote.commit({ [`other-${++number}.txt`]: 'theirs\n' }));
    const end = await runStep(rig.step(tagged(image), remote));
    expect(end, end.stderr).toMatchObject({ code: 0, results: { changed: 'true', commit: remote.head() } });
    expect(end.stderr).toContain('somebody else pushed to branch main');
    expect(remote.git('log', '--format=%s', 'main').trim().split('\n')).toEqual(['deploy(app): 1.5.0', 'another change', 'another change', 'first']);
    expect(remote.file(VALUES_FILE)).toContain(image.split('@')[1]);
    expectNoSecrets(end);
  });

  test('two steps at once end in one commit each', async () => {
    const images = [newImage(), newImage()];
    const remote = rig.repository(images[0] ?? '', { 'a.yaml': 'image: old\n', 'b.yaml': 'image: old\n' });
    const ends = await Promise.all(images.map((image, at) => runStep(rig.step(image, remote, { targets: `helm-values:${at === 0 ? 'a' : 'b'}.yaml#image` }))));
    for (const end of ends) expect(end.code, end.stderr).toBe(0);
    expect([remote.file('a.yaml'), remote.file('b.yaml')]).toEqual(images.map((image) => `image: ${image}\n`));
    expect(remote.git('rev-list', '--count', 'main').trim()).toBe('3');
  });

  test.each([
    ['was taken', true, 1],
    ['was lost', false, 2],
  ])('a push whose answer is missing and that %s', async (_, taken, wanted) => {
    const image = newImage();
    const remote = rig.repository(image);
    let cut = false;
    rig.server.intercept = async ({ method, path, authorization }) => {
      if (cut || method !== 'POST' || !path.endsWith('/git-receive-pack')) return undefined;
      cut = true;
      if (taken)
        remote.commit({
          [VALUES_FILE]: VALUES.replace('REPOSITORY', image.split('@')[0] ?? '')
            .replace('1.4.0', '1.5.0')
            .replace(OLD_DIGEST, image.split('@')[1] ?? ''),
        });
      expect(authorization).toMatch(/^Basic /);
      return 'cut';
    };
    const end = await runStep(rig.step(tagged(image), remote));
    expect(end, end.stderr).toMatchObject({ code: 0, results: { changed: 'true', commit: remote.head() } });
    expect(pushes()).toBe(wanted);
    expect(remote.git('rev-list', '--count', 'main').trim()).toBe('2');
  });

  test('a signed commit is one that git verifies', async () => {
    const image = newImage();
    const remote = rig.repository(image);
    const end = await runStep(rig.step(tagged(image), remote, {}, { 'signing-key': rig.signing.folder }));
    expectDone(end, image);
    const verified = remote.git('-c', `gpg.ssh.allowedSignersFile=${rig.signing.allowed}`, 'log', '-1', '--format=%G? %GS', 'main').trim();
    expect(verified).toBe('G robot@example.com');
    execFileSync('git', ['-C', remote.path, '-c', `gpg.ssh.allowedSignersFile=${rig.signing.allowed}`, 'verify-commit', 'main'], { stdio: 'pipe' });
    expect(end.stderr).toMatch(/signed=ssh-ed25519 SHA256:/);
  });

  test.each([
    ['.git-credentials', (url: string) => url.replace('http://', `http://${LOGIN.username}:${LOGIN.password}@`)],
    ['token', () => LOGIN.password],
  ])('the login of a Secret with %s', async (name, content) => {
    const image = newImage();
    const remote = rig.repository(image);
    const credentials = await bench.folder('git-credentials');
    writeFileSync(join(credentials, name), `${content(rig.server.url)}\n`);
    if (name === 'token') writeFileSync(join(credentials, 'username'), 'robot');
    expectDone(await runStep(rig.step(tagged(image), remote, {}, { 'git-credentials': credentials })), image);
  });

  test('works where nothing can be written, and leaves nothing', async () => {
    const image = newImage();
    const remote = rig.repository(image);
    const end = await runStep({ ...rig.step(tagged(image), remote), env: { TMPDIR: '/nowhere', HOME: '/nowhere' } });
    expectDone(end, image);
    expect(existsSync('/nowhere')).toBe(false);
  });

  test('every wrong param is told at once, and nothing is sent', async () => {
    const params = {
      image: 'team/app:1',
      repository: 'git@git.example.com:a/b',
      targets: 'helm:x',
      mode: 'merge',
      forge: 'svn',
      replaces: 'newer',
      author: 'me',
      branch: 'a..b',
      trailers: 'x',
    };
    const end = await runStep({ task: 'gitops-commit', params });
    expect(end).toMatchObject({ code: 64, results: { outcome: 'input' } });
    for (const name of Object.keys(params)) expect(end.stderr).toContain(`error:   - param ${name}: `);
    expect(rig.server.requests).toEqual([]);
  });
});

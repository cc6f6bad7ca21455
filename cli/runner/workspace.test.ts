// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ECHO, runShort, type ShortTask } from './test-run.ts';

let tempRoot: string;
beforeEach(async () => {
  tempRoot = await mkdtemp(join(tmpdir(), 'runner-test-'));
});
afterEach(() => rm(tempRoot, { recursive: true, force: true }));

describe('workspaces', () => {
  const task = { workspaces: [{ name: 'w' }] };
  const touch = 'require("fs").writeFileSync(process.argv[1] + "/f", "x")';

  it('maps folders, sub-paths and empty folders', async () => {
    await mkdir(join(tempRoot, 'host'));
    const reads = {};
    const code = 'const fs=require("fs");console.log(fs.readdirSync(process.env.W).join());fs.writeFileSync(process.env.W+"/f","x")';
    const own = (name: string, workspace: string, more: object = {}): ShortTask => {
      const step = { image: 'i', command: ['n'], args: ['-e', code], env: [{ name: 'W', value: '$(workspaces.w.path)' }] };
      return { name, reads, task: { ...task, steps: [step] }, workspaces: [{ name: 'w', workspace, ...more }] };
    };
    const result = await runShort(
      {
        workspaces: [{ name: 'host' }, { name: 'empty' }, { name: 'optional', optional: true }],
        tasks: [
          own('a', 'host', { subPath: '$(context.pipeline.name)/deep' }),
          own('b', 'empty'),
          { ...own('c', 'empty'), runAfter: ['b'] },
          { name: 'd', code: ECHO, reads: { b: '$(workspaces.optional.bound)|$(workspaces.host.bound)' } },
        ],
      },
      { workspaces: { host: join(tempRoot, 'host'), empty: { emptyDir: true } } },
    );
    expect(result.status).toBe('Succeeded');
    expect(await readFile(join(tempRoot, 'host/p/deep/f'), 'utf8')).toBe('x');
    expect(result.log).toContain('d: false|true');
    expect(result.log.filter((entry) => /^[bc]: /.test(entry))).toEqual(['b: ', 'c: ']);
  });

  it.each(['../out', '/etc', 'a/../../out', 'link', 'link/new'])('keeps subPath %s inside', async (subPath) => {
    await mkdir(join(tempRoot, 'host'));
    await mkdir(join(tempRoot, 'out'));
    await symlink(join(tempRoot, 'out'), join(tempRoot, 'host/link'));
    const result = await runShort(
      { workspaces: [{ name: 'w' }], tasks: [{ name: 'a', code: touch, reads: { p: 'x' }, task, workspaces: [{ name: 'w', subPath }] }] },
      { workspaces: { w: join(tempRoot, 'host') } },
    );
    expect(result.task('a').message).toContain('leads out of the workspace');
    expect(await readdir(join(tempRoot, 'out'))).toEqual([]);
  });
});

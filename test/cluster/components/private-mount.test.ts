// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { inPrivateMount } from './private-mount.ts';

test('paths and arguments reach the program as they are, never as text of the script', () => {
  const hostile = ['$(touch /tmp/x)', '"; exit 1; "', ''];
  const command = inPrivateMount({ source: '/bed/a b', target: '/mnt', cwd: '/mnt' }, ['/mnt/program', ...hostile]);
  expect(command.slice(command.indexOf('sh', 6))).toEqual(['sh', '/bed/a b', '/mnt', 'env', '--chdir=/mnt', '/mnt/program', ...hostile]);
  expect(command[6]).toBe('mount --bind "$1" "$2"; shift 2; exec "$@"');
});

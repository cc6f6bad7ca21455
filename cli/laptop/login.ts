// SPDX-License-Identifier: Apache-2.0
import { userInfo } from 'node:os';
import process from 'node:process';

/** The login of the process; a user without an entry in the system's list has a number alone. */
export function loginName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid-${process.getuid?.()}`;
  }
}

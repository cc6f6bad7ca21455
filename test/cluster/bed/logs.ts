// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { inputError } from '../../../lib/errors/errors.ts';
import type { Component } from './component.ts';
import { logFileOf } from './daemon.ts';
import type { BedPlace } from './state.ts';

/** The log files of a component's daemons, or of one daemon. Throws StepError input `LOG_MISSING` that names the logs there are. */
export async function logFilesOf(place: BedPlace, components: readonly Component[], name: string): Promise<string[]> {
  const component = components.find((each) => each.name === name);
  const found = (component?.daemons ?? [name]).map((daemon) => logFileOf(place, daemon)).filter((file) => existsSync(file));
  if (found.length > 0) return found;
  const inCluster = component?.daemons?.length === 0;
  const entries = existsSync(place.logs) ? await readdir(place.logs) : [];
  const names = entries.filter((entry) => entry.endsWith('.log')).map((entry) => entry.slice(0, -'.log'.length));
  throw inputError('LOG_MISSING', inCluster ? `${name} has no process of its own on this machine` : `there is no log of ${JSON.stringify(name)}`, {
    hint: inCluster ? 'for pods: npm run cluster -- kubectl -- logs …' : `logs: ${names.join(', ') || 'none, the bed is down'}`,
  });
}

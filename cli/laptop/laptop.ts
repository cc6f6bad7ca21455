// SPDX-License-Identifier: Apache-2.0
import type { Http } from '../../lib/http/http.ts';
import type { Logger } from '../../lib/log/log.ts';
import type { Registry } from '../../lib/registry/client.ts';
import type { Services } from '../services/services.ts';
import type { State } from '../state/state.ts';

/** All that a laptop run works with. */
export type Laptop = { state: State; registry: Registry; services: Services; http: Http; log: Logger };

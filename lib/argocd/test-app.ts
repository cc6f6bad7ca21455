// SPDX-License-Identifier: Apache-2.0
import { type Application, ApplicationShape } from './application.ts';

// biome-ignore lint/suspicious/noExplicitAny: parts of an Application as Argo CD writes it
type Json = any;

/** An Application with the parts that a test cares about. */
export function testApp({ spec, metadata, ...more }: { spec?: Json; metadata?: Json; operation?: Json; status?: Json } = {}): Application {
  return ApplicationShape.parse({
    metadata: { name: 'shop', namespace: 'argocd', resourceVersion: '1', ...metadata },
    spec: { project: 'team', source: { repoURL: 'https://git.example.com/x', targetRevision: 'main' }, ...spec },
    ...more,
  });
}

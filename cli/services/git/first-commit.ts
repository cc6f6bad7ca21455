// SPDX-License-Identifier: Apache-2.0
import type { FirstCommit } from '../../../lib/git/bare-repository.ts';

/** The manifest that a release writes the image into, and the place in it as gitops-commit takes it. */
export const DEPLOYMENT_FILE = 'apps/demo/deployment.yaml';
export const DEPLOYMENT_TARGET = `value:${DEPLOYMENT_FILE}#spec.template.spec.containers.0.image=reference`;

const DEPLOYMENT = `# What the cluster is to run. A release writes the image by its digest and leaves every other byte alone.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: demo
  labels:
    app.kubernetes.io/name: demo
spec:
  selector:
    matchLabels:
      app.kubernetes.io/name: demo
  template:
    metadata:
      labels:
        app.kubernetes.io/name: demo
    spec:
      automountServiceAccountToken: false
      containers:
        - name: demo
          image: nothing-released-yet
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            runAsNonRoot: true
            capabilities:
              drop: [ALL]
            seccompProfile:
              type: RuntimeDefault
`;

/** The commit that a new repository begins with. */
export function firstCommit(now: Date): FirstCommit {
  return {
    branch: 'main',
    files: new Map([[DEPLOYMENT_FILE, DEPLOYMENT]]),
    message: 'A Deployment to be released into\n',
    person: { name: 'tekton-supply-chain', email: 'tekton-supply-chain@localhost', timestamp: Math.floor(now.getTime() / 1000) },
  };
}

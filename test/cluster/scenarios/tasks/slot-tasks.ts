// SPDX-License-Identifier: Apache-2.0
import { COMMAND, SECURITY_CONTEXT } from '../../../../scripts/generate/step-shape.ts';
import type { TestTaskImages } from './build-test-tasks.ts';

/** The Tasks git-checkout and image-build, as a team writes its own for the slots clone-task and build-task of our Pipelines (scripts/check/slots.ts). */
export function slotTasks(images: TestTaskImages): object[] {
  return [
    task({
      name: 'git-checkout',
      image: images['git-checkout'],
      params: [{ name: 'url' }, { name: 'revision', default: '' }],
      workspaces: [{ name: 'output' }, { name: 'basic-auth', optional: true }],
      results: ['commit', 'url'],
      env: {
        URL: '$(params.url)',
        REVISION: '$(params.revision)',
        WORKSPACE_OUTPUT: '$(workspaces.output.path)',
        WORKSPACE_BASIC_AUTH: '$(workspaces.basic-auth.path)',
        RESULT_COMMIT: '$(results.commit.path)',
        RESULT_URL: '$(results.url.path)',
      },
    }),
    task({
      name: 'image-build',
      image: images['image-build'],
      params: [{ name: 'IMAGE' }, { name: 'CONTEXT', default: '.' }, { name: 'DOCKERFILE', default: './Dockerfile' }],
      workspaces: [{ name: 'source' }, { name: 'dockerconfig', optional: true }],
      results: ['IMAGE_URL', 'IMAGE_DIGEST'],
      env: {
        IMAGE: '$(params.IMAGE)',
        CONTEXT: '$(params.CONTEXT)',
        DOCKERFILE: '$(params.DOCKERFILE)',
        WORKSPACE_SOURCE: '$(workspaces.source.path)',
        WORKSPACE_DOCKERCONFIG: '$(workspaces.dockerconfig.path)',
        RESULT_IMAGE_URL: '$(results.IMAGE_URL.path)',
        RESULT_IMAGE_DIGEST: '$(results.IMAGE_DIGEST.path)',
      },
    }),
  ];
}

type TestTask = {
  name: string;
  image: string;
  params: { name: string; default?: string }[];
  workspaces: { name: string; optional?: boolean }[];
  results: string[];
  env: Record<string, string>;
};

function task({ name, image, params, workspaces, results, env }: TestTask): object {
  const step = {
    name,
    image,
    command: COMMAND,
    env: Object.entries(env).map(([variable, value]) => ({ name: variable, value })),
    computeResources: { requests: { cpu: '50m', memory: '96Mi' }, limits: { memory: '512Mi' } },
    securityContext: SECURITY_CONTEXT,
  };
  return {
    apiVersion: 'tekton.dev/v1',
    kind: 'Task',
    metadata: { name },
    spec: { params, workspaces, results: results.map((result) => ({ name: result })), steps: [step] },
  };
}

// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { defaulted, optional, required } from '../../lib/spec/param.ts';
import { Duration, Flag, ImageByDigest, List, ServiceUrl } from '../../lib/spec/param-types.ts';
import { defineTask } from '../../lib/spec/spec.ts';

const NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;
const ObjectName = z.string().regex(NAME, 'must be the name of a Kubernetes object: lower-case letters, digits, - and .');
const AppName = z
  .string()
  .refine((text) => text.split('/').length <= 2 && text.split('/').every((part) => NAME.test(part)), 'must be the name of an application, or namespace/name')
  .transform((text) => {
    const [name = '', namespace] = text.split('/').reverse();
    return { name, namespace };
  });
const REVISION = /^[A-Za-z0-9][A-Za-z0-9._/+:@-]{0,199}$/;

/** Revisions by position; an empty place stands for whatever that source tracks. */
const Revisions = z
  .string()
  .max(2000)
  .transform((text, context) => {
    const parts = text.split(',').map((part) => part.trim());
    if (!parts.every((part) => part === '' || REVISION.test(part)))
      context.addIssue({ code: 'custom', message: 'must be a commit, or one for each source, separated by commas' });
    return parts.map((part) => (part === '' ? undefined : part));
  });

const SyncOptions = List.refine(
  (options) => options.every((option) => /^[A-Za-z]{1,60}=[A-Za-z0-9_-]{1,60}$/.test(option)),
  'must be options as Name=value, separated by commas',
);
const Retries = z
  .string()
  .regex(/^(\d|10)$/, 'must be a number from 0 to 10')
  .transform(Number);
const Images = List.transform((references, context) =>
  references.map((reference) => {
    const parsed = ImageByDigest.safeParse(reference);
    if (!parsed.success)
      context.addIssue({ code: 'custom', message: `${reference.slice(0, 200)}: ${parsed.error.issues[0]?.message ?? 'is no image by digest'}` });
    return parsed.data?.digest ?? '';
  }),
);

export const spec = defineTask({
  name: 'argocd-sync',
  title: 'Sync an Argo CD application and wait until it runs what was released',
  description:
    'Has Argo CD sync an application to the revision of the GitOps commit and waits for exactly that: its own operation, the revision, synced and healthy for a while, containers that run the digest. With or without auto-sync. Tells a denial by admission control (Gatekeeper) at once, object by object. Starts nothing where all is as wanted.',
  categories: ['Deployment'],
  tags: ['argocd', 'gitops', 'deployment', 'gatekeeper'],
  image: 'optional',
  params: {
    app: required(AppName, { description: 'Name of the Argo CD application, or namespace/name.', example: 'shop' }),
    project: defaulted(ObjectName, 'default', { description: 'Argo CD project of the application.', example: 'team-shop' }),
    mode: defaulted(z.enum(['api', 'kubernetes']), 'api', {
      description: 'By the API of Argo CD or by the Application object (core installs). One of api, kubernetes.',
      example: 'kubernetes',
    }),
    server: optional(ServiceUrl, {
      description: 'URL of the Argo CD API; with mode=kubernetes of another cluster than that of the step.',
      example: 'https://argocd.example.com',
    }),
    revision: optional(Revisions, {
      description: 'Commit that must be synced, one for each source, separated by commas. Empty is the newest.',
      example: '8f1c0d6e2b7a4c3d9e0f1a2b3c4d5e6f70819203',
    }),
    'allow-newer': defaulted(Flag, 'false', {
      description: 'Whether a later commit will do, if the containers run image. One of true, false.',
      example: 'true',
    }),
    'other-images': optional(Images, {
      description: 'Artifacts by digest that may run beside image. When given, nothing else may.',
      example: 'registry.example.com/team/proxy@sha256:4b825dc642cb6eb9a060e54bf8d69288fbee49044b825dc642cb6eb9a060e54b',
    }),
    prune: defaulted(z.enum(['app', 'true', 'false']), 'app', {
      description: 'Whether what left Git is deleted; app is as its auto-sync policy. One of app, true, false.',
      example: 'true',
    }),
    'sync-options': defaulted(SyncOptions, '', {
      description: 'Sync options as Name=value, separated by commas, added to those of the application.',
      example: 'Validate=true,ServerSideApply=true',
    }),
    retries: defaulted(Retries, '0', {
      description: 'How often Argo CD may try a failed sync again. A denial fails the step at once.',
      example: '2',
    }),
    'foreign-operation': defaulted(z.enum(['wait', 'terminate', 'fail']), 'wait', {
      description: 'What to do while another operation runs. One of wait, terminate, fail.',
      example: 'terminate',
    }),
    'sync-window': defaulted(z.enum(['fail', 'wait']), 'fail', {
      description: 'What to do while a sync window forbids to sync. One of fail, wait.',
      example: 'wait',
    }),
    'stable-for': defaulted(Duration, '10s', { description: 'How long it has to stay synced and healthy.', example: '1m' }),
    'dry-run': defaulted(Flag, 'false', {
      description: 'Show what a sync would create, change and prune, and start none. One of true, false.',
      example: 'true',
    }),
  },
  workspaces: {
    'argocd-credentials': {
      description: 'Secret with the file token: a bearer token of an Argo CD account or project role.',
      optional: true,
      readOnly: true,
    },
    reports: { description: 'Folder for sync.md: what happened object by object, or what would.', optional: true, readOnly: false },
  },
  results: {
    revision: { description: 'Commit that was synced, one for each source, separated by commas.' },
    phase: { description: 'Of the sync operation: Succeeded, Running, Failed, Error; or DryRun.' },
    health: { description: 'Healthy, Progressing, Degraded, Suspended, Missing or Unknown.' },
    'app-url': { description: 'Page of the application, empty with mode=kubernetes.' },
    'failed-resources': { description: 'Objects that failed to sync or are degraded, separated by commas.' },
    changes: { description: 'With dry-run=true what a sync would do, such as "1 create, 2 change, 0 prune".' },
  },
  failures: {
    POLICY_DENIED: { kind: 'denied', hint: 'correct the objects named above in Git, or the policy that refuses them; then run the Task again' },
    IMAGE_MISMATCH: { kind: 'denied', hint: 'check that the GitOps commit names the digest of the param image, and that nothing rewrites it in the cluster' },
    REVISION_MISMATCH: { kind: 'denied', hint: 'check targetRevision of the application and the param revision; allow-newer=true accepts later commits' },
    SYNC_WINDOW: { kind: 'denied', hint: 'run the Task again when the window is over, or let it wait with sync-window=wait' },
    SYNC_FAILED: { kind: 'refused', hint: 'correct the objects named above in Git, then run the Task again' },
    APP_DEGRADED: { kind: 'refused', hint: 'look at the objects named above; reverting the GitOps commit brings the last state back' },
    APP_INVALID: { kind: 'refused', hint: 'correct the application or the manifests in Git: Argo CD cannot render or compare them' },
    OUT_OF_SYNC: { kind: 'refused', hint: 'give prune=true where objects are to be pruned; otherwise something in the cluster changes the objects back' },
    ARGOCD_UNAUTHORIZED: { kind: 'refused', hint: 'put a valid token into the workspace argocd-credentials' },
    ARGOCD_FORBIDDEN: { kind: 'refused', hint: 'give the account of the token the right to get and sync the application' },
    ARGOCD_APP_MISSING: { kind: 'refused', hint: 'check the params app and project' },
    ARGOCD_REFUSED: { kind: 'refused', hint: 'the message says why Argo CD refused the request' },
    ARGOCD_ANSWER_INVALID: { kind: 'refused', hint: 'check that the param server is the URL of an Argo CD API server' },
    SERVER_MISSING: { kind: 'input', hint: 'give the param server, or mode=kubernetes' },
    IMAGE_MISSING: { kind: 'input', hint: 'give the param image' },
    WORKSPACE_UNBOUND: { kind: 'input', hint: 'bind the workspace argocd-credentials to the Secret with the token' },
    FILE_MISSING: { kind: 'input', hint: 'let the Secret behind the workspace argocd-credentials have a key token' },
    TOKEN_INVALID: { kind: 'input', hint: 'put the bare token into the file, without "Bearer" and on one line' },
    OPERATION_IN_PROGRESS: { kind: 'transient', hint: 'run the Task again later, or give foreign-operation=wait or foreign-operation=terminate' },
    WAIT_TIMEOUT: { kind: 'transient', hint: 'run the Task again: it goes on with the operation; or give it more time with the param timeout' },
    HTTP_UNREACHABLE: { kind: 'transient', hint: 'run the Task again; it goes on where Argo CD is' },
    HTTP_THROTTLED: { kind: 'transient', hint: 'run the Task again later; it goes on where Argo CD is' },
    HTTP_SERVER_ERROR: { kind: 'transient', hint: 'run the Task again; it goes on where Argo CD is' },
  },
  network: ['the Argo CD API server, or with mode=kubernetes the Kubernetes API server'],
  resources: { requests: { cpu: '50m', memory: '96Mi' }, limits: { memory: '256Mi' } },
});

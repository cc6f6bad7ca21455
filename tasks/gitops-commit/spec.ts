// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { defaulted, optional, required } from '../../lib/spec/param.ts';
import { ForgePlace, ServiceUrl } from '../../lib/spec/param-types.ts';
import { defineTask } from '../../lib/spec/spec.ts';
import { Author, Branch, ReplacesParam, Targets, Trailers } from './params.ts';

export const spec = defineTask({
  name: 'gitops-commit',
  title: 'Write the digest into a Git repository',
  description:
    'Writes the digest of an image (and a chart version) into files of a Git repository, where Argo CD or Flux reads it: by push or by pull request. Only the values change, every other byte stays. What stands there already is left alone.',
  categories: ['Deployment'],
  tags: ['gitops', 'git', 'argocd', 'deploy'],
  image: 'required',
  params: {
    repository: required(ServiceUrl, { description: 'URL of the repository, as "git clone" takes it.', example: 'https://git.example.com/team/gitops.git' }),
    branch: optional(Branch, { description: 'Branch to change. Without it the default one of the repository.', example: 'main' }),
    targets: required(Targets, {
      description: 'Where to write, as kind:path#place: kustomize, helm-values, manifest, argocd, value. See the README.',
      example: 'helm-values:apps/app/values.yaml#image',
    }),
    'chart-version': optional(z.string().regex(/^[A-Za-z0-9.+_-]{1,100}$/, 'must be a version'), {
      description: 'Version of the Helm chart, for the targets that take one.',
      example: '1.4.0',
    }),
    mode: defaulted(z.enum(['push', 'pull-request', 'pull-request-merged']), 'push', {
      description: 'One of push, pull-request, pull-request-merged (waits until people have merged it).',
      example: 'pull-request',
    }),
    forge: optional(ForgePlace, {
      description: 'For pull requests: github, gitlab or gitea, with =URL where it is not the host of the repository.',
      example: 'gitea',
    }),
    replaces: defaulted(ReplacesParam, 'older', {
      description: 'What may be replaced: older (no newer version), any, or the digest that must be in place.',
      example: 'older',
    }),
    message: optional(z.string().regex(/^[^\n\r\0]{1,200}$/, 'must be one line of at most 200 characters'), {
      description: 'First line of the commit message and title of the pull request.',
      example: 'deploy app 1.4.0',
    }),
    author: defaulted(Author, 'tekton-supply-chain <tekton-supply-chain@localhost>', {
      description: 'Author and committer, as "Name <address>".',
      example: 'Deploy Robot <robot@example.com>',
    }),
    trailers: optional(Trailers, {
      description: 'Lines "Key: value" for the audit record in the commit; those without a value are left out.',
      example: 'Source-Commit: 6c1a49b',
    }),
  },
  workspaces: {
    'git-credentials': { description: 'Secret with token, or username and password, or .git-credentials.', optional: true, readOnly: true },
    'signing-key': {
      description: 'Secret with ssh-privatekey or gpg-privatekey (and its passphrase): commits are then signed.',
      optional: true,
      readOnly: true,
    },
  },
  results: {
    commit: { description: 'Commit that holds the value: on the branch, or of the pull request.' },
    branch: { description: 'Branch that the commit is on.' },
    changed: { description: 'true, or false when the value stood there already.' },
    'pull-request-url': { description: 'Page of the pull request, empty without one.' },
  },
  failures: {
    TARGET_FILE_MISSING: { kind: 'input', hint: 'correct the path in targets, or the branch; the step changes files and creates none' },
    TARGET_NOT_FOUND: { kind: 'input', hint: 'correct what follows the # in targets, or add the entry to the file once' },
    TARGET_AMBIGUOUS: { kind: 'input', hint: 'make the place unique in the file, or name it with a value target' },
    TARGET_UNSUPPORTED: { kind: 'input', hint: 'write a plain or quoted value there; anchors, aliases, tags and text blocks are not changed' },
    TAG_MISSING: { kind: 'input', hint: 'give image with a tag (repository:tag@sha256:…), or add an empty key digest where the chart knows one' },
    CHART_VERSION_MISSING: { kind: 'input', hint: 'give chart-version, or take the target that needs it away' },
    FILE_INVALID: { kind: 'input', hint: 'mend the file; templates with {{ }} are no YAML, so let the target be the values file' },
    GIT_CREDENTIAL_INVALID: {
      kind: 'input',
      hint: 'put token, or username and password, or .git-credentials into the Secret of the workspace git-credentials',
    },
    GIT_URL_INSECURE: { kind: 'input', hint: 'use https, or name the host (with its port) in insecure-registries' },
    FORGE_UNKNOWN: { kind: 'input', hint: 'give forge: github, gitlab or gitea' },
    KEY_MISSING: { kind: 'input', hint: 'put the key into the file ssh-privatekey or gpg-privatekey of the Secret, or leave the workspace signing-key out' },
    KEY_PASSWORD_WRONG: { kind: 'input', hint: 'put the password of the key into the file passphrase of the workspace signing-key' },
    KEY_INVALID: { kind: 'input', hint: 'use a private key as ssh-keygen writes it, or gpg --armor --export-secret-keys KEY' },
    KEY_UNSUPPORTED: { kind: 'input', hint: 'use an Ed25519 key: ssh-keygen -t ed25519, or gpg --quick-add-key FINGERPRINT ed25519 sign' },
    KEY_UNUSABLE: { kind: 'input', hint: 'give the GPG key a subkey that signs: gpg --quick-add-key FINGERPRINT ed25519 sign 1y; then export it anew' },
    VALUE_NEWER: { kind: 'denied', hint: 'somebody deployed a newer version; to go back on purpose set replaces=any' },
    VALUE_CHANGED: { kind: 'denied', hint: 'somebody changed the value meanwhile; look at the history of the file, then run again' },
    PULL_REQUEST_CLOSED: { kind: 'denied', hint: 'people closed the pull request without merging it; reopen it, or delete its branch to propose it anew' },
    GIT_UNAUTHORIZED: { kind: 'refused', hint: 'give the workspace git-credentials a login that the Git server knows' },
    GIT_FORBIDDEN: { kind: 'refused', hint: 'give the workspace git-credentials a login that may push to the repository' },
    REPOSITORY_NOT_FOUND: { kind: 'refused', hint: 'correct repository; forges also answer so when the login may not read it' },
    REPOSITORY_TOO_LARGE: { kind: 'refused', hint: 'keep deployments in a repository of their own; the newest commit may have 40 MiB packed' },
    GIT_NOT_A_FILE: { kind: 'refused', hint: 'let targets name files, not folders, symbolic links or submodules' },
    GIT_ANSWER_INVALID: { kind: 'refused', hint: 'check that repository is the URL that "git clone" takes' },
    GIT_REFUSED: { kind: 'refused', hint: 'do what the Git server says' },
    BRANCH_NOT_FOUND: { kind: 'refused', hint: 'correct branch; a new repository needs a first commit' },
    BRANCH_FOREIGN: { kind: 'refused', hint: 'somebody else committed to the branch of the pull request; merge or delete that branch' },
    PUSH_DECLINED: { kind: 'refused', hint: 'the branch is protected or a hook said no: use mode=pull-request, or let the login push' },
    FORGE_UNAUTHORIZED: { kind: 'refused', hint: 'give the workspace git-credentials a token that the API of the forge takes' },
    FORGE_FORBIDDEN: { kind: 'refused', hint: 'give the token the right to open pull requests' },
    FORGE_NOT_FOUND: { kind: 'refused', hint: 'check forge and repository; forges also answer so when the token may not see it' },
    FORGE_REFUSED: { kind: 'refused', hint: 'do what the forge says' },
    PUSH_RACE: { kind: 'transient', hint: 'others push to this branch all the time; run the Task again' },
    HTTP_UNREACHABLE: { kind: 'transient', hint: 'run the Task again' },
    HTTP_THROTTLED: { kind: 'transient', hint: 'run the Task again later' },
    HTTP_SERVER_ERROR: { kind: 'transient', hint: 'run the Task again' },
  },
  network: ['the Git server', 'the API of the forge (only for pull requests)'],
  resources: { requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '512Mi' } },
});

// SPDX-License-Identifier: Apache-2.0
import { resolve } from 'node:path';
import process from 'node:process';
import type { Argv, CommandModule } from 'yargs';
import { EXIT_CODE } from '../../lib/errors/errors.ts';
import { explainFile, explainText } from '../policy/explain-file.ts';
import { lintFile, lintText } from '../policy/lint-file.ts';
import { allPassed, testFolder, testJunit, testText } from '../policy/run-cases.ts';
import { type ScanOptions, scanCluster } from '../policy/scan-cluster.ts';

type Base = { state: string };
type Lint = Base & { file: string; strict: boolean; output: 'text' | 'json' };
type Test = Base & { path: string; policy: string | undefined; output: 'text' | 'json' | 'junit' };
type Explain = Base & { file: string; rule: string | undefined; output: 'text' | 'json' };

/** `supply-chain policy lint|test|explain|scan`: what an author of policies needs before one is enforced. */
export const policyCommand: CommandModule<Base, Base> = {
  command: 'policy',
  describe: 'Check, test and explain policies, and try them on what runs in a cluster',
  builder: (argv: Argv<Base>) =>
    argv
      .command('lint <file>', 'What is wrong or odd with a policy file; the exit code is 20 when it cannot be judged by', withLint, (args) =>
        lint(args as never),
      )
      .command(
        'test <path>',
        'Judge recorded evidence: every file of kind PolicyTest below a folder; the exit code is 20 when a case fails',
        withTest,
        (args) => test(args as never),
      )
      .command('explain <file>', 'A policy in plain words, or why a verdict.json is what it is and what to do', withExplain, (args) => explain(args as never))
      .command('scan', 'Judge what runs in a cluster, without changing anything; the exit code is 20 when any would be denied', withScan, (args) =>
        scan(args as never),
      )
      .demandCommand(1, 'Say lint, test, explain or scan.') as unknown as Argv<Base>,
  handler: () => {},
};

function withLint<T>(argv: Argv<T>): Argv<T> {
  return argv
    .positional('file', { type: 'string', demandOption: true, describe: 'Policy file; key files that it names stand beside it' })
    .option('strict', { type: 'boolean', default: false, describe: 'Warnings fail too' })
    .option('output', { alias: 'o', type: 'string', choices: ['text', 'json'], default: 'text' }) as unknown as Argv<T>;
}

async function lint({ file, strict, output }: Lint): Promise<void> {
  const findings = await lintFile(file, new Date());
  process.stdout.write(output === 'json' ? toJson({ file, findings }) : lintText(file, findings));
  const fails = findings.some(({ severity }) => strict || severity === 'error');
  process.exitCode = fails ? EXIT_CODE.denied : EXIT_CODE.ok;
}

function withTest<T>(argv: Argv<T>): Argv<T> {
  return argv
    .positional('path', { type: 'string', demandOption: true, describe: 'Folder with test files, or one file' })
    .option('policy', { type: 'string', describe: 'Judge by this policy in place of the one that the files name' })
    .option('output', { alias: 'o', type: 'string', choices: ['text', 'json', 'junit'], default: 'text' }) as unknown as Argv<T>;
}

async function test({ path, policy, output }: Test): Promise<void> {
  const tested = await testFolder(path, policy === undefined ? undefined : resolve(policy));
  process.stdout.write(output === 'json' ? toJson(tested) : output === 'junit' ? testJunit(tested) : testText(tested));
  process.exitCode = allPassed(tested) ? EXIT_CODE.ok : EXIT_CODE.denied;
}

function withExplain<T>(argv: Argv<T>): Argv<T> {
  return argv
    .positional('file', { type: 'string', demandOption: true, describe: 'Policy file, or a verdict.json of policy-check' })
    .option('rule', { type: 'string', describe: 'Only the rule with this id' })
    .option('output', { alias: 'o', type: 'string', choices: ['text', 'json'], default: 'text' }) as unknown as Argv<T>;
}

async function explain({ file, rule, output }: Explain): Promise<void> {
  const explained = await explainFile(file, rule);
  process.stdout.write(output === 'json' ? toJson(explained) : explainText(explained));
}

function withScan<T>(argv: Argv<T>): Argv<T> {
  return argv
    .option('cluster', { type: 'boolean', demandOption: true, describe: 'The cluster of your kubeconfig; needs the right to list pods' })
    .option('policy', { type: 'string', demandOption: true, describe: 'Policy file; key files that it names stand beside it' })
    .option('trusted-root', { type: 'string', describe: 'Sigstore trusted root (JSON); needed for log entries and identities' })
    .option('stage', { type: 'string', choices: ['build', 'deploy'], default: 'deploy', describe: 'Only rules of this stage are judged' })
    .option('namespace', { alias: 'n', type: 'string', describe: 'Only this namespace. Default: all' })
    .option('exclude-namespace', { type: 'string', array: true, nargs: 1, default: [], describe: 'Not this namespace; may be given several times' })
    .option('context', { type: 'string', describe: 'Context of the kubeconfig; default: the current one' })
    .option('kubeconfig', { type: 'string', describe: 'File; default: $KUBECONFIG, then ~/.kube/config' })
    .option('registry-credentials', { type: 'string', describe: 'Docker config file; default: that of $DOCKER_CONFIG or ~/.docker' })
    .option('insecure-registry', {
      type: 'string',
      array: true,
      nargs: 1,
      default: [],
      describe: 'host:port that is reached by plain HTTP; loopback always is',
    })
    .option('parallel', { type: 'number', default: 8, describe: 'How many images are judged at a time' })
    .option('output', { alias: 'o', type: 'string', choices: ['text', 'json'], default: 'text' })
    .option('json', { type: 'boolean', describe: 'The same as -o json' }) as unknown as Argv<T>;
}

async function scan(options: ScanOptions & { output: 'text' | 'json'; json: boolean | undefined }): Promise<void> {
  const { text, document, exitCode } = await scanCluster(options);
  process.stdout.write(options.json || options.output === 'json' ? toJson(document) : text);
  process.exitCode = exitCode;
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

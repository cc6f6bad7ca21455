// SPDX-License-Identifier: Apache-2.0
import { basename, dirname, join, resolve } from 'node:path';
import process from 'node:process';
import type { CommandModule } from 'yargs';
import { EXIT_CODE, inputError } from '../../lib/errors/errors.ts';
import { readBounded, readBoundedIfPresent } from '../../lib/files/bounded-read.ts';
import { createHttp } from '../../lib/http/http.ts';
import { createLogger } from '../../lib/log/log.ts';
import type { Verdict } from '../../lib/policy/verdict.ts';
import { VERDICT_FORMATS } from '../../lib/policy/verdict-formats.ts';
import { parseScanReport } from '../../lib/policy/vulnerability-report.ts';
import { sha256Digest } from '../../lib/reference/digest.ts';
import type { DigestReference } from '../../lib/reference/reference.ts';
import { createRegistry } from '../../lib/registry/client.ts';
import { dockerCredentials } from '../../lib/registry/credentials.ts';
import { parseTrustedRoot } from '../../lib/sigstore/trusted-root.ts';
import { VERDICT_FORMAT_NAMES, type VerdictFormat } from '../../lib/spec/verdict-format.ts';
import { VERSION } from '../../lib/step/version.ts';
import { identityPolicy } from '../../lib/verify/identity-policy.ts';
import { judgeArtifact } from '../../lib/verify/judge-artifact.ts';
import { keyPolicy } from '../../lib/verify/key-policy.ts';
import { type LoadedPolicy, loadPolicy } from '../../lib/verify/load-policy.ts';
import { publicKeyOf } from '../keys/public-key-of.ts';
import { connectServices, TRUSTED_ROOT_FILE } from '../services/services.ts';
import { openState, type State } from '../state/state.ts';
import { type Judged, judgedJson, judgedText, judgeMany } from '../verify/judge-many.ts';
import { readReferences } from '../verify/references.ts';

type Options = {
  state: string;
  references: string[];
  'references-from': string | undefined;
  policy: string | undefined;
  'trusted-root': string | undefined;
  stage: 'build' | 'deploy';
  'scan-report': string | undefined;
  'insecure-registry': string[];
  output: VerdictFormat;
  key: string | undefined;
  'insecure-ignore-tlog': boolean;
  'certificate-identity': string | undefined;
  'certificate-identity-regexp': string | undefined;
  'certificate-oidc-issuer': string | undefined;
  'certificate-oidc-issuer-regexp': string | undefined;
};

const MAX_FILE_BYTES = 64 * 1024 * 1024;

/** How the verdicts of several artifacts are written, a line for each. */
const MANY_FORMATS: Partial<Record<VerdictFormat, (judged: Judged) => string>> = { json: judgedJson, markdown: judgedText };

/** `supply-chain verify REFERENCE…`: the judgement of policy-check for any artifacts, from what their registries hold. */
export const verifyCommand: CommandModule<{ state: string }, Options> = {
  command: 'verify [references..]',
  describe: 'Judge the evidence of artifacts; the exit code is the verdict (0 passed, 20 failed), of several the worst',
  builder: (argv) =>
    argv
      .positional('references', { type: 'string', array: true, default: [], describe: 'repository[:tag]@sha256:digest' })
      .option('references-from', { type: 'string', describe: 'File with more of them, one a line' })
      .option('policy', { type: 'string', describe: 'Policy file; key files that it names stand beside it. Default: that of the laptop run' })
      .option('key', {
        type: 'string',
        describe: 'In place of a policy: signed, and logged, by this key: a PEM file, or a reference such as hashivault://KEY',
      })
      .option('insecure-ignore-tlog', { type: 'boolean', default: false, describe: 'With --key: a signature that is in no log is enough' })
      .option('certificate-identity', {
        type: 'string',
        describe: 'In place of a policy: signed, and logged, by whom a certificate names so (URI or email address). Needs an issuer and --trusted-root',
      })
      .option('certificate-identity-regexp', { type: 'string', describe: 'The same by a pattern, which must match all of it (cosign: a part)' })
      .option('certificate-oidc-issuer', { type: 'string', describe: 'Issuer of the token that the signer showed to the certificate authority' })
      .option('certificate-oidc-issuer-regexp', { type: 'string', describe: 'The same by a pattern, which must match all of it (cosign: a part)' })
      .option('trusted-root', { type: 'string', describe: 'Sigstore trusted root (JSON). Default: that of the embedded log' })
      .option('stage', { type: 'string', choices: ['build', 'deploy'], default: 'build', describe: 'Only rules of this stage are judged' })
      .option('scan-report', { type: 'string', describe: 'Vulnerability report (JSON of grype, trivy, osv-scanner, CycloneDX or SARIF)' })
      .option('insecure-registry', {
        type: 'string',
        array: true,
        nargs: 1,
        default: [],
        describe: 'host:port that is reached by plain HTTP; loopback always is',
      })
      .option('output', {
        alias: 'o',
        type: 'string',
        choices: VERDICT_FORMAT_NAMES,
        default: 'markdown',
        describe: 'Of several artifacts: json writes a line of JSON for each, without it a line for people',
      }) as never,
  handler: async (options) => {
    const images = await readReferences(options.references, options['references-from']);
    const writeLine = linesFor(options, images);
    const state = await openState(options.state);
    const log = createLogger({ write: (line) => process.stderr.write(line), format: 'text', now: () => new Date() });
    const policy = await readPolicy(options, state);
    // The embedded registry has to answer for images that lie in it; images elsewhere do not need it.
    const running = images.some(({ registry }) => registry.startsWith('127.0.0.1:')) ? await connectServices(state, log) : undefined;
    const http = createHttp({ log });
    try {
      const registry = createRegistry({
        http,
        credentials: await dockerCredentials({ env: process.env }),
        insecureRegistries: options['insecure-registry'],
        log,
      });
      const rootFile = options['trusted-root'] ?? join(state.trust, TRUSTED_ROOT_FILE);
      const rootBytes = options['trusted-root']
        ? await readBounded(rootFile, MAX_FILE_BYTES, 'trusted root')
        : await readBoundedIfPresent(rootFile, MAX_FILE_BYTES, 'trusted root');
      const trust = rootBytes && parseTrustedRoot(rootBytes.toString('utf8'));
      const scan = options['scan-report'] === undefined ? undefined : await readScan(options['scan-report']);
      const judge = async (image: DigestReference): Promise<Verdict> =>
        (await judgeArtifact({ registry, image, policy, trust, stage: options.stage, scan, now: new Date() })).verdict;
      if (writeLine) {
        process.exitCode = await judgeMany(images, judge, (judged) => process.stdout.write(writeLine(judged)));
        return;
      }
      const verdict = await judge(images[0] as DigestReference);
      process.stdout.write(VERDICT_FORMATS[options.output].write(verdict, VERSION));
      process.exitCode = verdict.outcome === 'passed' ? EXIT_CODE.ok : EXIT_CODE.denied;
    } finally {
      http.close();
      await running?.close();
    }
  },
};

/** The writer of lines for several artifacts; undefined for one. A list of one is a list. Throws input OUTPUT_FOR_ONE and SCAN_FOR_ONE for what speaks of one artifact alone. */
function linesFor(options: Options, images: readonly DigestReference[]): ((judged: Judged) => string) | undefined {
  if (images.length === 1 && options['references-from'] === undefined) return undefined;
  if (options['scan-report'] !== undefined) throw inputError('SCAN_FOR_ONE', 'a scan report is about one artifact, and several are to be verified');
  const write = MANY_FORMATS[options.output];
  if (write) return write;
  throw inputError('OUTPUT_FOR_ONE', `-o ${options.output} is for one artifact, and several are to be verified`, { hint: 'take -o json, or leave it out' });
}

/** The policy of the file, or the one that a key or identity on the command line amounts to. Throws input IDENTITY_UNCLEAR, and what `loadPolicy` and `publicKeyOf` throw. */
async function readPolicy(options: Options, state: State): Promise<LoadedPolicy> {
  const identity = {
    ...(options['certificate-identity'] !== undefined && { subject: options['certificate-identity'] }),
    ...(options['certificate-identity-regexp'] !== undefined && { subjectRegExp: options['certificate-identity-regexp'] }),
    ...(options['certificate-oidc-issuer'] !== undefined && { issuer: options['certificate-oidc-issuer'] }),
    ...(options['certificate-oidc-issuer-regexp'] !== undefined && { issuerRegExp: options['certificate-oidc-issuer-regexp'] }),
  };
  if (options.key !== undefined) {
    if (options.policy !== undefined || Object.keys(identity).length > 0)
      throw inputError('IDENTITY_UNCLEAR', 'a key was given on the command line, and a policy or certificate identity as well');
    return keyPolicy(await publicKeyOf(options.key), { logged: !options['insecure-ignore-tlog'] });
  }
  if (Object.keys(identity).length === 0) {
    const policyFile = resolve(options.policy ?? join(state.policy, 'policy.yaml'));
    return loadPolicy(dirname(policyFile), basename(policyFile), publicKeyOf);
  }
  const unclear =
    options.policy !== undefined
      ? '--policy names the signers itself'
      : options['trusted-root'] === undefined
        ? '--trusted-root must name the file that says which certificate authorities to believe'
        : undefined;
  if (unclear !== undefined) throw inputError('IDENTITY_UNCLEAR', `a certificate identity was given on the command line, and ${unclear}`);
  return identityPolicy(identity);
}

async function readScan(file: string): Promise<{ name: string; digest: string; report: ReturnType<typeof parseScanReport> }> {
  const bytes = await readBounded(file, MAX_FILE_BYTES, 'scan report');
  return { name: file, digest: sha256Digest(bytes), report: parseScanReport(bytes, file) };
}

// SPDX-License-Identifier: Apache-2.0
import process from 'node:process';
import type { Argv, CommandModule } from 'yargs';
import { createHttp } from '../../lib/http/http.ts';
import { createLogger } from '../../lib/log/log.ts';
import { type SignQuestion, signFile } from '../conformance/sign-file.ts';
import { type VerifyQuestion, verifyFile } from '../conformance/verify-file.ts';

type Base = { state: string };

/** `supply-chain conformance sign-bundle|verify-bundle`: the protocol of the suite sigstore-conformance (its docs/cli_protocol.md), so that the one verifier can be tried with its cases. */
export const conformanceCommand: CommandModule<Base, Base> = {
  command: 'conformance',
  describe: 'Sign and verify files as the test suite sigstore-conformance asks its clients to',
  builder: (argv: Argv<Base>) =>
    argv
      .option('staging', { type: 'boolean', default: false, describe: 'The staging instance of Sigstore', global: true })
      .option('bundle', { type: 'string', demandOption: true, requiresArg: true, describe: 'The Sigstore bundle', global: true })
      .option('trusted-root', { type: 'string', requiresArg: true, describe: 'Default: a copy of that of the public good instance', global: true })
      .command('sign-bundle <artifact>', 'Sign a file keyless and write the bundle', withSigning, (args) => sign(args as never))
      .command('verify-bundle <artifact>', 'Verify a bundle; exit code 0 when it proves that the expected one signed', withExpected, (args) =>
        verify(args as never),
      )
      .demandCommand(1, 'Say sign-bundle or verify-bundle.') as unknown as Argv<Base>,
  handler: () => {},
};

function withSigning<T>(argv: Argv<T>): Argv<T> {
  return argv
    .positional('artifact', { type: 'string', demandOption: true, describe: 'The file to sign' })
    .option('identity-token', { type: 'string', demandOption: true, requiresArg: true, describe: 'OpenID Connect token for the certificate authority' })
    .option('signing-config', { type: 'string', requiresArg: true, describe: 'Sigstore signing config v0.2: where to sign' })
    .option('in-toto', { type: 'boolean', default: false, describe: 'The file is an in-toto statement, which goes into an envelope' }) as unknown as Argv<T>;
}

function withExpected<T>(argv: Argv<T>): Argv<T> {
  return argv
    .positional('artifact', { type: 'string', demandOption: true, describe: 'A file, or the digest of one: sha256:<64 hex digits>' })
    .option('certificate-identity', { type: 'string', requiresArg: true, describe: 'Whom the certificate has to name (URI or email address)' })
    .option('certificate-oidc-issuer', { type: 'string', requiresArg: true, describe: 'Issuer of the token that the signer showed' })
    .option('key', { type: 'string', requiresArg: true, describe: 'Public key file (PEM), in place of an identity' }) as unknown as Argv<T>;
}

async function sign(question: SignQuestion): Promise<void> {
  const log = createLogger({ write: (line) => process.stderr.write(line), format: 'text', now: () => new Date() });
  const http = createHttp({ log });
  try {
    const finding = await signFile(question, { http, now: () => new Date() });
    console.log(
      `${question.artifact} is signed; the bundle is ${question.bundle}${'entry' in finding ? `, its log entry ${finding.entry.index} of ${finding.entry.log}` : ''}`,
    );
  } finally {
    http.close();
  }
}

async function verify(question: VerifyQuestion): Promise<void> {
  const { signers, log, time } = await verifyFile(question);
  const [signer] = signers;
  const entry = 'entry' in log ? `, logged as ${log.entry.index} in ${log.entry.log}` : '';
  console.log(`${question.artifact} is signed by ${signer?.name}${entry}${time ? `, at ${time.at.toISOString()} at the latest` : ''}`);
}

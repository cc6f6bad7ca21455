// SPDX-License-Identifier: Apache-2.0
import process from 'node:process';
import yargs from 'yargs';
import { ARCHITECTURES, type Architecture } from '../../images/builder/base.ts';
import { inputError } from '../../lib/errors/errors.ts';
import { tellFailure } from '../../lib/log/tell-failure.ts';
import { VERSION } from '../../lib/step/version.ts';
import { makeBase } from './base.ts';
import { makeImages } from './build.ts';
import { PROJECT } from './place.ts';

/** `npm run images`: the images of the suite from their Dockerfiles, without a container engine. */
async function main(): Promise<void> {
  const parser = yargs(process.argv.slice(2))
    .scriptName('npm run images --')
    .usage('$0 [options]\n\nBuilds images/*/Dockerfile into a reproducible OCI layout for linux/amd64 and linux/arm64.')
    .version(false)
    .option('output', { type: 'string', default: 'dist/images', describe: 'Folder of the OCI layout' })
    .option('load', { type: 'string', describe: 'Load the images into the engine at this Unix socket, by default that of DOCKER_HOST or /var/run/docker.sock' })
    .option('archive', { type: 'string', describe: 'Write a tar that "docker load" reads' })
    .option('repository', { type: 'string', default: 'ghcr.io/tekton-supply-chain', describe: 'Registry and path of the tags that an engine gets' })
    .option('platform', { type: 'string', array: true, choices: ARCHITECTURES.map((one) => `linux/${one}`), describe: 'Build only for this platform' })
    .option('lock', { type: 'string', describe: 'Lock file of the Debian packages of the local base, in place of images/base/debian.lock.json' })
    .command(
      '$0',
      'Build all images, or those named with --only',
      (argv) =>
        argv
          .option('only', { type: 'string', array: true, describe: 'Names of images' })
          .option('base', {
            type: 'string',
            describe: 'Base image by digest (a release: distroless Node 24); made here from Debian and npm packages when not given',
          })
          .option('push', { type: 'string', describe: 'Push to this registry and path, e.g. registry.example.com/supply-chain' })
          .option('insecure-registry', { type: 'string', array: true, default: [] as string[], describe: 'host:port that is spoken to in plain HTTP' })
          .option('digests', { type: 'string', default: 'dist/digests.json', describe: 'File for the digests, for "supply-chain catalog render --digests"' })
          .option('context', { type: 'string', default: PROJECT, describe: 'Folder with images/ and all that their Dockerfiles copy' })
          .option('revision', { type: 'string', describe: 'Commit that the images are built from, for their annotations' }),
      (argv) => makeImages({ ...argv, version: VERSION, architectures: architecturesOf(argv.platform), insecureRegistries: argv['insecure-registry'] }),
    )
    .command(
      'base',
      'Make the local base alone',
      (argv) => argv.option('refresh', { type: 'boolean', default: false, describe: 'Lock the newest Debian packages that the mirrors of this machine have' }),
      (argv) => makeBase({ ...argv, version: VERSION, architectures: architecturesOf(argv.platform) }),
    )
    .strict()
    .wrap(Math.min(140, process.stdout.columns ?? 100))
    .exitProcess(false)
    .fail((message, error) => {
      throw error ?? inputError('USAGE', message, { hint: 'npm run images -- --help lists the options' });
    });
  try {
    await parser.parseAsync();
  } catch (thrown) {
    tellFailure(thrown);
  }
}

function architecturesOf(platforms: readonly string[] | undefined): readonly Architecture[] {
  return platforms === undefined ? ARCHITECTURES : ARCHITECTURES.filter((one) => platforms.includes(`linux/${one}`));
}

await main();

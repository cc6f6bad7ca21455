// SPDX-License-Identifier: Apache-2.0

/** Programs of the suite and the Debian packages that bring them. */
export const IMAGE_TOOLS = { dockerd: 'docker.io', 'qemu-aarch64': 'qemu-user' } as const;
/** Two clients named docker can be on PATH; Debian's fits its engine. */
export const DOCKER = '/usr/bin/docker';

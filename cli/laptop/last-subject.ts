// SPDX-License-Identifier: Apache-2.0

/** File in the state folder with the digest reference of the artifact that the last laptop run spoke about. */
export const LAST_SUBJECT_FILE = 'last-subject';

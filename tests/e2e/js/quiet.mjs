// SPDX-License-Identifier: Apache-2.0
// Imported first: the SDK takes hold of the console's functions when it is loaded. LARES_VERBOSE lets it speak.
if (!process.env.LARES_VERBOSE) {
  for (const level of ["log", "trace", "debug", "info", "warn", "error"]) {
    console[level] = () => {};
  }
}

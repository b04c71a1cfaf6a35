// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Marks what crosses a library border. Everything is compiled with hidden visibility; a class with a vtable,
/// an exception type, and each function that another library calls carries this mark and has its home in
/// liblares.so.
#define LARES_EXPORT __attribute__((visibility("default")))

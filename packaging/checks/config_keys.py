#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whether every configuration key that is declared is read somewhere: a key that nobody reads promises what is not there.

The keys are those of the generated reference. A key is read where its path stands in the code beside its declaration, or
the two halves of its path do, which a function puts together (rc_login.address and .per_second)."""

import re
import sys

import tree

REFERENCE = "docs/reference/configuration.md"
ROW = re.compile(r"^\| `([^`]+)` \| ([^|]+) \|.*\| ([^|]+) \|$", re.M)
LITERAL = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
# .path = "KEY" of a ConfigKey, and helpers that take the path, then the type.
DECLARATION = re.compile(r'\.path\s*=\s*[^,;{}()]*$|(?<![\w.>])(?:key|add)\(\s*(?:"[a-z_.]*"\s*\+[^,;]*)?$')


def texts_outside_declarations():
    texts = set()
    for path in tree.cxx_files("daemon/", "plugins/", "sdk/"):
        if path.endswith("_test.cpp") or path.startswith(("sdk/examples/", "daemon/ctl/")):
            continue
        code = tree.code(path)
        for found in LITERAL.finditer(code):
            before = code[max(0, found.start() - 200):found.start()]
            if not DECLARATION.search(before):
                texts.add(found.group(1))
    return texts


def is_read(key, texts):
    if key in texts:
        return True
    # Entries of lists and values of maps are read by the last name, of what was taken out of the whole.
    if "[]" in key or "*" in key:
        name = key.rpartition(".")[2]
        return name == "*" or name in texts
    for at in (match.start() for match in re.finditer(r"\.", key)):
        if (key[:at] in texts and key[at:] in texts) or (key[:at + 1] in texts and key[at + 1:] in texts):
            return True
    return False


def main():
    texts = texts_outside_declarations()
    rows = ROW.findall(tree.text(REFERENCE))
    if not rows:
        print("%s holds no key" % REFERENCE)
        return 1
    faults = ["%s: nobody reads %s" % (REFERENCE, key) for key, kind, meaning in rows
              if kind != "a mapping" and "without effect" not in meaning and not is_read(key, texts)]
    return tree.finish(faults, "Read them, or take their declarations out.")


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who may include whom: the table of docs/contributing.md, checked over the sources."""

import os
import re
import sys

import tree

# An area is a folder whose files may include each other; each may include what stands beside it and nothing else.
# "sdk" are the public headers of liblares, "sdk/module" those of the stable module ABI.
TABLE = {
    "sdk": {"sdk/module"},
    "sdk/module": set(),
    "sdk/examples": {"sdk/module"},
    "daemon/observe": {"sdk"},
    "daemon/config": {"sdk"},
    "daemon/http": {"sdk", "daemon/config", "daemon/observe"},
    "daemon/host": {"sdk", "sdk/module", "daemon/config", "daemon/http", "daemon/observe"},
    "daemon/ctl": {"sdk", "daemon/config", "daemon/http", "daemon/host", "daemon/observe"},
    "plugins/*": {"sdk"},
    "modules/*": {"sdk/module"},
    "tests": None,
}

# A library of others belongs to the folders that need it. Whatever is not named here is free for all but modules.
OWNERS = {
    r"pqxx/|libpq": ["plugins/storage/postgres/"],
    r"sqlite3": ["plugins/storage/sqlite/"],
    r"hiredis/": ["plugins/transport/redis/"],
    r"yaml-cpp/": ["daemon/config/"],
    r"spdlog/": ["sdk/src/base/"],
    r"boost/beast": ["daemon/http/", "sdk/src/http/", "sdk/src/async/"],
    r"boost/asio/ssl": ["daemon/http/", "sdk/src/http/", "sdk/src/async/", "plugins/transport/redis/"],
    r"openssl/": ["sdk/src/", "daemon/http/"],
    # A keyed hash for the limiter's buckets, and Argon2id where passwords are hashed.
    r"sodium": ["sdk/src/", "plugins/identity/", "daemon/http/rate_limits.cpp", "daemon/ctl/hash_password.cpp"],
    r"crypt\.h": ["plugins/identity/"],
    r"re2/": ["sdk/src/"],
    r"zlib\.h": ["daemon/http/", "sdk/src/http/"],
}

# Each costs whoever includes the header a second or more.
NOT_IN_PUBLIC_HEADERS = re.compile(r"nlohmann/json\.hpp|boost/beast|boost/asio\.hpp|yaml-cpp/|pqxx/|spdlog/|sqlite3")

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)


def area(path):
    parts = path.split("/")
    if parts[0] == "sdk":
        return "/".join(parts[:2]) if parts[1] in ("module", "examples") else "sdk"
    if parts[0] == "plugins":
        # plugins/identity is a plugin, plugins/streams/typing another.
        return "/".join(parts[:2]) if len(parts) == 3 or parts[1] == "identity" else "/".join(parts[:3])
    if parts[0] in ("daemon", "modules"):
        return "/".join(parts[:2])
    return parts[0]


def allowed(of):
    for pattern in (of, of.split("/")[0] + "/*"):
        if pattern in TABLE:
            return TABLE[pattern]
    return set()


def resolve(path, quoted, name, known):
    """The file of the tree that an include means; None for one of others."""
    roots = ["sdk/include", "sdk/module/include", "sdk/src", "daemon", "plugins", "modules", "tests/include", "tests", ""]
    folder = os.path.dirname(path)
    places = [folder] if quoted else []
    # A plugin's own folder may be a root for itself.
    places += roots + [area(path)]
    for place in places:
        candidate = os.path.normpath(os.path.join(place, name))
        if candidate in known:
            return candidate
    return None


def main():
    known = set(tree.files())
    faults = []
    for path in tree.cxx_files("sdk/", "daemon/", "plugins/", "modules/"):
        own = area(path)
        content = tree.code(path)
        for match in INCLUDE.finditer(content):
            quoted, name = match.group(1) == '"', match.group(2)
            where = "%s:%d" % (path, tree.line_of(content, match.start()))
            target = resolve(path, quoted, name, known)
            test = path.endswith("_test.cpp")
            if target is None:
                owners = next((places for pattern, places in OWNERS.items() if re.match(pattern, name)), None)
                if owners and not path.startswith(tuple(owners)):
                    faults.append("%s: <%s> belongs to %s" % (where, name, ", ".join(owners)))
                if path.startswith(("sdk/include/", "sdk/module/")) and NOT_IN_PUBLIC_HEADERS.match(name):
                    faults.append("%s: <%s> is too heavy for a public header; include it in the .cpp" % (where, name))
                if own.startswith("modules/") and "/" in name and not name.startswith(("lares/module/", "gtest/")):
                    # A module may bring a library of its own, but nothing of ours under whatever name.
                    if name.startswith("lares/"):
                        faults.append("%s: a module includes <lares/module/...> alone, not <%s>" % (where, name))
                continue
            other = area(target)
            if other == own:
                if target.startswith("sdk/src/") and path.startswith("sdk/include/"):
                    faults.append("%s: a public header includes the private %s" % (where, target))
                continue
            if test and other == "tests":
                continue
            if other == "sdk" and target.startswith("sdk/src/"):
                faults.append("%s: %s is private to liblares" % (where, target))
            elif other not in (allowed(own) or set()):
                may = ", ".join(sorted(allowed(own))) or "nothing else of the tree"
                faults.append("%s: %s may not include %s of %s; it may include %s" % (where, own, name, other, may))
    tree.finish(faults, "The table stands in packaging/checks/includes.py; the reasons in docs/contributing.md.")


if __name__ == "__main__":
    sys.exit(main())

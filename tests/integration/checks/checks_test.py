# SPDX-License-Identifier: Apache-2.0
"""The checks over the sources find what they are there for: each fault is planted into a small tree and has to be seen."""

import json
import os
import shutil
import subprocess
import tempfile
import unittest

from lares_test.server import source_dir

LICENCE = "// SPDX-License-Identifier: Apache-2.0\n"

# Calls that a plugin may not make, and a part of what is said about them.
CALLS = {
    "auto t = std::chrono::steady_clock::now();": "ask the Runtime for the time",
    "using Clock = std::chrono::system_clock; auto t = Clock::now();": "ask the Runtime for the time",
    "auto t = std::time(nullptr);": "ask the Runtime for the time",
    "std::time_t t; ::time(&t);": "ask the Runtime for the time",
    "timespec t; clock_gettime(CLOCK_REALTIME, &t);": "ask the Runtime for the time",
    "int r = std::rand();": "RandomSource",
    "std::random_device device;": "RandomSource",
    "std::minstd_rand engine;": "RandomSource",
    "boost::asio::steady_timer timer(io);": "timers from the Runtime",
    "std::this_thread::sleep_for(pause);": "await a timer",
    "boost::asio::ip::tcp::resolver resolver(io);": "resolve names",
    "getaddrinfo(host, port, &hints, &result);": "resolve names",
    "boost::asio::ip::tcp::socket socket(io);": "lares::http::Client",
    "co_spawn(io, task(), boost::asio::detached);": "TaskGroup",
    "std::mutex mutex;": "actor",
    "std::jthread thread(work);": "named pool",
    "auto later = std::async(work);": "named pool",
    'dlopen("x.so", RTLD_NOW);': "the host loads libraries",
    'getenv("HOME");': "configuration key",
}

# What looks like one of them and is none.
INNOCENT = [
    "auto t = runtime.now_ms();", "event.time();", "// std::mutex is not for plugins", 'log.info("std::rand()");',
    "auto t = row.time(0);", "co_await runtime.sleep_for(pause);", "operand(1);",
]

# Includes: from which file, of what, and whether it may.
INCLUDES = [
    ("plugins/streams/typing/planted.cpp", "<http/gate.hpp>", False),
    ("plugins/streams/typing/planted.cpp", '"../presence/presence.hpp"', False),
    ("plugins/streams/typing/planted.cpp", "<lares/http/router.hpp>", True),
    ("plugins/streams/typing/planted.cpp", "<pqxx/pqxx>", False),
    ("daemon/http/planted.cpp", "<host/host.hpp>", False),
    ("daemon/http/planted.cpp", '"../host/host.hpp"', False),
    ("daemon/http/planted.cpp", "<http/gate.hpp>", True),
    ("daemon/config/planted.cpp", "<yaml-cpp/yaml.h>", True),
    ("daemon/host/planted.cpp", "<yaml-cpp/yaml.h>", False),
    ("sdk/src/http/planted.cpp", "<http/gate.hpp>", False),
    ("modules/guard/planted.cpp", "<lares/http/router.hpp>", False),
    ("modules/guard/planted.cpp", "<lares/module/abi.h>", True),
    ("sdk/include/lares/http/planted.hpp", "<nlohmann/json.hpp>", False),
]

HEADERS = ["daemon/http/gate.hpp", "daemon/host/host.hpp", "daemon/config/path.hpp", "daemon/ctl/command.hpp",
           "daemon/observe/log.hpp", "plugins/streams/presence/presence.hpp", "plugins/streams/typing/typing.hpp",
           "sdk/include/lares/http/router.hpp", "sdk/module/include/lares/module/abi.h", "modules/guard/pattern.hpp"]


class Checks(unittest.TestCase):
    def setUp(self):
        self.root = os.path.realpath(tempfile.mkdtemp(prefix="lares-checks-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, self.root)
        shutil.copytree(os.path.join(source_dir(), "packaging", "checks"), os.path.join(self.root, "packaging", "checks"))
        for header in HEADERS:
            self.write(header, "")

    def write(self, path, content):
        place = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "w") as file:
            file.write(LICENCE + content + "\n")

    def check(self, name, *arguments):
        done = subprocess.run([os.path.join(self.root, "packaging", "checks", name), *arguments], capture_output=True,
                              text=True, timeout=60)
        return done.returncode, done.stdout + done.stderr

    def test_calls_that_belong_elsewhere_are_found(self):
        for call, remedy in CALLS.items():
            with self.subTest(call):
                self.write("plugins/streams/typing/planted.cpp", "void f() { %s }" % call)
                code, text = self.check("calls.py")
                self.assertEqual(code, 1)
                self.assertIn("plugins/streams/typing/planted.cpp:2: ", text)
                self.assertIn(remedy, text)

    def test_what_only_looks_like_one_is_let_pass(self):
        self.write("plugins/streams/typing/planted.cpp", "\n".join(INNOCENT))
        self.assertEqual(self.check("calls.py"), (0, ""))

    def test_forbidden_includes_are_found_and_no_others(self):
        for path, name, allowed in INCLUDES:
            with self.subTest("%s includes %s" % (path, name)):
                self.write(path, "#include " + name)
                code, text = self.check("includes.py")
                self.assertEqual(code, 0 if allowed else 1, text)
                if not allowed:
                    self.assertIn(path + ":2: ", text)
                os.remove(os.path.join(self.root, path))

    def test_a_plugin_that_needs_what_is_above_it_is_found(self):
        def plugin(folder, provides, needs):
            arrays = [("kProvides", provides), ("kNeeds", needs)]
            self.write(folder + "/plugin.cpp", "\n".join(
                "constexpr const char* %s[] = {%s};" % (name, ", ".join(['"%s"' % one for one in ids] + ["nullptr"]))
                for name, ids in arrays))
        plugin("plugins/streams/events", ["lares.rooms/1"], ["lares.storage.database/1"])
        plugin("plugins/streams/typing", [], ["lares.rooms/1"])
        self.assertEqual(self.check("layers.py"), (0, ""))
        plugin("plugins/identity", [], ["lares.rooms/1"])
        code, text = self.check("layers.py")
        self.assertEqual(code, 1)
        self.assertIn("plugins/identity/plugin.cpp: a plugin of identity needs lares.rooms/1", text)

    def test_a_folder_of_sources_without_a_readme_is_found(self):
        self.write("plugins/streams/typing/CMakeLists.txt", "lares_plugin(SOURCES planted.cpp)")
        self.write("plugins/streams/CMakeLists.txt", "add_subdirectory(typing)")
        self.write("plugins/CMakeLists.txt", "add_subdirectory(streams)")
        self.write("CMakeLists.txt", "add_subdirectory(plugins)")
        self.write("plugins/streams/typing/planted.cpp", "void f() {}")
        code, text = self.check("listed.py")
        self.assertEqual((code, text.splitlines()[0]), (1, "plugins/streams/typing: no README.md says what is here"))
        self.write("plugins/streams/typing/README.md", "# typing")
        self.assertEqual(self.check("listed.py"), (0, ""))

    def test_a_configuration_key_that_nobody_reads_is_found(self):
        self.write("docs/reference/configuration.md", "".join(
            "| `%s` | a text | not set | live | What it means. |\n" % key
            for key in ("read", "unread", "rules[].action", "rules[].unread", "rc_login.per_second", "rc_login.unread")))
        self.write("plugins/a/plugin.cpp", LICENCE + """
void declare(Declarations& declarations) {
  declarations.config({.path = "read", .type = ConfigType::String});
  declarations.config({.path = "unread", .type = ConfigType::String});
  declarations.config({.path = "rules[].action"});
  declarations.config({.path = "rules[].unread"});
}
// config.string("unread") in a comment reads nothing.
void read(const Config& config, const json& rule) {
  use(config.string("read"), rule.at("action"), config.number(std::string("rc_login") + ".per_second"));
}
""")
        code, text = self.check("config_keys.py")
        self.assertEqual(code, 1)
        self.assertEqual([line.rpartition(" ")[2] for line in text.splitlines()[:-1]],
                         ["unread", "rules[].unread", "rc_login.unread"])

    def paths(self, **extra):
        """paths.py on commands as the build makes them; `extra` are include paths that an area has besides."""
        build = os.path.join(self.root, "build")
        roots = {}
        for folder in ("config", "ctl", "host", "http", "observe"):
            roots[folder] = os.path.join(build, "include", folder)
            os.makedirs(roots[folder], exist_ok=True)
            if not os.path.islink(os.path.join(roots[folder], folder)):
                os.symlink(os.path.join(self.root, "daemon", folder), os.path.join(roots[folder], folder))
        sdk = [os.path.join(self.root, "sdk/include"), os.path.join(self.root, "sdk/module/include")]
        commands = {"sdk/src/http/client.cpp": sdk, "plugins/streams/typing/plugin.cpp": sdk,
                    "modules/guard/guard.cpp": [sdk[1]]}
        for folder, others in {"config": [], "observe": [], "http": ["config", "observe"], "host": ["config", "http"],
                               "ctl": ["config", "host", "http"]}.items():
            commands["daemon/%s/source.cpp" % folder] = sdk + [roots[one] for one in [folder, *others]]
        entries = []
        for path, include in commands.items():
            self.write(path, "")
            include = include + [os.path.join(self.root, one) for one in extra.get(path.split("/")[0], [])]
            entries.append({"directory": build, "file": os.path.join(self.root, path),
                            "command": "ccache clang++-19 %s -o x.o -c %s" % (
                                " ".join("-I" + one for one in include), os.path.join(self.root, path))})
        with open(os.path.join(build, "compile_commands.json"), "w") as file:
            json.dump(entries, file)
        return self.check("paths.py", build)

    def test_include_paths_that_reach_too_far_are_found(self):
        self.assertEqual(self.paths(), (0, ""))
        code, text = self.paths(plugins=["daemon"])
        self.assertEqual(code, 1)
        self.assertIn("plugins/streams/typing finds headers of daemon/http", text)
        code, text = self.paths(daemon=["daemon"])
        self.assertEqual(code, 1)
        self.assertIn("daemon/http finds headers of daemon/host", text)
        code, text = self.paths(modules=["sdk/include"])
        self.assertEqual(code, 1)
        self.assertIn("modules/guard finds headers of sdk", text)

    def symbols(self, folder, source):
        """symbols.py on a build with one library made of this source."""
        build = os.path.join(self.root, "built")
        shutil.rmtree(build, ignore_errors=True)
        place = os.path.join(build, "lib", "lares", folder)
        os.makedirs(place)
        self.write("library.cpp", source)
        subprocess.run(["clang++-19", "-shared", "-fPIC", "-fvisibility=hidden", os.path.join(self.root, "library.cpp"), "-o",
                        os.path.join(place, "library.so")], check=True, timeout=60)
        return self.check("symbols.py", build)

    def test_what_a_library_should_not_export_or_keep_is_found(self):
        shown = '__attribute__((visibility("default")))'
        descriptor = 'extern "C" %s const int lares_plugin_descriptor = 1;\n' % shown
        quiet = descriptor + "namespace lares { namespace { int next() { static int last = 0; return ++last; } } }\n"
        self.assertEqual(self.symbols("plugins", quiet), (0, ""))
        for source, remedy in {
                "": "no lares_plugin_descriptor",
                descriptor + "%s int helper() { return 1; }" % shown: "hidden visibility or a home in liblares",
                descriptor + "namespace lares { struct %s Shown { virtual ~Shown() {} }; Shown* f() { return new Shown; } }"
                % shown: "out-of-line destructor in liblares",
                descriptor + "namespace lares { int number(); namespace { int table = number(); } int f() { return ++table; } }":
                    "has lares::(anonymous namespace)::table at namespace scope"}.items():
            with self.subTest(remedy):
                code, text = self.symbols("plugins", source)
                self.assertEqual(code, 1)
                self.assertIn(remedy, text)
        entry = 'extern "C" %s const int lares_module_entry = 1;\n' % shown
        self.assertEqual(self.symbols("modules", entry), (0, ""))
        code, text = self.symbols("modules", entry + "%s int helper() { return 1; }" % shown)
        self.assertEqual(code, 1)
        self.assertIn("a module exports its entry alone", text)


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: Apache-2.0
"""Every way of being a bad plugin, and the sentence that an administrator reads about it."""

import json
import os
import shutil
import subprocess
import tempfile
import unittest

from lares_test.server import build_dir

LARESD = os.path.join(build_dir(), "bin", "laresd")
LIBRARIES = os.path.join(build_dir(), "tests", "host")


def library(folder, name=None):
    return os.path.join(LIBRARIES, folder, (name or folder) + ".so")


class Refusals(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="lares-refusals-", dir="/tmp")
        self.addCleanup(shutil.rmtree, self.folder)

    def run_laresd(self, *arguments, cwd=None):
        return subprocess.run([LARESD, *arguments], capture_output=True, text=True, timeout=60, cwd=cwd)

    def check(self, file, cwd=None):
        """Runs the load test; gives its exit code and everything that it said."""
        result = self.run_laresd("--check-plugin", file, cwd=cwd)
        return result.returncode, result.stdout + result.stderr

    def start(self, *folders, check_only=False, **settings):
        """Starts a server with these plugin folders and this configuration besides; it must end by itself."""
        config = os.path.join(self.folder, "homeserver.yaml")
        with open(config, "w") as file:
            json.dump({"server_name": "hs.test", "signing_key_path": os.path.join(self.folder, "signing.key"),
                       "listeners": [{"path": os.path.join(self.folder, "socket"), "type": "http",
                                      "resources": [{"names": ["client"]}]}], **settings}, file)
        os.chmod(config, 0o600)
        arguments = ["--config-path", config]
        for folder in folders:
            arguments += ["--plugin-folder", folder]
        result = self.run_laresd(*arguments, *(["--check-config"] if check_only else []))
        return result.returncode, result.stderr

    def refused(self, outcome, *parts, code=78):
        self.assertEqual(outcome[0], code, outcome[1])
        for part in parts:
            self.assertIn(part, outcome[1])

    def test_a_file_that_is_no_library(self):
        file = os.path.join(self.folder, "text.so")
        with open(file, "w") as f:
            f.write("This is no library.")
        self.refused(self.check(file), file + ": is no ELF file. Remove it, or install the package it came from again.")
        self.refused(self.start(self.folder), file + ": is no ELF file.")

    def test_a_library_that_was_cut_short(self):
        file = os.path.join(self.folder, "wrong_name.so")
        with open(library("wrong_name"), "rb") as whole, open(file, "wb") as part:
            part.write(whole.read()[:3000])
        self.refused(self.check(file), file + ": is an ELF file that was cut short. Remove it, or install")

    def test_a_library_without_a_descriptor(self):
        file = library("no_descriptor")
        self.refused(self.check(file), file + ": is a shared library without a Lares plugin descriptor.", "move it elsewhere")

    def test_another_build_before_its_code_runs(self):
        code, text = self.check(library("other_build"))
        self.refused((code, text), library("other_build") + ": it comes from another build", "lares 0.0.1, another compiler",
                     "Install plugins and server from the same build")
        self.assertNotIn("code of another build ran", text)

    def test_another_abi_before_its_code_runs(self):
        code, text = self.check(library("other_abi"))
        self.refused((code, text), library("other_abi") + ": it was built for plugin ABI 2, and this is ABI 1", "of the same release")
        self.assertNotIn("code of another ABI ran", text)

    def test_an_undefined_symbol(self):
        self.refused(self.check(library("undefined_symbol")),
                     library("undefined_symbol") + ': it needs "lares::not_in_this_release(int)", which neither Lares nor '
                     "its libraries have. Install it, the server and the libraries of the same release.")

    def test_a_note_without_the_symbol(self):
        self.refused(self.check(library("no_symbol")), library("no_symbol") + ": it has a note but does not export "
                     "`lares_plugin_descriptor`. Export the descriptor with LARES_PLUGIN")

    def test_a_descriptor_that_contradicts_the_note(self):
        self.refused(self.check(library("contradicts_note")), library("contradicts_note") + ": its descriptor contradicts "
                     "its note", "install it again")

    def test_another_name_than_the_files(self):
        self.refused(self.check(library("wrong_name")), library("wrong_name") + ': it calls itself "right_name". Rename it '
                     "to right_name.so")

    def test_tables_without_an_end(self):
        self.refused(self.check(library("bad_tables")), library("bad_tables") + ": ", "forever")

    def test_a_need_that_nobody_provides(self):
        self.refused(self.start(os.path.dirname(library("missing_need"))),
                     library("missing_need") + ': the plugin "missing_need" needs nobody.has-it/1, which no installed '
                     "plugin provides. Install the one that does, or remove this one.")

    def test_a_circle_of_needs(self):
        self.refused(self.start(os.path.join(LIBRARIES, "circle")),
                     library("circle", "needs_a") + ", " + library("circle", "needs_b") +
                     ": these plugins need each other in a circle: needs_a needs needs_b needs needs_a. One of them has "
                     "to look the other up at the call (`uses`): install plugins of one release.")

    def test_a_constructor_that_throws(self):
        self.refused(self.start(os.path.dirname(library("throws_in_constructor"))),
                     library("throws_in_constructor") + ': the plugin "throws_in_constructor" cannot be constructed: '
                     "the moon is full.", "install it and the server again from one release", code=1)

    def test_a_constructor_that_throws_no_exception(self):
        self.refused(self.start(os.path.dirname(library("throws_a_number"))),
                     library("throws_a_number") + ': the plugin "throws_a_number" cannot be constructed, and does not say why.',
                     "install it and the server again from one release", code=1)

    def test_a_declaration_that_throws(self):
        self.refused(self.start(os.path.dirname(library("declare_throws"))), library("declare_throws") +
                     ": its declarations are refused: the sun is down Install plugins and server of one release.")

    def test_a_declaration_that_throws_no_exception(self):
        sentence = (library("declare_throws_a_number") + ": its declarations are refused, and it does not say why. Install "
                    "plugins and server of one release.")
        self.refused(self.start(os.path.dirname(library("declare_throws_a_number"))), sentence)
        self.refused(self.check(library("declare_throws_a_number")), sentence)

    def test_a_declaration_that_contradicts_anothers(self):
        self.refused(self.start(os.path.dirname(library("contradicts_key"))), library("contradicts_key") + ": its declarations "
                     "are refused: configuration key pid_file is declared by host and, differently, by contradicts_key")

    def test_a_descriptor_without_functions(self):
        self.refused(self.check(library("no_create")), library("no_create") + ": its descriptor has no `create` or no "
                     "`destroy`. Correct the plugin and build it again.")

    def test_a_start_that_fails_names_the_plugin_and_may_be_tried_again(self):
        self.refused(self.start(os.path.dirname(library("fails_to_start"))),
                     library("fails_to_start") + ': the plugin "fails_to_start" cannot start: the database does not '
                     "answer", code=1)

    def test_a_plugin_that_makes_nothing(self):
        self.refused(self.start(os.path.dirname(library("gives_no_plugin"))),
                     library("gives_no_plugin") + ': the plugin "gives_no_plugin" was not constructed',
                     "install it and the server again from one release")

    def test_a_service_that_the_descriptor_hides(self):
        self.refused(self.start(os.path.dirname(library("provides_in_secret"))),
                     library("provides_in_secret") + ': the plugin "provides_in_secret" provides secret/1, which its '
                     "descriptor does not say", "Add it to `provides` and build it again.")

    def test_two_of_one_name(self):
        self.refused(self.start(os.path.join(LIBRARIES, "twin_one"), os.path.join(LIBRARIES, "twin_two")),
                     'twin_two/twin.so: a plugin "twin" is in', "twin_one too. Remove one of them.")

    def test_two_providers_of_one_service(self):
        self.refused(self.start(os.path.join(LIBRARIES, "two_providers")),
                     library("two_providers", "provides_one_too") + ': the plugin "provides_one_too" cannot be constructed: '
                     'Both "provides_one" and "provides_one_too" provide throne/1. Only one of them can be active: remove one')

    def test_a_folder_that_is_named_twice_counts_once(self):
        link = os.path.join(self.folder, "link")
        folder = os.path.dirname(library("fails_to_start"))
        os.symlink(folder, link)
        code, text = self.start(folder, folder + "/", link)
        self.refused((code, text), "the database does not answer", code=1)
        self.assertNotIn("too. Remove one of them", text)

    def test_a_relative_path(self):
        file = library("wrong_name")
        self.refused(self.check(os.path.basename(file), cwd=os.path.dirname(file)),
                     "it is a relative path", "Name it by its full path.")
        self.refused(self.start("plugins"), "plugin folders are named by their full path")

    def test_a_link_that_leads_out_of_the_folder(self):
        link = os.path.join(self.folder, "waiting.so")
        os.symlink(library("waiting"), link)
        self.refused(self.start(self.folder), link + ": it leads to", "outside the configured folders")

    def test_a_file_that_anyone_can_write(self):
        file = os.path.join(self.folder, "waiting.so")
        shutil.copy(library("waiting"), file)
        os.chmod(file, 0o777)
        self.refused(self.start(self.folder), file + ": anyone on this machine can write to it. Run: chmod o-w")

    def test_a_folder_that_is_not_there(self):
        self.refused(self.start("/nowhere/plugins"), "/nowhere/plugins: the plugin folder cannot be read")

    def test_folders_without_a_plugin(self):
        self.refused(self.start(self.folder), self.folder + ": there is no plugin here, and without any nothing is served. "
                     "Correct `plugin_folders` or install Lares again.")

    def test_a_module_in_the_plugin_folder(self):
        file = os.path.join(self.folder, "invite_guard.so")
        shutil.copy(os.path.join(build_dir(), "lib", "lares", "modules", "invite_guard.so"), file)
        self.refused(self.start(self.folder), file + ": it is a module, not a plugin of the server. Move it to the modules")

    def test_an_app_that_is_not_installed(self):
        key = os.path.join(self.folder, "signing.key")
        with open(key, "w") as file:
            file.write("ed25519 a_1 %s\n" % ("A" * 43))
        os.chmod(key, 0o600)
        outcome = self.start(
            os.path.join(build_dir(), "lib", "lares", "plugins"), worker_app="synapse.app.frontend_proxy", worker_name="w",
            instance_map={"main": {"host": "127.0.0.1", "port": 1}}, database={"name": "psycopg2"}, redis={"enabled": True},
            worker_replication_secret="secret", listeners=[])
        self.refused(outcome, "worker_app is frontend_proxy, and the plugin folders have no app of that name, but "
                     'generic_worker, homeserver. Install the plugin "frontend_proxy", or have this process be one of these.')

    def test_all_bad_files_are_named_at_once(self):
        code, text = self.start(os.path.dirname(library("other_abi")), os.path.dirname(library("no_descriptor")))
        self.refused((code, text), "other_abi.so", "no_descriptor.so")
        self.assertEqual(len(text.strip().splitlines()), 2, text)

    def test_listing_shows_what_is_there_and_runs_nothing(self):
        result = self.run_laresd("--list-plugins", "--plugin-folder", os.path.join(LIBRARIES, "circle"),
                                 "--plugin-folder", os.path.dirname(library("other_build")))
        self.assertEqual(result.returncode, 78, result.stderr)
        self.assertIn("needs_a 1; provides circle.b/1; needs circle.a/1\n", result.stdout)
        self.assertIn("other_build 0.0.1; refused\n", result.stdout)
        self.assertIn("other_build.so: it comes from another build", result.stderr)
        self.assertNotIn("ran", result.stdout)

    def test_listing_names_each_folder_once_and_marks_two_of_one_name(self):
        folders = [os.path.join(LIBRARIES, name) for name in ("twin_one", "twin_one", "twin_two")]
        result = self.run_laresd("--list-plugins", *(part for folder in folders for part in ("--plugin-folder", folder)))
        self.assertEqual((result.returncode, result.stdout), (78, "twin 1\ntwin 1; refused\n"))
        self.assertIn('twin_two/twin.so: a plugin "twin" is in %s too. Remove one of them.' % folders[0], result.stderr)

    def test_listing_does_not_wait_for_what_is_no_file(self):
        pipe = os.path.join(self.folder, "pipe.so")
        os.mkfifo(pipe)
        result = self.run_laresd("--list-plugins", "--plugin-folder", self.folder)
        self.assertEqual((result.returncode, result.stdout), (78, ""))
        self.assertIn(pipe + ": cannot be read: it is no regular file.", result.stderr)

    # -- modules ----------------------------------------------------------------------------------------------------
    def configured(self, module, **settings):
        """Starts a server that is to have this module."""
        return self.start(os.path.dirname(library("waiting")), modules=[{"module": module}], **settings)

    def test_a_module_that_is_not_there(self):
        self.refused(self.configured("nowhere", module_folders=[self.folder]),
                     'homeserver.yaml:1: error: modules[0].module: there is no module "nowhere": %s/nowhere.so does not exist. Install it, or correct its name.'
                     % self.folder)

    def test_a_module_by_a_relative_path(self):
        self.refused(self.configured("modules/guard.so"),
                     'homeserver.yaml:1: error: modules[0].module: "modules/guard.so" is neither the name of a module nor the full path of its file.')

    def test_a_plugin_as_a_module(self):
        self.refused(self.configured(library("waiting")), library("waiting") + ": it is a plugin of the server, not a module. "
                     "Take it out of `modules`")

    def test_a_file_that_is_no_module(self):
        file = os.path.join(self.folder, "text.so")
        with open(file, "w") as f:
            f.write("This is no library.")
        self.refused(self.configured("text", module_folders=[self.folder]), file + ": is no ELF file. Remove it, or install")

    def test_a_module_of_another_abi_before_its_code_runs(self):
        code, text = self.check(library("other_module_abi"))
        self.refused((code, text), library("other_module_abi") + ": it was built for module ABI 2, and this server has ABI 1. "
                     "Install a newer release of Lares.")
        self.assertNotIn("ran", text)

    def test_a_module_under_another_name(self):
        file = os.path.join(self.folder, "guard.so")
        shutil.copy(os.path.join(build_dir(), "lib", "lares", "modules", "invite_guard.so"), file)
        self.refused(self.configured(file), file + ': it calls itself "invite_guard". Rename it to invite_guard.so.')

    def test_a_module_that_needs_what_the_server_has_not(self):
        self.refused(self.configured(library("needy_module")), library("needy_module") + ": it needs lares.future/1, which this "
                     "server does not offer to modules. Install a newer release of Lares, or an older one of the module.")

    def test_a_module_without_functions(self):
        self.refused(self.configured(library("hollow_module")), library("hollow_module") + ": its descriptor lacks `create`, "
                     "`extension` or `destroy`. Correct the module and build it again.")

    def test_a_module_whose_descriptor_contradicts_its_note(self):
        self.refused(self.configured(library("contrary_module")), library("contrary_module") + ": its descriptor contradicts "
                     "its note. It is damaged, or was built by hand: install it again.")

    def test_a_module_without_its_symbol(self):
        self.refused(self.configured(library("module_without_symbol")), library("module_without_symbol") + ": it has a note but "
                     "does not export `lares_module_entry`. Export the descriptor and build it again.")

    def test_a_module_that_anyone_can_write(self):
        file = os.path.join(self.folder, "invite_guard.so")
        shutil.copy(os.path.join(build_dir(), "lib", "lares", "modules", "invite_guard.so"), file)
        os.chmod(file, 0o777)
        self.refused(self.configured(file), file + ": anyone on this machine can write to it. Run: chmod o-w")

    def test_a_module_that_refuses_its_configuration_says_where_it_stands(self):
        guard = os.path.join(build_dir(), "lib", "lares", "modules", "invite_guard.so")
        outcome = self.start(os.path.dirname(library("waiting")),
                             modules=[{"module": guard, "config": {"invites": {"per_user": "many"}}}])
        self.refused(outcome, 'homeserver.yaml:1: modules[0]: the module "invite_guard" cannot start: config.invites.per_user: '
                     "expected a whole number")

    # -- what a start refuses, --check-config refuses in the same words ---------------------------------------------
    def refused_twice(self, *parts, **settings):
        for check_only in (True, False):
            self.refused(self.start(os.path.dirname(library("waiting")), check_only=check_only, **settings), *parts)

    def test_a_module_with_its_own_process_that_refuses_its_configuration(self):
        guard = os.path.join(build_dir(), "lib", "lares", "modules", "invite_guard.so")
        self.refused_twice('homeserver.yaml:1: modules[0]: the module "invite_guard" cannot start: config.invites.per_user: '
                           "expected a whole number",
                           modules=[{"module": guard, "own_process": True, "config": {"invites": {"per_user": "many"}}}])

    def test_a_signing_key_that_is_none(self):
        key = os.path.join(self.folder, "signing.key")
        with open(os.open(key, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write("ed25519 a_1 short\n")
        self.refused_twice(key + ':1: expected "ed25519 NAME SEED"')

    def test_a_check_makes_no_key(self):
        code, text = self.start(os.path.dirname(library("waiting")), check_only=True)
        self.assertEqual(code, 0, text)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "signing.key")))


if __name__ == "__main__":
    unittest.main()

"""What pack.py makes of Bazel's words, on words made up."""

import json
import unittest

import pack

COMPILER = ["/usr/bin/gcc", "-O2", "-std=c++0x", "-MD", "-MF", "out/a.d", "-frandom-seed=out/a.o", "-iquote", ".",
            "-iquote", "external/libtorch", "-isystem", "external/libtorch/api_include", "-std=c++20", "-include",
            "bazel/library_headers.h", "-DNAME=\"a b\"", "-c", "ops/a.cc", "-o", "out/a.o"]
LINKER = ["/usr/bin/gcc", "-o", "out/bin/ops/a_test", "-fuse-ld=gold", "-B/usr/bin", "-pass-exit-codes",
          "-Wl,--gc-sections", "-Wl,--start-lib", "out/a.o", "-Wl,--end-lib", "-Wl,-whole-archive", "out/b.o",
          "-Wl,-no-whole-archive", "out/a.o", "-ltorch", "-lc10", "-lgtest", "-lm",
          "@out/bin/ops/a_test-2.params"]


def graph():
    """A library of a.cc, with a header that another set of files names, and a test that links it and b.cc."""
    fragments = [{"id": 1, "label": "out"}, {"id": 2, "label": "a.o", "parentId": 1},
                 {"id": 3, "label": "ops"}, {"id": 4, "label": "a.h", "parentId": 3},
                 {"id": 5, "label": "bin", "parentId": 1}, {"id": 6, "label": "a_test", "parentId": 5},
                 {"id": 7, "label": "b.o", "parentId": 1}]
    return pack.ActionGraph(json.dumps({
        "pathFragments": fragments,
        "artifacts": [{"id": 20 + each["id"], "pathFragmentId": each["id"]} for each in fragments],
        "depSetOfFiles": [{"id": 1, "transitiveDepSetIds": [2]}, {"id": 2, "directArtifactIds": [24]}],
        "actions": [
            {"mnemonic": "CppCompile", "primaryOutputId": 22, "inputDepSetIds": [1], "arguments": COMPILER},
            {"mnemonic": "CppCompile", "primaryOutputId": 27, "inputDepSetIds": [], "arguments":
             ["/usr/bin/gcc", "-c", "b.cc", "-o", "out/b.o"]},
            {"mnemonic": "CppLink", "primaryOutputId": 26, "arguments": LINKER}]}))


class PackTest(unittest.TestCase):
    def test_actions_are_found_by_what_they_make(self):
        self.assertEqual(set(graph().compilations), {"out/a.o", "out/b.o"})
        self.assertEqual(set(graph().links), {"out/bin/a_test"})

    def test_inputs_go_through_all_sets(self):
        self.assertEqual(graph().inputs(graph().compilations["out/a.o"]), {"ops/a.h"})

    def test_flags_of_a_compilation_keep_all_but_its_files_and_libtorch(self):
        self.assertEqual(pack.compile_flags(COMPILER),
                         ["-O2", "-std=c++0x", "-iquote", ".", "-std=c++20", "-include", "bazel/library_headers.h",
                          "-DNAME=\"a b\""])

    def test_a_link_takes_every_object_once_and_leaves_libtorch_to_the_other_machine(self):
        objects, flags = pack.link_parts(LINKER)
        self.assertEqual(objects, ["out/a.o", "out/b.o"])
        self.assertEqual(flags, ["-Wl,--gc-sections", "-lgtest", "-lm"])

    def test_files_that_come_before_the_source_are_found(self):
        self.assertEqual(pack.included_files(COMPILER), {"bazel/library_headers.h"})

    def test_archives_are_refused(self):
        with self.assertRaises(SystemExit):
            pack.link_parts(["gcc", "out/a.a"])

    def test_the_ninja_file_compiles_each_object_once(self):
        text = pack.ninja_file(graph(), {"one": "out/bin/a_test", "two": "out/bin/a_test"})
        self.assertEqual(text.count("build build/out/a.o: compile ops/a.cc\n"), 1)
        self.assertIn("build bin/one: link build/out/a.o build/out/b.o\n  flags = -Wl,--gc-sections -lgtest -lm\n", text)
        self.assertIn("'-DNAME=\"a b\"'", text)

    def test_an_object_that_nobody_makes_is_refused(self):
        missing = graph()
        del missing.compilations["out/b.o"]
        with self.assertRaises(SystemExit):
            pack.ninja_file(missing, {"one": "out/bin/a_test"})


if __name__ == "__main__":
    unittest.main()

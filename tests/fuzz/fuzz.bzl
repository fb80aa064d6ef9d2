"""A fuzz target: a test that replays its corpus, and with --config=fuzz or fuzz_gcc a LibFuzzer program.

NAME_fuzz.cc defines LLVMFuzzerTestOneInput(); its inputs stand in corpus/NAME.
"""

load("//bazel:cc.bzl", "pare_cc_binary", "pare_cc_library")

def fuzz_target(name, deps, changes = 300):
    """NAME_fuzz_test, and NAME_fuzz (see run.sh).

    Args:
      name: what is parsed.
      deps: what the target needs.
      changes: of each input, in the test.
    """
    pare_cc_library(
        name = name + "_target",
        srcs = [name + "_fuzz.cc"],
        deps = deps + [":fuzz_input"],
        alwayslink = True,
    )
    native.cc_test(
        name = name + "_fuzz_test",
        size = "small",
        args = [native.package_name() + "/corpus/" + name, str(changes)],
        data = native.glob(["corpus/%s/**" % name]),
        deps = [":" + name + "_target", ":replay_main"],
        linkstatic = True,
    )

    # LibFuzzer has the main function.
    pare_cc_binary(
        name = name + "_fuzz",
        tags = ["manual"],
        deps = [":" + name + "_target"] + select({
            ":is_gcc_fuzzing": [":gcc_coverage"],
            "//conditions:default": [],
        }),
    )

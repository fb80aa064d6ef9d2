"""C++ targets with the compiler flags that Pare's code needs to be right.

They stand here and not in .bazelrc because a repository that depends on Pare does not read our .bazelrc, and they are
`copts`, which stay with the target, so that they never reach its users.
"""

PARE_COPTS = [
    "-std=c++20",
    # Kernels are bit-identical between backends: a*b+c is two roundings everywhere.
    "-ffp-contract=off",
    "-Wall",
    "-Wextra",
    "-Wno-unused-parameter",
    "-Wno-sign-compare",
    # LibTorch's and Abseil's headers raise these in every file that includes them.
    "-Wno-missing-field-initializers",
    "-Wno-deprecated-declarations",
    "-Wno-maybe-uninitialized",
]

def pare_cc_library(name, copts = [], **kwargs):
    # Archives only: one compilation a file, where a shared library beside it would take a second one.
    native.cc_library(name = name, copts = PARE_COPTS + copts, linkstatic = True, **kwargs)

def pare_cc_binary(name, copts = [], **kwargs):
    native.cc_binary(name = name, copts = PARE_COPTS + copts, **kwargs)

def pare_cc_test(name, copts = [], deps = [], size = "small", **kwargs):
    """A GoogleTest with its main function."""
    native.cc_test(
        name = name,
        size = size,
        copts = PARE_COPTS + copts,
        deps = deps + ["@com_google_googletest//:gtest_main"],
        linkstatic = True,
        **kwargs
    )

def pare_cc_benchmark(name, copts = [], deps = [], **kwargs):
    """A Google Benchmark: a program to run by hand, never a test, since no test may depend on time."""
    native.cc_binary(
        name = name,
        copts = PARE_COPTS + copts,
        deps = deps + ["@com_github_google_benchmark//:benchmark_main"],
        **kwargs
    )

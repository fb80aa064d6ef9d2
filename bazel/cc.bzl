"""C++ targets with the compiler flags that Pare's code needs to be right.

They stand here and not in .bazelrc because a repository that depends on Pare does not read our .bazelrc, and they are
`copts`, which stay with the target, so that they never reach its users. Other repositories may use these macros.
"""

load("@rules_cc//cc:defs.bzl", "cc_binary", "cc_library", "cc_test")

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

# Tests compute little themselves, and GoogleTest's macros take long to optimize.
PARE_TEST_COPTS = PARE_COPTS + [
    "-O0",
    "-U_FORTIFY_SOURCE",
]

# Packages whose targets depend on LibTorch, as nearly all of these do: they may start from precompiled headers.
_PACKAGES_OVER_LIBTORCH = [
    "compression",
    "export",
    "graph",
    "losses",
    "models",
    "ops",
    "tests",
    "tools",
    "training",
]

def _precompiled(header, copts):
    """The flags and the dependency of a precompiled header, for those of Pare that compile with no flags of their own."""
    label = Label("//bazel:" + header)
    if copts or native.repository_name().lstrip("@") != label.workspace_name:
        return [], []
    if native.package_name().split("/")[0] not in _PACKAGES_OVER_LIBTORCH:
        return [], []
    setting = str(Label("//bazel:precompiles_headers"))
    return (
        select({setting: ["-include", "bazel/%s.h" % header], "//conditions:default": []}),
        select({setting: [str(label)], "//conditions:default": []}),
    )

def pare_cc_library(name, copts = [], deps = [], **kwargs):
    # Archives only: one compilation a file, where a shared library beside it would take a second one.
    flags, headers = _precompiled("library_headers", copts) if kwargs.get("srcs") else ([], [])
    cc_library(
        name = name,
        copts = PARE_COPTS + copts + flags,
        deps = deps + headers,
        linkstatic = True,
        **kwargs
    )

def pare_cc_binary(name, copts = [], **kwargs):
    cc_binary(name = name, copts = PARE_COPTS + copts, **kwargs)

def pare_cc_test(name, copts = [], deps = [], size = "small", **kwargs):
    """A GoogleTest with its main function."""
    flags, headers = _precompiled("test_headers", copts)
    cc_test(
        name = name,
        size = size,
        copts = PARE_TEST_COPTS + copts + flags,
        deps = deps + [Label("@com_google_googletest//:gtest_main")] + headers,
        linkstatic = True,
        **kwargs
    )

def pare_cc_benchmark(name, copts = [], deps = [], **kwargs):
    """A Google Benchmark: a program to run by hand, never a test, since no test may depend on time."""
    cc_binary(
        name = name,
        copts = PARE_COPTS + copts,
        deps = deps + [Label("@com_github_google_benchmark//:benchmark_main")],
        **kwargs
    )

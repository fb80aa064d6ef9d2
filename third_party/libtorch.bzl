"""The repository of LibTorch: the system's, or the one that LIBTORCH_HOME points at.

LIBTORCH_HOME is an unpacked LibTorch archive or the folder `torch` of a Python package (it holds include/ and lib/), CPU
or CUDA. `@libtorch//:libtorch` is the library. `@pare_libtorch_features//:features.bzl` says LIBTORCH_HAS_CUDA, and is there
without a LibTorch too: who puts one of their own in its place needs no other.

A LibTorch with CUDA needs CUDA's headers, but nothing else of it: those in CUDA_HOME, in /usr/local/cuda, or the ones that
pip installs beside torch. PARE_CUDA=required (--config=cuda) refuses a LibTorch without CUDA.
"""

load("//third_party:system.bzl", "find_include_dir")

_MINIMUM_VERSION = (1, 13)

_BUILD = """load("@rules_cc//cc:defs.bzl", "cc_library")

package(default_visibility = ["//visibility:public"])

cc_library(
    name = "libtorch",
    hdrs = glob({headers}, allow_empty = True),
    includes = {includes},
    linkopts = {linkopts},
)
"""

def _version(ctx, include):
    """Returns (major, minor), or None where no header says it."""
    found = {}
    for header in ["/torch/headeronly/version.h", "/torch/csrc/api/include/torch/version.h"]:
        if ctx.path(include + header).exists:
            _read_version(ctx.read(include + header), found)
    if "TORCH_VERSION_MAJOR" not in found:
        return None
    return (found["TORCH_VERSION_MAJOR"], found.get("TORCH_VERSION_MINOR", 0))

def _read_version(text, found):
    for line in text.split("\n"):
        words = [word for word in line.split(" ") if word]
        if len(words) == 3 and words[0] == "#define" and words[1].startswith("TORCH_VERSION_") and words[2].isdigit():
            found[words[1]] = int(words[2])

def _cuda_include(ctx, home):
    """Returns the folder of CUDA's headers."""
    folders = [
        ctx.os.environ.get("CUDA_HOME", "/nowhere") + "/include",
        "/usr/local/cuda/include",
        home + "/../nvidia/cu13/include",
        home + "/../nvidia/cuda_runtime/include",
    ]
    for folder in folders:
        if ctx.path(folder + "/cuda_runtime_api.h").exists:
            return folder
    fail("LIBTORCH_HOME=%s has CUDA, whose headers are missing: no cuda_runtime_api.h in %s: install the CUDA toolkit " %
         (home, ", ".join(folders)) + "and set CUDA_HOME, or take a LibTorch without CUDA")

def _libtorch_repository_impl(ctx):
    home = ctx.os.environ.get("LIBTORCH_HOME", "")
    if home:
        include, lib = home + "/include", home + "/lib"
        if not ctx.path(include + "/torch/script.h").exists or not ctx.path(lib).exists:
            fail("LIBTORCH_HOME=%s holds no LibTorch: include/torch/script.h and lib/ are expected below it" % home)
        ctx.symlink(include, "include")
        headers, includes = ["include/**"], ["include", "include/torch/csrc/api/include"]
        linkopts = ["-L" + lib, "-Wl,-rpath," + lib]
        has_cuda = ctx.path(lib + "/libtorch_cuda.so").exists
        if has_cuda:
            ctx.symlink(_cuda_include(ctx, home), "cuda_include")
            headers.append("cuda_include/**")
            includes.append("cuda_include")
        config = ctx.path(home + "/share/cmake/Torch/TorchConfig.cmake")
        if config.exists and "_GLIBCXX_USE_CXX11_ABI=0" in ctx.read(config):
            fail("LIBTORCH_HOME=%s has the C++ ABI of before C++11: take the archive whose name says cxx11-abi" % home)
    else:
        include = find_include_dir(ctx, "torch/script.h")
        if include == None:
            fail("LibTorch is not installed: run ./bazelw, or 'apt-get install libtorch-dev', " +
                 "or set LIBTORCH_HOME to an unpacked LibTorch")

        # The headers stand in the compiler's own search path, all but those of the C++ API.
        ctx.symlink(include + "/torch/csrc/api/include", "api_include")
        headers, includes, linkopts, has_cuda = ["api_include/**"], ["api_include"], [], False
    if ctx.os.environ.get("PARE_CUDA") == "required" and not has_cuda:
        fail("--config=cuda needs a LibTorch with CUDA: set LIBTORCH_HOME to one (lib/libtorch_cuda.so is not in %s)" %
             (home + "/lib" if home else "the system's"))
    version = _version(ctx, include)
    if version != None and version < _MINIMUM_VERSION:
        fail("LibTorch in %s is version %d.%d, but %d.%d or newer is needed: install a newer libtorch-dev, or set " % (
            include,
            version[0],
            version[1],
            _MINIMUM_VERSION[0],
            _MINIMUM_VERSION[1],
        ) + "LIBTORCH_HOME to an unpacked LibTorch")
    linkopts = linkopts + ["-ltorch", "-ltorch_cpu", "-lc10"]
    if has_cuda:
        # Nothing names a symbol of these two, so the linker would drop them and CUDA would silently vanish.
        linkopts = linkopts + ["-Wl,--push-state,--no-as-needed", "-ltorch_cuda", "-lc10_cuda", "-Wl,--pop-state"]
    ctx.file("BUILD", _BUILD.format(
        headers = repr(headers),
        includes = repr(includes),
        linkopts = repr(linkopts),
    ))

libtorch_repository = repository_rule(
    implementation = _libtorch_repository_impl,
    environ = [
        "CUDA_HOME",
        "LIBTORCH_HOME",
        "PARE_CUDA",
    ],
    local = True,
    doc = "LibTorch from the system, or from LIBTORCH_HOME.",
)

def _nccl_include(ctx, home):
    """Returns the folder of NCCL's header, or None."""
    for folder in [
        home + "/include",
        ctx.os.environ.get("CUDA_HOME", "/nowhere") + "/include",
        "/usr/local/cuda/include",
        home + "/../nvidia/nccl/include",
        "/usr/include",
    ]:
        if ctx.path(folder + "/nccl.h").exists:
            return folder
    return None

def _features_repository_impl(ctx):
    home = ctx.os.environ.get("LIBTORCH_HOME", "")
    has_cuda = home != "" and ctx.path(home + "/lib/libtorch_cuda.so").exists
    nccl = _nccl_include(ctx, home) if has_cuda else None

    # LibTorch's headers of the engines that connect processes need those of the engines, of the same version: where they
    # are not there, the rest works without.
    gloo_root = (home + "/include") if home else find_include_dir(ctx, "gloo/context.h")
    has_gloo = gloo_root != None and ctx.path(gloo_root + "/gloo/context.h").exists
    if nccl:
        ctx.symlink(nccl + "/nccl.h", "nccl_include/nccl.h")
    ctx.file("features.bzl", """LIBTORCH_HAS_CUDA = %s
LIBTORCH_HAS_GLOO = %s
LIBTORCH_HAS_NCCL = %s
""" % (has_cuda, has_gloo, nccl != None))
    ctx.file("BUILD", """cc_library(
    name = "nccl",
    hdrs = glob(["nccl_include/*.h"], allow_empty = True),
    includes = ["nccl_include"],
    visibility = ["//visibility:public"],
)
""")

libtorch_features_repository = repository_rule(
    implementation = _features_repository_impl,
    environ = [
        "CUDA_HOME",
        "LIBTORCH_HOME",
    ],
    local = True,
    doc = "What the LibTorch of LIBTORCH_HOME, or the system's, has; the system's has no CUDA.",
)

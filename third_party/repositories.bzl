"""The external repositories of Pare, each resolved to what the system has installed.

A WORKSPACE calls pare_repositories(); MODULE.bazel comes to the same definitions through extensions.bzl. A repository that
is defined under one of these names before pare_repositories() is called stays as it is; a module says override_repo().
"""

load("//third_party:libtorch.bzl", "libtorch_features_repository", "libtorch_repository")
load("//third_party:system.bzl", "system_program", "system_repository")

# What a label of Abseil links: nothing is listed a target, since Abseil's libraries depend on each other in a way that
# only its own build files know; the linker drops those that are not needed.
_ABSL_TARGETS = {
    "algorithm": ["algorithm", "container"],
    "base": ["base", "config", "core_headers", "log_severity"],
    "cleanup": ["cleanup"],
    "container": ["btree", "fixed_array", "flat_hash_map", "flat_hash_set", "inlined_vector", "node_hash_map"],
    "debugging": ["failure_signal_handler", "symbolize"],
    "flags": ["config", "flag", "marshalling", "parse", "reflection", "usage"],
    "functional": ["any_invocable", "bind_front", "function_ref"],
    "hash": ["hash"],
    "memory": ["memory"],
    "meta": ["type_traits"],
    "numeric": ["bits", "int128"],
    "random": ["random"],
    "status": ["status", "statusor"],
    "strings": ["cord", "str_format", "strings"],
    "synchronization": ["synchronization"],
    "time": ["time"],
    "types": ["optional", "span", "variant"],
    "utility": ["utility"],
}

# Header, macro and least number, for those that say their version in a number of one macro.
_MINIMUM_VERSIONS = {
    "com_github_google_highway": ("hwy/highway.h", "HWY_MAJOR", 1),
    "com_github_nlohmann_json": ("nlohmann/detail/abi_macros.hpp", "NLOHMANN_JSON_VERSION_MAJOR", 3),
    "com_google_protobuf": ("google/protobuf/stubs/common.h", "GOOGLE_PROTOBUF_VERSION", 3012000),
    "vulkan_headers": ("vulkan/vulkan_core.h", "VK_HEADER_VERSION", 203),
}

def _shim_repository_impl(ctx):
    for entry in ctx.path(ctx.attr.workspace_file).dirname.readdir():
        ctx.symlink(entry, entry.basename)

_shim_repository = repository_rule(
    implementation = _shim_repository_impl,
    attrs = {"workspace_file": attr.label(mandatory = True)},
    local = True,
    doc = "A folder of Pare's as a repository, wherever Pare itself lies: its own checkout, or another repository's external/.",
)

def system_repositories(have = []):
    """Defines the repositories that Pare's targets name, but for the ones in `have`: what WORKSPACE and MODULE.bazel share."""
    if "libtorch" not in have:
        libtorch_repository(name = "libtorch")
    if "pare_libtorch_features" not in have:
        libtorch_features_repository(name = "pare_libtorch_features")
    if "com_google_absl" not in have:
        system_repository(
            name = "com_google_absl",
            packages = {"absl/" + package: targets for package, targets in _ABSL_TARGETS.items()},
            header = "absl/base/options.h",
            version_define = "ABSL_LTS_RELEASE_VERSION",
            version_header = "absl/base/config.h",
            minimum_version = 20220623,
            link_glob = "libabsl_*.so",
            debian_package = "libabsl-dev",
        )
    for name, packages, header, libraries, debian_package in [
        ("com_google_googletest", {"": ["gtest", "gtest_main"]}, "gtest/gtest.h", {
            "gtest": ["gmock", "gtest", "pthread"],
            "gtest_main": ["gtest_main", "gmock", "gtest", "pthread"],
        }, "libgtest-dev libgmock-dev"),
        ("com_github_google_benchmark", {"": ["benchmark", "benchmark_main"]}, "benchmark/benchmark.h", {
            "benchmark": ["benchmark", "pthread"],
            "benchmark_main": ["benchmark_main", "benchmark", "pthread"],
        }, "libbenchmark-dev"),
        ("com_github_nlohmann_json", {"": ["json"]}, "nlohmann/json.hpp", {}, "nlohmann-json3-dev"),
        ("com_github_google_highway", {"": ["hwy"]}, "hwy/highway.h", {"hwy": ["hwy"]}, "libhwy-dev"),
        ("com_google_protobuf", {"": ["protobuf"]}, "google/protobuf/message.h", {"protobuf": ["protobuf"]}, "libprotobuf-dev"),
        ("com_github_onnx_onnx", {"": ["onnx", "onnx_proto"]}, "onnx/onnx_pb.h", {
            "onnx": ["onnx", "onnx_proto", "protobuf"],
            "onnx_proto": ["onnx_proto", "protobuf"],
        }, "libonnx-dev libprotobuf-dev"),
        ("stb", {"": ["stb"]}, "stb/stb_image.h", {"stb": ["stb", "m"]}, "libstb-dev"),
        ("vulkan_headers", {"": ["vulkan_headers"]}, "vulkan/vulkan_core.h", {}, "libvulkan-dev"),
        ("zlib", {"": ["zlib"]}, "zlib.h", {"zlib": ["z"]}, "zlib1g-dev"),
    ]:
        if name not in have:
            version_header, version_define, minimum_version = _MINIMUM_VERSIONS.get(name, ("", "", 0))
            system_repository(
                name = name,
                version_header = version_header,
                version_define = version_define,
                minimum_version = minimum_version,
                packages = packages,
                header = header,
                libraries = libraries,
                defines = ["ONNX_NAMESPACE=onnx", "ONNX_ML=1"] if name == "com_github_onnx_onnx" else [],
                debian_package = debian_package,
            )

    for name, program, debian_package in [
        ("glslang", "glslangValidator", "glslang-tools"),
        ("spirv_tools", "spirv-val", "spirv-tools"),
    ]:
        if name not in have:
            system_program(name = name, program = program, debian_package = debian_package)

def pare_repositories():
    """For a WORKSPACE: defines the repositories that Pare's targets name, unless the caller has defined them."""
    have = native.existing_rules()

    # Debian's Bazel brings these with its packages bazel-rules-java and bazel-skylib.
    for name, path in {
        "rules_java": "/usr/share/bazel/rules/java",
        "bazel_skylib": "/usr/share/bazel/tools/skylib",
    }.items():
        if name not in have:
            native.local_repository(name = name, path = path)
    for name in ["rules_cc", "remote_coverage_tools"]:
        if name not in have:
            _shim_repository(name = name, workspace_file = Label("//third_party/shims/%s:WORKSPACE" % name))
    system_repositories(have)

"""cuda_library: CUDA C++ sources, embedded as text with all that they include, to be compiled where they run.

    cuda_library(
        name = "sources",
        srcs = ["kernels/fake_quantize.cu"],
        hdrs = ["kernels/kernel.cuh", "//backends:half.h"],
    )

makes a cc_library of that name with the header `sources.h`, which declares a `Source` for each source, under its name
without `.cu`, in the namespace pare::backends::cuda::sources. Headers are found under the names by which C++ includes
them, from the repository's root; `.../standard/bit.h` stands for <bit>.
"""

load("//bazel:cc.bzl", "pare_cc_library")

_EMBED = """set -eu
header=$1; source=$2; include=$3
shift 3
{{
  echo '// Made by cuda_library.'
  echo '#pragma once'
  echo '#include "backends/cuda/source.h"'
  echo 'namespace pare::backends::cuda::sources {{'
  for word in {names}; do echo "extern const Source $word;"; done
  echo '}}'
}} > "$header"
{{
  echo "#include \\"$include\\""
  echo 'namespace pare::backends::cuda::sources {{'
  echo 'namespace {{'
  echo 'constexpr Header kHeaders[] = {{'
  while [ "$1" != -- ]; do
    printf '{{"%s", R"pare_cuda(' "$1"
    cat "$2"
    echo ')pare_cuda"}},'
    shift 2
  done
  shift
  echo '}};'
  echo '}}'
  while [ $# -gt 0 ]; do
    printf 'extern const Source %s{{"%s.cu", R"pare_cuda(' "$1" "$1"
    cat "$2"
    echo ')pare_cuda", kHeaders, sizeof(kHeaders) / sizeof(kHeaders[0])}};'
    shift 2
  done
  echo '}}'
}} > "$source"
"""

def _include_name(file):
    path = file.short_path
    path = "/".join(path.split("/")[2:]) if path.startswith("../") else path
    if "/standard/" in path:
        return path.split("/standard/")[1][:-len(".h")]
    return path

def _cuda_sources_impl(ctx):
    names = [source.basename[:-len(".cu")] for source in ctx.files.srcs]
    arguments = [ctx.outputs.header.path, ctx.outputs.source.path, _include_name(ctx.outputs.header)]
    for header in ctx.files.hdrs:
        arguments += [_include_name(header), header.path]
    arguments.append("--")
    for name, source in zip(names, ctx.files.srcs):
        arguments += [name, source.path]
    ctx.actions.run_shell(
        command = _EMBED.format(names = " ".join(names)),
        arguments = arguments,
        inputs = ctx.files.srcs + ctx.files.hdrs,
        outputs = [ctx.outputs.header, ctx.outputs.source],
        mnemonic = "CudaEmbed",
    )

_cuda_sources = rule(
    implementation = _cuda_sources_impl,
    attrs = {
        "srcs": attr.label_list(allow_files = [".cu"], mandatory = True),
        "hdrs": attr.label_list(allow_files = True),
        "header": attr.output(mandatory = True),
        "source": attr.output(mandatory = True),
    },
)

def cuda_library(name, srcs, hdrs = [], **kwargs):
    """Embeds sources; see the head of this file."""
    _cuda_sources(
        name = name + "_embedded",
        srcs = srcs,
        hdrs = hdrs,
        header = name + ".h",
        source = name + ".cc",
        visibility = ["//visibility:private"],
    )
    pare_cc_library(
        name = name,
        srcs = [name + ".cc"],
        hdrs = [name + ".h"],
        deps = [Label("//backends/cuda:source")],
        **kwargs
    )

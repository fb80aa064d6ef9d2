"""glsl_library: GLSL compute shaders, compiled to SPIR-V, validated and embedded as constants.

    glsl_library(
        name = "fake_quantize_shaders",
        srcs = ["shaders/fake_quantize_forward.comp"],
        hdrs = ["//backends/vulkan:shaders/elements.glsl"],
        variants = {
            "fake_quantize_forward_f32": "fake_quantize_forward.comp ELEMENT_F32",
            "fake_quantize_forward_f16": "fake_quantize_forward.comp ELEMENT_F16 GROUPS=4",
        },
    )

makes a cc_library of that name with the header `fake_quantize_shaders.h`, which defines a `constexpr Shader` for each
variant in the namespace pare::backends::vulkan::shaders (another one by `namespace`). A variant is the file's name and
what is defined for it. Without `variants` each source is one, under its own name.

Sources include headers as #include "elements.glsl", with GL_GOOGLE_include_directive. The compiler and the validator
are the labels //third_party:glslang and //third_party:spirv_val; Vulkan 1.1 is the target.
"""

load("//bazel:cc.bzl", "pare_cc_library")

_COMMAND = """set -eu
"$1" --quiet -V --target-env vulkan1.1 {flags} -o "$3" "$4"
"$2" --target-env vulkan1.1 "$3"
"""

_EMBED = """set -eu
header=$1
shift
{{
  echo '// Made by glsl_library from GLSL.'
  echo '#pragma once'
  echo '#include "{shader_header}"'
  echo 'namespace {namespace} {{'
  while [ $# -gt 0 ]; do
    echo "inline constexpr uint32_t $1_words[] = {{"
    od -An -v -tx4 "$2" | sed 's/ \\([0-9a-f]\\)/ 0x\\1/g; s/\\([0-9a-f]\\)\\( \\|$\\)/\\1,\\2/g'
    echo '}};'
    echo "inline constexpr ::pare::backends::vulkan::Shader $1{{\\"$1\\", $1_words, sizeof($1_words) / 4}};"
    shift 2
  done
  echo '}}  // namespace {namespace}'
}} > "$header"
"""

def _glsl_header_impl(ctx):
    by_name = {source.basename: source for source in ctx.files.srcs}
    variants = dict(ctx.attr.variants)
    if not variants:
        variants = {name[:-len("." + source.extension)]: name for name, source in by_name.items()}
    include_dirs = {header.dirname: None for header in ctx.files.hdrs}
    binaries, embed_args = [], []
    for variant, words in variants.items():
        words = words.split(" ")
        if words[0] not in by_name:
            fail("variant %s of %s is made of %s, which is not one of its srcs: %s" %
                 (variant, ctx.label, words[0], ", ".join(by_name.keys())))
        binary = ctx.actions.declare_file("%s/%s.spv" % (ctx.label.name, variant))
        flags = ["'-I%s'" % (directory or ".") for directory in include_dirs] + ["'-D%s'" % word for word in words[1:]]
        source = by_name[words[0]]
        ctx.actions.run_shell(
            command = _COMMAND.format(flags = " ".join(flags)),
            arguments = [ctx.executable._compiler.path, ctx.executable._validator.path, binary.path, source.path],
            inputs = [source] + ctx.files.hdrs,
            tools = [ctx.executable._compiler, ctx.executable._validator],
            outputs = [binary],
            mnemonic = "Glsl",
            progress_message = "Compiling shader %s" % variant,
        )
        binaries.append(binary)
        embed_args += [variant, binary.path]
    ctx.actions.run_shell(
        command = _EMBED.format(
            namespace = ctx.attr.namespace,
            shader_header = ctx.attr.shader_header,
        ),
        arguments = [ctx.outputs.header.path] + embed_args,
        inputs = binaries,
        outputs = [ctx.outputs.header],
        mnemonic = "GlslEmbed",
    )

_glsl_header = rule(
    implementation = _glsl_header_impl,
    attrs = {
        "srcs": attr.label_list(allow_files = True, mandatory = True),
        "hdrs": attr.label_list(allow_files = True),
        "variants": attr.string_dict(),
        "namespace": attr.string(mandatory = True),
        "shader_header": attr.string(default = "backends/vulkan/shader.h"),
        "header": attr.output(mandatory = True),
        "_compiler": attr.label(
            default = Label("//third_party:glslang"),
            executable = True,
            allow_single_file = True,
            cfg = "exec",
        ),
        "_validator": attr.label(
            default = Label("//third_party:spirv_val"),
            executable = True,
            allow_single_file = True,
            cfg = "exec",
        ),
    },
)

def glsl_library(
        name,
        srcs,
        hdrs = [],
        variants = {},
        namespace = "pare::backends::vulkan::shaders",
        **kwargs):
    """Compiles shaders into a library of constants; see the head of this file."""
    _glsl_header(
        name = name + "_header",
        srcs = srcs,
        hdrs = hdrs,
        variants = variants,
        namespace = namespace,
        header = name + ".h",
        visibility = ["//visibility:private"],
    )
    pare_cc_library(
        name = name,
        hdrs = [name + ".h"],
        deps = [Label("//backends/vulkan:shader")],
        **kwargs
    )

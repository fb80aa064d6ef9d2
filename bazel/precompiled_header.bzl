"""precompiled_header: headers that nearly every file includes, parsed once.

    precompiled_header(
        name = "test_headers",
        header = "precompiled/test_headers.h",
        copts = PARE_TEST_COPTS,
        deps = ["//third_party:libtorch"],
    )

A target that depends on it and compiles with `-include bazel/test_headers.h` has what the header includes before its
first line. GCC takes the precompiled form where the flags are those it was made with, and reads the header itself
otherwise: the same code either way, only slower. The precompiled form lies beside a header of the target's name, which
includes the other one.
"""

load("@bazel_tools//tools/build_defs/cc:action_names.bzl", "CPP_COMPILE_ACTION_NAME")
load("@bazel_tools//tools/cpp:toolchain_utils.bzl", "find_cpp_toolchain")

def _precompiled_header_impl(ctx):
    toolchain = find_cpp_toolchain(ctx)
    features = cc_common.configure_features(
        ctx = ctx,
        cc_toolchain = toolchain,
        requested_features = ctx.features,
        unsupported_features = ctx.disabled_features,
    )
    context = cc_common.merge_cc_infos(cc_infos = [dep[CcInfo] for dep in ctx.attr.deps]).compilation_context
    source = ctx.file.header
    header = ctx.actions.declare_file(ctx.label.name + ".h")
    precompiled = ctx.actions.declare_file(ctx.label.name + ".h.gch")

    # Where this file is another repository's external/..., includes start there.
    root = ctx.label.workspace_root
    ctx.actions.write(header, '#include "%s"\n' % (source.path[len(root) + 1:] if root else source.path))
    variables = cc_common.create_compile_variables(
        feature_configuration = features,
        cc_toolchain = toolchain,
        source_file = header.path,
        output_file = precompiled.path,
        # As Bazel itself orders them for a cc_library's source.
        user_compile_flags = ctx.fragments.cpp.copts + ctx.fragments.cpp.cxxopts + ctx.attr.copts +
                             ["-x", "c++-header"],
        # As Bazel compiles what goes into programs.
        use_pic = toolchain.needs_pic_for_dynamic_libraries(feature_configuration = features) and
                  ctx.var["COMPILATION_MODE"] != "opt",
        quote_include_directories = depset([root or ".", ctx.bin_dir.path + ("/" + root if root else "")], transitive = [context.quote_includes]),
        include_directories = context.includes,
        system_include_directories = context.system_includes,
        preprocessor_defines = context.defines,
    )
    ctx.actions.run(
        executable = cc_common.get_tool_for_action(
            feature_configuration = features,
            action_name = CPP_COMPILE_ACTION_NAME,
        ),
        arguments = cc_common.get_memory_inefficient_command_line(
            feature_configuration = features,
            action_name = CPP_COMPILE_ACTION_NAME,
            variables = variables,
        ),
        env = cc_common.get_environment_variables(
            feature_configuration = features,
            action_name = CPP_COMPILE_ACTION_NAME,
            variables = variables,
        ),
        inputs = depset([source, header], transitive = [context.headers, toolchain.all_files]),
        outputs = [precompiled],
        mnemonic = "CppPrecompile",
        progress_message = "Precompiling %s" % source.short_path,
    )
    own = cc_common.create_compilation_context(headers = depset([source, header, precompiled]))
    return [
        DefaultInfo(files = depset([precompiled])),
        cc_common.merge_cc_infos(
            direct_cc_infos = [CcInfo(compilation_context = own)],
            cc_infos = [dep[CcInfo] for dep in ctx.attr.deps],
        ),
    ]

precompiled_header = rule(
    implementation = _precompiled_header_impl,
    attrs = {
        "header": attr.label(mandatory = True, allow_single_file = [".h"], doc = "what it is made of"),
        "copts": attr.string_list(doc = "the flags of those who include it"),
        "deps": attr.label_list(providers = [CcInfo]),
        "_cc_toolchain": attr.label(default = "@bazel_tools//tools/cpp:current_cc_toolchain"),
    },
    fragments = ["cpp"],
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
)

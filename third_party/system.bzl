"""A repository whose targets are libraries that the system has installed.

The headers stand in the compiler's own search path, so a target carries only what it links. A missing or too old
library is one line that names the Debian package to install.
"""

_INCLUDE_DIRS = ["/usr/include", "/usr/local/include"]
_LIBRARY_DIRS = [
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib/riscv64-linux-gnu",
    "/usr/lib64",
    "/usr/lib",
    "/usr/local/lib",
]

def find_include_dir(ctx, header):
    """Returns the include directory that holds header, or None."""
    for root in _INCLUDE_DIRS:
        if ctx.path(root + "/" + header).exists:
            return root
    return None

def _version(ctx, header, define):
    if not ctx.path(header).exists:
        return None
    text = ctx.read(header)
    for line in text.split("\n"):
        words = [word for word in line.replace("#", " ").split(" ") if word]
        if len(words) >= 3 and words[0] == "define" and words[1] == define:
            return int(words[2]) if words[2].isdigit() else None
    return None

def _globbed_linkopts(ctx):
    prefix, suffix = ctx.attr.link_glob.split("*")
    for root in _LIBRARY_DIRS:
        directory = ctx.path(root)
        if not directory.exists:
            continue
        names = sorted([
            entry.basename[len("lib"):-len(".so")]
            for entry in directory.readdir()
            if entry.basename.startswith(prefix) and entry.basename.endswith(suffix)
        ])
        if names:
            return ["-Wl,--push-state,--as-needed"] + ["-l" + name for name in names] + ["-Wl,--pop-state"]
    fail("no %s in %s: install it with 'apt-get install %s'" %
         (ctx.attr.link_glob, ", ".join(_LIBRARY_DIRS), ctx.attr.debian_package))

def _system_repository_impl(ctx):
    root = find_include_dir(ctx, ctx.attr.header)
    if root == None:
        fail("%s needs the header %s, which is not installed: run ./bazelw, or 'apt-get install %s'" %
             (ctx.name, ctx.attr.header, ctx.attr.debian_package))
    if ctx.attr.version_define:
        version = _version(ctx, root + "/" + ctx.attr.version_header, ctx.attr.version_define)
        if version != None and version < ctx.attr.minimum_version:
            fail("%s is version %d, but %d or newer is needed: 'apt-get install %s' on Debian 12 or newer" %
                 (ctx.name, version, ctx.attr.minimum_version, ctx.attr.debian_package))
    shared = _globbed_linkopts(ctx) if ctx.attr.link_glob else []
    if shared:
        ctx.file("BUILD", """load("@rules_cc//cc:defs.bzl", "cc_library")
package(default_visibility = ["//visibility:public"])
cc_library(name = "system_libraries", linkopts = %r)
""" % shared)
    for package, targets in ctx.attr.packages.items():
        lines = [
            "load(\"@rules_cc//cc:defs.bzl\", \"cc_library\")",
            "package(default_visibility = [\"//visibility:public\"])",
        ]
        for target in targets:
            lines.append("cc_library(name = %r, defines = %r, linkopts = %r, deps = %r)" % (
                target,
                ctx.attr.defines,
                ["-l" + library for library in ctx.attr.libraries.get(target, [])],
                ["//:system_libraries"] if shared else [],
            ))
        ctx.file(package + "/BUILD" if package else "BUILD", "\n".join(lines) + "\n")

system_repository = repository_rule(
    implementation = _system_repository_impl,
    local = True,
    doc = "Targets over a library that the system has installed.",
    attrs = {
        "packages": attr.string_list_dict(mandatory = True, doc = "Package of the repository -> its targets."),
        "header": attr.string(mandatory = True, doc = "A header that must be there, relative to the include directory."),
        "libraries": attr.string_list_dict(doc = "Target -> the libraries it links, without 'lib'."),
        "link_glob": attr.string(doc = "Instead of libraries: link all that match, as needed."),
        "defines": attr.string_list(doc = "Preprocessor definitions that users of the targets need."),
        "version_header": attr.string(),
        "version_define": attr.string(),
        "minimum_version": attr.int(),
        "debian_package": attr.string(mandatory = True),
    },
)

_PROGRAM_DIRS = ["/usr/bin", "/usr/local/bin"]

def _system_program_impl(ctx):
    for root in _PROGRAM_DIRS:
        if ctx.path(root + "/" + ctx.attr.program).exists:
            ctx.symlink(root + "/" + ctx.attr.program, ctx.attr.program)
            ctx.file("BUILD", "exports_files([%r])\n" % ctx.attr.program)
            return
    fail("%s needs the program %s, which is not installed: run ./bazelw, or 'apt-get install %s'" %
         (ctx.name, ctx.attr.program, ctx.attr.debian_package))

system_program = repository_rule(
    implementation = _system_program_impl,
    local = True,
    doc = "A program that the system has installed, as a file target of its name.",
    attrs = {
        "program": attr.string(mandatory = True),
        "debian_package": attr.string(mandatory = True),
    },
)

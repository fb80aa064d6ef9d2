#!/usr/bin/env python3
"""Packs targets for a machine that has a GPU, but neither Bazel nor a network nor our libraries.

    tools/gpu/pack.py --output=gpu.tar.gz                  # the conformance suite, training tests and benchmarks
    tools/gpu/pack.py --output=one.tar.gz //ops:binarize_test

There, with g++ 12 or newer, ninja and a LibTorch with CUDA (a Python package torch 2.6 or newer is one), unpack it and
run ./run.sh: it compiles all of it against that LibTorch and runs it. What is compiled and how is what Bazel says
(`bazel aquery`), so there is no second list of sources. The archive holds the sources, the files that Bazel generates
from them, a build.ninja, and the headers and shared libraries of other projects that they need, from this machine.
"""

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile

DEFAULT_TARGETS = [
    "//backends/conformance:conformance_test",
    "//backends/cuda:libtorch_test",
    "//tests/cuda_training:cuda_training_test",
    "//tests/vulkan_training:vulkan_training_test",
    "//tests/cost:device_step_benchmark",
    "//tools/bench:bench",
]
# The libraries of LibTorch are built against what is on the other machine.
FLAGS = ["--//third_party/cuda:libtorch_has_cuda=true"]
TORCH_LIBRARIES = ["torch", "torch_cpu", "c10"]
# Folders of /usr/include that every machine with a compiler has, or that come with LibTorch.
FOREIGN_FOLDERS = {"c++", "x86_64-linux-gnu", "linux", "asm-generic", "torch", "ATen", "c10", "c10d", "caffe2"}


def bazel(command, *arguments, check=True):
    """Runs Bazel in the project's root, and returns what it prints."""
    done = subprocess.run(["./bazelw", command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if check and done.returncode != 0:
        sys.exit("bazel %s failed:\n%s" % (command, done.stderr))
    return done.stdout


class ActionGraph:
    """What `bazel aquery --output=jsonproto` says of compilations and links."""

    def __init__(self, text):
        graph = json.loads(text)
        fragments = {each["id"]: each for each in graph["pathFragments"]}
        self._paths = {}
        for artifact in graph["artifacts"]:
            parts, fragment = [], fragments[artifact["pathFragmentId"]]
            while True:
                parts.append(fragment["label"])
                if "parentId" not in fragment:
                    break
                fragment = fragments[fragment["parentId"]]
            self._paths[artifact["id"]] = "/".join(reversed(parts))
        self._sets = {each["id"]: each for each in graph["depSetOfFiles"]}
        self.compilations, self.links = {}, {}
        for action in graph["actions"]:
            table = self.compilations if action["mnemonic"] == "CppCompile" else self.links
            table[self._paths[action["primaryOutputId"]]] = action

    def inputs(self, action):
        """The paths of all files that the action may read."""
        seen, left, files = set(), list(action.get("inputDepSetIds", [])), set()
        while left:
            each = left.pop()
            if each in seen:
                continue
            seen.add(each)
            node = self._sets[each]
            files.update(self._paths[artifact] for artifact in node.get("directArtifactIds", []))
            left.extend(node.get("transitiveDepSetIds", []))
        return files


def compile_flags(arguments):
    """The flags of a compilation, without its files, with LibTorch's folders as a variable of ninja."""
    flags = []
    # Of each pair the second is a folder or a file.
    pairs = {"-iquote", "-isystem", "-I", "-include", "-MF", "-o", "-c"}
    i = 1  # The compiler itself is 0.
    while i < len(arguments):
        argument = arguments[i]
        value = arguments[i + 1] if i + 1 < len(arguments) else ""
        if argument in pairs:
            i += 2
            if argument in ("-MF", "-o", "-c") or "external/libtorch" in value:
                continue
            flags += [argument, value]
            continue
        i += 1
        if argument in ("-MD", "-no-canonical-prefixes") or argument.startswith("-frandom-seed="):
            continue
        flags.append(argument)
    return flags


def link_parts(arguments):
    """The objects and the flags of a link. Objects are all linked: no linker has to know --start-lib."""
    objects, flags = [], []
    i = 1
    while i < len(arguments):
        argument = arguments[i]
        i += 1
        if argument == "-o":
            i += 1
        elif argument.startswith("@"):
            continue  # The same words, in a file.
        elif argument.endswith(".o"):
            objects.append(argument)
        elif argument.endswith((".a", ".lo")):
            sys.exit("%s is linked as an archive: build with --features=-supports_pic, as .bazelrc says" % argument)
        elif argument.startswith(("-Wl,--start-lib", "-Wl,--end-lib", "-Wl,-whole-archive", "-Wl,-no-whole-archive",
                                  "-fuse-ld", "-B/", "-Wl,-S", "-L", "-Wl,-rpath")) or argument == "-pass-exit-codes":
            continue
        elif argument[2:] in TORCH_LIBRARIES and argument.startswith("-l"):
            continue  # run.sh says where they are.
        else:
            flags.append(argument)
    return list(dict.fromkeys(objects)), flags


def included_files(arguments):
    """The files that a compilation reads before its source: of a precompiled header only that is among its inputs."""
    return {value for option, value in zip(arguments, arguments[1:]) if option == "-include"}


def library_files(flags):
    """The libraries that -l flags name and all that shared ones need, but for the C and C++ runtime's."""
    known = {}
    for line in subprocess.run(["/sbin/ldconfig", "-p"], stdout=subprocess.PIPE, text=True, check=True).stdout.split("\n"):
        found = re.match(r"\s*(\S+) \(.*\) => (\S+)", line)
        if found:
            known.setdefault(found.group(1), found.group(2))
    runtime = re.compile(r"lib(c|m|dl|rt|pthread|stdc\+\+|gcc_s|resolv)\.(so|a)|ld-linux")
    files, left = {}, []
    for flag in flags:
        if flag.startswith("-l"):
            for folder in ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib", "/usr/local/lib"):
                shared, static = ["%s/lib%s.%s" % (folder, flag[2:], kind) for kind in ("so", "a")]
                if os.path.exists(shared):
                    files["lib%s.so" % flag[2:]] = os.path.realpath(shared)
                    left.append(os.path.realpath(shared))
                    break
                if os.path.exists(static):
                    files["lib%s.a" % flag[2:]] = static
                    break
    seen = set()
    while left:
        path = left.pop()
        if path in seen or runtime.search(os.path.basename(path)):
            continue
        seen.add(path)
        dynamic = subprocess.run(["objdump", "-p", path], stdout=subprocess.PIPE, text=True, check=True).stdout
        for name in re.findall(r"SONAME\s+(\S+)", dynamic):
            files[name] = path
        for name in re.findall(r"NEEDED\s+(\S+)", dynamic):
            if not runtime.search(name) and name in known:
                files[name] = os.path.realpath(known[name])
                left.append(files[name])
    return {name: path for name, path in files.items() if not runtime.search(name)}


def system_folders(dependency_files):
    """The folders of /usr/include that the sources read, but for the compiler's and LibTorch's."""
    folders = set()
    for path in dependency_files:
        if os.path.exists(path):
            with open(path) as text:
                folders.update(re.findall(r"/usr/include/([^/\s]+)/", text.read()))
    return sorted(folders - FOREIGN_FOLDERS)


def quoted(words):
    """Words of a command line in a ninja file."""
    return " ".join(shlex.quote(word).replace("$", "$$") for word in words)


def ninja_file(graph, programs):
    """The text of build.ninja. programs: names and the outputs of their links."""
    lines = [
        "# Written by tools/gpu/pack.py. run.sh makes torch.ninja, which says where LibTorch is.",
        "include torch.ninja",
        "rule compile",
        "  command = $cxx $flags -isystem third_party/include $torch_flags -MD -MF $out.d -c $in -o $out",
        "  depfile = $out.d",
        "  deps = gcc",
        "  description = $in",
        "rule link",
        "  command = $cxx -o $out $in -Lthird_party/lib -Wl,-rpath,'$$ORIGIN/../third_party/lib' "
        "-Wl,-rpath-link,third_party/lib $flags $torch_libraries",
        "  description = $out",
        "",
    ]
    compiled = set()
    for name, output in sorted(programs.items()):
        objects, flags = link_parts(graph.links[output]["arguments"])
        outputs = []
        for each in objects:
            action = graph.compilations.get(each)
            if action is None:
                sys.exit("bazel does not say how %s is made" % each)
            arguments = action["arguments"]
            source, built = arguments[arguments.index("-c") + 1], "build/" + each
            outputs.append(built)
            if built not in compiled:
                compiled.add(built)
                lines += ["build %s: compile %s" % (built, source), "  flags = " + quoted(compile_flags(arguments))]
        lines += ["build bin/%s: link %s" % (name, " ".join(outputs)), "  flags = " + quoted(flags), ""]
    return "\n".join(lines) + "\n"


def copy(path, to):
    os.makedirs(os.path.dirname(to), exist_ok=True)
    shutil.copyfile(path, to)
    shutil.copymode(path, to)


def pack(targets, output):
    root = bazel("info", "execution_root").strip()
    # -k: what needs CUDA's headers may not compile here. All generated files are made.
    bazel("build", "-k", *FLAGS, *targets, check=False)
    text = bazel("aquery", *FLAGS, "--output=jsonproto", 'mnemonic("CppCompile|CppLink", deps(%s))' % " + ".join(targets))
    graph = ActionGraph(text)
    programs = {}
    for target in targets:
        path = target.lstrip("/").replace(":", "/")
        found = [each for each in graph.links if each.endswith("/bin/" + path)]
        if len(found) != 1:
            sys.exit("%s is not a program that Bazel links" % target)
        programs[path.rsplit("/", 1)[1]] = found[0]
    needed, headers, dependency_files, flags = set(), set(), set(), set()
    for output_path in programs.values():
        objects, link_flags = link_parts(graph.links[output_path]["arguments"])
        flags.update(link_flags)
        for each in objects:
            dependency_files.add("%s/%s.d" % (root, each[:-2]))
            action = graph.compilations[each]
            needed.update(graph.inputs(action))
            headers.update(included_files(action["arguments"]))
    with tempfile.TemporaryDirectory() as folder:
        for path in sorted(needed):
            source = os.path.join(root, path)
            if path.startswith("external/libtorch") or path.endswith((".gch", ".o")):
                continue
            if os.path.isfile(source) and not path.startswith("/"):
                copy(source, os.path.join(folder, path))
        for path in headers:
            # Bazel has only what the compiler has made of it there.
            copy("bazel/precompiled/" + os.path.basename(path), os.path.join(folder, path))
        for name in system_folders(dependency_files):
            shutil.copytree("/usr/include/" + name, "%s/third_party/include/%s" % (folder, name), symlinks=False)
        for name, path in library_files(flags).items():
            if "torch" not in name and "c10" not in name:
                copy(path, "%s/third_party/lib/%s" % (folder, name))
        with open(folder + "/build.ninja", "w") as ninja:
            ninja.write(ninja_file(graph, programs))
        copy("tools/gpu/run.sh", folder + "/run.sh")
        os.chmod(folder + "/run.sh", 0o755)
        partial = output + ".partial"
        with tarfile.open(partial, "w:gz") as archive:
            archive.add(folder, "pare")
        os.replace(partial, output)
    print("%s: %d programs, %.1f MB" % (output, len(programs), os.path.getsize(output) / 1e6))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", required=True, help="the archive that is written")
    parser.add_argument("targets", nargs="*", help="tests and programs; the usual ones if there are none")
    options = parser.parse_args()
    output = os.path.abspath(options.output)
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
    pack(options.targets or DEFAULT_TARGETS, output)


if __name__ == "__main__":
    main()

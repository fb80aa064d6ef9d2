#!/usr/bin/env python3
"""Makes a registry of Bazel modules from the ones that Debian's packages hold, for building without a network.

    local_registry.py --output=DIR MODULE.bazel...
    bazel build --registry=file://DIR ...

holds what those files and Bazel's own tools depend on, in every version that one of them asks for: each is the module
below --tree, whatever its version. A module that is not there is an empty one: resolving versions needs all of them,
building C++ does not.
"""

import argparse
import json
import pathlib
import re
import sys

# Where Debian's packages bazel-* put modules.
FOLDERS = ["rules/{}", "tools/{}"]
PREFIXES = ["rules_", "bazel_", ""]


def find_tree(tree, name):
    for folder in FOLDERS:
        for prefix in PREFIXES:
            if name.startswith(prefix):
                path = tree / folder.format(name[len(prefix):])
                if (path / "MODULE.bazel").exists():
                    return path
    return None


def without_comments(text):
    return re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)


def dependencies(text):
    """(name, version) of each bazel_dep, but for those that matter in its own repository alone."""
    for call in re.findall(r"bazel_dep\(([^)]*)\)", without_comments(text)):
        arguments = dict(re.findall(r"(\w+)\s*=\s*\"?([^\",\s]+)\"?", call))
        if arguments.get("dev_dependency") != "True" and "version" in arguments:
            yield arguments["name"], arguments["version"]


def with_version(text, version):
    """The module file, as if it were that version's."""
    module = re.search(r"module\(([^)]*)\)", without_comments(text))
    arguments = re.sub(r"version\s*=\s*\"[^\"]*\",?", "", module.group(1)).rstrip().rstrip(",")
    return without_comments(text).replace(module.group(0), 'module(%s, version = "%s")' % (arguments, version))


def add_module(output, tree, name, version):
    """Returns the text of its module file."""
    folder = output / "modules" / name / version
    folder.mkdir(parents=True)
    source = find_tree(tree, name)
    if source is None:
        source = output / "empty" / name
        source.mkdir(parents=True, exist_ok=True)
        for file in ["BUILD", "WORKSPACE", "MODULE.bazel"]:
            (source / file).write_text("")
        text = 'module(name = "%s", version = "%s")\n' % (name, version)
    else:
        text = with_version((source / "MODULE.bazel").read_text(), version)
    (folder / "MODULE.bazel").write_text(text)
    (folder / "source.json").write_text(json.dumps({"type": "local_path", "path": str(source)}))
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", required=True, type=pathlib.Path, help="a folder that is not there yet")
    parser.add_argument("--tree", default=pathlib.Path("/usr/share/bazel"), type=pathlib.Path)
    parser.add_argument("module_files", nargs="+", type=pathlib.Path)
    arguments = parser.parse_args()
    own = arguments.tree / "embedded_tools" / "MODULE.bazel"
    if not own.exists():
        sys.exit("local_registry.py: %s is not there: this Bazel knows no modules; expected one of 7 or newer" % own)
    output = arguments.output.absolute()
    (output / "modules").mkdir(parents=True)
    (output / "bazel_registry.json").write_text("{}")

    waiting = [file.read_text() for file in arguments.module_files + [own]]
    added = set()
    while waiting:
        for module in dependencies(waiting.pop()):
            if module not in added:
                added.add(module)
                waiting.append(add_module(output, arguments.tree, *module))
    print("%d modules in %s" % (len(added), output))


if __name__ == "__main__":
    main()

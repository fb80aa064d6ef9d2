"""The backends that a build has, chosen by --//backends:enabled."""

BACKENDS = [
    "cpu",
    "cuda",
    "reference",
    "vulkan",
]

def for_enabled(value_of):
    """A list with value_of(name) for every backend that is enabled."""
    result = []
    for name in BACKENDS:
        result = result + select({
            "//backends:with_" + name: [value_of(name)],
            "//conditions:default": [],
        })
    return result

def define_of(name):
    return "PARE_BACKEND_" + name.upper()

def label_of(name):
    return "//backends/" + name

"""The module extension behind MODULE.bazel: the same repositories as in a WORKSPACE.

A module that depends on Pare puts one of its own in the place of another by

    pare_repositories = use_extension("@pare//third_party:extensions.bzl", "pare_repositories")
    override_repo(pare_repositories, com_google_absl = "abseil-cpp")
"""

load("//third_party:repositories.bzl", "system_repositories")

def _pare_repositories_impl(_ctx):
    system_repositories()

pare_repositories = module_extension(
    implementation = _pare_repositories_impl,
    doc = "LibTorch, Abseil and the others, as the system has them.",
)

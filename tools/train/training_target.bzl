"""A training as a program: `bazel run //tools/train:NAME -- --data_dir=DIR`."""

load("//bazel:cc.bzl", "pare_cc_binary")

def pare_training_target(name, config, model, dataset, epochs = 1, flags = {}):
    """Trains `model` on `dataset` with the compression of `config`, and exports it as ONNX.

    Args:
      name: the target's, and of the folder that it writes into, where the user stands.
      config: a JSON config, a label.
      model: the name of a model of models/; `--model=FILE` takes a trained one in its place.
      dataset: cifar10, images, mnist or procedural.
      epochs: with compression.
      flags: others of train_main.cc, by name. What the user gives after `--` goes over all of them.
    """
    values = {
        "config": "$(rootpath %s)" % config,
        "model": model,
        "dataset": dataset,
        "epochs": str(epochs),
        "output_dir": name,
    }
    values.update(flags)
    pare_cc_binary(
        name = name,
        args = ["--%s=%s" % (key, values[key]) for key in sorted(values)],
        data = [config],
        deps = [":train_main"],
    )

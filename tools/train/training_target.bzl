"""A training as a program: `bazel run //tools/train:NAME -- --data_dir=DIR`."""

def pare_training_target(name, config, model, dataset, epochs = 1, flags = {}, **kwargs):
    """Trains `model` on `dataset` with the compression of `config`, and exports it as ONNX.

    All targets run one program, `//tools/train`, with flags of their own. In another repository, whose methods that
    program does not know, give the cc_binary that links them and `@pare//tools/train:train_main` as `program`.

    Args:
      name: the target's, and of the folder that it writes into, where the user stands.
      config: a JSON config, a label.
      model: the name of a model of models/; `--model=FILE` takes a trained one in its place.
      dataset: cifar10, images, mnist or procedural.
      epochs: with compression.
      flags: others of train_main.cc, by name. What the user gives after `--` goes over all of them.
      **kwargs: `program`, and what every target takes.
    """
    program = kwargs.pop("program", Label("//tools/train"))
    values = {
        "config": "$(rootpath %s)" % config,
        "model": model,
        "dataset": dataset,
        "epochs": str(epochs),
        "output_dir": name,
    }
    values.update(flags)
    native.sh_binary(
        name = name,
        srcs = [Label("//tools/train:run.sh")],
        args = ["$(rootpath %s)" % program] + ["--%s=%s" % (key, values[key]) for key in sorted(values)],
        data = [config, program],
        **kwargs
    )

#!/bin/sh
# Runs the program and the flags that a target names (training_target.bzl), and those that the user adds.
exec "$@"

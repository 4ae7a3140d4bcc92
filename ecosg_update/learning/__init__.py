"""A training from one TOML file: training sets go in, checkpoints come out, one for each step of a chain."""

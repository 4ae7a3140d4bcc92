"""One tree of errors: each branch is a documented exit code of the command line.

A message has the form *thing: what was found, what was expected; what to do.* The library raises and
never prints; `ecosg_update.cli` turns an error into one line on stderr and the code.
"""


class EcosgError(Exception):
    """Any failure that a user can cause and cure."""

    exit_code = 1


class ConfigError(EcosgError):
    """The command line or the configuration asks for something that does not exist."""

    exit_code = 2


class SceneError(EcosgError):
    """A satellite product is absent, incomplete or damaged."""

    exit_code = 3


class TableError(EcosgError):
    """A legend or crosswalk table is absent or does not add up."""

    exit_code = 3


class GridError(EcosgError):
    """Two grids differ, or a grid cannot exist."""

    exit_code = 3


class FormatError(EcosgError):
    """A map or prediction that was given as input cannot be read as what it claims to be."""

    exit_code = 3


class ModelError(EcosgError):
    """An engine or its weights are absent, damaged, or do not fit the scene."""

    exit_code = 4


class OutputError(EcosgError):
    """A product cannot be written: it exists, its name is illegal, the disk is full."""

    exit_code = 5


class CoverageError(EcosgError):
    """The requested domain is not covered by the map that must cover it."""

    exit_code = 7

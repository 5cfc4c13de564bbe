"""Choices and numbers of the benchmark, one YAML per choice; a package only so that an installed copy finds them."""

"""The manifest of autograd, read to list backends: it imports no framework."""

REQUIRES = ("autograd",)
PACKAGES = ("autograd", "scipy")
INSTALL = "pip install autograd"


def load():
    from poseport_autograd.backend import AutogradBackend

    return AutogradBackend()

"""How training scripts are run in this house. Everything is in :mod:`house_framework.training`."""

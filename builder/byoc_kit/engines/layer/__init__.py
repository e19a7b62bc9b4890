"""The layer engine: an image's new layers made straight from wheels and files, without running anything.

Read in this order: ``entries.py`` (what a layer holds), ``wheel.py`` (what a wheel says), ``place.py`` (where
its files go), ``replace.py`` and ``conflict.py`` (what of the base stands in the way), ``tree.py`` (the
entries of one layer), ``tarwrite.py`` and ``gzipwrite.py`` (their bytes), ``made.py`` (a layer that exists),
``build.py`` (a plan's layers).

The traps it avoids are those of layers in general (OCI image-spec, layer.md: whiteouts, directories,
links) and of installed wheels (PyPA: recording installed projects).
"""

"""The catalogue as it comes with byoc, read once for all tests."""

import functools

from byoc_kit.catalogue.catalogue import Catalogue
from byoc_kit.work.catalogue import shipped


@functools.cache
def known() -> Catalogue:
    return Catalogue(shipped())

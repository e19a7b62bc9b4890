"""The zoo: small images, each of which breaks one clause of the contract, and good ones that break none.

``form.py`` is what a zoo image is. The folders hold them by the area of the clause they break, in modules
with ``IMAGES``; ``good/`` has those that break nothing. ``making.py`` makes them all, without a build.
To add one: write an :class:`~zoo.form.Animal` into ``IMAGES`` of the module where it belongs. ``test_zoo.py``
plays it, and demands that it fails exactly on its clause.
"""

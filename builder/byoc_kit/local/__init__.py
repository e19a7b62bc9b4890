"""Containers started on this machine as SageMaker starts them.

``tree`` lays out /opt/ml, ``containers`` starts what a plan says and takes everything away again,
``training`` and ``serving`` are the two jobs, ``archive`` is model.tar.gz.
"""

"""A SageMaker job as a value, and the files and variables that the service would give its container.

Pure: :mod:`byoc_kit.local` writes the files and starts the container.
"""

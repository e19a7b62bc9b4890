"""Sources and sinks of an image. In this release: the Docker daemon and a registry."""

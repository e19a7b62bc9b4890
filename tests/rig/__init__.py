"""What the tests stand on: a Docker engine, bases made by debootstrap, a registry, scaffolded projects.

On Debian as root the rig installs what is missing and starts what does not run; it stops what it started.
Elsewhere it uses what is there. CONTRIBUTING.md tells the story.
"""

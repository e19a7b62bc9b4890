"""The ENTRYPOINT of every image: ``python -I /opt/byoc/entry [WORD...]``."""

import sys

from dispatch import main

sys.exit(main(sys.argv[1:]))

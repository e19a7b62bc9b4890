"""``python /opt/byoc/serving --program inference.py [--code DIR] [--workers N]``: the ASGI server."""

import os
import sys
import time

if __name__ == "__main__":
    started = time.monotonic()
    # The library is imported from a folder of its own, and that folder is taken off the path again:
    # the user's modules share a namespace with nothing but `byoc_serving`.
    sys.path[0] = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib")
    from byoc_serving import server

    del sys.path[0]
    sys.exit(server.main(sys.argv[1:], started))

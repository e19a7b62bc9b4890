"""``python /opt/byoc/serving/mms.py --program inference.py [...]``: multi-model-server behind a gate."""

import os
import sys
import time

if __name__ == "__main__":
    started = time.monotonic()
    # This file's own folder must leave the path: here `mms` would be this file, not the package.
    sys.path[0] = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib")
    from byoc_serving import mms_server

    del sys.path[0]
    sys.exit(mms_server.main(sys.argv[1:], started))

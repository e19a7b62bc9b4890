"""``python /opt/byoc/serving/model.py``: one model of a multi-model endpoint, started by the server."""

import os
import sys

if __name__ == "__main__":
    sys.path[0] = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib")
    from byoc_serving import model_process

    del sys.path[0]
    model_process.main(sys.argv[1:])

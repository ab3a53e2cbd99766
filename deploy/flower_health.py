"""Health check of the Flower container: whether it lets its user in, and shows the workers.

The page asked for also makes Flower look at all workers anew, so that its pages keep up with ``--scale``. Exit code 0
if it answers, else 1 with the reason.
"""

from __future__ import annotations

import base64
import os
import sys
from http.client import HTTPConnection, HTTPException

PORT = 5555
PAGE = "/workers?refresh=1"
OK = 200
TIMEOUT_S = 5.0


def main() -> int:
    """Ask for the page of workers as the user that FLOWER_BASIC_AUTH names."""
    credentials = base64.b64encode(os.environ["FLOWER_BASIC_AUTH"].encode()).decode()
    connection = HTTPConnection("127.0.0.1", PORT, timeout=TIMEOUT_S)
    try:
        connection.request("GET", PAGE, headers={"Authorization": f"Basic {credentials}"})
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 1
    finally:
        connection.close()
    if status != OK:
        sys.stderr.write(f"HTTP {status}\n")
    return 0 if status == OK else 1


if __name__ == "__main__":
    sys.exit(main())

"""python -m tinywire"""

import sys

from tinywire.service import serve

if __name__ == "__main__":
    serve(sys.stdin, sys.stdout)

"""python -m test.crash [kills] [seed]"""
import sys

from test.crash.killer import run

if __name__ == "__main__":
    sys.exit(run())

"""`python -m hummingbot.connector.exchange.standard`: the connector's tools for the command line."""
import sys

from hummingbot.connector.exchange.standard.cli import main

if __name__ == "__main__":
    sys.exit(main())

"""Feeds decoders with damaged answers: `make fuzz INPUTS=1000000 TARGET=rest-trades SEED=1`.

Without a target all of them take their turn. A campaign goes on where it stopped before, unless the code changed or --fresh is
given; inputs that failed are fed again first, until they are borne. --at feeds one input alone and shows it. The exit code is 1
when a decoder did not bear an input.
"""
import argparse
import logging
import shutil
import sys
import tempfile
from pathlib import Path

import conftest  # noqa: F401 (lets Hummingbot list the connector of this working copy)
from fuzz.campaign import Progress, campaign, known, payload_of, run_input

FOLDER = Path(".fuzz")


def main() -> int:
    """Run what the command line asks for; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", help=f"of {', '.join(known())}")
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--failures", type=int, default=10, help="stop a target after so many")
    parser.add_argument("--fresh", action="store_true", help="begin anew")
    parser.add_argument("--at", type=int, help="feed this input alone")
    options = parser.parse_args()
    wrong = [name for name in options.targets if name not in known()]
    if wrong:
        parser.error(f"no target {', '.join(wrong)}: choose of {', '.join(known())}")
    if options.at is not None:
        return _show(options.targets[0], options.seed, options.at)
    if options.fresh:
        shutil.rmtree(FOLDER, ignore_errors=True)
    failed = False
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        tempfile.tempdir = folder  # whatever a killed process leaves goes with it
        for name in options.targets or known():
            failed |= bool(campaign(name, options.inputs, options.seed, options.jobs, options.failures,
                                    Progress(FOLDER, name, options.seed)))
    return 1 if failed else 0


def _show(name: str, seed: int, number: int) -> int:
    logging.disable()
    kind, payload, _ = payload_of(name, seed, number)
    print(f"kind {kind!r}, {len(payload)} bytes: {payload[:4000]!r}")
    failure = run_input(name, seed, number)
    print(failure or "It is borne.")
    return 1 if failure else 0


if __name__ == "__main__":
    sys.exit(main())

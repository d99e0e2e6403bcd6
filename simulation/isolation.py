"""Runs something in a copy of this process, so that nothing that Hummingbot remembers passes from one world to the next."""
import gc
import os
import pickle
import sys
import traceback
from collections.abc import Callable
from typing import Any


def in_a_copy[Result](function: Callable[..., Result], *args: Any) -> Result:
    """What the function returns there. Raises RuntimeError when it raises, or when the copy dies."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        gc.disable()  # it ends soon, and all its memory with it
        status = 1
        try:
            with os.fdopen(writing, "wb") as pipe:
                pickle.dump(function(*args), pipe)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read()
    _, ended = os.waitpid(child, 0)
    if ended != 0:
        raise RuntimeError(f"{function.__name__} failed in its copy of the process (status {ended})")
    result: Result = pickle.loads(answer)
    return result

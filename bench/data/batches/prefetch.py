"""Work done ahead of its reader by threads, handed out in order.

What is read does not depend on how many threads there are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


def ahead(
    work: Callable[[int], Result],
    places: Iterable[int],
    *,
    workers: int,
) -> Iterator[Result]:
    """`work(place)` of each place in order.

    `workers` threads keep two results each ready; with 0 a result is made when asked for. An error
    of `work` is raised where its result was due. A reader that stops early leaves no thread behind.
    """
    if workers < 1:
        yield from map(work, places)
        return
    # in the order of the places, whichever is ready first
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="windows") as pool:
        try:
            for place in places:
                waiting.append(pool.submit(work, place))
                # no more than that, or all batches of an epoch would lie in memory
                if len(waiting) > 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            # the pool waits for what it has, on its way out
            for future in waiting:
                future.cancel()

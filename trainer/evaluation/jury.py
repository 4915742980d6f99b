"""Everybody judged, several people at the same time."""

from __future__ import annotations

import functools
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from rich.console import Console

from dinar.runtime.errors import DinarError
from dinar.trainer.evaluation.cases import PhotoCase
from dinar.trainer.evaluation.config import EvaluateConfig
from dinar.trainer.evaluation.judging import Judged
from dinar.trainer.evaluation.panel import Panel, open_panel
from dinar.trainer.one_thread import use_one_thread


def judge_everybody(panel: Panel, table: int, cases: Sequence[PhotoCase]) -> Iterator[Judged]:
    """Judge people, in their order.

    Args:
        panel: of this process; others open their own.
        table: place of the table in `panel.specs`.
        cases: the people.

    Raises:
        DinarError: somebody's files are bad; a process was killed, as happens when memory runs out.
    """
    count = min(panel.config.processes or os.cpu_count() or 1, len(cases))
    if count == 1:
        yield from (panel.judge(table, case) for case in cases)
        return
    judging = functools.partial(_judge, panel.config, table)
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(count, mp_context=context, initializer=use_one_thread)
    try:
        yield from pool.map(judging, cases)
    except BrokenProcessPool as error:
        raise DinarError(
            "a process that judged people was killed, perhaps for want of memory: run the same command again "
            "with fewer --processes"
        ) from error
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


@functools.cache
def _panel(config: EvaluateConfig) -> Panel:
    """What this process judges with; the first process has said what there is to say."""
    return open_panel(config, Console(quiet=True))


def _judge(config: EvaluateConfig, table: int, case: PhotoCase) -> Judged:
    return _panel(config).judge(table, case)

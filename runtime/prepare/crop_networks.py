"""The networks of the rectangles that a renderer draws: one opened for each size, a few kept open."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, Protocol, TypeVar

from dinar.runtime.prepare.crop import Crop, enlarged

Size = tuple[int, int]
"""Height and width of a rectangle."""

MAX_OPEN_NETWORKS = 5
"""Rectangle sizes whose networks are kept open (16 MB each for `live` in int8 at 512 x 512, 40 MB in fp32),
the one being opened counted; beyond, the one that was not used for longest is closed."""


class Network(Protocol):
    """A network opened for rectangles of one size."""

    def close(self) -> None:
        """Give its memory back; a second call does nothing."""
        ...


Opened = TypeVar("Opened", bound=Network)


class CropNetworks(Generic[Opened]):
    """Gives each rectangle a network. Not thread-safe.

    Opening one takes 0.1 to 0.3 s. In the background, pictures meanwhile go through a larger rectangle whose
    network is open: a larger rectangle shows the same (see `crop`) and takes a little longer. So that there
    always is one, that of the whole picture is opened first of all.
    """

    def __init__(self, open_network: Callable[[int, int], Opened], *, background: bool) -> None:
        """Start with no network.

        Args:
            open_network: opens a network for a height and a width.
            background: open in another thread what a larger network can stand in for; else the caller waits.
        """
        self._open_network = open_network
        self._executor = ThreadPoolExecutor(1, "open-network") if background else None
        self._open: dict[Size, Opened] = {}  # last used last
        self._coming: tuple[Size, Future[Opened]] | None = None

    def take(self, crop: Crop, whole: Size) -> tuple[Opened, Crop]:
        """Return an open network and its rectangle: `crop`, or for the time being a larger one that holds it.

        Args:
            crop: what is to be drawn.
            whole: height and width of the picture, multiples of 32: as large as a rectangle gets.

        Raises:
            DinarError: what opening a network raises.
        """
        size = (crop.height, crop.width)
        self._collect()
        if size in self._open:
            if whole not in self._open:
                self._prepare(whole, size)
            return self._use(size), crop
        if not self._stand_ins(size, whole):
            self._wait(size, whole)
            if size in self._open:
                return self._use(size), crop
        larger = self._stand_ins(size, whole)
        stand_in = min(larger, key=lambda s: s[0] * s[1])
        self._prepare(size, stand_in)
        return self._use(stand_in), enlarged(crop, stand_in, whole)

    def close(self) -> None:
        """Close all networks; a second call does nothing."""
        if self._coming is not None:
            size, future = self._coming
            self._coming = None
            if not future.cancel() and future.exception() is None:
                self._open[size] = future.result()
        while self._open:
            self._open.popitem()[1].close()
        if self._executor is not None:
            self._executor.shutdown()

    def _use(self, size: Size) -> Opened:
        """Return an open network, from now on the one used last."""
        self._open[size] = self._open.pop(size)
        return self._open[size]

    def _prepare(self, size: Size, in_use: Size) -> None:
        """Have a network opened in the background, one at a time."""
        if self._executor is not None and self._coming is None:
            self._make_room(in_use)
            self._coming = size, self._executor.submit(self._open_network, *size)

    def _collect(self) -> None:
        """Take over what was opened in the background."""
        if self._coming is not None and self._coming[1].done():
            (size, future), self._coming = self._coming, None
            self._open[size] = future.result()

    def _stand_ins(self, size: Size, whole: Size) -> list[Size]:
        """Return the open sizes that can take the place of `size` for the time being."""
        if self._executor is None:
            return []
        return [open_size for open_size in self._open if _holds(open_size, size) and _holds(whole, open_size)]

    def _wait(self, size: Size, whole: Size) -> None:
        """Open a network of `size` while the caller waits, or wait for one that comes and can stand in."""
        if self._coming is not None and _holds(self._coming[0], size) and _holds(whole, self._coming[0]):
            self._coming[1].exception()  # waits: it is further than a second one would be
            self._collect()
        else:
            self._make_room(None)
            self._open[size] = self._open_network(*size)

    def _make_room(self, in_use: Size | None) -> None:
        """Close networks until there is room for one more; that of `in_use` stays."""
        while len(self._open) + (self._coming is not None) >= MAX_OPEN_NETWORKS:
            oldest = next(size for size in self._open if size != in_use)
            self._open.pop(oldest).close()


def _holds(whole: Size, size: Size) -> bool:
    """Return whether one rectangle has room for another."""
    return size[0] <= whole[0] and size[1] <= whole[1]

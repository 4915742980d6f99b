"""Pickle files read as data: numbers, texts, containers and NumPy arrays. Nothing is imported, nothing runs.

Older data sets and fitting programs keep their parameters in pickles, which are programs: whoever unpickles
a file runs it. Here the program is only looked through, operation by operation (`pickletools`), and the few
calls by which NumPy's arrays are written are carried out by this file's own functions. Any other name in
the file is refused. Files of Python 2 (protocol 2, bytes as Latin-1) and of old NumPy versions are read too.
"""

from __future__ import annotations

import math
import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from dinar.runtime.errors import DinarError

MAX_BYTES = 1 << 26
_MAX_DEPTH = 30


class PickleError(DinarError):
    """A pickle that is damaged or holds more than data; the text is one sentence that names the file."""


@dataclass(frozen=True)
class _Name:
    """Something that the pickle wants to call: a name, never the thing itself."""

    text: str


@dataclass
class _Type:
    """An array's element type; its byte order follows later."""

    code: str
    order: str = "<"

    def build(self, state: Any) -> None:
        order = state[1] if isinstance(state, tuple) and len(state) > 1 else None
        if order not in ("<", ">", "|", "="):
            raise _Refused("an array type that is no plain number's")
        self.order = order

    def numpy(self) -> np.dtype:
        try:
            dtype = np.dtype(self.code)
        except TypeError:
            raise _Refused(f"an array of unknown type {self.code!r}") from None
        if dtype.kind not in "biufSU" or not dtype.itemsize:
            raise _Refused(f"an array of type {self.code!r} (objects instead of numbers)")
        return dtype.newbyteorder(">") if self.order == ">" else dtype


@dataclass
class _Array:
    """An array that is being put together."""

    value: np.ndarray | None = None

    def build(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) not in (4, 5):
            raise _Refused("an array in an unknown form")
        shape, kind, fortran, data = state[-4:]
        if not isinstance(kind, _Type):
            raise _Refused("an array in an unknown form")
        if isinstance(data, str):  # bytes of Python 2
            data = data.encode("latin-1")
        self.value = _array(data, kind, shape, "F" if fortran else "C")


class _Refused(Exception):
    """What a pickle holds that is not read; the text follows "holds"."""


def read_pickle(path: Path) -> Any:
    """Read a pickle as data.

    Returns:
        None, bool, int, float, str, bytes, list, tuple, dict of these, and NumPy arrays of numbers or texts.
        Texts of Python 2 come as str, decoded as Latin-1.

    Raises:
        PickleError: missing, larger than 64 MB, damaged, or with anything else in it.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise PickleError(f"{path} cannot be opened ({error.strerror})") from error
    if len(data) > MAX_BYTES:
        raise PickleError(f"{path} is larger than {MAX_BYTES >> 20} MB: no file of parameters")
    try:
        return _finished(_Machine().run(data), {}, 0)
    except _Refused as error:
        raise PickleError(
            f"{path} holds {error}, which is not read: save its numbers as plain NumPy arrays"
        ) from None
    except (ValueError, TypeError, IndexError, KeyError, AttributeError, OverflowError) as error:
        raise PickleError(f"{path} is no pickle or damaged ({str(error)[:80]})") from error


def _array(data: Any, kind: _Type, shape: Any, order: Any) -> np.ndarray:
    dtype = kind.numpy()
    if not isinstance(data, bytes | bytearray):
        raise _Refused("an array of objects")
    if order not in ("C", "F") or not all(isinstance(n, int) and 0 <= n < 1 << 40 for n in shape):
        raise ValueError("an array of unknown shape")
    if math.prod(shape) * dtype.itemsize != len(data):
        raise ValueError(f"an array of shape {shape} in {len(data)} bytes")
    return np.frombuffer(data, dtype).reshape(shape, order=order).astype(dtype.newbyteorder("="))


def _finished(value: Any, done: dict[int, Any], depth: int) -> Any:
    """Return a value with its arrays in place of what they were put together in; `done`: by id."""
    if depth > _MAX_DEPTH:
        raise _Refused(f"containers within containers, more than {_MAX_DEPTH} deep")
    if id(value) not in done:  # what is referred to twice is done once
        done[id(value)] = _without_parts(value, done, depth)
    return done[id(value)]


def _without_parts(value: Any, done: dict[int, Any], depth: int) -> Any:
    if isinstance(value, _Array):
        if value.value is None:
            raise ValueError("an unfinished array")
        return value.value
    if isinstance(value, _Name | _Type):
        raise _Refused(value.text if isinstance(value, _Name) else "an array type without an array")
    if isinstance(value, dict):
        return {_key(k): _finished(v, done, depth + 1) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_finished(v, done, depth + 1) for v in value)
    return value


def _key(key: Any) -> Any:
    if not isinstance(key, str | bytes | int | float | None):
        raise _Refused(f"a map with keys of type {type(key).__name__}")
    return key


# --- What NumPy's pickles call --------------------------------------------------------------------


def _start_array(_type: Any, _shape: Any, _code: Any) -> _Array:
    return _Array()


def _element_type(code: str, *_: Any) -> _Type:
    text = code if isinstance(code, str) else code.decode("latin-1")
    return _Type(text)


def _number(kind: _Type, data: str | bytes) -> Any:
    raw = data.encode("latin-1") if isinstance(data, str) else data
    return _array(raw, kind, (), "C")[()]


def _from_buffer(data: bytes, kind: _Type, shape: tuple[int, ...], order: str) -> _Array:
    return _Array(_array(data, kind, shape, order))


def _encoded(text: str, encoding: str) -> bytes:
    if encoding not in ("latin1", "latin-1"):
        raise _Refused(f"bytes written as {encoding}")
    return text.encode("latin-1")


_CALLS: dict[str, Callable[..., Any]] = {
    "_codecs encode": _encoded,
    "__builtin__ bytes": lambda: b"",  # what protocol 2 makes of no bytes
    "numpy dtype": _element_type,
    "collections OrderedDict": lambda pairs=(): dict(pairs),
}
for _core in ("numpy.core", "numpy._core"):
    _CALLS[f"{_core}.multiarray _reconstruct"] = _start_array
    _CALLS[f"{_core}.multiarray scalar"] = _number
    _CALLS[f"{_core}.numeric _frombuffer"] = _from_buffer
_NAMES = {*_CALLS, "numpy ndarray"}


# --- The machine ----------------------------------------------------------------------------------


class _Machine:
    """Pickle's stack machine, without the operations that make objects."""

    _MARK = object()

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def run(self, data: bytes) -> Any:
        for operation, argument, _ in pickletools.genops(BytesIO(data)):
            name = operation.name
            if name == "STOP":
                (result,) = self.stack
                return result
            if name in _CONSTANTS:
                self.stack.append(_CONSTANTS[name]())
            elif name in _LITERALS:
                self.stack.append(argument)
            elif name not in _IGNORED:
                step = _STEPS.get(name)
                if step is None:
                    raise _Refused(f"an object of a class (operation {name})")
                step(self, argument)
        raise ValueError("it has no end")

    def since_mark(self) -> list[Any]:
        at = len(self.stack) - 1
        while self.stack[at] is not self._MARK:
            at -= 1
        taken = self.stack[at + 1 :]
        del self.stack[at:]
        return taken

    def mark(self, _: Any) -> None:
        self.stack.append(self._MARK)

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def drop(self, _: Any) -> None:
        self.since_mark()

    def map(self, _: Any) -> None:
        pairs = self.since_mark()
        self.stack.append({})
        self.fill(pairs)

    def pop(self, _: Any) -> None:
        self.stack.pop()

    def duplicate(self, _: Any) -> None:
        self.stack.append(self.stack[-1])

    def tuple_of(self, count: int) -> None:
        taken = tuple(self.stack[len(self.stack) - count :])
        del self.stack[len(self.stack) - count :]
        self.stack.append(taken)

    def extend(self, values: list[Any]) -> None:
        if not isinstance(self.stack[-1], list):
            raise ValueError("values appended to no list")
        self.stack[-1].extend(values)

    def fill(self, pairs: list[Any]) -> None:
        if not isinstance(self.stack[-1], dict):
            raise ValueError("entries for no map")
        self.stack[-1].update({_key(k): v for k, v in zip(pairs[::2], pairs[1::2], strict=True)})

    def take(self, count: int) -> list[Any]:
        taken = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        return taken

    def remember(self, place: int | None) -> None:
        self.memo[len(self.memo) if place is None else place] = self.stack[-1]

    def recall(self, place: int) -> None:
        self.stack.append(self.memo[place])

    def name(self, text: str) -> None:
        if text not in _NAMES:
            raise _Refused(f"the name {text.replace(' ', '.', 1)!r}, a call or an object of a class")
        self.stack.append(_Name(text))

    def reduce(self, _: Any) -> None:
        called, arguments = self.take(2)
        if not isinstance(called, _Name) or called.text not in _CALLS or not isinstance(arguments, tuple):
            raise _Refused("a call that no array needs")
        self.stack.append(_CALLS[called.text](*arguments))

    def build(self, _: Any) -> None:
        state = self.stack.pop()
        if not isinstance(self.stack[-1], _Array | _Type):
            raise _Refused("an object with a state of its own")
        self.stack[-1].build(state)


_IGNORED = {"PROTO", "FRAME"}
_CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "EMPTY_DICT": dict,
}
_LITERALS = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
}
_STEPS: dict[str, Callable[[_Machine, Any], None]] = {
    "MARK": _Machine.mark,
    "POP": _Machine.pop,
    "POP_MARK": _Machine.drop,
    "DUP": _Machine.duplicate,
    "TUPLE": lambda m, _: m.push(tuple(m.since_mark())),
    "TUPLE1": lambda m, _: m.tuple_of(1),
    "TUPLE2": lambda m, _: m.tuple_of(2),
    "TUPLE3": lambda m, _: m.tuple_of(3),
    "LIST": lambda m, _: m.push(m.since_mark()),
    "APPEND": lambda m, _: m.extend(m.take(1)),
    "APPENDS": lambda m, _: m.extend(m.since_mark()),
    "DICT": _Machine.map,
    "SETITEM": lambda m, _: m.fill(m.take(2)),
    "SETITEMS": lambda m, _: m.fill(m.since_mark()),
    "PUT": lambda m, place: m.remember(int(place)),
    "BINPUT": _Machine.remember,
    "LONG_BINPUT": _Machine.remember,
    "MEMOIZE": lambda m, _: m.remember(None),
    "GET": lambda m, place: m.recall(int(place)),
    "BINGET": _Machine.recall,
    "LONG_BINGET": _Machine.recall,
    "GLOBAL": _Machine.name,
    "STACK_GLOBAL": lambda m, _: m.name(" ".join(map(str, m.take(2)))),
    "REDUCE": _Machine.reduce,
    "BUILD": _Machine.build,
}

"""The module of TensorRT: what is used of it, and what it says when something goes wrong."""

from __future__ import annotations

from collections import deque
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import tensorrt as trt


class TensorRt(Protocol):
    """What is used of the module `tensorrt`; `tensorrt_rtx_bindings` has it, too."""

    __version__: str
    Builder: type[trt.Builder]
    DataType: type[trt.DataType]
    HardwareCompatibilityLevel: type[trt.HardwareCompatibilityLevel]
    ILogger: type[trt.ILogger]
    IProgressMonitor: type[trt.IProgressMonitor]
    MemoryPoolType: type[trt.MemoryPoolType]
    NetworkDefinitionCreationFlag: type[trt.NetworkDefinitionCreationFlag]
    OnnxParser: type[trt.OnnxParser]
    Runtime: type[trt.Runtime]
    TensorFormat: type[trt.TensorFormat]

    def __hash__(self) -> int: ...


class Messages:
    """What TensorRT says of errors; it is asked for the last one when something failed.

    Attributes:
        logger: what TensorRT is given.
    """

    def __init__(self, module: TensorRt) -> None:
        """Make a logger of the module's own kind."""
        base: Any = module.ILogger
        errors = self._errors = deque[str](maxlen=8)

        class Logger(base):
            def log(self, severity: trt.ILogger.Severity, message: str) -> None:
                if severity in (base.ERROR, base.INTERNAL_ERROR):
                    errors.append(message)

        self.logger: trt.ILogger = Logger()

    @property
    def last(self) -> str:
        """The newest error, in one line."""
        return first_line(self._errors[-1]) if self._errors else "it does not say why"

    def forget(self) -> None:
        """What comes from now on counts."""
        self._errors.clear()


@cache
def messages_of(module: TensorRt) -> Messages:
    """Return the messages of a module, the same each time: TensorRT keeps the first logger it is given."""
    return Messages(module)


def first_line(message: str) -> str:
    """Return the first line of a message, without its full stop."""
    lines = message.strip().splitlines()
    return lines[0].rstrip(" .") if lines else ""

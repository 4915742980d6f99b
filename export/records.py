"""What an export has made, and what its JSON file holds."""

from __future__ import annotations

from dataclasses import dataclass

from dinar.export.parity import Parity


@dataclass(frozen=True)
class CropCost:
    """What one run of a network takes; see `dinar.runtime.gpu.cost` for how it is counted.

    Attributes:
        views: pictures in one run.
        height: rows of each.
        width: columns of each.
        flops: operations of all convolutions; a multiply-add is two.
        fp32_bytes: bytes through memory with float32 weights and pixels.
        fp16_bytes: with half precision.
        int8_bytes: with bytes.
    """

    views: int
    height: int
    width: int
    flops: int
    fp32_bytes: int
    fp16_bytes: int
    int8_bytes: int


@dataclass(frozen=True)
class NetworkReport:
    """A network of the avatar.

    Attributes:
        name: preset and precision, for example live_fp32.
        sha256: of its ONNX file.
        file_bytes: that file's size.
        parameters: weights and biases of its convolutions.
        crops: what it takes for each size.
    """

    name: str
    sha256: str
    file_bytes: int
    parameters: int
    crops: tuple[CropCost, ...]


@dataclass(frozen=True)
class Built:
    """Something that was made.

    Attributes:
        target: onnx, openvino, tensorrt or tensorrt-rtx.
        network: of which network of the avatar.
        precision: fp32, fp16 or int8.
        size: views, height and width that it is for; None: any.
        files: where it is.
        file_bytes: size of all of them together.
        parity: how near its pictures are to the float32 network's; None where they were not compared.
        note: what else a person should know, for example why not.
    """

    target: str
    network: str
    precision: str
    size: tuple[int, int, int] | None
    files: tuple[str, ...]
    file_bytes: int
    parity: Parity | None = None
    note: str = ""


@dataclass(frozen=True)
class NotBuilt:
    """Something that was not made.

    Attributes:
        target: as in `Built`.
        network: likewise.
        reason: one sentence.
    """

    target: str
    network: str
    reason: str


@dataclass(frozen=True)
class Report:
    """All of an export.

    Attributes:
        avatar: its name.
        versions: of the packages that took part.
        networks: those of the avatar that were exported.
        built: what was made of them.
        not_built: what was not.
        warnings: what a reader of the numbers must know.
    """

    avatar: str
    versions: dict[str, str]
    networks: tuple[NetworkReport, ...]
    built: tuple[Built, ...]
    not_built: tuple[NotBuilt, ...]
    warnings: tuple[str, ...] = ()

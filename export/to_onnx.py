"""A trained renderer to ONNX: one file with its weights, for pictures of any size.

Operator set 21. Height and width are left open; whoever runs the network fixes them, and nothing is lost by
that: no operator of the renderer depends on the size. Input `raster` float32 [1, 22, H, W] and output `rgba`
float32 [1, 4, H, W], both in [0, 1].
"""

from __future__ import annotations

import hashlib
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

import onnx
import torch

from dinar.export.network_file import INPUT, OUTPUT, write_metadata
from dinar.runtime.network_input import CHANNELS, RASTER_CHANNELS
from dinar.trainer.models.renderer import RGBA_CHANNELS, NeuralRenderer, count_flops, count_parameters

OPSET = 21

_NOISY = ("torch.onnx", "onnxscript", "onnx_ir")


def to_onnx(network: NeuralRenderer) -> bytes:
    """Write a renderer, in evaluation mode and with batch norm folded into its convolutions, as ONNX.

    The file's metadata names the preset, its configuration, channels, parameters, FLOPs at 512 x 512 and the
    hash of the weights; see `network_file.read_metadata`.
    """
    side = 2 * network.config.multiple
    example = torch.zeros(1, CHANNELS, side, side)
    training = network.training
    network.eval()
    try:
        with _quiet(), torch.no_grad():
            program = torch.onnx.export(
                network,
                (example,),
                dynamo=True,
                opset_version=OPSET,
                input_names=[INPUT],
                output_names=[OUTPUT],
                verbose=False,
            )
    finally:
        network.train(training)
    if program is None:
        raise RuntimeError("torch.onnx.export returned no program")
    model = program.model_proto
    _open_size(model)
    _forget_the_exporter(model)
    write_metadata(model, _metadata(network))
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())


def weights_hash(network: NeuralRenderer) -> str:
    """Return the hex SHA-256 over all weights and running statistics, in the order of their names."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _metadata(network: NeuralRenderer) -> dict[str, str]:
    config = network.config
    return {
        "preset": config.name,
        "config": json.dumps(asdict(config)),
        "channels": ",".join(RASTER_CHANNELS),
        "multiple": str(config.multiple),
        "precision": "fp32",
        "parameters": str(count_parameters(config)),
        "flops_512": str(count_flops(config, 512, 512)),
        "weights_sha256": weights_hash(network),
    }


def _open_size(model: onnx.ModelProto) -> None:
    """Leave height and width open, which the exporter has fixed to the example's."""
    (raster,), (rgba,) = model.graph.input, model.graph.output
    for value, channels in ((raster, CHANNELS), (rgba, RGBA_CHANNELS)):
        shape = (1, channels, "height", "width")
        value.CopyFrom(onnx.helper.make_tensor_value_info(value.name, onnx.TensorProto.FLOAT, shape))
    del model.graph.value_info[:]


def _forget_the_exporter(model: onnx.ModelProto) -> None:
    """Drop notes with the paths and stack traces of the machine that exported, half of a small file."""
    del model.metadata_props[:]
    del model.graph.metadata_props[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's remarks about missing optional packages from the user."""
    levels = {name: logging.getLogger(name).level for name in _NOISY}
    try:
        for name in _NOISY:
            logging.getLogger(name).setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)

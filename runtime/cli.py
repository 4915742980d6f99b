"""The `dinar` command: finds the subcommand, reads its options, makes one sentence and a status of an error.

A command's module is imported when that command is called, so help and mistakes answer at once.
"""

from __future__ import annotations

import difflib
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from dinar.runtime.errors import DinarError, UsageError

OK, FAILED, BAD_USAGE = 0, 1, 2
INTERRUPTED = 128 + signal.SIGINT


@dataclass(frozen=True)
class Command:
    """A subcommand and where its code is.

    Attributes:
        name: what is typed.
        summary: one line for the list of commands.
        module: imported when the command is called.
        config: name of the options' dataclass in that module.
        function: name of a function in that module: options => exit status.
        extra: what has to be installed beside the base for it, as in `pip install 'dinar[extra]'`.
    """

    name: str
    summary: str
    module: str
    config: str
    function: str
    extra: str = ""


COMMANDS = (
    Command(
        "demo",
        "default avatar, built-in motion, in a window or a file",
        "dinar.runtime.demo",
        "DemoConfig",
        "demo",
    ),
    Command("run", "live: receive poses, render, show", "dinar.runtime.run", "RunConfig", "run"),
    Command("play", "publish a motion file or a built-in motion", "dinar.runtime.play", "PlayConfig", "play"),
    Command(
        "keys", "make keys for encrypted streams", "dinar.runtime.transport.keys", "KeysConfig", "make_keys"
    ),
    Command("bench", "per-stage latency, percentiles", "dinar.runtime.bench", "BenchConfig", "bench"),
    Command(
        "create",
        "a few photos of a person to an avatar",
        "dinar.export.create_command",
        "CreateConfig",
        "create",
        extra="train,export",
    ),
    Command(
        "fit",
        "SMPL-X parameters from a photo's keypoints and mask",
        "dinar.trainer.fit.command",
        "FitConfig",
        "fit",
        extra="train",
    ),
    Command(
        "export",
        "an avatar's networks to files and engines",
        "dinar.export.command",
        "ExportConfig",
        "export",
        extra="export",
    ),
    Command(
        "data",
        "check and import datasets of people",
        "dinar.trainer.data.dataset.command",
        "DataConfig",
        "data",
        extra="train",
    ),
    Command(
        "synth",
        "make synthetic people to train on",
        "dinar.trainer.data.synth.command",
        "SynthConfig",
        "synth",
        extra="train",
    ),
    Command(
        "train",
        "train the avatar model, resumable",
        "dinar.trainer.train.command",
        "TrainConfig",
        "train_command",
        extra="train",
    ),
    Command(
        "evaluate",
        "the paper's measures and tables, of avatars of one photo",
        "dinar.trainer.evaluation.command",
        "EvaluateConfig",
        "evaluate",
        extra="train",
    ),
    Command("doctor", "what works on this computer", "dinar.runtime.doctor", "DoctorConfig", "main"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns 0 (ok), 1 (failed), 2 (bad usage) or 130 (interrupted)."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_help(), end="", file=sys.stdout if arguments else sys.stderr)
        return OK if arguments else BAD_USAGE
    if arguments[0] == "--version":
        print(f"dinar {_version()}")  # noqa: T201
        return OK
    command = next((c for c in COMMANDS if c.name == arguments[0]), None)
    if command is None:
        return _fail(_unknown(arguments[0]), BAD_USAGE)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # files and sockets are closed as by Ctrl-C
    try:
        return _run(command, arguments[1:])
    except UsageError as error:
        return _fail(str(error), BAD_USAGE)
    except DinarError as error:
        return _fail(str(error), FAILED)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # as in `dinar doctor | head`; what is still buffered has nowhere to go
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def _run(command: Command, arguments: Sequence[str]) -> int:
    import tyro

    try:
        module = importlib.import_module(command.module)
    except ModuleNotFoundError as error:
        if not command.extra or (error.name or "dinar").startswith("dinar"):
            raise
        raise DinarError(
            f"`dinar {command.name}` needs {error.name}, which is not installed: "
            f"pip install 'dinar[{command.extra}]'"
        ) from error
    options = tyro.cli(
        getattr(module, command.config),
        prog=f"dinar {command.name}",
        args=arguments,
        config=(tyro.conf.FlagCreatePairsOff,),
    )
    return int(getattr(module, command.function)(options))


def _fail(sentence: str, status: int) -> int:
    print(f"dinar: {sentence}", file=sys.stderr)  # noqa: T201
    return status


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, [command.name for command in COMMANDS], n=1)
    hint = f"did you mean `dinar {near[0]}`?" if near else "`dinar --help` lists the commands"
    return f"there is no command {name!r}: {hint}"


def _help() -> str:
    width = max(len(command.name) for command in COMMANDS)
    commands = "".join(f"  {command.name:<{width}}  {command.summary}\n" for command in COMMANDS)
    return (
        "usage: dinar COMMAND [options]\n\n"
        "A full-body avatar that moves live: SMPL-X poses over ZeroMQ in, a rendered person out.\n\n"
        f"{commands}\n"
        "`dinar COMMAND --help` explains a command; `dinar --version` tells the version.\n"
    )


def _version() -> str:
    from importlib.metadata import version

    return version("dinar")

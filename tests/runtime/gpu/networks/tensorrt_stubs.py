"""Type stubs of TensorRT, made of its bindings: NVIDIA ships none.

The bindings of TensorRT 11 come without the libraries that they are linked to. Others stand in for those,
with the few functions that the bindings look for, which do nothing.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

ENTRY_POINTS = (
    "createInferBuilder_INTERNAL",
    "createInferRefitter_INTERNAL",
    "createInferRuntime_INTERNAL",
    "createNvOnnxParserRefitter_INTERNAL",
    "createNvOnnxParser_INTERNAL",
    "getBuilderPluginRegistry",
    "getNvOnnxParserVersion",
    "getPluginRegistry",
    "initLibNvInferPlugins",
)
LIBRARIES = ("libnvinfer.so.11", "libnvinfer_plugin.so.11", "libnvonnxparser.so.11")


def make_stubs(folder: Path, bindings: str, native: str) -> Path:
    """Make stubs of a package of bindings, under its own name and as `tensorrt`; returns their folder."""
    libraries = folder / "libraries"
    libraries.mkdir()
    source = folder / "nothing.c"
    source.write_text("".join(f"void *{name}(void) {{ return 0; }}\n" for name in ENTRY_POINTS))
    for library in LIBRARIES:
        command = ["gcc", "-shared", "-fPIC", f"-Wl,-soname,{library}", "-o", libraries / library, source]
        subprocess.run(command, check=True)
    stubs = folder / "stubs"
    search = f"{libraries}:{os.environ.get('LD_LIBRARY_PATH', '')}"
    subprocess.run(
        [
            sys.executable,
            "-c",
            "from mypy.stubgen import main; main()",
            "--inspect-mode",
            "--quiet",
            "--output",
            stubs,
        ]
        + [word for module in (bindings, f"{bindings}.{native}") for word in ("--module", module)],
        check=True,
        env={**os.environ, "LD_LIBRARY_PATH": search},
    )
    stub = stubs / bindings / f"{native}.pyi"
    stub.write_text(_mended(stub.read_text()))
    (stubs / "tensorrt").mkdir()
    names = f"from {bindings} import *\nfrom {bindings} import __version__ as __version__\n"
    (stubs / "tensorrt" / "__init__.pyi").write_text(names)
    return stubs


def _mended(stub: str) -> str:
    """Take out what no type checker reads: a variable called bool, signatures that Python does not know."""
    lines = [line for line in stub.splitlines() if line != "bool: DataType"]
    while (place := _syntax_error(lines)) is not None:
        line = lines[place]
        lines[place] = re.sub(r"\(self,.*\) ->", "(self, *args, **kwargs) ->", line)
        assert lines[place] != line, line
    return "\n".join(lines)


def _syntax_error(lines: list[str]) -> int | None:
    try:
        ast.parse("\n".join(lines))
    except SyntaxError as error:
        return (error.lineno or 1) - 1
    return None


def type_errors(stubs: Path, cache: Path, *modules: str) -> list[str]:
    """Check modules against stubs; returns the errors in them, and in nothing that they import."""
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--cache-dir", cache]
        + [word for module in modules for word in ("--module", module)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[4],
        env={**os.environ, "MYPYPATH": str(stubs), "PYTHONPATH": ""},
    )
    assert done.stdout, done.stderr
    names = {f"{module.rpartition('.')[2]}.py" for module in modules}
    errors = [line for line in done.stdout.splitlines() if ": error: " in line]
    return [line for line in errors if Path(line.partition(":")[0]).name in names]

"""Who may import whom, and that importing does nothing else.

Modules are found by walking the packages, so a new file is covered as soon as it is there. What happens on
import is watched in fresh interpreters; what a function imports when it is called is read from the source.
"""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = [name for name in ("runtime", "trainer", "export") if (ROOT / name / "__init__.py").is_file()]

BASE_IMPORT_SECONDS = 0.3

# Import names that differ from the distribution's, and what comes along with a distribution.
DISTRIBUTIONS = {
    "PIL": "pillow",
    "zmq": "pyzmq",
    "cv2": "opencv-python",
    "cuda": "cuda-python",
    "lightning_fabric": "lightning-fabric",
    "llvmlite": "numba",
}
EXTRAS = {
    "runtime": ["live"],
    "runtime/gpu": ["gpu"],
    "trainer": ["train"],
    "export": ["train", "export", "live"],
}

# The one file that knows all three packages; it imports a command's module only when that command is called.
CLI = ROOT / "runtime" / "cli.py"


def files(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def module_name(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(("dinar", *parts)).removesuffix(".__init__")


def modules(package: str) -> list[str]:
    return [module_name(file) for file in files(package)]


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


# --- What importing does, watched in a fresh interpreter ----------------------------------------------------

WATCHER = """
import importlib, json, os, re, sys

UNWANTED_CALLS = {"socket.connect", "socket.bind", "subprocess.Popen", "os.system", "os.exec", "os.fork"}
UNWANTED_LIBRARY = re.compile(r"lib(cuda|nvidia|nvrtc|GL|EGL|GLX|X11|wayland)[-.\\\\w]*\\.so|nvcuda|opengl32")
LOOKS_UP_LIBRARIES = "/sbin/ldconfig"  # ctypes.util.find_library, as torch's cuda-pathfinder calls it
deeds = []

def watch(event, arguments):
    if event == "subprocess.Popen" and arguments[0] == LOOKS_UP_LIBRARIES:
        return
    if event in UNWANTED_CALLS:
        deeds.append(f"{event}{arguments[-1:]!r}")
    elif event == "ctypes.dlopen" and UNWANTED_LIBRARY.search(str(arguments[0])):
        deeds.append(f"{event} {arguments[0]}")
    elif event == "open" and re.match("/dev/(?!null|u?random|shm)", str(arguments[0])):
        deeds.append(f"{event} {arguments[0]}")

sys.addaudithook(watch)
for name in sys.argv[1:]:
    before = len(deeds)
    importlib.import_module(name)
    deeds[before:] = [f"{name}: {deed}" for deed in deeds[before:]]

compiled = []
if "numba" in sys.modules:
    from numba.core.dispatcher import Dispatcher
    for name, module in list(sys.modules.items()):
        if name.startswith("dinar."):
            kernels = {key: value for key, value in vars(module).items() if isinstance(value, Dispatcher)}
            compiled += [f"{name}.{key}" for key, kernel in kernels.items() if kernel.signatures]
if "torch" in sys.modules and sys.modules["torch"].cuda.is_initialized():
    deeds.append("torch.cuda is initialized")
print(json.dumps({"modules": sorted(sys.modules), "deeds": deeds, "compiled": compiled}))
"""


@cache
def after_importing(*names: str) -> dict[str, list[str]]:
    """What a fresh interpreter holds and has done after importing modules."""
    command = [sys.executable, "-c", WATCHER, *names]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd="/")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def loaded(package: str, *names: str) -> list[str]:
    """Which modules of `package` come along when `names` are imported."""
    return [module for module in after_importing(*names)["modules"] if within(module, package)]


@pytest.mark.parametrize("package", PACKAGES)
def test_importing_compiles_nothing_and_touches_neither_device_nor_network(package: str) -> None:
    seen = after_importing(*modules(package))
    assert set(modules(package)) <= set(seen["modules"])
    assert seen["deeds"] == []
    assert seen["compiled"] == []


@pytest.mark.parametrize(
    ("code", "deed"),
    [
        ("import socket; socket.create_server(('127.0.0.1', 0))", "socket.bind"),
        ("import subprocess; subprocess.run(['true'])", "subprocess.Popen"),
        ("open('/dev/zero')", "open /dev/zero"),
        (
            "import contextlib, ctypes\nwith contextlib.suppress(OSError): ctypes.CDLL('libcuda.so.1')",
            "ctypes.dlopen",
        ),
    ],
)
def test_the_watcher_sees_what_it_watches_for(tmp_path: Path, code: str, deed: str) -> None:
    (tmp_path / "naughty.py").write_text(code)
    watcher = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{WATCHER}"
    done = subprocess.run(
        [sys.executable, "-c", watcher, "naughty"], capture_output=True, text=True, timeout=60
    )
    assert f"naughty: {deed}" in done.stdout, done.stderr


def test_the_watcher_sees_compiled_kernels(tmp_path: Path) -> None:
    (tmp_path / "eager.py").write_text("import numba\n@numba.njit('f8(f8)')\ndef kernel(x): return 2 * x\n")
    watcher = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{WATCHER}".replace('"dinar."', '"eager"')
    done = subprocess.run(
        [sys.executable, "-c", watcher, "eager"], capture_output=True, text=True, timeout=60
    )
    assert '"compiled": ["eager.kernel"]' in done.stdout, done.stderr


def test_the_runtime_needs_neither_torch_nor_the_other_packages() -> None:
    for package in ("torch", "dinar.trainer", "dinar.export"):
        assert loaded(package, *modules("runtime")) == []


def test_the_base_package_imports_fast() -> None:
    code = "import time; t = time.perf_counter(); import dinar.runtime; print(time.perf_counter() - t)"
    command = [sys.executable, "-c", code]
    seconds = [float(subprocess.check_output(command, text=True, cwd="/")) for _ in range(5)]
    assert min(seconds) < BASE_IMPORT_SECONDS


BACKENDS = [name for name in ("cpu", "gpu") if (ROOT / "runtime" / name).is_dir()]


@pytest.mark.parametrize("backend", BACKENDS)
def test_backends_do_not_import_each_other(backend: str) -> None:
    for other in {"cpu", "gpu"} - {backend}:
        assert loaded(f"dinar.runtime.{other}", *modules(f"runtime/{backend}")) == []


def test_the_chosen_backend_is_imported_lazily() -> None:
    for backend in BACKENDS:
        assert loaded(f"dinar.runtime.{backend}", "dinar.runtime.renderer") == []


def test_window_and_stream_do_not_know_each_other() -> None:
    assert loaded("dinar.runtime.stream", "dinar.runtime.window") == []
    assert loaded("dinar.runtime.window", "dinar.runtime.stream") == []


def test_a_command_is_imported_when_it_is_called() -> None:
    known = {"dinar", "dinar.runtime", "dinar.runtime.cli", "dinar.runtime.errors"}
    assert set(loaded("dinar", "dinar.runtime.cli")) == known


@pytest.mark.skipif("trainer" not in PACKAGES, reason="there is no trainer")
def test_the_trainer_never_imports_export() -> None:
    assert loaded("dinar.export", *modules("trainer")) == []


# --- What the source says, functions included ---------------------------------------------------------------


def imported(tree: ast.AST) -> Iterator[str]:
    """Full names of all modules (and of what is taken from them) that a file imports anywhere."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


# The optional network and the optional rasterizer of the GPU that are torch's. They import it when called.
TORCH_FILES = {
    ROOT / "runtime" / "gpu" / name
    for name in ("networks/onnx_module.py", "networks/torch_network.py", "nvdiffrast_rasterizer.py")
}

# Where a photo becomes an avatar file: the trainer's part and this package's are put together.
CREATING_FILES = {
    ROOT / "export" / name
    for name in ("create_command.py", "create_config.py", "create_report.py", "default_avatar.py")
}

# What may run networks on a GPU where a user has installed it; each is imported when it is asked for.
ENGINES = ROOT / "runtime" / "gpu" / "networks"
OPTIONAL_ENGINES = ("tensorrt", "tensorrt_rtx_bindings")


def offenders(package: str, forbidden: list[str]) -> list[str]:
    """Imports in the files of `package`, the command line aside, that lie within forbidden ones."""
    return [
        f"{file.relative_to(ROOT)}: {name}"
        for file in files(package)
        if file != CLI
        for name in imported(parsed(file))
        if any(within(name, other) for other in forbidden)
        if not (file in TORCH_FILES and within(name, "torch"))
        if not (file in CREATING_FILES and within(name, "dinar.trainer.create"))
    ]


def test_files_that_may_import_more_are_there() -> None:
    assert [file for file in TORCH_FILES | CREATING_FILES if not file.is_file()] == []


@pytest.mark.parametrize(
    ("package", "forbidden"),
    [
        ("runtime", ["torch", "dinar.trainer", "dinar.export"]),
        ("runtime/cpu", ["dinar.runtime.gpu"]),
        ("runtime/gpu", ["dinar.runtime.cpu"]),
        ("trainer", ["dinar.export", "dinar.runtime.window", "dinar.runtime.stream", "dinar.runtime.cli"]),
        (
            "export",
            ["dinar.trainer.create", "dinar.trainer.data", "dinar.runtime.window", "dinar.runtime.stream"],
        ),
    ],
)
def test_no_function_imports_what_its_package_may_not(package: str, forbidden: list[str]) -> None:
    assert offenders(package, forbidden) == []


@cache
def requirements(*extras: str) -> frozenset[str]:
    """Names of the distributions that the base installation and some extras ask for."""
    found = set()
    for line in metadata.requires("dinar") or ():
        name = re.match(r"[\w.-]+", line)
        extra = re.search(r"extra == ['\"](\w+)['\"]", line)
        if name and (extra is None or extra[1] in extras):
            found.add(name[0].lower())
    return frozenset(found)


@pytest.mark.parametrize("package", [name for name in EXTRAS if (ROOT / name).is_dir()])
def test_packages_import_only_what_their_installation_brings(package: str) -> None:
    allowed = requirements(*EXTRAS[package])
    strange = [
        f"{file.relative_to(ROOT)}: {name}"
        for file in files(package)
        if not (package == "runtime" and (ROOT / "runtime" / "gpu") in file.parents)
        for name in imported(parsed(file))
        for top in [name.partition(".")[0]]
        if top not in sys.stdlib_module_names and top != "dinar"
        if DISTRIBUTIONS.get(top, top) not in allowed
        if not (file in TORCH_FILES and top == "torch")
        if not (file.parent == ENGINES and top in OPTIONAL_ENGINES)
    ]
    assert strange == []


# --- What may run code from a file --------------------------------------------------------------------------

UNSAFE_MODULES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}


def unsafe(tree: ast.AST) -> Iterator[str]:
    """Uses of pickle, eval and their like."""
    for name in imported(tree):
        if name.partition(".")[0] in UNSAFE_MODULES:
            yield f"import {name}"
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        keywords = {k.arg: ast.unparse(k.value) for k in node.keywords}
        if called in ("eval", "exec", "builtins.eval", "builtins.exec"):
            yield f"{called}() in line {node.lineno}"
        if keywords.get("allow_pickle", "False") != "False":
            yield f"allow_pickle={keywords['allow_pickle']} in line {node.lineno}"
        if called == "np.load" and "allow_pickle" not in keywords:
            yield f"np.load without allow_pickle=False in line {node.lineno}"
        if called == "torch.load" and keywords.get("weights_only") != "True":
            yield f"torch.load without weights_only=True in line {node.lineno}"


@pytest.mark.parametrize("package", PACKAGES)
def test_nothing_runs_code_from_a_file(package: str) -> None:
    found = [f"{file.relative_to(ROOT)}: {use}" for file in files(package) for use in unsafe(parsed(file))]
    assert found == []


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from pickle import loads",
        "def f():\n    import dill as d",
        "np.load(path, allow_pickle=True)",
        "np.load(path, allow_pickle=flag)",
        "np.load(path)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "eval('1')",
        "exec(code)",
    ],
)
def test_unsafe_code_is_recognized(code: str) -> None:
    assert len(list(unsafe(ast.parse(code)))) == 1


@pytest.mark.parametrize(
    "code", ["model.eval()", "np.load(p, allow_pickle=False)", "torch.load(p, weights_only=True)"]
)
def test_safe_code_is_not_accused(code: str) -> None:
    assert list(unsafe(ast.parse(code))) == []

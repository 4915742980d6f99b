"""dinar doctor: each finding has a state and what mends it; whatever crashes or hangs costs one line."""

import json
import shutil
import socket
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from dinar.runtime import doctor
from dinar.runtime.doctor import (
    Check,
    DoctorConfig,
    State,
    check_avatar,
    check_engines,
    check_gpu,
    check_kernels,
    check_packages,
    check_port,
    check_smplx,
    check_window,
    main,
)
from dinar.runtime.engines import EngineCache, EngineKey

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="replaces the interpreter by a shell script")
X11 = pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="there is always a display")


# --- This installation --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def checks() -> list[Check]:
    """What is found here: looking takes seconds."""
    return doctor.run_checks()


@pytest.fixture
def looked(checks: list[Check], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "run_checks", lambda: checks)


@pytest.mark.usefixtures("looked")
def test_the_base_demo_works_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(DoctorConfig()) == 0
    assert "Everything that dinar demo needs is there." in capsys.readouterr().out


@pytest.mark.usefixtures("looked")
def test_findings_as_json_are_whole(capsys: pytest.CaptureFixture[str]) -> None:
    main(DoctorConfig(json=True))
    checks = [Check(**fields) for fields in json.loads(capsys.readouterr().out)]
    names = [check.name for check in checks]
    assert len(set(names)) == len(names)
    assert {"Python", "numba", "CPU", "CPU kernels", "window", "default avatar", "port 5555"} <= set(names)
    assert {"licensed SMPL-X", "NVIDIA GPU", "cuda-python", "tensorrt", "nvdiffrast", "torch"} <= set(names)
    versions = {check.name: check.detail for check in checks}
    assert (versions["numpy"], versions["pillow"]) == (np.__version__, metadata.version("pillow"))
    for check in checks:
        assert check.state in get_args(State)
        assert check.state != "broken" or check.mend


def test_heavy_packages_are_not_imported() -> None:
    code = "import sys; from dinar.runtime.doctor import run_checks; run_checks(); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert not {"torch", "numba", "pyglet", "tensorrt", "cuda"} & set(done.stdout.split())


# --- What is missing ----------------------------------------------------------------------------------------


def test_a_missing_package_is_broken_and_pip_mends_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = metadata.requires("dinar") or []
    monkeypatch.setattr(metadata, "requires", lambda _: [*real, "no-such-package>=3"])
    assert main(DoctorConfig(json=True)) == 1
    checks = {fields["name"]: Check(**fields) for fields in json.loads(capsys.readouterr().out)}
    check = checks["no-such-package"]
    assert (check.state, check.detail) == ("broken", "not installed")
    assert check.mend.endswith("-m pip install 'no-such-package>=3'")


def test_a_package_that_does_not_import_is_broken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "av.py").write_text("raise OSError('libavcodec is missing')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    check = {c.name: c for c in check_packages()}["av"]
    assert check.state == "broken"
    assert "cannot be imported: OSError: libavcodec is missing" in check.detail
    assert check.mend.endswith("--force-reinstall")


def test_a_missing_avatar_is_broken(tmp_path: Path) -> None:
    check = check_avatar(tmp_path / "none.dinar")
    assert check.state == "broken"
    assert "none.dinar: cannot be opened" in check.detail
    assert check.mend


def test_a_port_in_use_is_no_obstacle_to_the_demo() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        check = check_port(port)
    assert check.state == "missing-optional"
    assert f":{port + 1}" in check.mend
    assert check_port(port).state == "ok"


def test_a_licensed_body_is_known_by_its_vertices(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DINAR_BODY_PATH", str(tmp_path))
    for variable in ("XDG_DATA_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "home"))
    (tmp_path / "a_broken.npz").write_bytes(b"")
    np.savez(tmp_path / "b_other.npz", v_template=np.zeros((9, 3)))
    check = check_smplx()
    assert check.state == "missing-optional"
    assert "https://smpl-x.is.tue.mpg.de" in check.mend
    np.savez_compressed(tmp_path / "mine.npz", v_template=np.zeros((10_475, 3)))
    assert check_smplx() == Check("licensed SMPL-X", "ok", str(tmp_path / "mine.npz"))


# --- The display --------------------------------------------------------------------------------------------


@X11
def test_engines_that_were_built_are_listed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DINAR_CACHE", str(tmp_path))
    assert "none is kept yet" in check_engines().detail
    cache = EngineCache(tmp_path / "engines")
    for views in ("1", "2"):
        cache.save(EngineKey("tensorrt", "ab" * 32, "NVIDIA H200", "11.4", (("views", views),)), bytes(10**6))
    found = check_engines()
    assert found.state == "ok"
    assert found.detail.startswith(
        f"2, 2 MB in {tmp_path / 'engines'}; used last: tensorrt 11.4 for NVIDIA H200"
    )
    assert "views 1, source abababababab" in found.detail
    monkeypatch.setenv("DINAR_CACHE", "")
    assert "none is kept yet" in check_engines().detail


def test_no_display_is_fine_and_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    check = check_window()
    assert check.state == "ok"
    assert "--headless" in check.detail


@X11
def test_a_display_that_is_not_there_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":31999")
    check = check_window()
    assert (check.state, check.mend) == ("broken", "unset DISPLAY")


@pytest.mark.skipif(shutil.which("xvfb-run") is None, reason="needs xvfb-run")
def test_a_window_says_who_draws() -> None:
    command = ["xvfb-run", "-a", sys.executable, "-m", "dinar.runtime.probes", "window"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    answer = json.loads(done.stdout)
    assert answer["renderer"]
    assert answer["version"][0].isdigit()


# --- Probes that go wrong -----------------------------------------------------------------------------------


def replace_interpreter(monkeypatch: pytest.MonkeyPatch, folder: Path, script: str) -> None:
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(path))


@POSIX
@pytest.mark.parametrize(
    ("script", "detail"),
    [
        ("kill -SEGV $$", "crashed (Segmentation fault"),
        ("sleep 30", "no answer within 0 s"),
        ("echo bad luck >&2; exit 3", "bad luck"),
        ("exit 3", "exit code 3"),
    ],
)
def test_a_probe_that_dies_is_a_finding(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, detail: str
) -> None:
    replace_interpreter(monkeypatch, tmp_path, script)
    monkeypatch.setattr(doctor, "PROBE_SECONDS", 0.3)
    (kernels,) = check_kernels()
    assert kernels.state == "broken"
    assert kernels.detail.startswith(detail)
    assert check_gpu().state == "missing-optional"
    assert check_gpu().detail.startswith(detail)
    assert all(check.state == "broken" and detail in check.detail for check in check_packages())

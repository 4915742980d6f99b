"""What the README says is true: its commands run, its listings are the files they name, its figures hold."""

import re
import shlex
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dinar.runtime.avatar import open_avatar
from dinar.runtime.cli import main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DINAR = [sys.executable, "-c", "import sys; from dinar.runtime.cli import main; sys.exit(main())"]


def commands() -> list[str]:
    """Every line of the README's shell blocks that calls dinar."""
    blocks = re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.startswith("dinar ")]


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """In a process of its own."""
    return subprocess.run(
        [*DINAR, *shlex.split(command)[1:]],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def run_here(command: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """In this process, which has imported what the command needs; returns the exit status."""
    monkeypatch.chdir(folder)
    return main(shlex.split(command)[1:])


def shortened(command: str) -> str:
    """A recording of one second, whatever its length."""
    return re.sub(r"--seconds \d+", "--seconds 1", command)


def test_the_readme_shows_commands():
    assert len(commands()) >= 5
    assert {"dinar demo", "dinar run", "dinar play"} <= {" ".join(c.split()[:2]) for c in commands()}


@pytest.mark.parametrize("command", [c for c in commands() if c.startswith("dinar demo")])
def test_demo_commands_write_their_file(command, tmp_path, monkeypatch):
    """As the README has them, but short."""
    assert run_here(shortened(command), tmp_path, monkeypatch) == 0
    out = tmp_path / shlex.split(command)[shlex.split(command).index("--out") + 1]
    assert out.stat().st_size > 10_000


@pytest.mark.parametrize("command", [c for c in commands() if c.startswith("dinar synth")])
def test_synth_commands_make_people(command, tmp_path, monkeypatch):
    """As the README has them, but few and small."""
    assert run_here(f"{command} --people 1 --views 1 --size 64", tmp_path, monkeypatch) == 0
    words = shlex.split(command)
    made = {words[words.index(flag) + 1] for flag in ("--out", "--sheet") if flag in words}
    assert made
    assert made == {path.name for path in tmp_path.iterdir()}


@pytest.mark.slow  # a minute; parts of it are tested where they are
def test_a_photo_becomes_an_avatar_by_two_commands(tmp_path, monkeypatch):
    from .trainer.create.photo_files import photo_of_somebody  # imports torch, which others here do without

    photo_of_somebody(tmp_path)
    chain = [c for c in commands() if c.startswith(("dinar fit", "dinar create"))]
    assert len(chain) == 2
    for command in chain:
        assert run_here(command, tmp_path, monkeypatch) == 0
    assert open_avatar(tmp_path / "me.dinar").name == "me"
    assert (tmp_path / "me.png").stat().st_size > 10_000


@pytest.mark.parametrize("command", [c for c in commands() if c.startswith("dinar bench")])
def test_bench_commands_measure(command, tmp_path):
    """As the README has them, but short and small."""
    done = run(f"{command} --seconds 1 --window 10 --warm-up 2 --size 128", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "total" in done.stdout + done.stderr
    for name in re.findall(r"\S+\.(?:html|json)", command):
        assert (tmp_path / name).stat().st_size > 1000


@pytest.mark.parametrize("command", [c for c in commands() if c.startswith("dinar export")])
def test_export_commands_make_files(command, tmp_path, monkeypatch, capsys):
    """As the README has them, but, where no size is named, for a small rectangle."""
    small = "" if "--crop" in command else " --crop 64 64"
    monkeypatch.setenv("DINAR_CACHE", str(tmp_path / "cache"))
    assert run_here(command + small, tmp_path, monkeypatch) == 0
    assert "live_fp32" in capsys.readouterr().out
    assert {"live_fp32.onnx"} <= {path.name for path in (tmp_path / "exported").iterdir()}
    for name in re.findall(r"\S+\.json", command):
        assert (tmp_path / name).stat().st_size > 1000


@pytest.mark.parametrize("command", [c for c in commands() if c.startswith("dinar run")])
def test_run_shows_what_play_publishes(command, tmp_path, free_port):
    """The README's two terminals; where no file is named, a short recording stands for the window."""
    here = f"tcp://127.0.0.1:{free_port}"
    play = next(c for c in commands() if c.startswith("dinar play"))
    publisher = subprocess.Popen(
        [*DINAR, *shlex.split(play)[1:], "--to", here], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        live = command.replace("tcp://127.0.0.1:5555", here)
        if "--headless" not in live:
            live += " --headless --out live.mp4 --seconds 1"
        done = run(shortened(live), tmp_path)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "live.mp4").stat().st_size > 10_000
    finally:
        publisher.kill()
        publisher.wait()


@pytest.mark.parametrize("name", ["publish.py", "publish.mjs"])
def test_the_listed_publishers_are_the_example_files(name):
    source = (ROOT / "docs/examples" / name).read_text(encoding="utf-8").strip()
    assert source in README
    assert len([line for line in source.splitlines() if line.strip()]) <= 10


def test_links_and_pictures_exist():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("http") or (ROOT / target).exists(), target


def test_the_make_targets_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert {"demo", "test", "test-slow", "lint"} <= targets
    for target in re.findall(r"`make ([a-z-]+)`", README):
        assert target in targets


def test_tracked_files_stay_small():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    sizes = [
        (ROOT / name).stat().st_size for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()
    ]
    assert sum(sizes) < 40e6


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    time.sleep(0.05)
    return port

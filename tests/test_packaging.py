"""What is installed: every package of the tree, and the data that the demo needs."""

import re
import tomllib
from pathlib import Path

from dinar.runtime.avatar import default_avatar_path
from dinar.runtime.body import open_body_path

ROOT = Path(__file__).parent.parent
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_every_package_of_the_tree_is_installed():
    tops = ("runtime", "trainer", "export")
    found = {
        ".".join(("dinar", *file.parent.relative_to(ROOT).parts))
        for top in tops
        for file in (ROOT / top).rglob("__init__.py")
    }
    assert found == set(SETTINGS["tool"]["setuptools"]["packages"])


def test_the_assets_are_installed_with_their_notice():
    assert "assets/*" in SETTINGS["tool"]["setuptools"]["package-data"]["dinar.runtime"]
    for path in (open_body_path(), default_avatar_path()):
        assert path.parent == ROOT / "runtime" / "assets"
        assert (path.parent / "NOTICE").is_file()
    assert "CC0" in (ROOT / "runtime/assets/NOTICE").read_text(encoding="utf-8")


def test_the_base_install_brings_no_torch_and_no_engine():
    names = {re.split(r"[<>=~ ]", line)[0] for line in SETTINGS["project"]["dependencies"]}
    assert names.isdisjoint({"torch", "openvino", "onnx", "onnxruntime", "smplx", "opencv-python"})

"""Pickles are read as data: the same values as `pickle` gives, and nothing in them runs."""

import os
import pickle
from collections import OrderedDict
from fractions import Fraction

import numpy as np
import pytest

from dinar.trainer.data.importers.pickled import PickleError, read_pickle

from .small_sources import python2_pickle

VALUES = {
    "floats": np.arange(6.0).reshape(2, 3),
    "columns first": np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
    "big endian": np.arange(3, dtype=">f8"),
    "bools": np.array([True, False]),
    "texts": np.array(["a", "bcd"]),
    "nothing": np.zeros((0, 3)),
    "number": np.float32(2.5),
    "list": [1, -2, 2**70, 1.5, True, None, "ä", b"\xff\x00"],
    "tuple": (1, (2, 3), (), [4]),
    "map": {"x": {1: "y"}},
    "ordered": OrderedDict(a=1),
}


def alike(a, b) -> bool:
    if isinstance(b, np.ndarray | np.generic):
        return np.array_equal(a, b) and np.asarray(a).dtype.kind == b.dtype.kind
    if isinstance(b, dict):
        return list(a) == list(b) and all(alike(a[k], b[k]) for k in b)
    if isinstance(b, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(alike, a, b))
    return type(a) is type(b) and a == b


@pytest.mark.parametrize("protocol", range(2, 6))
def test_data_are_those_that_were_written(tmp_path, protocol):
    file = tmp_path / "a.pkl"
    file.write_bytes(pickle.dumps(VALUES, protocol))
    assert alike(read_pickle(file), VALUES)


def test_python_2_wrote_bytes_as_text_and_numpy_had_other_names(tmp_path):
    file, values = tmp_path / "a.pkl", {"f": np.array([[1.5, -2e-300], [3, 4]]), "width": 1080}
    data = python2_pickle(values)
    assert alike(pickle.loads(data, encoding="latin1"), values)  # the test writes it right
    file.write_bytes(data)
    assert alike(read_pickle(file), values)


class Evil:
    def __init__(self, called, *arguments):
        self.call = called, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("shell", [os.system, eval, pytest.importorskip])
def test_code_does_not_run(tmp_path, protocol, shell):
    file, witness = tmp_path / "a.pkl", tmp_path / "witness"
    argument = f"touch {witness}" if shell is os.system else f"open({str(witness)!r}, 'w')"
    file.write_bytes(pickle.dumps({"x": Evil(shell, argument)}, protocol))
    with pytest.raises(PickleError, match="which is not read: save its numbers as plain NumPy arrays"):
        read_pickle(file)
    assert not witness.exists()


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (pickle.dumps(Fraction(1, 2)), "the name 'fractions.Fraction'"),
        (pickle.dumps(np.array([1, "a", None], object)), "an array of type 'O8'"),
        (pickle.dumps({(1, 2): 3}), "keys of type tuple"),
        (pickle.dumps(VALUES)[:-30], "damaged"),
        (b"", "damaged"),
        (b"\x80\x04N", "damaged"),
        (b"\x80\x02cnumpy\ndtype\n.", "numpy dtype"),
        (b"\x80\x02]q\x00h\x00a.", "more than 30 deep"),
        (b"\x80\x02cos\nsystem\n(S'echo'\ntR.", "the name 'os.system'"),
        (b"\x80\x02cnumpy\nndarray\n(K\x01tR.", "a call that no array needs"),
        (python2_pickle({"x": np.arange(4.0)}).replace(b"K\x04t", b"K\x05t"), "damaged"),
        (python2_pickle({"x": np.arange(4.0)}).replace(b"U\x02f8", b"U\x02O8"), "an array of type 'O8'"),
    ],
)
def test_what_is_no_data_or_damaged_is_one_sentence(tmp_path, data, sentence):
    file = tmp_path / "a.pkl"
    file.write_bytes(data)
    with pytest.raises(PickleError, match=str(file)) as caught:
        read_pickle(file)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_small_file_cannot_grow_without_end(tmp_path):
    file, value = tmp_path / "a.pkl", []
    for _ in range(25):
        value = [value] * 100  # 100^25 lists, were they not one and the same
    file.write_bytes(pickle.dumps(value))
    assert len(read_pickle(file)) == 100


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(PickleError, match="cannot be opened"):
        read_pickle(tmp_path / "none.pkl")

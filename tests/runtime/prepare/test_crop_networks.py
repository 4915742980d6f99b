"""Networks are opened behind the pictures: what is drawn meanwhile, and how many there are."""

import threading

import pytest

from dinar.runtime.camera import look_at
from dinar.runtime.cpu.network import CpuNetwork, NetworkError
from dinar.runtime.cpu.neural import CpuNeuralRenderer
from dinar.runtime.prepare.crop import Crop
from dinar.runtime.prepare.crop_networks import MAX_OPEN_NETWORKS, CropNetworks

from ..cpu.test_neural import COPYING, DRESSING, assert_close, whole_picture
from ..egg_avatar import REST

ONNX = COPYING.networks[0].onnx
WHOLE = (256, 256)
SECONDS = 30


class Gate:
    """Opens networks when it is allowed to, and notes which."""

    def __init__(self):
        self.begun, self.allowed, self.sizes, self.open = threading.Event(), threading.Event(), [], []
        self.allowed.set()

    def __call__(self, height, width):
        self.begun.set()
        assert self.allowed.wait(SECONDS)
        self.sizes.append((height, width))
        network = CpuNetwork(ONNX, height, width)
        self.open.append(network)
        return network

    def count(self):
        return sum(network.inputs.size > 0 for network in self.open)


def wait_until_taken(networks, crop, whole=WHOLE):
    """Ask until the rectangle itself is open, as the frames of a second would."""
    for _ in range(10 * SECONDS):
        if networks.take(crop, whole)[1] == crop:
            return
        threading.Event().wait(0.1)
    pytest.fail(f"{crop} was never opened")


@pytest.fixture(autouse=True)
def no_network_is_kept_on_the_disk(monkeypatch):
    monkeypatch.setenv("DINAR_CACHE", "")


@pytest.fixture
def gate():
    return Gate()


@pytest.fixture
def networks(gate):
    networks = CropNetworks(gate, background=True)
    yield networks
    gate.allowed.set()
    networks.close()
    assert gate.count() == 0


def test_a_larger_network_stands_in_until_the_right_one_is_open(gate, networks):
    whole = Crop(0, 0, 256, 256)
    assert networks.take(whole, WHOLE)[1] == whole
    gate.allowed.clear()
    small = Crop(160, 32, 96, 128)
    taken, crop = networks.take(small, WHOLE)
    assert crop == whole
    assert taken.inputs.shape[1:3] == (*taken.spans.shape[:1], 256) == (256, 256)
    assert networks.take(small, WHOLE)[1] == whole  # asked again: not opened twice
    gate.allowed.set()
    wait_until_taken(networks, small)
    assert gate.sizes == [(256, 256), (128, 96)]


def test_a_stand_in_holds_the_rectangle_and_lies_in_the_picture(gate, networks):
    networks.take(Crop(0, 0, 128, 192), WHOLE)
    wait_until_taken(networks, Crop(0, 0, 256, 256))  # the whole, opened in the background
    gate.allowed.clear()
    for left, top in ((0, 0), (160, 0), (160, 96), (64, 64), (192, 128)):
        small = Crop(left, top, 64, 128)
        stand_in = networks.take(small, WHOLE)[1]
        assert (stand_in.width, stand_in.height) == (128, 192)  # the smallest that will do
        assert 0 <= stand_in.left <= left
        assert 0 <= stand_in.top <= top
        assert left + 64 <= stand_in.left + 128 <= 256
        assert top + 128 <= stand_in.top + 192 <= 256


def test_the_whole_picture_is_prepared_so_that_growing_does_not_wait(gate, networks):
    networks.take(Crop(0, 0, 64, 64), WHOLE)
    networks.take(Crop(0, 0, 64, 64), WHOLE)
    larger = Crop(32, 0, 192, 64)
    assert networks.take(larger, WHOLE)[1] == Crop(0, 0, 256, 256)  # waits for what has been begun
    assert gate.sizes[:2] == [(64, 64), (256, 256)]


def test_a_network_of_a_larger_picture_does_not_stand_in_for_that_of_a_smaller_one(networks):
    networks.take(Crop(0, 0, 256, 256), WHOLE)
    small = Crop(0, 0, 64, 64)
    assert networks.take(small, (64, 64))[1] == small


def test_no_more_are_open_than_allowed_those_that_are_coming_included(gate, networks):
    wait_until_taken(networks, Crop(0, 0, 256, 256))
    for side in (32, 64, 96, 128, 160, 192, 224):
        wait_until_taken(networks, Crop(0, 0, side, side))
        assert gate.count() <= MAX_OPEN_NETWORKS
    assert len(set(gate.sizes)) > MAX_OPEN_NETWORKS


def test_without_a_background_every_rectangle_is_its_own(gate):
    networks = CropNetworks(gate, background=False)
    for side in (64, 128, 32):
        assert networks.take(Crop(0, 0, side, side), WHOLE)[1] == Crop(0, 0, side, side)
    networks.close()
    assert gate.sizes == [(64, 64), (128, 128), (32, 32)]
    assert gate.count() == 0


def test_a_network_that_fails_in_the_background_is_reported():
    def open_whole_only(height, width):
        if (height, width) != WHOLE:
            raise NetworkError("no such network")
        return CpuNetwork(ONNX, height, width)

    networks = CropNetworks(open_whole_only, background=True)
    networks.take(Crop(0, 0, 256, 256), WHOLE)
    with pytest.raises(NetworkError, match="no such network"):
        wait_until_taken(networks, Crop(0, 0, 64, 64))
    networks.close()


def test_closing_closes_what_is_just_being_opened(gate):
    networks = CropNetworks(gate, background=True)
    networks.take(Crop(0, 0, 256, 256), WHOLE)
    gate.begun.clear()
    gate.allowed.clear()
    networks.take(Crop(0, 0, 64, 64), WHOLE)
    assert gate.begun.wait(SECONDS)
    gate.allowed.set()
    networks.close()
    networks.close()
    assert gate.sizes == [(256, 256), (64, 64)]
    assert gate.count() == 0


def test_live_pictures_are_right_while_networks_come_and_go():
    cameras = [look_at((0, 0, z), (x, 0, 0), (0, 1, 0), 0.6, 200, 150) for z, x in ((4, 0), (12, 2), (7, -1))]
    expected = [whole_picture(DRESSING, REST, camera) for camera in cameras]
    sizes = set()
    with CpuNeuralRenderer(DRESSING, live=True) as renderer:
        for n in [*range(3)] * 10 + [1] * 40 + [2, 0]:  # rectangles shrink after 30 pictures
            assert_close(renderer.render(REST, [cameras[n]]).numpy()[0], expected[n])
            sizes.update((crop.height, crop.width) for crop in renderer.crops if crop is not None)
    assert len(sizes) > 1

"""The avatar that ships: dressed, painted, within its limits, and what the builder makes."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from rich.progress import Progress

from dinar.export.default_avatar import photo_quality
from dinar.runtime.avatar import Avatar, default_avatar_path, open_avatar
from dinar.runtime.body import Pose, forward
from dinar.runtime.camera import framing
from dinar.runtime.motion import load_motion
from dinar.runtime.renderer import open_renderer
from dinar.trainer.create.person import SeenView
from dinar.trainer.create.photographs import Photographer
from dinar.trainer.data.default_avatar import build
from dinar.trainer.data.prepared_views import ViewPreparer


@pytest.fixture(scope="module")
def avatar() -> Avatar:
    return open_avatar(default_avatar_path())


def test_it_is_small_enough_to_ship():
    assert default_avatar_path().stat().st_size < 10e6


def test_it_is_dressed(avatar):
    assert avatar.shell is not None
    hidden = 1 - avatar.shell.body_face_visible.mean()
    assert 0.25 < hidden < 0.9
    heights = forward(avatar.body, avatar.betas, Pose.rest()).vertices[avatar.body.faces][..., 1].mean(1)
    head = heights > np.percentile(heights, 92)
    assert avatar.shell.body_face_visible[head].all(), "the head is not under clothes"


def test_its_colours_are_those_of_skin_shirt_and_jeans(avatar):
    """Seen from the front: a light yoke above, teal below it, blue denim on the legs, skin in the face."""
    pose = load_motion("idle", avatar.body, betas=avatar.betas).sample(0.0)
    vertices = forward(avatar.body, avatar.betas, pose).vertices
    camera = framing(vertices.min(0), vertices.max(0), width=400, height=400, fill=0.9)
    with open_renderer(avatar) as renderer:
        rgba = renderer.render(pose, [camera]).numpy()[0].astype(int)

    def colour(height: float) -> np.ndarray:
        """Median colour near the middle of the body at a share of its height."""
        rows = np.flatnonzero((rgba[..., 3] > 128).any(1))
        row = int(rows[0] + (1 - height) * (rows[-1] - rows[0]))
        columns = np.flatnonzero(rgba[row, :, 3] > 128)
        middle = int(columns.mean())
        patch = rgba[row - 3 : row + 4, middle - 14 : middle + 15]
        return np.median(patch[patch[..., 3] > 128][:, :3], axis=0)

    face, yoke, shirt = colour(0.925), colour(0.80), colour(0.66)
    assert face[0] > face[1] > face[2]
    assert yoke.min() > 120
    assert shirt[2] > shirt[0] + 20


def test_no_skin_can_poke_through_the_clothes(avatar):
    """Skin of trunk, upper arms and thighs is not drawn at all: whatever the pose, cloth is what shows."""
    own_joint = avatar.body.weights[avatar.body.faces].mean(1).argmax(1)
    pelvis, hips, spine, shoulders = (0,), (1, 2), (3, 6), (16, 17)
    covered = np.isin(own_joint, (*pelvis, *hips, *spine, *shoulders))
    assert covered.sum() > 3000
    assert not avatar.shell.body_face_visible[covered].any()


def test_the_preview_is_a_picture(avatar):
    assert avatar.preview is not None
    with Image.open(io.BytesIO(avatar.preview)) as picture:
        assert picture.format == "PNG"
        assert min(picture.size) >= 128
        assert np.asarray(picture.convert("RGBA"))[..., 3].any()


def test_its_network_draws_it_nearer_to_photos_than_its_bare_body_comes(avatar):
    """On photos that nothing was made from or tuned to, clothes and hair and all."""
    body_of = ViewPreparer(avatar.body, 256).body
    photos = [SeenView(view, body_of(view)) for view in Photographer(avatar, 512).moving(2_000_000, 4)]
    bare = replace(avatar, shell=None, texture=replace(avatar.texture, rgb=avatar.texture.photo))
    with open_renderer(bare) as body, open_renderer(avatar, mode="neural") as network:
        plain, neural = (photo_quality(renderer, photos) for renderer in (body, network))
    assert neural.person_psnr > max(27, plain.person_psnr + 4)
    assert neural.mask_iou > max(0.95, plain.mask_iou + 0.08)


@pytest.mark.slow
def test_the_builder_makes_what_ships(avatar):
    with Progress(disable=True) as progress:
        built = build(progress)
    assert built.shell is not None
    assert avatar.shell is not None
    np.testing.assert_allclose(built.shell.vertices, avatar.shell.vertices, atol=1e-4)
    np.testing.assert_array_equal(built.shell.faces, avatar.shell.faces)
    for new, shipped in ((built.texture.rgb, avatar.texture.rgb), (built.shell.rgb, avatar.shell.rgb)):
        difference = np.abs(new.astype(int) - shipped.astype(int))
        assert np.percentile(difference, 99.9) <= 2

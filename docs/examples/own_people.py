"""Writes a dataset of one person, seen from four sides in four poses: here the default avatar, drawn."""

import math
from pathlib import Path

import numpy as np

from dinar.runtime.avatar import default_avatar_path, open_avatar
from dinar.runtime.body import forward
from dinar.runtime.camera import framing
from dinar.runtime.motion import load_motion
from dinar.runtime.renderer import open_renderer
from dinar.trainer.data.dataset.layout import DatasetInfo, View, create_dataset, write_person

avatar = open_avatar(default_avatar_path())
motion = load_motion("walk", avatar.body, betas=avatar.betas)
views = []
with open_renderer(avatar) as renderer:
    for number in range(4):
        pose = motion.sample(0.3 * number)
        vertices = forward(avatar.body, avatar.betas, pose).vertices
        lower, upper = vertices.min(0) - 0.1, vertices.max(0) + 0.1
        camera = framing(lower, upper, width=512, height=512, azimuth=math.pi / 2 * number)
        rgba = renderer.render(pose, [camera]).numpy()[0]
        image, mask = rgba[..., :3].copy(), rgba[..., 3].copy()  # your picture, your mask (255 = person)
        views.append(View("default", number, image, mask, pose, np.float32(avatar.betas), camera))

body = avatar.body
info = DatasetInfo("my people", "drawn by own_people.py", "CC0-1.0", body.hash, len(body.v_template))
create_dataset(Path("my-people"), info)
write_person(Path("my-people"), "default", views)

"""The parameter file of a fit: by the names of the smplx package, camera included, as importers read it.

`trainer.data.importers.fits` says what each name means; `dinar data import photos` reads such files.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np

from dinar.runtime.camera import Camera
from dinar.runtime.files.whole_file import write_file
from dinar.trainer.data.importers.fits import HandSpace
from dinar.trainer.fit.fit_photo import Fitted


def write_fit(file: Path, fitted: Fitted, camera: Camera, hands: HandSpace) -> None:
    """Write a fit as .npz; an older file of that name is replaced once the new one is complete.

    Args:
        file: ends in .npz.
        fitted: whom.
        camera: it was fitted with.
        hands: of the body: files hold hands relative to the mean hand, as the smplx package does.

    Raises:
        DinarError: the file cannot be written.
    """
    rotations = fitted.pose.rotations
    entries = {
        "global_orient": rotations[0],
        "body_pose": rotations[1:22].ravel(),
        "jaw_pose": rotations[22],
        "leye_pose": rotations[23],
        "reye_pose": rotations[24],
        "left_hand_pose": (rotations[25:40].ravel() - hands.mean[0]).astype(np.float32),
        "right_hand_pose": (rotations[40:55].ravel() - hands.mean[1]).astype(np.float32),
        "betas": fitted.betas,
        "expression": fitted.pose.expression,
        "transl": fitted.pose.translation,
        "camera_rotation": camera.T_camera_world[:3, :3],
        "camera_translation": camera.T_camera_world[:3, 3],
        "focal_length": np.diag(camera.K)[:2],
        "camera_center": camera.K[:2, 2],
    }
    with BytesIO() as written:
        np.savez(written, **entries)
        write_file(file, written.getvalue())

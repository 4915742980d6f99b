"""The rows of the paper's tables (DINAR, Svitov et al., ICCV 2023), to be printed beside ours.

They were measured on other people than ours: SnapshotPeople (24 videos, Table 1) and 15 people of AzurePeople
(Table 2), with photos, fits and masks that are the authors' own.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PaperRow:
    """One method.

    Attributes:
        method: as the paper calls it.
        values: in the order of the table's columns.
    """

    method: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class PaperTable:
    """One table.

    Attributes:
        source: which table, and on what it was measured.
        columns: view that judges and measure, as `Column` names them.
        rows: from top to bottom.
    """

    source: str
    columns: tuple[tuple[str, str], ...]
    rows: tuple[PaperRow, ...]


TABLE_1 = PaperTable(
    "DINAR, Table 1, on SnapshotPeople (24 people)",
    (
        ("same view", "MS-SSIM"),
        ("same view", "PSNR"),
        ("same view", "LPIPS"),
        ("same view", "DISTS"),
        ("back view", "DISTS"),
        ("back view", "ReID"),
        ("back view", "KID"),
    ),
    (
        PaperRow("PIFu", (0.9793, 26.2828, 0.0404, 0.0706, 0.1839, 0.09769, 0.0907)),
        PaperRow("Phorhum", (0.9603, 24.2112, 0.0531, 0.0948, 0.1564, 0.09149, 0.0144)),
        PaperRow("ARCH", (0.9223, 20.6499, 0.0732, 0.1432, 0.2039, 0.09575, 0.0974)),
        PaperRow("ARCH++", (0.9526, 22.5729, 0.0540, 0.0842, 0.1750, 0.09098, 0.0589)),
        PaperRow("StylePeople", (0.9610, 23.0584, 0.0848, 0.0852, 0.1698, 0.13090, 0.0530)),
        PaperRow("DINAR", (0.9687, 24.4182, 0.0504, 0.0703, 0.1407, 0.07855, 0.0133)),
    ),
)
TABLE_2 = PaperTable(
    "DINAR, Table 2, on AzurePeople (15 people)",
    (("other views", "MS-SSIM"), ("other views", "PSNR"), ("other views", "LPIPS")),
    (
        PaperRow("RGB texture", (0.8825, 22.8041, 0.1204)),
        PaperRow("Neural texture", (0.8632, 23.0935, 0.1285)),
        PaperRow("Both textures", (0.9126, 24.1041, 0.1005)),
        PaperRow("Both + Inpainting", (0.9199, 24.8510, 0.0904)),
        PaperRow("Both + Inpainting + Occlusion detector", (0.9201, 24.8619, 0.0905)),
        PaperRow("Both + Inpainting + Ocl. + RGB tuning", (0.9203, 24.9758, 0.0901)),
    ),
)

"""How fast samples come from a dataset: alone, in DataLoader workers, and what many workers would give.

    python -m tests.bench.bench_dataset

from the root of the repository. It writes people of 512x512 pictures (smooth colours before a noisy
background: as many bytes as photographs) as PNG and as JPEG, reads them in pairs, and an index of 2,000
people. Files come from the system's cache, as with a dataset smaller than the memory; a disk has to give the
MB/s printed.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import psutil
import torch
from torch.utils.data import DataLoader

from dinar.runtime.body import Pose
from dinar.runtime.camera import orbit
from dinar.trainer.data.dataset.batch import PairBatch, collate_pairs
from dinar.trainer.data.dataset.check import check_people
from dinar.trainer.data.dataset.dataset import PairDataset, PeopleDataset
from dinar.trainer.data.dataset.layout import DatasetInfo, View, create_dataset, people_of, write_person

from .bench_skin import cpu_name

GPU_IMAGES_PER_SECOND = 200
WORKERS_OF_THE_GPU = 14
BATCH = 4  # pairs, as in the paper (Sec. 4.1)


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the reading of a dataset.")
    parser.add_argument("--people", type=int, default=24, help="people written (default: 24)")
    parser.add_argument("--views", type=int, default=8, help="views a person (default: 8)")
    parser.add_argument("--size", type=int, default=512, help="pixels (default: 512)")
    parser.add_argument("--index", type=int, default=2000, help="people in the large index (default: 2000)")
    parser.add_argument("--pairs", type=int, default=200, help="pairs read each time (default: 200)")
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2], help="DataLoader workers")
    options = parser.parse_args()
    print(f"CPU: {cpu_name()}, {os.cpu_count()} threads; {options.size}x{options.size} pictures")
    for ending in (".png", ".jpg"):
        with tempfile.TemporaryDirectory() as folder:
            measure(Path(folder), ending, options)


def measure(folder: Path, ending: str, options: argparse.Namespace) -> None:
    """Write people with pictures of one kind and print what reading them takes."""
    root = folder / "people-few"
    write(root, options.people, options.views, options.size, ending)
    picture, mask = mean_bytes(root, f"*[0-9]{ending}"), mean_bytes(root, "*.mask.png")
    people = PeopleDataset(root, "train")
    pairs = PairDataset(people, seed=0)
    print(f"\n{ending[1:].upper()}: {picture / 1e3:.0f} KB a picture, {mask / 1e3:.0f} KB a mask")
    alone = speed((pairs[n] for n in range(options.pairs)), 2, time.process_time)
    print(
        f"  {'one process, no loader':26}{alone.wall:6.0f} images/s, {alone.cpu:4.0f} per second of CPU time"
    )
    for workers in options.workers:
        found = loader_speed(pairs, options.pairs, workers)
        print(
            f"  {f'DataLoader, {workers} workers':26}{found.wall:6.0f} images/s, {found.cpu:4.0f} per second "
            f"of CPU time, {found.wall * (picture + mask) / 1e6:.0f} MB/s"
        )
    rate, needed = found.cpu, GPU_IMAGES_PER_SECOND / WORKERS_OF_THE_GPU
    print(
        f"  a GPU that takes {GPU_IMAGES_PER_SECOND} images/s from {WORKERS_OF_THE_GPU} workers needs "
        f"{needed:.1f} from each, a core gives {rate:.0f}: {WORKERS_OF_THE_GPU} cores would give "
        f"{WORKERS_OF_THE_GPU * rate:.0f}, {GPU_IMAGES_PER_SECOND / rate:.1f} are enough"
    )
    checked, seconds = 0, time.perf_counter()
    for found in check_people(root, None):
        assert not found.problems, found.problems
        checked += found.views
    print(f"  {'dinar data check':34}{checked / (time.perf_counter() - seconds):8.0f} views/s")
    measure_index(root, folder / "people-many", options.index, options.pairs)


def measure_index(root: Path, many: Path, count: int, reads: int) -> None:
    """Open a dataset of many people (links to the few) and print time and memory of its index."""
    few = [root / "people" / person for person in people_of(root)]
    (many / "people").mkdir(parents=True)
    (many / "dataset.json").write_bytes((root / "dataset.json").read_bytes())
    for number in range(count):
        (many / "people" / f"{number:06d}").symlink_to(few[number % len(few)])
    before, start = resident(), time.perf_counter()
    people = PeopleDataset(many, "train")
    seconds, opened = time.perf_counter() - start, resident()
    pairs = PairDataset(people, seed=0)
    for n in range(reads):
        pairs[n]
    print(
        f"  index of {len(people.people):,} people, {len(people):,} views: {seconds:.1f} s to look through "
        f"every file, {(opened - before) / 1e6:.1f} MB; "
        f"after {2 * reads} images {(resident() - before) / 1e6:.1f} MB"
    )


@dataclass(frozen=True)
class Speed:
    """Images per second: by the clock, and per second of CPU time, which other programs leave alone."""

    wall: float
    cpu: float


def speed(samples: Iterator[object], images: int, cpu_seconds: Callable[[], float]) -> Speed:
    start, cpu, count = time.perf_counter(), cpu_seconds(), 0
    for _ in samples:
        count += images
    return Speed(count / (time.perf_counter() - start), count / (cpu_seconds() - cpu))


def loader_speed(pairs: PairDataset, count: int, workers: int) -> Speed:
    """What comes out of a DataLoader, its start not counted; CPU time is that of the workers."""
    ahead = 2 * workers  # batches that workers fetch before the clock starts, and leave when it stops
    loader = DataLoader(
        pairs,
        BATCH,
        sampler=range(BATCH * (2 * ahead) + count),
        num_workers=workers,
        collate_fn=collate_pairs,
    )
    batches: Iterator[PairBatch] = iter(loader)
    for _ in range(ahead):
        next(batches)
    processes = psutil.Process().children()

    def cpu_seconds() -> float:
        times = [process.cpu_times() for process in processes]
        return sum(t.user + t.system for t in times)

    found = speed(islice(batches, count // BATCH), 2 * BATCH, cpu_seconds)
    for _ in batches:
        pass
    return found


def resident() -> int:
    """Bytes of memory that this process holds."""
    return int(psutil.Process().memory_info().rss)


def mean_bytes(root: Path, pattern: str) -> float:
    return float(np.mean([file.stat().st_size for file in root.glob(f"people/*/{pattern}")]))


def write(root: Path, people: int, views: int, size: int, ending: str) -> None:
    """Write people of smooth colours before noise, all listed as train."""
    info = DatasetInfo("bench", "made by bench_dataset", "CC0-1.0", "00" * 32, 13524)
    create_dataset(root, info)
    text = (root / "dataset.json").read_text()
    (root / "dataset.json").write_text(text.replace('"name"', '"splits": {"val": []}, "name"', 1))
    for person in range(people):
        rng = np.random.default_rng(person)
        name = f"{person:06d}"
        write_person(root, name, [make_view(name, n, views, size, rng) for n in range(views)], ending=ending)


def make_view(person: str, number: int, views: int, size: int, rng: np.random.Generator) -> View:
    """A view as large as a photograph's: noise of a camera, soft edges, a figure that fills a fifth."""
    pose = Pose(
        rng.normal(0, 0.2, (55, 3)).astype(np.float32), np.zeros(3, np.float32), np.zeros(10, np.float32)
    )
    camera = orbit((0, 0, 0), 6.28 * number / views, 0, 3, fov_y=0.6, width=size, height=size)
    coarse = rng.integers(0, 256, (12, 12, 3), dtype=np.uint8)
    smooth = cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    mask = np.zeros((size, size), np.uint8)
    axes = (size // 7, int(size * 0.44))
    cv2.ellipse(mask, (size // 2, size // 2), axes, float(rng.normal(0, 5)), 0, 360, 255, -1, cv2.LINE_AA)
    noise = rng.normal(0, 1, (size, size, 3)) * np.where(mask > 0, 2.0, 6.0)[..., None]
    image = np.clip(smooth + noise, 0, 255).astype(np.uint8)
    betas = rng.normal(0, 1, 10).astype(np.float32)
    return View(person, number, image, cv2.GaussianBlur(mask, (3, 3), 0), pose, betas, camera)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()

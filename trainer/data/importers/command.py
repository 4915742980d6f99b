"""`dinar data import KIND SOURCE`: brings others' data into the one layout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypeAlias

from tyro.conf import OmitArgPrefixes, OmitSubcommandPrefixes, arg, configure, subcommand

from dinar.trainer.data.importers.amass import AmassConfig, import_amass
from dinar.trainer.data.importers.dinar_folder import DinarFolderConfig, import_dinar_folder
from dinar.trainer.data.importers.people_snapshot import PeopleSnapshotConfig, import_people_snapshot
from dinar.trainer.data.importers.photos import PhotosConfig, import_photos
from dinar.trainer.data.importers.scans import ScansConfig, import_scans

AnyImport: TypeAlias = (
    Annotated[DinarFolderConfig, subcommand("dinar-folder")]
    | Annotated[PeopleSnapshotConfig, subcommand("people-snapshot")]
    | Annotated[AmassConfig, subcommand("amass")]
    | Annotated[PhotosConfig, subcommand("photos")]
    | Annotated[ScansConfig, subcommand("scans")]
)


@configure(OmitArgPrefixes, OmitSubcommandPrefixes)
@dataclass(frozen=True)
class ImportDataConfig:
    """Bring others' data into a dataset; docs/data.md says what each kind reads."""

    kind: Annotated[AnyImport, arg(name="")]
    """What the source is."""


def import_data(config: ImportDataConfig) -> int:
    """Run the importer that was chosen; returns the exit status. Raises DinarError naming what is wrong."""
    match config.kind:
        case AmassConfig() as kind:
            return import_amass(kind)
        case ScansConfig() as kind:
            return import_scans(kind)
        case PeopleSnapshotConfig() as kind:
            return import_people_snapshot(kind)
        case PhotosConfig() as kind:
            return import_photos(kind)
        case DinarFolderConfig() as kind:
            return import_dinar_folder(kind)

"""`dinar data`: what is done with datasets of people before they are trained on."""

from __future__ import annotations

from typing import Annotated

from tyro.conf import subcommand

from dinar.trainer.data.dataset.check import CheckConfig, check
from dinar.trainer.data.importers.command import ImportDataConfig, import_data

DataConfig = Annotated[CheckConfig, subcommand("check")] | Annotated[ImportDataConfig, subcommand("import")]


def data(config: CheckConfig | ImportDataConfig) -> int:
    """Run the subcommand that was chosen; returns the exit status."""
    return import_data(config) if isinstance(config, ImportDataConfig) else check(config)

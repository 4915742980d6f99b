"""Real data brought into the one layout of `dinar.trainer.data.dataset.layout`: one file for each source."""

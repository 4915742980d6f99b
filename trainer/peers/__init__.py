"""What others take for a part of the work, timed beside ours: `dinar bench --peers`."""

"""What `dinar bench` is made of: statistics, view, machine, one mode in a process of its own, report."""

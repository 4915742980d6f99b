"""`dinar train`: the four trainings, their flags and what each opens."""

"""Live side of dinar: poses come in, a rendered person goes out. Importing it opens nothing."""

"""Built-in motions: the puppet they are posed with, and their choreographies."""

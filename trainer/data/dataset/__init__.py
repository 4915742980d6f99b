"""One layout for every dataset of people: reading, writing, checking, importing."""

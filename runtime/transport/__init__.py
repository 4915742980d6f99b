"""Where sockets go: endpoints, and the keys that encrypt them."""

"""An avatar of one person: from a few photos, and tuned to them."""

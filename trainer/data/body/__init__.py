"""From MakeHuman's data to a body in the SMPL-X schema, step by step."""

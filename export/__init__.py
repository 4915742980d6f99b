"""From trained networks to what the runtime opens: ONNX, int8, and engines."""

import time

import msgspec
import numpy as np
import zmq

with zmq.Context().socket(zmq.PUB).bind("tcp://127.0.0.1:5555") as socket:
    pose, start = np.zeros((55, 3), "<f4"), {"v": 1, "session": time.time_ns() % 2**32, "transl": bytes(12)}
    while not time.sleep(1 / 60):
        pose[17] = 0, 0, np.sin(time.time() * 6) / 2 - 0.8  # axis-angle radians of the right shoulder
        now = {"seq": time.time_ns(), "t_us": time.time_ns() // 1000, "pose": pose.tobytes()}
        socket.send_multipart([b"pose", msgspec.msgpack.encode(start | now)])

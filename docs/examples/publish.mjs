import { encode } from "@msgpack/msgpack";
import { Publisher } from "zeromq";

const socket = new Publisher();
await socket.bind("tcp://127.0.0.1:5555");
const pose = new Float32Array(55 * 3); // axis-angle radians in SMPL-X joint order
const start = { v: 1, session: Date.now() % 2 ** 32, transl: new Float32Array(3) };
for (let seq = 0; ; seq++, await new Promise((done) => setTimeout(done, 16))) {
  pose[3 * 17 + 2] = Math.sin(Date.now() / 160) / 2 - 0.8; // the right shoulder
  await socket.send(["pose", encode({ ...start, seq, t_us: Date.now() * 1000, pose })]);
}

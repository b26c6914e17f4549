"""Writes the checkpoints beside this file, with TensorFlow, and `truth.npz` with what is in them.

    python make.py        (TensorFlow 2; 2.21 wrote the files)

Variables have MusicVAE's names and random values. `whole.ckpt` holds them with the optimiser's
variables and `global_step` in one shard, `sharded.ckpt` the same in three, and `partitioned.ckpt`
one variable cut into two pieces.
"""

import os
from pathlib import Path

import numpy as np
import tensorflow.compat.v1 as tf

FOLDER = Path(__file__).parent
CELL = "multi_rnn_cell/cell_0/lstm_cell"
SHAPES = {
    f"encoder/cell_0/bidirectional_rnn/fw/{CELL}/kernel": (5, 8),
    f"encoder/cell_0/bidirectional_rnn/fw/{CELL}/bias": (8,),
    f"encoder/cell_0/bidirectional_rnn/bw/{CELL}/kernel": (5, 8),
    f"encoder/cell_0/bidirectional_rnn/bw/{CELL}/bias": (8,),
    "encoder/mu/kernel": (4, 2),
    "encoder/sigma/kernel": (4, 2),
    f"decoder/{CELL}/kernel": (7, 8),
    "decoder/z_to_initial_state/kernel": (2, 4),
    "decoder/output_projection/bias": (3,),
}


def write(name: str, *, devices: int) -> dict[str, np.ndarray]:
    """Saves one training step's variables and returns their values by name."""
    random = np.random.default_rng(0)
    with tf.Graph().as_default():
        variables = []
        for number, (variable, shape) in enumerate(SHAPES.items()):
            with tf.device(f"/cpu:{number % devices}"):
                value = random.standard_normal(shape).astype(np.float32)
                variables.append(tf.get_variable(variable, initializer=value))
        step = tf.train.get_or_create_global_step()
        loss = tf.add_n([tf.reduce_sum(tf.square(variable)) for variable in variables])
        train = tf.train.AdamOptimizer(1e-3).minimize(loss, global_step=step)
        with tf.Session(config=tf.ConfigProto(device_count={"CPU": devices})) as session:
            session.run(tf.global_variables_initializer())
            session.run(train)
            saver = tf.train.Saver(sharded=devices > 1)
            saver.save(session, str(FOLDER / name), write_meta_graph=False, write_state=False)
            return {v.op.name: session.run(v) for v in tf.global_variables()}


def write_partitioned() -> None:
    with tf.Graph().as_default():
        tf.get_variable("encoder/mu/bias", (4,), partitioner=tf.fixed_size_partitioner(2))
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            path = str(FOLDER / "partitioned.ckpt")
            tf.train.Saver().save(session, path, write_meta_graph=False, write_state=False)


if __name__ == "__main__":
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    truth = write("whole.ckpt", devices=1)
    sharded = write("sharded.ckpt", devices=2)
    assert all(np.array_equal(sharded[name], value) for name, value in truth.items())
    np.savez_compressed(FOLDER / "truth.npz", **truth)
    write_partitioned()

"""MusicVAE in plain NumPy, written from the description of its wiring and from nothing else.

Roberts et al. 2018, arXiv 1803.05428. Weights are a dict from TensorFlow variable names to arrays.
Every fact of the wiring has a function or constant of its own, so that a test can put a wrong one
in its place. It loops over melodies and steps, and computes in whatever precision the weights have.
"""

import numpy as np

EVENTS = 90
BAR = 16
FORGET_BIAS = 1.0  # added when running, not stored
CONDUCTOR_INPUT = 0.0  # one number wide
CONDUCTOR = "decoder/hierarchical_level_0"
CORE = "core_decoder/decoder"

# --- the variables of a checkpoint ---------------------------------------------------------------


def variable_shapes(kind, *, latent, encoder_units, decoder_units, conductor_units=()):
    """Name -> shape of all the variables of a flat or a hierarchical model."""
    shapes = {}

    def dense(name, inputs, outputs):
        shapes[f"{name}/kernel"] = (inputs, outputs)
        shapes[f"{name}/bias"] = (outputs,)

    def lstm(name, inputs, units):
        dense(f"{name}/lstm_cell", inputs + units, 4 * units)

    inputs = EVENTS
    for layer, units in enumerate(encoder_units):
        for direction in ("fw", "bw"):
            lstm(encoder_cell(layer, direction), inputs, units)
        inputs = 2 * units
    dense("encoder/mu", inputs, latent)
    dense("encoder/sigma", inputs, latent)
    embedding, decoder = latent, "decoder"
    if kind == "hierarchical":
        dense(f"{CONDUCTOR}/initial_state", latent, 2 * sum(conductor_units))
        sizes = [1, *conductor_units[:-1]]
        for layer, (inputs, units) in enumerate(zip(sizes, conductor_units, strict=True)):
            lstm(f"{CONDUCTOR}/cell_{layer}", inputs, units)
        embedding, decoder = conductor_units[-1], CORE
    dense(f"{decoder}/z_to_initial_state", embedding, 2 * sum(decoder_units))
    sizes = [EVENTS + embedding, *decoder_units[:-1]]
    for layer, (inputs, units) in enumerate(zip(sizes, decoder_units, strict=True)):
        lstm(f"{decoder}/multi_rnn_cell/cell_{layer}", inputs, units)
    dense(f"{decoder}/output_projection", decoder_units[-1], EVENTS)
    return shapes


def random_checkpoint(kind="flat", *, rng, dtype=np.float64, **sizes):
    """Weights that keep every wire alive: what is played moves, but is not chaotic."""
    scales = {"encoder": 0.5, "lstm_cell/kernel": 0.8, "projection/kernel": 1.0, "projection": 0.1}
    weights = {}
    for name, shape in variable_shapes(kind, **sizes).items():
        scale = next((scale for part, scale in scales.items() if part in name), 0.5)
        weights[name] = (scale * rng.standard_normal(shape)).astype(dtype)
    return weights


def encoder_cell(layer, direction):
    return f"encoder/cell_{layer}/bidirectional_rnn/{direction}/multi_rnn_cell/cell_0"


def cells(weights, template):
    """The names that `template` takes on for layer 0, 1, ... as far as there are kernels."""
    names = []
    while f"{template.format(len(names))}/lstm_cell/kernel" in weights:
        names.append(template.format(len(names)))
    return names


def units_of(weights, cell):
    return weights[f"{cell}/lstm_cell/bias"].shape[0] // 4


def is_hierarchical(weights):
    return f"{CONDUCTOR}/initial_state/kernel" in weights


# --- one function for one fact -------------------------------------------------------------------


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softplus(x):
    return np.logaddexp(x.dtype.type(0), x)


def dense(weights, name, x):
    return x @ weights[f"{name}/kernel"] + weights[f"{name}/bias"]


def cell_input(x, h):
    return np.concatenate([x, h], axis=-1)


def split_gates(gates):
    """Input gate, candidate, forget gate, output gate."""
    i, c, f, o = np.split(gates, 4, axis=-1)
    return i, c, f, o


def lstm_step(weights, cell, x, state):
    """One step of one cell; the state is (c, h)."""
    c, h = state
    i, candidate, f, o = split_gates(dense(weights, f"{cell}/lstm_cell", cell_input(x, h)))
    c = sigmoid(f + FORGET_BIAS) * c + sigmoid(i) * np.tanh(candidate)
    return c, sigmoid(o) * np.tanh(c)


def stack_step(weights, stack, x, states):
    """One step of cells on top of each other: the new states, of which the last h is the output."""
    new = []
    for cell, state in zip(stack, states, strict=True):
        new.append(lstm_step(weights, cell, x, state))
        x = new[-1][1]
    return new


def split_state(flat, units):
    """c0, h0, c1, h1, ... out of one vector."""
    states = []
    for size in units:
        c, h, flat = flat[..., :size], flat[..., size : 2 * size], flat[..., 2 * size :]
        states.append((c, h))
    assert not flat.shape[-1]
    return states


def initial_states(weights, name, stack, embedding):
    flat = np.tanh(dense(weights, name, embedding))
    return split_state(flat, [units_of(weights, cell) for cell in stack])


def decoder_input(token, embedding):
    return np.concatenate([token, embedding], axis=-1)


def one_hot(events, dtype):
    return np.eye(EVENTS, dtype=dtype)[events]


# --- encoder -------------------------------------------------------------------------------------


def run_cell(weights, cell, sequence):
    """Outputs (t, units) of one cell on one sequence (t, inputs), from a state of zeros."""
    zeros = np.zeros(units_of(weights, cell), sequence.dtype)
    state, outputs = (zeros, zeros), []
    for x in sequence:
        state = lstm_step(weights, cell, x, state)
        outputs.append(state[1])
    return np.stack(outputs)


def last_outputs(forward, backward):
    """What either direction put out after its last step; `backward` is in the melody's order."""
    return np.concatenate([forward[-1], backward[0]])


def sigma_of(x):
    """The standard deviation itself."""
    return softplus(x)


def encode(weights, notes, lengths=None):
    """Mean and standard deviation (b, z) of melodies (b, t, 90), cut to their lengths (b,)."""
    lengths = [notes.shape[1]] * len(notes) if lengths is None else lengths
    summaries = []
    for melody, length in zip(notes, lengths, strict=True):
        outputs = melody[:length]
        forward_cells = cells(weights, encoder_cell("{}", "fw"))
        for forward_cell, backward_cell in zip(
            forward_cells, cells(weights, encoder_cell("{}", "bw")), strict=True
        ):
            forward = run_cell(weights, forward_cell, outputs)
            backward = run_cell(weights, backward_cell, outputs[::-1])[::-1]
            outputs = np.concatenate([forward, backward], axis=-1)
        summaries.append(last_outputs(forward, backward))
    summary = np.stack(summaries)
    return dense(weights, "encoder/mu", summary), sigma_of(dense(weights, "encoder/sigma", summary))


# --- decoder -------------------------------------------------------------------------------------


def run_decoder(weights, decoder, embedding, token, *, steps, given=None, states=None):
    """Events (b, steps), logits (b, steps, 90) and last states.

    `token` is what the first step sees, `given` what is fed back in place of the greedy choice.
    """
    stack = cells(weights, f"{decoder}/multi_rnn_cell/cell_{{}}")
    if states is None:
        states = initial_states(weights, f"{decoder}/z_to_initial_state", stack, embedding)
    events, logits = [], []
    for step in range(steps):
        states = stack_step(weights, stack, decoder_input(token, embedding), states)
        logits.append(dense(weights, f"{decoder}/output_projection", states[-1][1]))
        events.append(logits[-1].argmax(-1) if given is None else given[:, step])
        token = one_hot(events[-1], logits[-1].dtype)
    return np.stack(events, axis=1), np.stack(logits, axis=1), states


def run_conductor(weights, z, *, bars):
    """One embedding (b, units) for every bar."""
    stack = cells(weights, f"{CONDUCTOR}/cell_{{}}")
    states = initial_states(weights, f"{CONDUCTOR}/initial_state", stack, z)
    nothing = np.full((len(z), 1), CONDUCTOR_INPUT, z.dtype)
    embeddings = []
    for _ in range(bars):
        states = stack_step(weights, stack, nothing, states)
        embeddings.append(states[-1][1])
    return embeddings


def first_token(last, bar_start):
    """What the first step of a bar sees, `last` being the last token of the bar before."""
    return {"carried": last, "fresh": np.zeros_like(last)}[bar_start]


def state_at_bar(states):
    """Which state the core takes on into the next bar: none, it starts from the embedding."""
    return None


def decode(weights, z, *, steps, given=None, bar_start="carried"):
    token = np.zeros((len(z), EVENTS), z.dtype)
    if not is_hierarchical(weights):
        return run_decoder(weights, "decoder", z, token, steps=steps, given=given)[:2]
    events, logits, states = [], [], None
    for bar, embedding in enumerate(run_conductor(weights, z, bars=steps // BAR)):
        bar_given = None if given is None else given[:, bar * BAR : (bar + 1) * BAR]
        bar_events, bar_logits, states = run_decoder(
            weights, CORE, embedding, token, steps=BAR, given=bar_given, states=state_at_bar(states)
        )
        token = first_token(one_hot(bar_events[:, -1], z.dtype), bar_start)
        events.append(bar_events)
        logits.append(bar_logits)
    return np.concatenate(events, axis=1), np.concatenate(logits, axis=1)


def teacher_forced(weights, z, events, *, bar_start="carried"):
    """Logits (b, t, 90) at every step, having seen the events (b, t) before it."""
    return decode(weights, z, steps=events.shape[1], given=events, bar_start=bar_start)[1]


def free_running(weights, z, steps, *, bar_start="carried"):
    """Events (b, steps) and logits (b, steps, 90), each step seeing its own greedy choices."""
    return decode(weights, z, steps=steps, bar_start=bar_start)

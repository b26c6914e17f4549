"""Recurrence of LSTM layers, with backward passes of its own.

Gates are worked on in place, and the gradient of a kernel is one product over all steps instead of
a sum over them. `Recurrence` runs a layer over inputs that are known; `Replay` gives the gradients
of a layer that has already run, step by step, as a decoder that reads its own events must.
"""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable

State = tuple[Float[Tensor, "b u"], Float[Tensor, "b u"]]  # cell and hidden state


class Trace(NamedTuple):
    """Activations of a layer over all steps, as the backward pass needs them.

    Gates are those after their non-linearities, `tanhs` of the cells after each step; cells and
    hidden states begin with those before the first step.
    """

    gates: Float[Tensor, "t b gates"]
    cells: Float[Tensor, "t1 b u"]
    tanhs: Float[Tensor, "t b u"]
    hidden: Float[Tensor, "t1 b u"]


def check_lengths(steps: int, lengths: Int[Tensor, " b"] | None) -> None:
    """Refuses sequences without a step: their state would be zero, whatever they are.

    Raises:
        ValueError: unless there is a step, and all lengths are 1..steps.
    """
    least = most = steps
    if lengths is not None and len(lengths):
        least, most = map(int, lengths.aminmax())
    if not 1 <= least <= most <= steps:
        raise ValueError(f"melodies of {steps} steps have lengths 1..{steps}, got {least}..{most}")


def new_trace(steps: int, cell: Float[Tensor, "b u"], hidden: Float[Tensor, "b u"]) -> Trace:
    """Empty trace of so many steps, with its initial state."""
    batch, units = cell.shape
    sizes = ((steps, 4 * units), (steps + 1, units), (steps, units), (steps + 1, units))
    trace = Trace(*(cell.new_empty(length, batch, width) for length, width in sizes))
    trace.cells[0], trace.hidden[0] = cell, hidden
    return trace


def advance_trace(trace: Trace, t: int, kernel: Float[Tensor, "u gates"]) -> None:
    """Computes step t of a trace whose gates of that step are the contribution of the inputs."""
    gates, cells, tanhs, hidden = trace
    gates[t].addmm_(hidden[t], kernel)
    advance_(gates[t], cells[t], to=(cells[t + 1], tanhs[t], hidden[t + 1]))


def activate_(gates: Float[Tensor, "b gates"]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Input, candidate, forget and output gates, activated in place."""
    i, g, f, o = gates.chunk(4, dim=-1)
    return i.sigmoid_(), tanh_(g), f.sigmoid_(), o.sigmoid_()


def tanh_(x: Tensor) -> Tensor:
    """tanh in place, as 2 sigmoid(2x) - 1: on CPUs torch's sigmoid is several times as fast."""
    return x.mul_(2).sigmoid_().mul_(2).sub_(1)


def advance_(
    gates: Float[Tensor, "b gates"],
    cell: Float[Tensor, "b u"],
    *,
    to: tuple[Float[Tensor, "b u"], Float[Tensor, "b u"], Float[Tensor, "b u"]],
) -> None:
    """Computes one step, from the gates before activation and the previous cell.

    Args:
        to: where the new cell, its tanh and the new hidden state are written.
    """
    new_cell, tanh, hidden = to
    i, g, f, o = activate_(gates)
    torch.mul(f, cell, out=new_cell).addcmul_(i, g)
    torch.mul(o, tanh_(tanh.copy_(new_cell)), out=hidden)


def gradients_(
    grad_hidden: Float[Tensor, "t b u"],
    kernel: Float[Tensor, "u gates"],
    trace: Trace,
    *,
    has_start: bool,
) -> State:
    """Backpropagation through time: gates become their gradients; returns those of the start.

    Args:
        has_start: the layer began with a state that was not zero.
    """
    gates, cells, tanhs, hidden = trace
    through_sigmoid = torch.ops.aten.sigmoid_backward.grad_input
    through_tanh = torch.ops.aten.tanh_backward.grad_input
    grad_h, grad_c = torch.zeros_like(hidden[0]), torch.zeros_like(cells[0])
    one, two = torch.empty_like(grad_h), torch.empty_like(grad_h)
    for t in reversed(range(len(gates))):
        i, g, f, o = gates[t].chunk(4, dim=-1)
        grad_h += grad_hidden[t]
        grad_c += through_tanh(torch.mul(grad_h, o, out=one), tanhs[t], grad_input=one)
        through_sigmoid(torch.mul(grad_h, tanhs[t], out=one), o, grad_input=o)
        torch.mul(grad_c, g, out=one)
        torch.mul(grad_c, i, out=two)
        through_sigmoid(one, i, grad_input=i)
        through_tanh(two, g, grad_input=g)
        torch.mul(grad_c, cells[t], out=one)
        grad_c *= f
        through_sigmoid(one, f, grad_input=f)
        if t or has_start:
            torch.mm(gates[t], kernel.T, out=grad_h)
    return grad_c, grad_h


class Recurrence(torch.autograd.Function):
    """Recurrence of a layer: gates (t, b, 4u) of the inputs -> hidden states (t, b, u).

    Gates are changed in place: they are large, and what computed them does not need them again
    (autograd's version counter would say so if it did).
    """

    @staticmethod
    def forward(
        ctx: Any,
        gates: Float[Tensor, "t b gates"],
        kernel: Float[Tensor, "u gates"],
        cell0: Float[Tensor, "b u"] | None,
        hidden0: Float[Tensor, "b u"] | None,
    ) -> Float[Tensor, "t b u"]:
        steps, batch, width = gates.shape
        units = width // 4
        keep = any(ctx.needs_input_grad)  # else two cell states at a time are enough
        cells = gates.new_empty(steps + 1 if keep else 2, batch, units)
        tanhs = gates.new_empty(steps if keep else 1, batch, units)
        hidden = gates.new_empty(steps + 1, batch, units)
        cells[0] = 0 if cell0 is None else cell0
        hidden[0] = 0 if hidden0 is None else hidden0
        for t in range(steps):
            now, at, to = (t, t, t + 1) if keep else (0, t % 2, (t + 1) % 2)
            if t or hidden0 is not None:
                gates[t].addmm_(hidden[t], kernel)
            advance_(gates[t], cells[at], to=(cells[to], tanhs[now], hidden[t + 1]))
        ctx.has_start = hidden0 is not None
        if keep:
            ctx.save_for_backward(kernel, gates, cells, tanhs, hidden)
        return hidden[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_hidden: Float[Tensor, "t b u"]) -> tuple[Tensor | None, ...]:
        kernel, *trace = ctx.saved_tensors
        gates, _, _, hidden = trace
        start = gradients_(grad_hidden, kernel, Trace(*trace), has_start=ctx.has_start)
        grad_kernel = None
        if ctx.needs_input_grad[1]:  # not that of a frozen model
            grad_kernel = hidden[:-1].flatten(0, 1).T @ gates.flatten(0, 1)
        return gates, grad_kernel, *(start if ctx.has_start else (None, None))


class Replay(torch.autograd.Function):
    """Hidden states (t, b, u) of a frozen layer's trace, with their gradients.

    Nothing is computed a second time, and the backward pass consumes the trace. The input is given
    either as its contribution to the gates, whose values are not used, or as x and the kernel that
    was applied to it.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Float[Tensor, "t b x"],
        input_kernel: Float[Tensor, "x gates"] | None,
        kernel: Float[Tensor, "u gates"],
        cell0: Float[Tensor, "b u"],
        hidden0: Float[Tensor, "b u"],
        trace: Trace,
    ) -> Float[Tensor, "t b u"]:
        ctx.reads_gates = input_kernel is None
        ctx.save_for_backward(kernel, kernel if ctx.reads_gates else input_kernel, *trace)
        return trace.hidden[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_hidden: Float[Tensor, "t b u"]) -> tuple[Tensor | None, ...]:
        kernel, input_kernel, *trace = ctx.saved_tensors
        start = gradients_(grad_hidden, kernel, Trace(*trace), has_start=True)
        grad_x = trace[0] if ctx.reads_gates else trace[0] @ input_kernel.T
        return grad_x, None, None, *start, None

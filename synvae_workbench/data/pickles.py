"""Safe reading of pickles of arrays, numbers, strings and containers; nothing is executed.

A pickle is a program. To restrict `find_class` is not enough: a file can still ask for a terabyte
(a far index into the memo, an array's shape), hash nested tuples for ever, or write attributes.
This interpreter knows only the instructions that data needs; it imports nothing and calls nothing
that the file names. `pickletools` parses the file.

Its budget: `MAX_BYTES` of content, unpacked; `MAX_STEPS` instructions, counted with what they copy,
each of some 250 bytes at most; and a result that, with all that is referred to twice written out
twice, has no more than `MAX_SPREAD` times the bytes of the file, in `MAX_DEPTH` levels. Whoever
makes an array of nested lists then makes a small one.
"""

import codecs
import io
import math
import pickletools
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from synvae_workbench.data.spread import check_spread
from synvae_workbench.unpacking import read_unzipped

MAX_BYTES = 1 << 30  # of a pickle, decompressed
MAX_STEPS = 1_000_000  # CIFAR-10's largest file has 60,000
MAX_SPREAD, SPARE = 4, 1_000_000  # times the bytes of the file, and bytes more
MAX_DEPTH = 50

_GLOBALS = {
    ("_codecs", "encode"): "encode",  # bytes, as Python 3 writes them for Python 2
    ("numpy", "ndarray"): "ndarray",
    ("numpy", "dtype"): "dtype",
    **{(f"numpy.{core}.multiarray", "_reconstruct"): "array" for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): "scalar" for core in ("core", "_core")},
    # How Python 3 writes sets and no bytes for Python 2.
    **{("__builtin__", name): name for name in ("bytes", "set", "frozenset")},
    **{("builtins", name): name for name in ("set", "frozenset")},
}
_DTYPE = re.compile(r"b1|[iu][1248]|f[248]|c8|c16|[SU][1-9]\d{0,8}")
_LITERALS = frozenset({"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4"})
_LITERALS |= {"FLOAT", "BINFLOAT", "STRING", "SHORT_BINBYTES", "BINBYTES", "BINBYTES8"}
_LITERALS |= {"UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_EMPTY = {"EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_SET": set}
_BROKEN = (OSError, EOFError, zlib.error, ValueError, LookupError, TypeError, OverflowError)


class PickleRefusedError(ValueError):
    """A pickle that is broken or is more than data; nothing of it was executed."""


def read_pickle(path: Path, *, max_bytes: int = MAX_BYTES) -> Any:
    """Contents of a pickle, gzipped or not; strings of Python 2 as bytes, arrays read-only.

    Keys of dictionaries and elements of sets are numbers, strings and bytes.

    Raises:
        PickleRefusedError: if it holds anything but arrays of numbers and strings, numbers,
            strings, bytes, None and containers, is broken, or longer than `max_bytes`.
    """
    try:
        content = read_unzipped(path, most_bytes=max_bytes)
        result = _Machine(content).run()
        try:
            check_spread(result, MAX_SPREAD * len(content) + SPARE, MAX_DEPTH)
        except ValueError as error:
            raise PickleRefusedError(str(error)) from None
        return result
    except PickleRefusedError as error:
        raise PickleRefusedError(
            f"{path} is refused, and nothing in it was executed: {error}; it should hold arrays, "
            "numbers, strings and containers alone: get it again from its home"
        ) from None
    except _BROKEN as error:
        raise PickleRefusedError(
            f"{path} cannot be read as a pickle of arrays ({error or type(error).__name__}): "
            "it may be truncated, get it again from its home"
        ) from error


class _Global:
    """Placeholder of a function or class that the file names."""

    def __init__(self, kind: str) -> None:
        self.kind = kind


class _Box:
    """Placeholder of an array or a dtype until BUILD completes it; the memo may refer to it."""

    def __init__(self, dtype: np.dtype | None = None) -> None:
        self.dtype = dtype
        self.value: np.ndarray | np.dtype | None = None


class _Machine:
    """Interpreter of the instructions of one pickle."""

    def __init__(self, content: bytes) -> None:
        self.stream = io.BytesIO(content)
        self.budget = len(content)  # of bytes that are copied: no more than the file has
        self.steps = 0
        self.stack: list = []
        self.marks: list[list] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:
        """Runs to STOP; returns the value on top of the stack."""
        while True:
            code = self.stream.read(1)
            if not code:
                raise EOFError("it ends without STOP")
            operation = pickletools.code2op.get(code.decode("latin-1"))
            if operation is None:
                raise ValueError(f"no instruction {code!r}")
            if operation.name == "STOP":
                return _check_complete(self.stack.pop())
            self.count(1)
            self.step(operation.name, self.argument(operation))

    def count(self, steps: int) -> None:
        """Counts instructions, and items that they copy."""
        self.steps += steps
        if self.steps > MAX_STEPS:
            raise PickleRefusedError(f"it takes more than {MAX_STEPS:,} steps")

    def copy(self, size: int) -> None:
        """Counts bytes that are copied."""
        self.budget -= size
        if self.budget < 0:
            raise PickleRefusedError("it makes more bytes than it has")

    def argument(self, operation: pickletools.OpcodeInfo) -> Any:
        if operation.name == "STRING":  # pickletools reads ASCII alone here
            line = self.stream.readline().strip()
            if len(line) < 2 or line[:1] not in (b"'", b'"') or line[-1:] != line[:1]:
                raise ValueError("a string without quotes")
            return codecs.escape_decode(line[1:-1])[0]
        value = operation.arg.reader(self.stream) if operation.arg else None
        if isinstance(value, int) and value.bit_length() > 64 and operation.name in _LITERALS:
            raise PickleRefusedError("it holds a number of more than 64 bits")
        return value

    def step(self, name: str, argument: Any) -> None:
        """Executes one instruction."""
        if name in _LITERALS:
            self.stack.append(argument)
        elif name in ("BINSTRING", "SHORT_BINSTRING"):  # of Python 2: bytes
            self.stack.append(argument.encode("latin-1"))
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name])
        elif name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
            self.memo[len(self.memo) if argument is None else argument] = self.stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            value = self.memo[argument]
            built = isinstance(value, _Box) and value.value is not None
            self.stack.append(value.value if built else value)
        elif name in _EMPTY:
            self.stack.append(_EMPTY[name]())
        elif name in _TUPLES:
            values = [self.stack.pop() for _ in range(_TUPLES[name])]
            self.stack.append(tuple(values[::-1]))
        elif handler := getattr(self, f"do_{name.lower()}", None):
            handler(argument)
        elif name not in ("PROTO", "FRAME"):
            raise PickleRefusedError(f"it holds the instruction {name}, which data does not need")

    def do_mark(self, _: None) -> None:
        self.marks.append(self.stack)
        self.stack = []

    def do_pop(self, _: None) -> None:
        self.stack.pop()

    def do_pop_mark(self, _: None) -> list:
        """Pops the values above the last mark."""
        values, self.stack = self.stack, self.marks.pop()
        return values

    def do_tuple(self, _: None) -> None:
        values = self.do_pop_mark(None)
        self.stack.append(tuple(values))

    def do_list(self, _: None) -> None:
        values = self.do_pop_mark(None)
        self.stack.append(list(map(_check_complete, values)))

    def do_dict(self, _: None) -> None:
        values = self.do_pop_mark(None)
        self.stack.append({})
        self.set_items(values)

    def do_frozenset(self, _: None) -> None:
        values = self.do_pop_mark(None)
        self.stack.append(frozenset(map(_key, values)))

    def do_append(self, _: None) -> None:
        value = self.stack.pop()
        _of(list, self.stack[-1]).append(_check_complete(value))

    def do_appends(self, _: None) -> None:
        values = self.do_pop_mark(None)
        _of(list, self.stack[-1]).extend(map(_check_complete, values))

    def do_additems(self, _: None) -> None:
        values = self.do_pop_mark(None)
        _of(set, self.stack[-1]).update(map(_key, values))

    def do_setitem(self, _: None) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self.set_items([key, value])

    def do_setitems(self, _: None) -> None:
        self.set_items(self.do_pop_mark(None))

    def set_items(self, values: list) -> None:
        target = _of(dict, self.stack[-1])
        for key, value in zip(values[::2], values[1::2], strict=True):
            target[_key(key)] = _check_complete(value)

    def do_global(self, argument: str) -> None:
        module, _, name = argument.partition(" ")
        self.push_global(module, name)

    def do_stack_global(self, _: None) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self.push_global(_of(str, module), _of(str, name))

    def push_global(self, module: str, name: str) -> None:
        kind = _GLOBALS.get((module, name))
        if kind is None:
            raise PickleRefusedError(f"it asks for {module[:80]}.{name[:80]}")
        self.stack.append(_Global(kind))

    def do_reduce(self, _: None) -> None:
        arguments, function = _of(tuple, self.stack.pop()), self.stack.pop()
        if not isinstance(function, _Global) or function.kind == "ndarray":
            raise PickleRefusedError("it calls something that is no known function")
        self.stack.append(getattr(self, f"make_{function.kind}")(*arguments))

    def make_encode(self, text: Any, encoding: Any = None) -> bytes:
        if encoding != "latin1":  # which is not shown: a nested tuple may take for ever to print
            raise PickleRefusedError("it calls _codecs.encode for another code than latin1")
        self.copy(len(_of(str, text)))
        return text.encode("latin-1")

    def make_bytes(self) -> bytes:
        return b""

    def make_set(self, values: Any = ()) -> set:
        self.count(len(_of(list | tuple, values)))
        return set(map(_key, values))

    def make_frozenset(self, values: Any = ()) -> frozenset:
        return frozenset(self.make_set(values))

    def make_dtype(self, spec: Any, *_: Any) -> _Box:
        """Dtype of numbers or strings of a fixed size; no objects, no fields."""
        spec = spec.decode("latin-1") if isinstance(spec, bytes) else spec
        if not _DTYPE.fullmatch(_of(str, spec)):
            raise PickleRefusedError(f"it holds an array of type {spec[:80]!r}")
        return _Box(np.dtype(spec))

    def make_array(self, kind: Any, *_: Any) -> _Box:
        """Placeholder of an array, filled by BUILD."""
        if not isinstance(kind, _Global) or kind.kind != "ndarray":
            raise PickleRefusedError("it asks for a kind of array other than numpy.ndarray")
        return _Box()

    def make_scalar(self, dtype: Any, content: Any) -> np.generic:
        self.copy(len(_of(bytes, content)))
        return _array((), dtype, content)[()]

    def do_build(self, _: None) -> None:
        state, target = _of(tuple, self.stack.pop()), self.stack.pop()
        if not isinstance(target, _Box):
            raise PickleRefusedError(f"it sets attributes of {type(target).__name__}")
        if target.dtype is None:
            _, shape, dtype, fortran, content = state
            target.value = _array(shape, dtype, content, order="F" if fortran else "C")
        else:
            order = state[1].decode("latin-1") if isinstance(state[1], bytes) else state[1]
            if order not in ("<", ">", "|", "=") or any(part is not None for part in state[2:5]):
                raise PickleRefusedError("it holds an array of records")
            target.value = target.dtype.newbyteorder(order)
        self.stack.append(target.value)


def _array(shape: Any, dtype: Any, content: Any, order: str = "C") -> np.ndarray:
    """Array over the file's own bytes, which must be exactly as many as its shape needs."""
    if len(_of(tuple, shape)) > 32 or not all(type(n) is int and 0 <= n < 1 << 48 for n in shape):
        raise ValueError("a shape that no array has")
    sizes = list(shape)
    size = math.prod(sizes) * _of(np.dtype, dtype).itemsize
    if size != len(_of(bytes, content)):
        raise ValueError(f"an array {sizes} of {dtype} with {len(content)} bytes")
    return np.ndarray(sizes, dtype, content, order=order)


def _of(kind: Any, value: Any) -> Any:
    if not isinstance(value, kind):
        raise ValueError(f"{type(value).__name__} where {kind} belongs")
    return value


def _key(value: Any) -> Any:
    """Checks that a key is quick to hash: nested tuples may take for ever, or the whole stack."""
    return _of(str | bytes | int | float | None, value)


def _check_complete(value: Any) -> Any:
    if isinstance(value, _Box | _Global):
        raise PickleRefusedError("it holds a function or an array without contents")
    return value

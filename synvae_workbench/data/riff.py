"""Place of the samples in a WAV file, by its chunks and its length, whatever its header says.

A program that writes into a pipe cannot go back to fill in the sizes, and leaves a placeholder;
others count eight bytes too many, or leave out the byte that pads a chunk. RIFF: IBM & Microsoft
1991, "Multimedia Programming Interface and Data Specifications 1.0".
"""

import io
from typing import NamedTuple

from synvae_workbench.data.files import BrokenFile

# Sizes of 2 GB less 64 KB and more are placeholders: 0xFFFFFFFF of FFmpeg, 0x7FFFFFFF, 0x7FFFF000
# of SoX and eSpeak, 0x80000000 of arecord, or these less the header. Zero is one as well.
_PLACEHOLDER = 0x7FFF_0000
_HEADER = 8  # bytes of a chunk's name and size, which some writers count to the size
_MOST_CHUNKS = 1024  # before the samples
_MOST_FORM = 4096  # bytes of the chunk "fmt "
_NAMES = (
    *(b"data", b"fmt ", b"fact", b"LIST", b"JUNK", b"junk", b"PAD ", b"FLLR", b"bext", b"cue "),
    *(b"smpl", b"inst", b"PEAK", b"iXML", b"id3 ", b"ID3 ", b"DISP", b"acid", b"cart", b"_PMX"),
)


class Samples(NamedTuple):
    """Chunk "fmt " of a WAV file, and place and length of its samples in bytes.

    `as_declared` is False where libsndfile would take other samples by the sizes in the file.
    """

    form: bytes
    start: int
    length: int
    as_declared: bool


def find_samples(file: io.BufferedIOBase, size: int) -> Samples | None:
    """Finds the samples in a file of `size` bytes; None if it is no WAV file or has none.

    Raises:
        BrokenFile: if it is truncated, or has more than 1,024 chunks before the samples.
    """
    head = _read(file, 0, 12)
    if head[:4] != b"RIFF" or head[8:] not in (b"WAVE", b""):
        return None
    form, at, as_declared = b"", 12, True
    for _ in range(_MOST_CHUNKS):
        chunk = _read(file, at, _HEADER)
        if len(chunk) < _HEADER:  # the samples are not there
            promised = _number(head[4:]) + _HEADER
            if size < promised - 1 and not _is_placeholder(promised - _HEADER):
                raise _cut_short(size, promised)
            return None
        name, length, at = chunk[:4], _number(chunk[4:]), at + _HEADER
        if name == b"data":
            return _samples(file, size, Samples(form, at, length, as_declared))
        if name == b"fmt ":
            form = _read(file, at, min(length, _MOST_FORM))
        at += length
        if length % 2:  # and is followed by a byte that pads it, unless a name stands there
            unpadded = _read(file, at, 4) in _NAMES
            at, as_declared = at + (not unpadded), as_declared and not unpadded
    raise BrokenFile(f"has more than {_MOST_CHUNKS:,} chunks before its samples")


def rewritten(file: io.BufferedIOBase, samples: Samples) -> io.BufferedIOBase:
    """The samples as a WAV file with a header that holds, in which nothing else is left.

    The samples are not copied: they are read from `file`.
    """
    form = samples.form + b"\0" * (len(samples.form) % 2)
    chunks = b"WAVE" + b"fmt " + _bytes(len(samples.form)) + form + b"data" + _bytes(samples.length)
    pad = samples.length % 2
    head = b"RIFF" + _bytes(len(chunks) + samples.length + pad) + chunks
    return io.BufferedReader(_Joined(head, file, samples.start, samples.length, pad))


def whole(file: io.BufferedIOBase, size: int) -> io.BufferedIOBase:
    """The file, read as libsndfile reads: a place before the start is the start, and no error."""
    return io.BufferedReader(_Joined(b"", file, 0, size, 0))


def _samples(file: io.BufferedIOBase, size: int, declared: Samples) -> Samples:
    """Samples in a chunk that declares a length, corrected by what the file has."""
    there = size - declared.start
    if declared.length == 0 and there and _read(file, declared.start, 4) not in _NAMES:
        return declared._replace(length=there, as_declared=False)
    if declared.length <= there:
        within = _read(file, 4, 4)  # what libsndfile would read no further than
        end = declared.start + declared.length - _HEADER
        return declared._replace(as_declared=declared.as_declared and _number(within) >= end)
    if declared.length - there > _HEADER and not _is_placeholder(declared.length):
        raise _cut_short(size, declared.start + declared.length)
    return declared._replace(length=there, as_declared=False)


def _is_placeholder(size: int) -> bool:
    return size == 0 or size >= _PLACEHOLDER


def _cut_short(size: int, promised: int) -> BrokenFile:
    return BrokenFile(f"is cut short: it has {size:,} of {promised:,} bytes")


def _read(file: io.BufferedIOBase, at: int, count: int) -> bytes:
    file.seek(at)
    return file.read(count)


def _number(content: bytes) -> int:
    return int.from_bytes(content[:4], "little")


def _bytes(number: int) -> bytes:
    return min(number, 0xFFFF_FFFF).to_bytes(4, "little")


class _Joined(io.RawIOBase):
    """A file of some bytes that are followed by a part of another file and by zeros."""

    def __init__(
        self, head: bytes, file: io.BufferedIOBase, start: int, length: int, pad: int
    ) -> None:
        self._head, self._file, self._start, self._at = head, file, start, 0
        self._end = len(head) + length
        self._size = self._end + pad

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, origin + offset)
        return self._at

    def readinto(self, buffer: memoryview | bytearray) -> int:
        wanted = max(0, min(len(buffer), self._size - self._at))
        if self._at < len(self._head):
            content = self._head[self._at : self._at + wanted]
        else:
            there = max(0, min(wanted, self._end - self._at))
            content = _read(self._file, self._start + self._at - len(self._head), there)
            content = content or bytes(wanted)
        buffer[: len(content)] = content
        self._at += len(content)
        return len(content)

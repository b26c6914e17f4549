"""Parser of the bytes of a standard MIDI file: notes, programs, tempos, metres and names.

Reads what players play (The MIDI Association, "Standard MIDI Files 1.0", RP-001). What no melody
needs is stepped over, whatever it holds: controllers, system exclusive data, texts, keys, chunks
that are not tracks, metres and tempos that are none. What would shift all that follows is refused:
an event that is cut off, a number without an end, data without a status. mido, which writes our
files, refuses a file for any of these.
"""

from typing import NamedTuple

TRACK_NAME, END_OF_TRACK, TEMPO, METRE = 0x03, 0x2F, 0x51, 0x58  # types of meta events
NOTE_OFF, NOTE_ON, PROGRAM, PRESSURE = 0x80, 0x90, 0xC0, 0xD0  # channel messages, upper four bits
META, EXCLUSIVE = 0xFF, (0xF0, 0xF7)
DATA_BYTES = {0xF1: 1, 0xF2: 2, 0xF3: 1}  # of system messages, which do not belong in a file
LARGEST = 127  # of a data byte
FINEST_METRE = 7  # the denominator of a metre is written as a power of two, here 128


class Corrupt(ValueError):
    """Bytes that are no MIDI file, or only the start of one; says why in a few words."""


class Track(NamedTuple):
    """What is played of a track, at ticks from its start.

    Attributes:
        name: as written: UTF-8 or, where it is none, Latin-1.
        notes: tick, channel, pitch and velocity of each start of a note, and of each end of one,
            whose velocity is 0.
        programs: tick, channel and number of each change of instrument.
        tempos: tick and microseconds per quarter.
        metres: tick, numerator and denominator.
        end: tick of the last event.
    """

    name: str
    notes: list[tuple[int, int, int, int]]
    programs: list[tuple[int, int, int]]
    tempos: list[tuple[int, int]]
    metres: list[tuple[int, int, int]]
    end: int


class Header(NamedTuple):
    """First chunk of a file: its type, the tracks that it declares, ticks per quarter."""

    kind: int
    tracks: int
    resolution: int
    size: int  # of the chunk, in bytes


def parse_header(data: bytes) -> Header:
    """Parses the header chunk, longer ones too.

    Raises:
        Corrupt: if it is cut off.
    """
    length = int.from_bytes(data[4:8])
    if length < 6 or 8 + length > len(data):
        raise Corrupt("the header is cut off")
    kind, tracks = int.from_bytes(data[8:10]), int.from_bytes(data[10:12])
    return Header(kind, tracks, int.from_bytes(data[12:14], signed=True), 8 + length)


def parse_tracks(data: bytes, header: Header) -> list[Track]:
    """Parses all tracks, also those that the header does not declare, in time that is linear.

    Raises:
        Corrupt: if a track is cut off, or fewer are there than the header declares.
    """
    tracks, position = [], header.size
    while position < len(data):
        if not _is_chunk(data, position):  # padding, or a size that is wrong: look for the next one
            position = data.find(b"MTrk", position)
            if position < 0:
                break
        start = position + 8
        size = int.from_bytes(data[position + 4 : start])
        if data.startswith(b"MTrk", position):
            track, position = _parse_sized(data, start, size)
            tracks.append(track)
        else:
            position = start + size
    if len(tracks) < header.tracks:
        raise Corrupt(f"{len(tracks)} of {header.tracks} tracks are there")
    return tracks


def _is_chunk(data: bytes, position: int) -> bool:
    """Whether a chunk may start here: four printable letters and a size."""
    name = data[position : position + 4]
    return position + 8 <= len(data) and all(32 <= byte < 127 for byte in name)


def _parse_sized(data: bytes, start: int, size: int) -> tuple[Track, int]:
    """The track that starts here, and where it ends, by its end-of-track if its size is wrong."""
    stop, view = start + size, memoryview(data)
    if stop <= len(data):
        try:
            track, length, ended = _parse_events(view[start:stop])
        except IndexError:
            ended = False
        else:
            ended = ended or (length == size and (stop == len(data) or _is_chunk(data, stop)))
        if ended:
            return track, stop
    try:
        track, length, ended = _parse_events(view[start:])
    except IndexError:
        ended = False
    if not ended:
        raise Corrupt("a track is cut off")
    return track, start + length


def _parse_events(data: memoryview) -> tuple[Track, int, bool]:
    """A track, its length in bytes and whether its end is marked.

    Raises:
        IndexError: if the last event is cut off.
    """
    track, name, tick, position, status = Track("", [], [], [], [], 0), None, 0, 0, 0
    while position < len(data):
        delta, position = _number(data, position)
        tick += delta
        first = data[position]
        position += first > LARGEST  # else it is the first byte of data, under the last status
        if first == META or first in EXCLUSIVE:
            kind = data[position] if first == META else -1
            size, position = _number(data, position + (first == META))
            if position + size > len(data):
                raise IndexError
            if kind == END_OF_TRACK:
                return track._replace(name=name or "", end=tick), position + size, True
            if kind == TRACK_NAME and name is None:
                name = _text(bytes(data[position : position + size]))
            elif kind in (TEMPO, METRE):
                _add_meta(track, tick, kind, bytes(data[position : position + size]))
            position += size
        elif first > META - 16:
            position += DATA_BYTES.get(first, 0)
        else:
            status = first if first > LARGEST else status
            if not status:
                raise Corrupt("data without a status")
            number, kind = data[position], status & 0xF0
            if kind in (NOTE_OFF, NOTE_ON):
                velocity = min(data[position + 1], LARGEST) if kind == NOTE_ON else 0
                if number <= LARGEST:
                    track.notes.append((tick, status & 0x0F, number, velocity))
            elif kind == PROGRAM and number <= LARGEST:
                track.programs.append((tick, status & 0x0F, number))
            position += 1 if kind in (PROGRAM, PRESSURE) else 2
    if position > len(data):
        raise IndexError
    return track._replace(name=name or "", end=tick), position, False


def _number(data: memoryview, position: int) -> tuple[int, int]:
    """A number of seven bits a byte, at most four of them, and the position behind it."""
    value = 0
    for index in range(position, position + 4):
        byte = data[index]
        value = value << 7 | byte & LARGEST
        if byte <= LARGEST:
            return value, index + 1
    raise Corrupt("a number without an end")


def _add_meta(track: Track, tick: int, kind: int, body: bytes) -> None:
    """Adds a tempo or a metre, unless it is none."""
    if kind == TEMPO and len(body) == 3 and any(body):
        track.tempos.append((tick, int.from_bytes(body)))
    elif kind == METRE and len(body) >= 2 and body[0] and body[1] <= FINEST_METRE:
        track.metres.append((tick, body[0], 1 << body[1]))


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeError:
        return content.decode("latin-1")

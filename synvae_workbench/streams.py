"""Standard output and error that outlive their reader, and show what their encoding can show."""

import io
import sys


class _Lasting(io.FileIO):
    """A file in which writing has no effect any more once nobody reads it, as after `| head`."""

    def write(self, content: bytes) -> int:  # type: ignore[override]
        try:
            return super().write(content)
        except BrokenPipeError:
            return len(content)


def make_lasting() -> None:
    """Replaces the standard streams of this process, unless somebody else has.

    What a command does is thus done to its end, and its exit status says how, whoever reads along.
    What the locale's encoding cannot show becomes a question mark.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None or stream is not getattr(sys, f"__{name}__"):
            continue
        if stream.isatty():
            stream.reconfigure(errors="replace")
            continue
        stream.flush()
        raw = _Lasting(stream.fileno(), "w", closefd=False)
        lasting = io.TextIOWrapper(
            raw if stream.write_through else io.BufferedWriter(raw),
            encoding=stream.encoding,
            errors="replace",
            line_buffering=stream.line_buffering,
            write_through=stream.write_through,
        )
        setattr(sys, name, lasting)

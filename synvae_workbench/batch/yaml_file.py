"""Safe reading of YAML written by others: plain values only, no aliases, no twin keys."""

import re
from pathlib import Path
from typing import Any

import yaml

MAX_BYTES = 100_000  # read in a second; a thousand cells have 40,000
MAX_NUMBER = 100  # characters
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")


class _Loader(yaml.SafeLoader):
    """Safe YAML without aliases, which grow without bounds, and without keys given twice."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark
            raise yaml.MarkedYAMLError(
                problem="write it out: aliases are refused", problem_mark=mark
            )
        return super().compose_node(parent, index)

    def resolve(self, kind: type, value: Any, implicit: Any) -> str:
        """The tag of a node; numbers to the base of 60, as 1:30 is in YAML 1.1, are text."""
        tag = super().resolve(kind, value, implicit)
        return "tag:yaml.org,2002:str" if tag in _NUMBERS and ":" in value else tag

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """What a node stands for; a tag that does not fit its text is an error of YAML."""
        if node.tag in _NUMBERS and (":" in node.value or len(node.value) > MAX_NUMBER):
            raise yaml.MarkedYAMLError(
                problem=f"{node.value[:20]!r} is no number", problem_mark=node.start_mark
            )
        try:
            return super().construct_object(node, deep)
        except (LookupError, AttributeError, TypeError, OverflowError) as error:
            raise yaml.MarkedYAMLError(
                problem=f"no {node.tag.rpartition(':')[2]} ({error})", problem_mark=node.start_mark
            ) from error

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        seen = set()
        for key, _ in node.value:
            if str(key.value) in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"{key.value!r} is given twice", problem_mark=key.start_mark
                )
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


# YAML 1.1 takes 1e-3 for a text, because it has no dot.
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?\d+[eE][-+]?\d+"), list("-+0123456789")
)


def read_yaml(path: Path) -> dict[str, Any]:
    """Reads the mapping that a YAML file holds.

    Raises:
        ValueError: if there is no such file, it is over 100,000 bytes, it is no plain YAML, or
            anything but a mapping from names.
    """
    if not path.is_file():
        raise ValueError(f"{path}: no such file; expected one like reports/beta.yaml")
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"{path} has over {MAX_BYTES:,} bytes: expected a few lines of YAML")
    try:
        # The loader is safe: it derives from SafeLoader, and constructs nothing more.
        document = yaml.load(path.read_bytes(), Loader=_Loader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        words = " ".join(str(error).split()) or "nested too deeply"
        raise ValueError(f"{path} is not the YAML that is read here: {words}") from error
    if not isinstance(document, dict) or not all(isinstance(key, str) for key in document):
        raise ValueError(f"{path}: expected lines like `notebook: 12` and `grid:`")
    return document

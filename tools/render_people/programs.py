"""Compiled shaders, with what they use looked up once: asking moderngl each time is slow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tools.render_people.light_shader import VERTEX

# The attributes of a vertex, of eleven numbers; see `Mesh` and `Solid`.
_LAYOUT = (("3f", "in_p"), ("3f", "in_n"), ("3f", "in_c"), ("1f", "in_a"), ("1f", "in_k"))


@dataclass(frozen=True)
class Program:
    """A program with its uniforms by name, and the attributes that it uses."""

    program: Any
    uniforms: Mapping[str, Any]
    layout: str
    attributes: Sequence[str]

    def set(self, values: Mapping[str, Any]) -> None:
        """Set the uniforms that the program has; the compiler drops what a shader does not use."""
        for name, uniform in self.uniforms.items():
            value = values[name]
            column_major = isinstance(value, np.ndarray)
            uniform.value = tuple(value.T.reshape(-1).tolist()) if column_major else value


class Programs:
    """The programs of a context, each compiled when it is first asked for."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self._compiled: dict[tuple[str, ...], Program] = {}

    def get(self, text: str, variant: Mapping[str, str]) -> Program:
        """The program that paints with `text`, where names of `variant` are what it says."""
        head = [f"#define {name} {value}" for name, value in variant.items()]
        key = (text, *head)
        if key not in self._compiled:
            self._compiled[key] = self._compile("\n".join(["#version 330", *head, text]))
        return self._compiled[key]

    def _compile(self, text: str) -> Program:
        program = self._context.program(vertex_shader=VERTEX, fragment_shader=text)
        members = {name: program[name] for name in program}
        attributes = [name for _, name in _LAYOUT if name in members]
        layout = " ".join(
            form if name in members else f"{int(form[0]) * 4}x" for form, name in _LAYOUT
        )
        uniforms = {name: member for name, member in members.items() if name[:3] != "in_"}
        return Program(program, uniforms, layout, attributes)

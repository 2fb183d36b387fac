"""Options that belong together are one value: a command takes a dataclass, not each of its fields.

@dataclass(frozen=True)
class DataOptions:
    name: Annotated[str, typer.Option("--data")]
    root: Annotated[Path | None, typer.Option("--root")] = None

def train(recipe: str, data: DataOptions) -> None: ...
"""

from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Any, get_type_hints


def with_options_of_groups(command: Callable[..., None]) -> Callable[..., None]:
    """The command as typer takes it: an option for each field of each dataclass it takes.

    Fields are annotated as options are, and their names are those of no other argument.
    """
    hints = get_type_hints(command)
    groups: dict[str, Any] = {name: hints[name] for name in hints if is_dataclass(hints[name])}
    parameters: list[Parameter] = []
    for parameter in signature(command).parameters.values():
        group = groups.get(parameter.name)
        parameters += [parameter] if group is None else _options_of(group)
    taken = Signature([one.replace(kind=Parameter.KEYWORD_ONLY) for one in parameters])

    @wraps(command)
    def with_groups(**values: Any) -> None:
        for name, group in groups.items():
            own = {field.name: values.pop(field.name) for field in fields(group)}
            values[name] = group(**own)
        command(**values)

    with_groups.__signature__ = taken  # type: ignore[attr-defined]
    with_groups.__annotations__ = {one.name: one.annotation for one in parameters}
    return with_groups


def _options_of(group: Any) -> list[Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        Parameter(
            field.name,
            Parameter.KEYWORD_ONLY,
            annotation=hints[field.name],
            default=Parameter.empty if field.default is MISSING else field.default,
        )
        for field in fields(group)
    ]

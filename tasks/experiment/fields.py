"""The fields of the parts of an experiment: with a title, a description and bounds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from copy import copy
from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ValidationInfo,
    field_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError

from tasks.experiment import variants
from tasks.experiment.variants import OnlyWith, extra, in_words
from tasks.machinery.naming.spelling import nearest

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"


def field(
    default: Any,
    title: str,
    description: str,
    *,
    in_key: bool = True,
    choices: Sequence[str] = (),
    several_of: Sequence[str] = (),
    only_with: OnlyWith | None = None,
    needed: bool = False,
    **more: Any,
) -> Any:
    """A field of a form.

    Args:
        default: its value if none is given; `...` makes it required.
        title: its name in forms.
        description: what it is, with its unit.
        in_key: whether it can change a result.
        choices: the accepted values, if a folder defines them (otherwise use a `Literal`).
        several_of: the same of a list, which has each at most once.
        only_with: the choices with which it counts, by name: see `variants.py`.
        needed: whether its default is refused later, with a message for users: forms ask for it.
        more: bounds, as in Pydantic; and `absent`, for a field that is added later: the value with
            which the computation is the same as before the field existed. At that value it is in no
            key, so that nothing is recomputed. The default may change later, `absent` may not.
    """
    notes: dict[str, Any] = {"in_key": in_key}
    if "absent" in more:
        notes["absent"] = more.pop("absent")
    if choices:
        notes["enum"] = list(choices)
    if several_of:
        notes["items"] = {"type": "string", "enum": list(several_of)}
    if only_with:
        notes["only_with"] = {choice: list(accepted) for choice, accepted in only_with.items()}
        description = f"{description} ({in_words(only_with)})"
    if needed:
        notes["needed"] = True
    return Field(default, title=title, description=description, json_schema_extra=notes, **more)


def as_in(whole: type[Part], name: str, **changes: Any) -> Any:
    """The field of another part, with the same title, description, bounds and default.

    Args:
        whole: the other part.
        name: of the field.
        changes: attributes of the field that differ; `absent` too, as in `field`.
    """
    info = copy(whole.model_fields[name])
    if "absent" in changes:
        info.json_schema_extra = {**extra(info), "absent": changes.pop("absent")}
    for attribute, value in changes.items():
        setattr(info, attribute, value)
    return info


def as_column(value: Any) -> Any:
    """A column as its field has it: a number, which YAML reads as one, becomes text."""
    return str(value) if type(value) is int else value


def _require_some_of(given: Sequence[str], accepted: Sequence[str]) -> None:
    """Check the items of a list.

    Raises:
        ValueError: one is not accepted, or there twice.
    """
    for number, item in enumerate(given):
        if item not in accepted:
            hint = nearest(item, accepted)
            raise ValueError(f"found {item!r}; accepted: a list of {', '.join(accepted)}{hint}")
        if item in given[:number]:
            raise ValueError(f"found {item!r} twice; accepted: each once")


class Part(BaseModel):
    """A part of an experiment: unknown keys are errors, fields keep their order."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Number the fields, since the Prefect UI sorts a form alphabetically by default."""
        super().__pydantic_init_subclass__(**kwargs)
        for position, info in enumerate(cls.model_fields.values()):
            info.json_schema_extra = {**extra(info), "position": position}
        cls.model_rebuild(force=True)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """The schema of its form: its name in words, and what is not optional."""
        found = handler(core_schema)
        schema = handler.resolve_ref_schema(found)
        schema["title"] = re.sub("(?<=[a-z])(?=[A-Z])", " ", cls.__name__).capitalize()
        needed = [name for name, info in cls.model_fields.items() if extra(info).get("needed")]
        if needed:
            schema["required"] = [*schema.get("required", []), *needed]
        return found

    @field_validator("*")
    @classmethod
    def _is_one_of_the_choices(cls, value: Any, info: ValidationInfo) -> Any:
        notes = extra(cls.model_fields[info.field_name or ""])
        if value not in notes.get("enum", [value]):
            raise PydanticCustomError("literal_error", "Input should be one of the choices")
        if "items" in notes:
            _require_some_of(value, notes["items"]["enum"])
        return value

    def keyed(self, around: tuple[Any, ...]) -> dict[str, Any]:
        """The fields that are in the key of a stage, by name; `around` as in `variants.py`."""
        return variants.keyed(self, around)

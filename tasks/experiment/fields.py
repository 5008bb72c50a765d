"""What every part of an experiment is made of: fields with a title, a description and bounds."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"


def field(default: Any, title: str, description: str, *, in_key: bool = True, **bounds: Any) -> Any:
    """A field of a form: its default, title, description (with the unit) and bounds."""
    return Field(
        default,
        title=title,
        description=description,
        json_schema_extra={"in_key": in_key},
        **bounds,
    )


class Part(BaseModel):
    """A part of an experiment: unknown keys are errors, fields keep their order."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Number the fields: the Prefect UI sorts a form alphabetically unless told otherwise."""
        super().__pydantic_init_subclass__(**kwargs)
        for position, info in enumerate(cls.model_fields.values()):
            extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
            info.json_schema_extra = {**extra, "position": position}
        cls.model_rebuild(force=True)

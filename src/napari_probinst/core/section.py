"""A section of settings: how it is made of what a user wrote, and what is said of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from napari_probinst.core.errors import ConfigError
from napari_probinst.core.setting_error import setting_error

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

S = TypeVar("S", bound=BaseModel)


class Section(BaseModel):
    """Base of all sections: unknown keys are refused, values are never changed in place."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def validated(model: type[S], values: dict[str, Any], where: str) -> S:
    """Build ``model`` from ``values``; a ConfigError names ``where`` and the first bad setting."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise ConfigError(f"{where}: {setting_error(error.errors()[0], model)}.") from error


def unit_of(field: FieldInfo) -> str:
    """Unit of a setting, e.g. "px"; empty where it has none."""
    extra = field.json_schema_extra
    return str(extra.get("unit", "")) if isinstance(extra, dict) else ""

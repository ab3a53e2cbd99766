"""Records: dataclasses that nobody changes.

An attempt makes some fifty of them. Python makes a frozen dataclass five times as slowly as one that may be changed,
for it sets each field by way of what forbids to set it. So the type checker holds that nobody does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(cls: type[T]) -> type[T]:
    """A dataclass with slots whose fields must not be set: equal to one, and hashed as one, that has equal fields."""
    return dataclass(slots=True, unsafe_hash=True)(cls)

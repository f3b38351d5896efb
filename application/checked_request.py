"""A request whose fields come from anywhere."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from domain.exceptions import ConfigurationError


class CheckedRequest(BaseModel):
    """A frozen request that refuses, in words, fields that do not fit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def checked(cls, **fields: Any) -> Self:
        """Make a request of fields of any type. Raises: ConfigurationError with every one that does not fit."""
        try:
            return cls(**fields)
        except ValidationError as error:
            told = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}." for fault in error.errors()]
            remedy = f"The options are {', '.join(cls.model_fields)}."
            raise ConfigurationError(" ".join(told), remedy=remedy) from error

"""What all models of the resource share: camelCase names, unknown fields refused, values that never change."""

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

API_VERSION = "driftbreaker.dev/v1alpha1"
KIND = "DriftBreaker"


class ResourceModel(BaseModel):
    """Base of every model that appears in the resource.

    Field names are snake_case in Python and camelCase in YAML and JSON. A field that the schema does not know is an
    error: a misspelt `stepDuraton` must not leave a default in force unseen.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        validate_by_alias=True,
        validate_by_name=True,
        serialize_by_alias=True,
        use_attribute_docstrings=True,
    )

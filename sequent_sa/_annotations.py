"""The annotations of classes, also where names in them are not defined yet."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from inspect import get_annotations
from typing import Any, ForwardRef

if sys.version_info >= (3, 14):
    # Annotations are functions there, which fail when a name is not defined yet.
    from annotationlib import Format, call_annotate_function, get_annotate_from_class_namespace
    from annotationlib import get_annotations as annotations_in_format

    def annotations_of(annotated: type) -> dict[str, Any]:
        """What the body of the class annotates, as it is written, without its bases."""
        return annotations_in_format(annotated, format=Format.FORWARDREF)

    def annotations_in(namespace: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the body of a class annotates that is not made yet."""
        annotate = get_annotate_from_class_namespace(namespace)
        if annotate is None:
            return _evaluated(namespace)
        return call_annotate_function(annotate, Format.FORWARDREF)

else:

    def annotations_of(annotated: type) -> dict[str, Any]:
        """What the body of the class annotates, as it is written, without its bases."""
        return get_annotations(annotated)

    def annotations_in(namespace: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the body of a class annotates that is not made yet."""
        return _evaluated(namespace)


def _evaluated(namespace: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = namespace.get("__annotations__", {})
    return found


def as_written(annotation: object) -> object:
    """An annotation for people: a name that is not defined yet is its text, as in older versions of Python."""
    return annotation.__forward_arg__ if isinstance(annotation, ForwardRef) else annotation

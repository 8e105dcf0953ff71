"""Arguments in the order of the samples, features and components of X ~ W H, by the labels that tables have.

Where two tables have labels for one axis, the labels decide what belongs together, not the places:

- The labels of X decide the order of the samples and of the features. An argument with the same labels in another order
  is reordered; one with other labels is refused, and so is one with repeated labels in another order.
- X without labels says nothing of its order. Arguments are then taken by position, and two arguments whose labels are
  the same in another order are refused: which of them has the order of X is not known.
- X has no labels of components. The first argument that has some decides their order.
- A default index of pandas counts from 0. It has the labels 0, 1, ... if the other labels are these numbers in some
  order, as after a table was shuffled; otherwise it is without labels.
"""

from typing import Any, NamedTuple, TypeAlias

import numpy as np

from .._checks import InputError
from .frames import labels_of, unwrap
from .names import describe_difference

SAMPLES, FEATURES, COMPONENTS = "samples", "features", "components"
FACTOR_AXES = (SAMPLES, COMPONENTS), (COMPONENTS, FEATURES)  # of W and of H
PLACES = {1: ("entries",), 2: ("rows", "columns")}  # by the number of dimensions


Labels: TypeAlias = tuple[str, ...] | range


class Reference(NamedTuple):
    """The labels that decide the order along an axis."""

    labels: Labels
    place: str
    """Where they are, such as "columns of X"."""
    decides: bool = True
    """Whether they have the order of the problem. Labels of an argument do not if X has none."""


class Alignment:
    """The labels of the axes of a problem.

    Parameters
    ----------
    X : object
        The data. Nothing but its labels is read.
    name : str
        Its name in messages.
    axes : tuple of str
        What its rows and columns are.
    """

    def __init__(self, X: Any, name: str = "X", axes: tuple[str, ...] = (SAMPLES, FEATURES)) -> None:
        self.name = name
        self._references: dict[str, Reference] = {}
        labels = labels_of(X)
        for labels_of_axis, axis, place in zip(labels, axes, PLACES.get(len(labels), ()), strict=False):
            if labels_of_axis is not None and axis not in self._references:
                self._references[axis] = Reference(labels_of_axis, f"the {place} of {name}")

    def align(self, A: Any, name: str, axes: tuple[str, ...], broadcast: bool = False) -> Any:
        """The numbers of an argument without its labels, in the order of the problem. What has no labels is returned.

        Parameters
        ----------
        A : object
            A table, an array, or None.
        name : str
            Its name in messages.
        axes : tuple of str
            What its rows and columns are; the last one for a vector.
        broadcast : bool
            Whether an axis of one entry stands for any number of entries, so that its label says nothing.
        """
        labels = labels_of(A)
        if not labels:
            return A
        values = unwrap(A, name)[0]
        axes = axes[-len(labels) :]
        for dimension, (axis, labels_of_axis) in enumerate(zip(axes, labels, strict=False)):
            if labels_of_axis is None or (broadcast and len(labels_of_axis) == 1):
                continue
            order = self._order(axis, labels_of_axis, name, PLACES[len(labels)][dimension])
            if order is not None:
                values = take(values, order, dimension)
        return values

    def _order(self, axis: str, labels: Labels, name: str, place: str) -> np.ndarray | None:
        """Where the labels of the problem are among those of an argument; None for the same order."""
        full_place = f"the {place} of {name}"
        own = Reference(labels, full_place, decides=axis == COMPONENTS or name == self.name)
        reference = self._references.get(axis)
        if reference is None:
            self._references[axis] = own
            return None
        wanted = reference.labels
        if isinstance(labels, range) or isinstance(wanted, range):  # one is a default index
            if isinstance(labels, type(wanted)) or not _same_numbers(labels, wanted):
                if isinstance(wanted, range):  # which says less than names do
                    self._references[axis] = own
                return None
            labels, wanted = tuple(map(str, labels)), tuple(map(str, wanted))
        if labels == wanted:
            return None
        fault = describe_difference(labels, wanted)
        if fault:
            raise InputError(f"{full_place} are not {reference.place}: {fault}; wanted the same names, in any order")
        if not reference.decides:
            raise InputError(
                f"{full_place} are {reference.place} in another order, and {self.name} has no names that tell which is "
                f"its own; wanted {self.name} with names, or all in its order"
            )
        places = {label: i for i, label in enumerate(labels)}
        return np.array([places[label] for label in wanted], np.intp)


def _same_numbers(labels: Labels, wanted: Labels) -> bool:
    """Whether of a default index and names the names are its numbers, in any order."""
    return len(labels) == len(wanted) and set(map(str, labels)) == set(map(str, wanted))


def take(values: Any, order: np.ndarray, dimension: int) -> Any:
    """The rows or columns of an array or a sparse matrix in that order."""
    if hasattr(values, "tocsr"):
        return values.tocsr()[order] if dimension == 0 else values.tocsc()[:, order]
    values = np.asanyarray(values)
    return values[order] if dimension == 0 else values[:, order]

"""`_core/kernels.pyi` has the names and the arguments, in their order, of the compiled kernels of every level."""

import ast
import inspect
from pathlib import Path

import pytest
from test_kernels import LEVELS

from nmfcore import _core

STUB = ast.parse(Path(_core.__file__).with_name("kernels.pyi").read_text())
FUNCTIONS = {node.name: node for node in STUB.body if isinstance(node, ast.FunctionDef)}
VALUES = {node.target.id for node in STUB.body if isinstance(node, ast.AnnAssign) and node.value is None}
MOST_ARGUMENTS = 12


@pytest.mark.parametrize("kernels", LEVELS, ids=lambda kernels: kernels.__name__.rpartition(".")[2])
def test_the_stub_is_that_of_the_compiled_kernels(kernels):
    compiled = {name: value for name, value in vars(kernels).items() if callable(value) and not name.startswith("_")}
    assert set(FUNCTIONS) == set(compiled)
    for name, node in FUNCTIONS.items():
        parameters = inspect.signature(compiled[name]).parameters
        assert [argument.arg for argument in node.args.args] == list(parameters), name
        optional = [name for name, parameter in parameters.items() if parameter.default is not parameter.empty]
        assert len(node.args.defaults) == len(optional), name
    assert VALUES - {"value"} == {name for name in vars(kernels) if name.isupper()}


def test_no_kernel_has_too_many_arguments():
    assert max(len(node.args.args) for node in FUNCTIONS.values()) <= MOST_ARGUMENTS

"""The extension modules: the same kernels, compiled once for each instruction-set level (the rest: pyproject.toml)."""

import os
import platform
import sys
from glob import glob

from Cython.Build import cythonize
from extension_helpers import add_openmp_flags_if_available
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

MSVC = sys.platform == "win32"
# -g0: debug information is two thirds of the module. No fast-math: its link flag changes the whole process. Nothing
# reads errno or floating-point traps; without them roots and comparisons in loops are vectorised, to the same bits.
# No warning of a function in the shared headers that no kernel calls for one of the two dtypes.
GNU = ["-O3", "-g0", "-std=gnu11", "-fno-math-errno", "-fno-trapping-math", "-Wno-unused-function"]
FLAGS = ["/O2", "/std:c11"] if MSVC else GNU
LEVELS = {"baseline": []}
if platform.machine().lower() in ("x86_64", "amd64"):
    LEVELS["x86_64_v3"] = ["/arch:AVX2"] if MSVC else ["-march=x86-64-v3"]
    LEVELS["x86_64_v4"] = ["/arch:AVX512"] if MSVC else ["-march=x86-64-v4", "-mprefer-vector-width=512"]
if "NMFCORE_LEVELS" in os.environ:  # for a quicker build: those beside the baseline
    LEVELS = {name: LEVELS[name] for name in LEVELS if name in ("baseline", *os.environ["NMFCORE_LEVELS"].split(","))}
OPENMP = os.environ.get("NMFCORE_OPENMP", "1") != "0"
# A folder for each Python and choice of OpenMP, so that no build takes up what another one left.
BUILD = f"build/{sys.implementation.cache_tag}-{'openmp' if OPENMP else 'serial'}"


def extension(level: str, flags: list[str]) -> Extension:
    """The kernels compiled with the flags of one level, with OpenMP where the compiler has it."""
    module = Extension(
        f"nmfcore._core.{level}",
        [f"nmfcore/_core/{level}.pyx"],
        depends=sorted(glob("nmfcore/_core/*.pxi") + glob("nmfcore/_core/*.h")),
        include_dirs=["nmfcore/_core"],
        extra_compile_args=FLAGS + flags,
    )
    if OPENMP:
        add_openmp_flags_if_available(module)
    return module


class BuildExt(build_ext):
    """Names the files of the source distribution."""

    def get_source_files(self) -> list[str]:
        """The kernels' sources, the documents, tests and benchmarks."""
        core, tests = ("nmfcore/_core/*.p[xy]*", "nmfcore/_core/*.h"), ("tests/*.py", "tests/*/*.py", "tests/*/*.sh")
        patterns = (*core, "*.md", "docs/*.md", *tests, "bench/*.*")
        return super().get_source_files() + [name for pattern in patterns for name in sorted(glob(pattern))]


modules = cythonize([extension(*level) for level in LEVELS.items()], build_dir=BUILD)
for module in modules:  # a compiler may be older than a level: without its module the next lower one is used
    module.optional = not module.name.endswith(".baseline")

setup(
    cmdclass={"build_ext": BuildExt},
    ext_modules=modules,
    options={"build": {"build_base": BUILD}, "build_ext": {"parallel": True}},
)

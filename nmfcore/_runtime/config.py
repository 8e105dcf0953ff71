"""The configuration of this installation."""

import platform

import numpy as np
import scipy

from .. import _core
from .._version import __version__
from . import threads


def show_config() -> None:
    """Print the version, whether OpenMP was found at build time, the threads, the instruction set and the BLAS."""
    from threadpoolctl import threadpool_info

    blas = {
        f"{pool['internal_api']} {pool.get('version')} ({pool['num_threads']} threads)"
        for pool in threadpool_info()
        if pool["user_api"] == "blas"
    }
    kernels = _core.kernels
    print(
        f"nmfcore   {__version__} "
        f"(numpy {np.__version__}, scipy {scipy.__version__}, Python {platform.python_version()})"
    )
    print(f"OpenMP    {'yes' if kernels.has_openmp() else 'no: one thread'}")
    share = "fewer while other processes keep processors busy" if threads.looks_for_load() else "always as many"
    print(f"threads   {threads.thread_count(None)} of {threads.available_processors()} available, {share}")
    print(f"level     {_core.level} ({8 * kernels.vector_bytes()}-bit vectors, {platform.machine()})")
    print(f"BLAS      {', '.join(sorted(blas)) or 'unknown'} (in starts only)")

# cython: language_level=3, freethreading_compatible=True
# cython: boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""The kernels, compiled for the compiler's baseline of the platform."""
include "kernels.pxi"

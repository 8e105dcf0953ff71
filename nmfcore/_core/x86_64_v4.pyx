# cython: language_level=3, freethreading_compatible=True
# cython: boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""The kernels, compiled for x86-64-v4 (AVX-512)."""
include "kernels.pxi"

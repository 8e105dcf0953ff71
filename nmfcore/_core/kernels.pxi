# The compiled kernels, included by one module for each instruction-set level (see __init__.py). They know arrays and
# numbers only. The caller owns every array and has checked it.
#
# Rules for all of them:
# - An array that is only read is `const`. In the signature of a kernel a comment says of each array whether it is read,
#   written, both, or memory (see kernels.pyi). `own` is the memory of one thread.
# - A function has at most 12 arguments. What the functions under a kernel share is a struct of sizes, numbers and
#   float64 arrays, which is passed by a pointer.
# - A result has the same bits for any number of threads. The terms of a sum are added in a fixed order. A long sum is
#   cut into stretches, which depend on the shapes of the arrays alone. No floating-point reduction over threads.
# - Objectives, norms and Gram matrices are computed in float64, whatever the dtype of the factors.
# - Only the innermost loops, the register tiles, are in C (tiles_*.h): Cython has no vector types.
#
# Rates in the heads of these files were measured on two cores of a 2.0 GHz x86-64-v4 server processor with 2 MB of
# second-level cache a core, interleaved in one process.

import numpy as np

from cython.parallel cimport prange, threadid
from libc.float cimport DBL_EPSILON, DBL_MIN, FLT_EPSILON, FLT_MIN
from libc.math cimport frexp, ldexp, sqrt
from libc.math cimport INFINITY
from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

ctypedef fused real:
    float
    double

ctypedef fused index:
    int32_t
    int64_t

cdef extern from *:
    """
    #ifdef _OPENMP
    #define NMF_OPENMP 1
    #else
    #define NMF_OPENMP 0
    #endif
    """
    const int NMF_OPENMP

cdef extern from "tiles.h" nogil:
    enum:
        TILE_ROWS "NMF_TILE_ROWS"
        PANEL_VECTORS "NMF_PANEL_VECTORS"
        NARROW "NMF_NARROW"
        NARROW_VECTORS "NMF_NARROW_VECTORS"
        SWEEP_VECTORS "NMF_SWEEP_VECTORS"
        WEIGHTED_ROWS "NMF_WEIGHTED_ROWS"
        LANES_F64 "NMF_LANES(double)"
        LANES_F32 "NMF_LANES(float)"
        SOLVE_BLOCK "NMF_SOLVE_BLOCK"
        SOLVE_TILE "NMF_SOLVE_TILE"
        PROBLEMS "NMF_PROBLEMS"
        MOST_ALONG "NMF_MOST_ALONG"
        SHARE_MOST "NMF_SHARE_MOST"
        SHARE_LINES "NMF_SHARE_LINES"
    int nmf_cpu_level()
    Py_ssize_t nmf_raise(bint hoyer, double target, double eps, Py_ssize_t lanes, const double *moments, double *shift,
                         double *cut, double *before)
    void nmf_tile_moments(const double *x, Py_ssize_t n, const double *shift, const double *cut, double *moments)
    void nmf_values(bint hoyer, double target, Py_ssize_t lanes, const double *moments, const double *shift,
                    double *base, double *slope, double *extra)
    # Macros that take the function of the pointers' type.
    void pack_row(...)
    void copy_columns(...)
    void widen_row(...)
    void product_tile(...)
    void gram_tile "gram_tile_f64"(...)
    void narrow_tile(...)
    enum:
        ITAKURA_SAITO "NMF_ITAKURA_SAITO"
        HALF "NMF_HALF"
        KULLBACK_LEIBLER "NMF_KULLBACK_LEIBLER"
        THREE_HALVES "NMF_THREE_HALVES"
        LEAST_SQUARES "NMF_LEAST_SQUARES"
        ANY_BETA "NMF_ANY_BETA"
        HUBER "NMF_HUBER"
        ABSOLUTE "NMF_ABSOLUTE"
    void gather_row(...)
    double share_row(...)
    void ratio_row(...)
    void weigh_ratio(...)
    void share_lines(...)
    void share_across(...)
    void add_lanes(...)
    double divergence_row(...)
    double multiply_row(...)
    double split_kkt_row(...)
    double descend_row(...)
    void model_terms(...)
    void add_terms(...)
    void weigh_terms(...)
    void accumulate_row(...)
    void add_row(...)
    void nmf_add_squares(...)
    void nmf_mirror(...)
    void nmf_scale_row(...)
    double bounded_sweep(...)
    void weighted_residual(...)
    void weighted_pair(...)
    ctypedef struct nmf_added:
        const double *E
        const double *q
        const double *least
        Py_ssize_t k
        Py_ssize_t stride
        bint zero
    void shared_gradient(...)
    double pair_step(...)
    void weigh_row(...)
    double weighted_square(...)
    double weighted_quadratic(...)
    double added_quadratic(...)
    void active_moments(...)
    void clip_active(...)
    void times_tile(...)
    double momentum_tile(...)
    void transpose(...)
    void transpose_gathered(...)
    void sweep_tile(...)
    void scan_row(...)
    double inner_row(...)
    double distance_row(...)
    double kkt_row(...)
    void extrapolate_row(...)
    void gather_lanes "gather_lanes_f64"(...)
    void factor_lanes "factor_lanes_f64"(...)
    void substitute_lanes "substitute_lanes_f64"(...)
    void gradient_lanes "gradient_lanes_f64"(...)
    void look_lanes "look_lanes_f64"(...)


cdef inline Py_ssize_t lanes_of(const real *_) noexcept nogil:
    return LANES_F64 if real is double else LANES_F32


def cpu_level():
    """The highest x86-64 level this processor can run: 4, 3, or 1 for the baseline."""
    return nmf_cpu_level()


def has_openmp():
    """Whether this module was compiled with OpenMP."""
    return bool(NMF_OPENMP)


def vector_bytes():
    """Width of a vector of this module in bytes."""
    return LANES_F64 * sizeof(double)


include "stack.pxi"
include "product.pxi"
include "gram.pxi"
include "reduce.pxi"
include "fingerprint.pxi"
include "sweep.pxi"
include "sparse.pxi"
include "split.pxi"
include "split_many.pxi"
include "multiply.pxi"
include "online.pxi"
include "descent.pxi"
include "pivot.pxi"
include "newton.pxi"
include "weighted_descent.pxi"
include "weighted.pxi"
include "projection.pxi"
include "simplex.pxi"
include "course.pxi"
include "alternate.pxi"

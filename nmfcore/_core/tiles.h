/* The register tiles under the Cython kernels, for float and double.
 *
 * Cython has no vector types, and gcc leaves these loops scalar or spills their accumulators, so the innermost
 * loops are here; the loops over tiles, rows and threads are in the .pxi files. The flags of a level choose the
 * instruction set. Without vector extensions (MSVC) a vector has one lane. Pointers that are only read are const.
 */
#ifndef NMFCORE_TILES_H
#define NMFCORE_TILES_H

#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__GNUC__) || defined(__clang__)
#define NMF_INLINE static inline __attribute__((always_inline))
#define NMF_PREFETCH(p) __builtin_prefetch((p), 0, 2)
#if defined(__AVX512F__)
#define NMF_VECTOR_BYTES 64
#elif defined(__AVX__)
#define NMF_VECTOR_BYTES 32
#else
#define NMF_VECTOR_BYTES 16
#endif
#define NMF_LANES(real) (NMF_VECTOR_BYTES / (int)sizeof(real))
#else
#define NMF_INLINE static __forceinline
#define NMF_PREFETCH(p) ((void)0)
#define NMF_LANES(real) 1
#endif

/* 32 vector registers hold an accumulator of 8 x 3 vectors, 16 registers one of 4 x 3. */
#if defined(__AVX512F__) || defined(__aarch64__)
#define NMF_TILE_ROWS 8
#define NMF_NARROW_VECTORS 6
#define NMF_SWEEP_VECTORS 4
#define NMF_SOLVE_BLOCK 4 /* rows and columns of a tile of an elimination */
#define NMF_WEIGHTED_ROWS 4
#else
#define NMF_TILE_ROWS 4
#define NMF_NARROW_VECTORS 3
#define NMF_SWEEP_VECTORS 2
#define NMF_SOLVE_BLOCK 3
#define NMF_WEIGHTED_ROWS 2
#endif
#define NMF_PANEL_VECTORS 3 /* at most, vectors of B in a product tile */
#define NMF_NARROW 4        /* at most, columns of B in a narrow tile */
#define NMF_SWEEP_BLOCK 4   /* at most, coordinates of a step of a sweep tile */
#define NMF_GATHER_VECTORS 8 /* vectors of a row of B that are summed at a time */
#define NMF_GATHER_AHEAD 8   /* entries between a fetch of a row of B and its use */

/* The least value of a model for Kullback-Leibler: its inverse times an entry of X is finite. */
#define NMF_LEAST_MODEL(real) ((real)(sizeof(real) == 8 ? 1e-290 : 1e-30))

#define NMF_SHARE_MOST 8  /* components of a Kullback-Leibler half-step whose sums stay in registers */
#define NMF_SHARE_LINES 2 /* lines of X that it goes through side by side */
#define NMF_PROBLEMS 16 /* rows or columns that are projected side by side, a multiple of the lanes of a vector */
#define NMF_MOST_ALONG 64 /* at most, entries of a panel; a multiple of 8 */

/* The betas whose powers need no pow, and the others; and the robust losses. */
enum {
    NMF_ITAKURA_SAITO,
    NMF_HALF,
    NMF_KULLBACK_LEIBLER,
    NMF_THREE_HALVES,
    NMF_LEAST_SQUARES,
    NMF_ANY_BETA,
    NMF_HUBER,
    NMF_ABSOLUTE
};

#include "tiles_log.h"

#define REAL double
#define NAME(x) x##_f64
#define NMF_SQRT sqrt
#define NMF_ABS fabs
#include "tiles_real.h"
#include "tiles_split.h"
#include "tiles_descent.h"
#include "tiles_newton.h"
#include "tiles_pivot.h"
#include "tiles_weighted.h"
#include "tiles_sets.h"
#undef NMF_SQRT
#undef NMF_ABS
#define INDEX int32_t
#define NAME2(x) x##_f64_i32
#include "tiles_sparse.h"
#undef INDEX
#undef NAME2
#define INDEX int64_t
#define NAME2(x) x##_f64_i64
#include "tiles_sparse.h"
#undef INDEX
#undef NAME2
#undef REAL
#undef NAME

#define REAL float
#define NAME(x) x##_f32
#define NMF_SQRT sqrtf
#define NMF_ABS fabsf
#include "tiles_real.h"
#include "tiles_split.h"
#include "tiles_descent.h"
#include "tiles_newton.h"
#include "tiles_weighted.h"
#include "tiles_sets.h"
#undef NMF_SQRT
#undef NMF_ABS
#define INDEX int32_t
#define NAME2(x) x##_f32_i32
#include "tiles_sparse.h"
#undef INDEX
#undef NAME2
#define INDEX int64_t
#define NAME2(x) x##_f32_i64
#include "tiles_sparse.h"
#undef INDEX
#undef NAME2
#undef REAL
#undef NAME

#include "thresholds.h"

/* The function of the type that p points to. */
#define NMF_OF(p, name) \
    _Generic((p), double *: name##_f64, const double *: name##_f64, float *: name##_f32, const float *: name##_f32)
#define NMF_OF_INDEX(p, i, name)                                                                   \
    _Generic((p), double *: NMF_INDEX(i, name##_f64), const double *: NMF_INDEX(i, name##_f64), \
             float *: NMF_INDEX(i, name##_f32), const float *: NMF_INDEX(i, name##_f32))
#define NMF_INDEX(i, name)                                                                                    \
    _Generic((i), int32_t *: name##_i32, const int32_t *: name##_i32, int64_t *: name##_i64, const int64_t *: name##_i64)
#define gather_row(x, indices, ...) NMF_OF_INDEX(x, indices, gather_row)(x, indices, __VA_ARGS__)
#define ratio_row(kind, x, ...) NMF_OF(x, ratio_row)(kind, x, __VA_ARGS__)
#define divergence_row(kind, x, ...) NMF_OF(x, divergence_row)(kind, x, __VA_ARGS__)
#define share_lines(k, lines, x, ...) NMF_OF(x, share_lines)(k, lines, x, __VA_ARGS__)
#define share_across(k, x, ...) NMF_OF(x, share_across)(k, x, __VA_ARGS__)
#define add_lanes(sums, ...) NMF_OF(sums, add_lanes)(sums, __VA_ARGS__)
#define weigh_ratio(kind, w, ...) NMF_OF(w, weigh_ratio)(kind, w, __VA_ARGS__)
#define multiply_row(f, ...) NMF_OF(f, multiply_row)(f, __VA_ARGS__)
#define split_kkt_row(f, ...) NMF_OF(f, split_kkt_row)(f, __VA_ARGS__)
#define model_terms(b, ...) NMF_OF(b, model_terms)(b, __VA_ARGS__)
#define add_terms(b, ...) NMF_OF(b, add_terms)(b, __VA_ARGS__)
#define weigh_terms(b, ...) NMF_OF(b, weigh_terms)(b, __VA_ARGS__)
#define descend_row(x, ...) NMF_OF(x, descend_row)(x, __VA_ARGS__)
#define bounded_sweep(G, inverse, k, padded, g, f, ...) NMF_OF(f, bounded_sweep)(G, inverse, k, padded, g, f, __VA_ARGS__)
#define weighted_residual(rows, f, ...) NMF_OF(f, weighted_residual)(rows, f, __VA_ARGS__)
#define weighted_pair(rows, w, ...) NMF_OF(w, weighted_pair)(rows, w, __VA_ARGS__)
#define shared_gradient(added, c, ...) NMF_OF(c, shared_gradient)(added, c, __VA_ARGS__)
#define pair_step(added, t, ridge, lower, ...) NMF_OF(lower, pair_step)(added, t, ridge, lower, __VA_ARGS__)
#define weigh_row(x, ...) NMF_OF(x, weigh_row)(x, __VA_ARGS__)
#define weighted_square(w, ...) NMF_OF(w, weighted_square)(w, __VA_ARGS__)
#define weighted_quadratic(w, ...) NMF_OF(w, weighted_quadratic)(w, __VA_ARGS__)
#define added_quadratic(f, ...) NMF_OF(f, added_quadratic)(f, __VA_ARGS__)
#define active_moments(x, ...) NMF_OF(x, active_moments)(x, __VA_ARGS__)
#define times_tile(A, ...) NMF_OF(A, times_tile)(A, __VA_ARGS__)
#define momentum_tile(c, ...) NMF_OF(c, momentum_tile)(c, __VA_ARGS__)
#define clip_active(x, ...) NMF_OF(x, clip_active)(x, __VA_ARGS__)
#define accumulate_row(f, ...) NMF_OF(f, accumulate_row)(f, __VA_ARGS__)
#define add_row(f, ...) NMF_OF(f, add_row)(f, __VA_ARGS__)
#define share_row(kind, x, indices, ...) NMF_OF_INDEX(x, indices, share_row)(kind, x, indices, __VA_ARGS__)
#define pack_row(from, ...) NMF_OF(from, pack_row)(from, __VA_ARGS__)
#define copy_columns(from, ...) NMF_OF(from, copy_columns)(from, __VA_ARGS__)
#define widen_row(from, ...) NMF_OF(from, widen_row)(from, __VA_ARGS__)
#define product_tile(width, x, ...) NMF_OF(x, product_tile)(width, x, __VA_ARGS__)
#define narrow_tile(k, x, ...) NMF_OF(x, narrow_tile)(k, x, __VA_ARGS__)
#define transpose(from, ...) NMF_OF(from, transpose)(from, __VA_ARGS__)
#define transpose_gathered(from, n, to, ...) NMF_OF(to, transpose_gathered)(from, n, to, __VA_ARGS__)
#define sweep_tile(G, ...) NMF_OF(G, sweep_tile)(G, __VA_ARGS__)
#define scan_row(x, ...) NMF_OF(x, scan_row)(x, __VA_ARGS__)
#define inner_row(a, ...) NMF_OF(a, inner_row)(a, __VA_ARGS__)
#define distance_row(a, ...) NMF_OF(a, distance_row)(a, __VA_ARGS__)
#define kkt_row(c, ...) NMF_OF(c, kkt_row)(c, __VA_ARGS__)
#define extrapolate_row(now, ...) NMF_OF(now, extrapolate_row)(now, __VA_ARGS__)

/* The highest x86-64 level this processor and its operating system can run: 4, 3, or 1 for the baseline. */
static int nmf_cpu_level(void) {
#if (defined(__GNUC__) || defined(__clang__)) && defined(__x86_64__)
    __builtin_cpu_init();
    int v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
             __builtin_cpu_supports("bmi2");
#if !defined(__clang__) && __GNUC__ >= 11 /* the rest of what the compiler may use at this level, where it can be asked */
    v3 = v3 && __builtin_cpu_supports("lzcnt") && __builtin_cpu_supports("movbe") && __builtin_cpu_supports("f16c");
#endif
    int v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512vl");
    return v4 ? 4 : v3 ? 3 : 1;
#else
    return 1;
#endif
}

#endif

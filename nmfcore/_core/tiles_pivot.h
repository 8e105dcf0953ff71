/* Block principal pivoting solves as many rows at a time as a vector of float64 has lanes: lane l of every vector below
 * belongs to row l, with a passive set of its own. Included by tiles.h once, for double.
 *
 * No lane knows of the others, so a row has the same bits whatever shares its vectors. Matrices are stored as tiles of
 * BLOCK x BLOCK vectors on and below the diagonal, block row by block row, each tile column by column: the elimination
 * reads them from end to end. */

enum { NMF_SOLVE_TILE = NMF_SOLVE_BLOCK * NMF_SOLVE_BLOCK * NMF_LANES(double) };

/* max(v, least) lane by lane. */
NMF_INLINE NAME(vec) NAME(at_least)(NAME(vec) v, NAME(vec) least) {
#if defined(__GNUC__) || defined(__clang__)
    __typeof__(v > least) larger = v > least;
    return (NAME(vec))(((__typeof__(larger))v & larger) | ((__typeof__(larger))least & ~larger));
#else
    return v > least ? v : least;
#endif
}

/* 1 where v < 0, else 0, lane by lane. */
NMF_INLINE NAME(vec) NAME(is_negative)(NAME(vec) v) {
#if defined(__GNUC__) || defined(__clang__)
    return (NAME(vec))((v < 0) & (__typeof__(v < 0))((NAME(vec)){0} + 1));
#else
    return v < 0 ? 1 : 0;
#endif
}

/* The entries G[order[r], order[c]] of each lane. The order is filled up with a coordinate whose row of G is 0; the
 * diagonal comes from an array of its own, where that coordinate has 1. */
static void NAME(gather_lanes)(const REAL *G, ptrdiff_t stride, const REAL *diagonal, const int32_t *order,
                               ptrdiff_t blocks, REAL *tile) {
    enum { LANES = NMF_LANES(REAL), BLOCK = NMF_SOLVE_BLOCK };
    const REAL *row[BLOCK * LANES];
    for (ptrdiff_t i = 0; i < blocks; i++) {
        for (int r = 0; r < BLOCK * LANES; r++) row[r] = G + order[i * BLOCK * LANES + r] * stride;
        for (ptrdiff_t c = 0; c < (i + 1) * BLOCK; c++)
            for (int r = 0; r < BLOCK; r++, tile += LANES)
                for (int l = 0; l < LANES; l++) tile[l] = row[r * LANES + l][order[c * LANES + l]];
        for (int r = 0; r < BLOCK * LANES; r++)
            tile[(r / LANES * (BLOCK + 1) - BLOCK * BLOCK) * LANES + r % LANES] = diagonal[order[i * BLOCK * LANES + r]];
    }
}

/* A = L D L' in each lane: the tiles of A become those of L D. A pivot is at least `least` times its diagonal entry, so
 * that a matrix that is not positive definite gives numbers, too. inverse: the reciprocals of D; lower: scratch for a
 * block row of L. n^3 / 3 flop a lane. */
static void NAME(factor_lanes)(REAL *tiles, ptrdiff_t blocks, REAL least, REAL *inverse, REAL *lower) {
    enum { LANES = NMF_LANES(REAL), BLOCK = NMF_SOLVE_BLOCK, TILE = NMF_SOLVE_TILE };
    for (ptrdiff_t j = 0; j < blocks; j++) {
        const REAL *own = tiles + j * (j + 1) / 2 * TILE;
        REAL *corner = lower + j * TILE;
        for (ptrdiff_t s = 0; s < j * BLOCK; s++)
            for (int c = 0; c < BLOCK; c++) {
                ptrdiff_t p = (s * BLOCK + c) * LANES;
                NAME(store)(lower + p, NAME(load)(own + p) * NAME(load)(inverse + s * LANES));
            }
        for (ptrdiff_t i = j; i < blocks; i++) {
            const REAL *row = tiles + i * (i + 1) / 2 * TILE;
            REAL *tile = tiles + (i * (i + 1) / 2 + j) * TILE;
            NAME(vec) sum[BLOCK][BLOCK];
            for (int c = 0; c < BLOCK; c++)
                for (int r = 0; r < BLOCK; r++) sum[c][r] = NAME(load)(tile + (c * BLOCK + r) * LANES);
            for (ptrdiff_t s = 0; s < j * BLOCK; s++)
                for (int c = 0; c < BLOCK; c++) {
                    NAME(vec) entry = NAME(load)(lower + (s * BLOCK + c) * LANES);
                    for (int r = 0; r < BLOCK; r++) sum[c][r] -= entry * NAME(load)(row + (s * BLOCK + r) * LANES);
                }
            for (int c = 0; c < BLOCK; c++) {
                for (int s = 0; s < c; s++)
                    for (int r = 0; r < BLOCK; r++)
                        sum[c][r] -= NAME(load)(corner + (s * BLOCK + c) * LANES) * sum[s][r];
                if (i > j) continue;
                NAME(vec) floor = least * NAME(load)(tile + c * (BLOCK + 1) * LANES);
                NAME(vec) reciprocal = 1 / NAME(at_least)(sum[c][c], floor);
                NAME(store)(inverse + (j * BLOCK + c) * LANES, reciprocal);
                for (int r = c + 1; r < BLOCK; r++) NAME(store)(corner + (c * BLOCK + r) * LANES, sum[c][r] * reciprocal);
            }
            for (int c = 0; c < BLOCK; c++)
                for (int r = 0; r < BLOCK; r++) NAME(store)(tile + (c * BLOCK + r) * LANES, sum[c][r]);
        }
    }
}

/* x <- the solution of A x = b in each lane, from b in x and the result of `factor_lanes`. 2 n^2 flop a lane. */
static void NAME(substitute_lanes)(const REAL *tiles, const REAL *inverse, ptrdiff_t blocks, REAL *x) {
    enum { LANES = NMF_LANES(REAL), BLOCK = NMF_SOLVE_BLOCK, TILE = NMF_SOLVE_TILE };
    NAME(vec) part[BLOCK];
    for (ptrdiff_t i = 0; i < blocks; i++, tiles += TILE) { /* L b = b: x holds D^-1 of it */
        for (int r = 0; r < BLOCK; r++) part[r] = NAME(load)(x + (i * BLOCK + r) * LANES);
        for (ptrdiff_t s = 0; s < i * BLOCK; s++) {
            const REAL *column = tiles + s * BLOCK * LANES;
            for (int r = 0; r < BLOCK; r++) part[r] -= NAME(load)(column + r * LANES) * NAME(load)(x + s * LANES);
        }
        tiles += i * TILE;
        for (int c = 0; c < BLOCK; c++) {
            part[c] *= NAME(load)(inverse + (i * BLOCK + c) * LANES);
            for (int r = c + 1; r < BLOCK; r++) part[r] -= NAME(load)(tiles + (c * BLOCK + r) * LANES) * part[c];
            NAME(store)(x + (i * BLOCK + c) * LANES, part[c]);
        }
    }
    for (ptrdiff_t i = blocks - 1; i >= 0; i--) { /* L' x = b, by block rows of L D from the last */
        tiles -= TILE;
        for (int r = BLOCK - 1; r >= 0; r--) {
            part[r] = NAME(load)(x + (i * BLOCK + r) * LANES);
            NAME(vec) below = {0};
            for (int s = r + 1; s < BLOCK; s++) below += NAME(load)(tiles + (r * BLOCK + s) * LANES) * part[s];
            part[r] -= below * NAME(load)(inverse + (i * BLOCK + r) * LANES);
            NAME(store)(x + (i * BLOCK + r) * LANES, part[r]);
        }
        tiles -= i * TILE;
        for (ptrdiff_t s = 0; s < i * BLOCK; s++) {
            const REAL *column = tiles + s * BLOCK * LANES;
            NAME(vec) above = {0};
            for (int r = 0; r < BLOCK; r++) above += NAME(load)(column + r * LANES) * part[r];
            above *= NAME(load)(inverse + s * LANES);
            NAME(store)(x + s * LANES, NAME(load)(x + s * LANES) - above);
        }
    }
}

/* y[t] = sum over s of G[t, s] x[s] - c[t] for the coordinates t ... t + count - 1 in each lane. */
NMF_INLINE void NAME(gradient_count)(const int count, const REAL *G, ptrdiff_t stride, ptrdiff_t k, const REAL *x,
                                     const REAL *c, REAL *y) {
    enum { LANES = NMF_LANES(REAL) };
    NAME(vec) sum[NMF_SWEEP_BLOCK];
    for (int b = 0; b < count; b++) sum[b] = -NAME(load)(c + b * LANES);
    for (ptrdiff_t s = 0; s < k; s++)
        for (int b = 0; b < count; b++) sum[b] += G[b * stride + s] * NAME(load)(x + s * LANES);
    for (int b = 0; b < count; b++) NAME(store)(y + b * LANES, sum[b]);
}

static void NAME(gradient_lanes)(const REAL *G, ptrdiff_t stride, ptrdiff_t k, const REAL *x, const REAL *c, REAL *y) {
    enum { LANES = NMF_LANES(REAL), BLOCK = NMF_SWEEP_BLOCK };
    ptrdiff_t t = 0;
    for (; t + BLOCK <= k; t += BLOCK)
        NAME(gradient_count)(BLOCK, G + t * stride, stride, k, x, c + t * LANES, y + t * LANES);
    for (; t < k; t++) NAME(gradient_count)(1, G + t * stride, stride, k, x, c + t * LANES, y + t * LANES);
}

/* The infeasible coordinates of each lane: x < 0 in a passive one, y < -bound in another, where `bound` is the round-off
 * of y. `following` is the passive set with all of these exchanged, `count` their number, `last` the last one. Sets are
 * stored as 1 and 0. */
static void NAME(look_lanes)(const REAL *x, const REAL *y, const REAL *passive, ptrdiff_t k, REAL *bound,
                             REAL *following, REAL *count, REAL *last) {
    enum { LANES = NMF_LANES(REAL) };
    NAME(vec) total = {0}, number = {0}, final = {0};
    for (ptrdiff_t t = 0; t < k; t++) total += NAME(at_least)(NAME(load)(x + t * LANES), -NAME(load)(x + t * LANES));
    total *= 2 * k * (REAL)DBL_EPSILON;
    for (ptrdiff_t t = 0; t < k; t++) {
        NAME(vec) in = NAME(load)(passive + t * LANES);
        NAME(vec) off = NAME(load)(x + t * LANES) + (1 - in) * (NAME(load)(y + t * LANES) + total);
        NAME(vec) bad = NAME(is_negative)(off);
        NAME(store)(following + t * LANES, in + bad - 2 * in * bad);
        number += bad;
        final = NAME(at_least)(bad * (REAL)t, final);
    }
    NAME(store)(bound, total);
    NAME(store)(count, number);
    NAME(store)(last, final);
}

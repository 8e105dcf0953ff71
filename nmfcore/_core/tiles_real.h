/* Included by tiles.h once for each REAL; NAME(x) adds the suffix of the type. */

#if defined(__GNUC__) || defined(__clang__)
typedef REAL NAME(vec) __attribute__((vector_size(NMF_VECTOR_BYTES)));
#else
typedef REAL NAME(vec);
#endif

/* Through memcpy, since NumPy guarantees the alignment of an element only; each is one instruction. */
NMF_INLINE NAME(vec) NAME(load)(const REAL *p) {
    NAME(vec) v;
    memcpy(&v, p, sizeof v);
    return v;
}

NMF_INLINE void NAME(store)(REAL *p, NAME(vec) v) { memcpy(p, &v, sizeof v); }

/* max(v, 0) lane by lane; 0 for a NaN. */
NMF_INLINE NAME(vec) NAME(positive_part)(NAME(vec) v) {
#if defined(__GNUC__) || defined(__clang__)
    return (NAME(vec))((__typeof__(v > 0))v & (v > 0)); /* a comparison of vectors gives all bits or none */
#else
    return v > 0 ? v : 0;
#endif
}

/* v between the bounds, lane by lane; the lower one for a NaN. */
NMF_INLINE NAME(vec) NAME(between)(NAME(vec) v, NAME(vec) lower, NAME(vec) upper) {
#if defined(__GNUC__) || defined(__clang__)
    typedef __typeof__(v > lower) mask;
    mask above = v > lower;
    v = (NAME(vec))(((mask)v & above) | ((mask)lower & ~above));
    mask below = v < upper;
    return (NAME(vec))(((mask)v & below) | ((mask)upper & ~below));
#else
    v = v > lower ? v : lower;
    return v < upper ? v : upper;
#endif
}

/* to[:width] = n entries times scale, filled up with zeros. */
static void NAME(pack_row)(const REAL *restrict from, ptrdiff_t n, ptrdiff_t width, double scale, REAL *restrict to) {
    for (ptrdiff_t j = 0; j < n; j++) to[j] = (REAL)scale * from[j];
    for (ptrdiff_t j = n; j < width; j++) to[j] = 0;
}

/* to[r, :n] = scale * from[r, :n] for each row, by widths that are compile-time constants. */
NMF_INLINE void NAME(copy_width)(const int width, const REAL *restrict from, ptrdiff_t from_stride, ptrdiff_t rows,
                                 REAL scale, REAL *restrict to, ptrdiff_t to_stride) {
    for (ptrdiff_t r = 0; r < rows; r++)
        for (int c = 0; c < width; c++) to[r * to_stride + c] = scale * from[r * from_stride + c];
}

static void NAME(copy_columns)(const REAL *restrict from, ptrdiff_t from_stride, ptrdiff_t n, ptrdiff_t rows,
                               double scale, REAL *restrict to, ptrdiff_t to_stride) {
#define NMF_COPY(width) \
    case width: NAME(copy_width)(width, from, from_stride, rows, (REAL)scale, to, to_stride); break;
    for (; n > 16; n -= 16, from += 16, to += 16) NAME(copy_width)(16, from, from_stride, rows, (REAL)scale, to, to_stride);
    switch (n) {
        NMF_COPY(1) NMF_COPY(2) NMF_COPY(3) NMF_COPY(4) NMF_COPY(5) NMF_COPY(6) NMF_COPY(7) NMF_COPY(8)
        NMF_COPY(9) NMF_COPY(10) NMF_COPY(11) NMF_COPY(12) NMF_COPY(13) NMF_COPY(14) NMF_COPY(15) NMF_COPY(16)
    }
#undef NMF_COPY
}

/* The same in float64, unscaled. */
static void NAME(widen_row)(const REAL *restrict from, ptrdiff_t n, ptrdiff_t width, double *restrict to) {
    for (ptrdiff_t j = 0; j < n; j++) to[j] = from[j];
    for (ptrdiff_t j = n; j < width; j++) to[j] = 0;
}

/* tile[r, :] += sum over p of x[r * row_stride + p * term_stride] * b[p * stride + :], for TILE_ROWS rows r and `width`
 * vectors; `first` starts the sums at zero. Eight steps fetch eight cache lines at next, next_line apart, for the next
 * tiles: the prefetcher of the processor does not follow so many streams. */
NMF_INLINE void NAME(product_width)(const int width, const REAL *x, ptrdiff_t row_stride, ptrdiff_t term_stride,
                                    const REAL *b, ptrdiff_t stride, ptrdiff_t depth, const REAL *next,
                                    ptrdiff_t next_line, ptrdiff_t next_step, int first, REAL *tile) {
    NAME(vec) sum[NMF_TILE_ROWS][NMF_PANEL_VECTORS], row[NMF_PANEL_VECTORS];
    for (int r = 0; r < NMF_TILE_ROWS; r++)
        for (int v = 0; v < width; v++)
            sum[r][v] = first ? (NAME(vec)){0} : NAME(load)(tile + (r * width + v) * NMF_LANES(REAL));
    for (ptrdiff_t p = 0; p < depth; p++) {
        for (int v = 0; v < width; v++) row[v] = NAME(load)(b + p * stride + v * NMF_LANES(REAL));
        NMF_PREFETCH(next + (p & 7) * next_line + (p >> 3) * next_step);
        for (int r = 0; r < NMF_TILE_ROWS; r++) {
            REAL entry = x[r * row_stride + p * term_stride];
            for (int v = 0; v < width; v++) sum[r][v] += entry * row[v];
        }
    }
    for (int r = 0; r < NMF_TILE_ROWS; r++)
        for (int v = 0; v < width; v++) NAME(store)(tile + (r * width + v) * NMF_LANES(REAL), sum[r][v]);
}

static void NAME(product_tile)(ptrdiff_t width, const REAL *x, ptrdiff_t row_stride, ptrdiff_t term_stride,
                               const REAL *b, ptrdiff_t depth, const REAL *next, ptrdiff_t next_line,
                               ptrdiff_t next_step, int first, REAL *tile) {
    enum { LANES = NMF_LANES(REAL) };
    if (width == 3)
        NAME(product_width)(3, x, row_stride, term_stride, b, 3 * LANES, depth, next, next_line, next_step, first,
                            tile);
    else if (width == 2)
        NAME(product_width)(2, x, row_stride, term_stride, b, 2 * LANES, depth, next, next_line, next_step, first,
                            tile);
    else
        NAME(product_width)(1, x, row_stride, term_stride, b, LANES, depth, next, next_line, next_step, first, tile);
}

/* The same for columns of a matrix with rows `stride` apart, times columns of itself from b on. */
static void NAME(gram_tile)(ptrdiff_t width, const REAL *x, const REAL *b, ptrdiff_t stride, ptrdiff_t depth, int first,
                            REAL *tile) {
    if (width == 3)
        NAME(product_width)(3, x, 1, stride, b, stride, depth, x, 0, 0, first, tile);
    else if (width == 2)
        NAME(product_width)(2, x, 1, stride, b, stride, depth, x, 0, 0, first, tile);
    else
        NAME(product_width)(1, x, 1, stride, b, stride, depth, x, 0, 0, first, tile);
}

/* tile[c, :] += sum over p of x[p * term_stride + :] * b[p * stride + c], for NARROW_VECTORS vectors of rows of X, which are
 * contiguous here, and k <= NARROW columns c: a few columns do not fill a vector, the rows do. */
NMF_INLINE void NAME(narrow_count)(const int k, const REAL *x, ptrdiff_t term_stride, const REAL *b, ptrdiff_t stride,
                                   ptrdiff_t depth, int first, REAL *tile) {
    enum { LANES = NMF_LANES(REAL), VECTORS = NMF_NARROW_VECTORS };
    NAME(vec) sum[NMF_NARROW][VECTORS], row[VECTORS];
    for (int c = 0; c < k; c++)
        for (int v = 0; v < VECTORS; v++)
            sum[c][v] = first ? (NAME(vec)){0} : NAME(load)(tile + (c * VECTORS + v) * LANES);
    for (ptrdiff_t p = 0; p < depth; p++) {
        for (int v = 0; v < VECTORS; v++) row[v] = NAME(load)(x + p * term_stride + v * LANES);
        for (int c = 0; c < k; c++)
            for (int v = 0; v < VECTORS; v++) sum[c][v] += b[p * stride + c] * row[v];
    }
    for (int c = 0; c < k; c++)
        for (int v = 0; v < VECTORS; v++) NAME(store)(tile + (c * VECTORS + v) * LANES, sum[c][v]);
}

static void NAME(narrow_tile)(ptrdiff_t k, const REAL *x, ptrdiff_t term_stride, const REAL *b, ptrdiff_t stride,
                              ptrdiff_t depth, int first, REAL *tile) {
    if (k == 1)
        NAME(narrow_count)(1, x, term_stride, b, stride, depth, first, tile);
    else if (k == 2)
        NAME(narrow_count)(2, x, term_stride, b, stride, depth, first, tile);
    else if (k == 3)
        NAME(narrow_count)(3, x, term_stride, b, stride, depth, first, tile);
    else
        NAME(narrow_count)(4, x, term_stride, b, stride, depth, first, tile);
}

/* to[c * to_stride + r] = from[r][c] for LANES rows r and as many columns c. */
NMF_INLINE void NAME(transpose_rows)(const REAL *const *from, REAL *to, ptrdiff_t to_stride) {
    enum { LANES = NMF_LANES(REAL) };
#if defined(__GNUC__) && !defined(__clang__)
    /* In registers: pairs of rows exchange single entries, then pairs of entries, and so on. Unrolled, the masks are
     * constants and each exchange two instructions. */
    NAME(vec) row[LANES];
    for (int r = 0; r < LANES; r++) row[r] = NAME(load)(from[r]);
#pragma GCC unroll 4
    for (int step = 1; step < LANES; step *= 2)
#pragma GCC unroll 16
        for (int r = 0; r < LANES; r++)
            if (!(r & step)) {
                __typeof__(row[0] > 0) upper, lower;
#pragma GCC unroll 16
                for (int c = 0; c < LANES; c++) {
                    upper[c] = c & step ? LANES + c - step : c;
                    lower[c] = c & step ? LANES + c : c + step;
                }
                NAME(vec) first = row[r], second = row[r + step];
                row[r] = __builtin_shuffle(first, second, upper);
                row[r + step] = __builtin_shuffle(first, second, lower);
            }
    for (int c = 0; c < LANES; c++) NAME(store)(to + c * to_stride, row[c]);
#else
    for (int r = 0; r < LANES; r++)
        for (int c = 0; c < LANES; c++) to[c * to_stride + r] = from[r][c];
#endif
}

/* to[c * to_stride + r] = from[r * from_stride + c] for a square of LANES entries a side. */
NMF_INLINE void NAME(transpose_square)(const REAL *from, ptrdiff_t from_stride, REAL *to, ptrdiff_t to_stride) {
    const REAL *rows[NMF_LANES(REAL)];
    for (int r = 0; r < NMF_LANES(REAL); r++) rows[r] = from + r * from_stride;
    NAME(transpose_rows)(rows, to, to_stride);
}

/* to[c * to_stride + r] = from[r][c] for LANES rows of n columns, wherever they are. */
static void NAME(transpose_gathered)(const REAL *const *from, ptrdiff_t n, REAL *to, ptrdiff_t to_stride) {
    enum { LANES = NMF_LANES(REAL) };
    const REAL *rows[LANES];
    if (n < LANES) {
        for (int r = 0; r < LANES; r++)
            for (ptrdiff_t c = 0; c < n; c++) to[c * to_stride + r] = from[r][c];
        return;
    }
    for (ptrdiff_t j = 0; j < n; j += LANES) {
        ptrdiff_t c = j + LANES <= n ? j : n - LANES; /* the last square overlaps the one before */
        if (n - j == 1) { /* a single column is copied faster */
            for (int r = 0; r < LANES; r++) to[j * to_stride + r] = from[r][j];
            return;
        }
        for (int r = 0; r < LANES; r++) rows[r] = from[r] + c;
        NAME(transpose_rows)(rows, to + c * to_stride, to_stride);
    }
}

/* to[c * to_stride + r] = from[r * from_stride + c], entry by entry. */
NMF_INLINE void NAME(transpose_few)(const REAL *from, ptrdiff_t from_stride, ptrdiff_t rows, ptrdiff_t columns,
                                    REAL *to, ptrdiff_t to_stride) {
    for (ptrdiff_t r = 0; r < rows; r++)
        for (ptrdiff_t c = 0; c < columns; c++) to[c * to_stride + r] = from[r * from_stride + c];
}

/* How many of n >= LANES rows are taken in squares. All, with a last square that overlaps the one before, unless so few
 * are left that copying them is faster. */
NMF_INLINE ptrdiff_t NAME(in_squares)(ptrdiff_t n) {
    enum { LANES = NMF_LANES(REAL) };
    return n % LANES > LANES / 2 ? n : n - n % LANES;
}

/* to[c * to_stride + r] = from[r * from_stride + c] for rows x columns entries. */
static void NAME(transpose)(const REAL *from, ptrdiff_t from_stride, ptrdiff_t rows, ptrdiff_t columns, REAL *to,
                            ptrdiff_t to_stride) {
    enum { LANES = NMF_LANES(REAL) };
    const ptrdiff_t rows_done = NAME(in_squares)(rows), columns_done = NAME(in_squares)(columns);
    if (rows < LANES || columns < LANES) {
        NAME(transpose_few)(from, from_stride, rows, columns, to, to_stride);
        return;
    }
    for (ptrdiff_t i = 0; i < rows_done; i += LANES) {
        ptrdiff_t r = i + LANES <= rows ? i : rows - LANES;
        for (ptrdiff_t j = 0; j < columns_done; j += LANES) {
            ptrdiff_t c = j + LANES <= columns ? j : columns - LANES;
            NAME(transpose_square)(from + r * from_stride + c, from_stride, to + c * to_stride + r, to_stride);
        }
    }
    NAME(transpose_few)(from + columns_done, from_stride, rows_done, columns - columns_done,
                        to + columns_done * to_stride, to_stride);
    NAME(transpose_few)(from + rows_done * from_stride, from_stride, rows - rows_done, columns, to + rows_done,
                        to_stride);
}

/* One cyclic coordinate step for the coordinates t ... t + count - 1 of all rows of a tile, tiles stored
 * coordinate by row: first their residuals c - G w against the factor as it stands, then one after the other, kept
 * >= 0 or, if `bounded`, between two more tiles. G_tt times the square of each change is added to moved, row by row. */
NMF_INLINE void NAME(sweep_count)(const int count, const int bounded, const REAL *G, ptrdiff_t k, ptrdiff_t t,
                                  const REAL *inverse_diagonal, const REAL *c, REAL *w, const REAL *lower,
                                  const REAL *upper, REAL *moved) {
    enum { LANES = NMF_LANES(REAL), VECTORS = NMF_SWEEP_VECTORS, ROWS = LANES * VECTORS };
    NAME(vec) residual[NMF_SWEEP_BLOCK][VECTORS], row[VECTORS];
    for (int b = 0; b < count; b++)
        for (int v = 0; v < VECTORS; v++) residual[b][v] = NAME(load)(c + (t + b) * ROWS + v * LANES);
    for (ptrdiff_t i = 0; i < k; i++) {
        ptrdiff_t s = i < k - t ? t + i : t + i - k; /* the last change comes last, so that its latency is hidden */
        for (int v = 0; v < VECTORS; v++) row[v] = NAME(load)(w + s * ROWS + v * LANES);
        for (int b = 0; b < count; b++)
            for (int v = 0; v < VECTORS; v++) residual[b][v] -= G[(t + b) * k + s] * row[v];
    }
    for (int b = 0; b < count; b++) {
        for (int v = 0; v < VECTORS; v++) {
            ptrdiff_t place = (t + b) * ROWS + v * LANES;
            REAL *entry = w + place;
            NAME(vec) old = NAME(load)(entry);
            NAME(vec) new = old + inverse_diagonal[t + b] * residual[b][v];
            new = bounded ? NAME(between)(new, NAME(load)(lower + place), NAME(load)(upper + place))
                          : NAME(positive_part)(new);
            NAME(vec) change = new - old;
            NAME(store)(entry, new);
            NAME(store)(moved + v * LANES,
                        NAME(load)(moved + v * LANES) + G[(t + b) * k + t + b] * change * change);
            for (int u = b + 1; u < count; u++) residual[u][v] -= G[(t + u) * k + t + b] * change;
        }
    }
}

NMF_INLINE void NAME(sweep_all)(const int bounded, const REAL *G, ptrdiff_t k, const REAL *inverse_diagonal,
                                const REAL *c, REAL *w, const REAL *lower, const REAL *upper, REAL *moved) {
    ptrdiff_t t = 0;
    for (; t + NMF_SWEEP_BLOCK <= k; t += NMF_SWEEP_BLOCK)
        NAME(sweep_count)(NMF_SWEEP_BLOCK, bounded, G, k, t, inverse_diagonal, c, w, lower, upper, moved);
    for (; t < k; t++) NAME(sweep_count)(1, bounded, G, k, t, inverse_diagonal, c, w, lower, upper, moved);
}

/* lower and upper: tiles, or null for 0 and infinity. */
static void NAME(sweep_tile)(const REAL *G, ptrdiff_t k, const REAL *inverse_diagonal, const REAL *c, REAL *w,
                             const REAL *lower, const REAL *upper, REAL *moved) {
    if (lower)
        NAME(sweep_all)(1, G, k, inverse_diagonal, c, w, lower, upper, moved);
    else
        NAME(sweep_all)(0, G, k, inverse_diagonal, c, w, w, w, moved);
}

/* Adds up the n entries times scale and their squares, in float64, and widens [low, high] to hold the entries. */
static void NAME(scan_row)(const REAL *x, ptrdiff_t n, double scale, double *sum, double *squares, double *low,
                           double *high) {
    enum { LANES = 16 };
    double add[LANES] = {0}, square[LANES] = {0};
    REAL lo[LANES], hi[LANES];
    for (int l = 0; l < LANES; l++) lo[l] = hi[l] = x[0];
    for (ptrdiff_t j = 0; j < n; j += LANES) {
        ptrdiff_t lanes = n - j < LANES ? n - j : LANES;
        for (ptrdiff_t l = 0; l < lanes; l++) {
            double v = scale * x[j + l];
            add[l] += v;
            square[l] += v * v;
            lo[l] = x[j + l] < lo[l] ? x[j + l] : lo[l];
            hi[l] = x[j + l] > hi[l] ? x[j + l] : hi[l];
        }
    }
    for (int l = 0; l < LANES; l++) {
        *sum += add[l];
        *squares += square[l];
        *low = lo[l] < *low ? lo[l] : *low;
        *high = hi[l] > *high ? hi[l] : *high;
    }
}

/* Sum over n entries of a * b, or of (scale a - b)^2 for `distance`, in float64. */
NMF_INLINE double NAME(pair_sum)(const int distance, const REAL *a, const REAL *b, ptrdiff_t n, double scale) {
    enum { LANES = 16 };
    double sum[LANES] = {0}, total = 0;
    for (ptrdiff_t j = 0; j < n; j += LANES) {
        ptrdiff_t lanes = n - j < LANES ? n - j : LANES;
        for (ptrdiff_t l = 0; l < lanes; l++) {
            double x = a[j + l], y = b[j + l];
            sum[l] += distance ? (scale * x - y) * (scale * x - y) : x * y;
        }
    }
    for (int l = 0; l < LANES; l++) total += sum[l];
    return total;
}

static double NAME(inner_row)(const REAL *a, const REAL *b, ptrdiff_t n) { return NAME(pair_sum)(0, a, b, n, 1); }

static double NAME(distance_row)(const REAL *a, const REAL *b, ptrdiff_t n, double scale) {
    return NAME(pair_sum)(1, a, b, n, scale);
}

/* Sum of G_tt min(f_t, gradient_t / G_tt)^2 for a row f of the factor, gradient = G f - c; with bounds the step
 * gradient_t / G_tt is cut where it leaves them. */
static double NAME(kkt_row)(const REAL *c, const REAL *f, const REAL *lower, const REAL *upper, const double *G,
                            ptrdiff_t k, double *restrict gradient) {
    double sum = 0;
    for (ptrdiff_t t = 0; t < k; t++) gradient[t] = -(double)c[t];
    for (ptrdiff_t s = 0; s < k; s++)
        for (ptrdiff_t t = 0; t < k; t++) gradient[t] += f[s] * G[s * k + t];
    for (ptrdiff_t t = 0; t < k; t++)
        if (G[t * k + t] > 0) {
            double step = gradient[t] / G[t * k + t];
            double most = (double)f[t] - (lower ? lower[t] : 0), least = upper ? (double)f[t] - upper[t] : -HUGE_VAL;
            step = most < step ? most : step;
            step = least > step ? least : step;
            sum += G[t * k + t] * step * step;
        }
    return sum;
}

/* before <- max(0, now + weight (now - before)); with `rising` before <- now where now < before. */
static void NAME(extrapolate_row)(const REAL *restrict now, REAL *restrict before, ptrdiff_t n, REAL weight, int rising) {
    const REAL falling = rising ? 0 : weight;
    for (ptrdiff_t j = 0; j < n; j++) {
        REAL change = now[j] - before[j], v = now[j] + (change > 0 ? weight : falling) * change;
        before[j] = v > 0 ? v : 0;
    }
}

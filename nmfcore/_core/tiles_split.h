/* The losses entry by entry, included by tiles.h once for each REAL: beta-divergences, whose parameter is beta, and
 * robust losses, quadratic up to a residual of their parameter and linear beyond. A model below NMF_LEAST counts as
 * NMF_LEAST, which is far below anything that X, whose largest entry lies in [1, 4), can tell from 0. */
#define NMF_LEAST ((REAL)(sizeof(REAL) == 8 ? 1e-150 : 1e-18)) /* its inverse square is finite, for beta >= 0 */

/* The two parts p - q of minus the derivative by the model, for n entries, x times scale. Beta-divergences:
 * p = x v^(beta - 2), q = v^(beta - 1), which is left alone for beta = 1. Robust losses: p = w x, q = w v, w being the
 * weight of half the squared residual that touches the loss from above. */
static void NAME(ratio_row)(int kind, const REAL *restrict x, const REAL *restrict v, ptrdiff_t n, double scale,
                            double parameter, REAL *restrict p, REAL *restrict q) {
    const REAL least = kind == NMF_KULLBACK_LEIBLER ? NMF_LEAST_MODEL(REAL) : NMF_LEAST, s = (REAL)scale, limit = (REAL)parameter;
#define NMF_EACH(...)                                 \
    for (ptrdiff_t j = 0; j < n; j++) {               \
        REAL y = v[j] > least ? v[j] : least, power; \
        (void)power, (void)y;                         \
        __VA_ARGS__;                                  \
    }
    switch (kind) {
    case NMF_ITAKURA_SAITO: NMF_EACH(power = 1 / y; p[j] = s * x[j] * power * power; q[j] = power) break;
    case NMF_KULLBACK_LEIBLER: NMF_EACH(p[j] = s * x[j] / y) break;
    case NMF_HALF: NMF_EACH(power = 1 / NMF_SQRT(y); p[j] = s * x[j] * power / y; q[j] = power) break;
    case NMF_THREE_HALVES: NMF_EACH(power = NMF_SQRT(y); p[j] = s * x[j] / power; q[j] = power) break;
    case NMF_LEAST_SQUARES: NMF_EACH(p[j] = s * x[j]; q[j] = v[j]) break;
    case NMF_HUBER:
        NMF_EACH(power = NMF_ABS(s * x[j] - v[j]); power = limit / (power > limit ? power : limit);
                 p[j] = power * s * x[j]; q[j] = power * v[j])
        break;
    case NMF_ABSOLUTE:
        NMF_EACH(power = NMF_ABS(s * x[j] - v[j]); power = 1 / (power > limit ? power : limit);
                 p[j] = power * s * x[j]; q[j] = power * v[j])
        break;
    default: NMF_EACH(power = (REAL)pow(y, parameter - 1); p[j] = s * x[j] * power / y; q[j] = power) break;
    }
#undef NMF_EACH
}

/* p and q of n entries times their weights; for Kullback-Leibler q becomes the weight. Where that is 0 so are they,
 * whatever they were. */
static void NAME(weigh_ratio)(int kind, const REAL *restrict w, ptrdiff_t n, REAL *restrict p, REAL *restrict q) {
    for (ptrdiff_t j = 0; j < n; j++) {
        p[j] = w[j] > 0 ? w[j] * p[j] : 0;
        q[j] = kind == NMF_KULLBACK_LEIBLER ? w[j] : w[j] > 0 ? w[j] * q[j] : 0;
    }
}

/* Sum of the loss of (scale x, v), times the weights w unless that is NULL, over n <= NMF_MOST_ALONG entries, in
 * float64. */
static double NAME(divergence_row)(int kind, const REAL *x, const REAL *v, ptrdiff_t n, double scale,
                                   double parameter, const REAL *w) {
    enum { LANES = 8 };
    double term[NMF_MOST_ALONG], sum[LANES] = {0}, total = 0;
    const double least = kind == NMF_KULLBACK_LEIBLER ? NMF_LEAST_MODEL(REAL) : NMF_LEAST, beta = parameter, half = 1 / (beta * (beta - 1));
#define NMF_EACH(...)                      \
    for (ptrdiff_t j = 0; j < n; j++) {    \
        double a = scale * x[j], y = v[j]; \
        y = y > least ? y : least;         \
        __VA_ARGS__;                       \
    }
    switch (kind) {
    case NMF_ITAKURA_SAITO: NMF_EACH(term[j] = a / y - nmf_log(a / y) - 1) break;
    case NMF_KULLBACK_LEIBLER: /* nmf_log(0) is finite; a model of 0 where X is not 0 is infinitely far */
        NMF_EACH(term[j] = a * nmf_log(a / y) - a + (v[j] > 0 || a == 0 ? y : HUGE_VAL)) break;
    case NMF_HALF: NMF_EACH(term[j] = 2 * (sqrt(a) - sqrt(y)) * (sqrt(a) - sqrt(y)) / sqrt(y)) break;
    case NMF_THREE_HALVES: NMF_EACH(term[j] = 4 / 3.0 * (a * sqrt(a) + 0.5 * y * sqrt(y) - 1.5 * a * sqrt(y))) break;
    case NMF_LEAST_SQUARES: NMF_EACH(y = a - v[j]; term[j] = 0.5 * y * y) break;
    case NMF_HUBER: /* beta is the residual where it becomes linear */
        NMF_EACH(y = fabs(a - v[j]); term[j] = 0.5 * (y < beta ? y * y : beta * (2 * y - beta)))
        break;
    case NMF_ABSOLUTE: NMF_EACH(y = fabs(a - v[j]); term[j] = y < beta ? 0.5 * (y * y / beta + beta) : y) break;
    default: NMF_EACH(term[j] = half * (pow(a, beta) + ((beta - 1) * y - beta * a) * pow(y, beta - 1))) break;
    }
#undef NMF_EACH
    if (w)
        for (ptrdiff_t j = 0; j < n; j++) term[j] = w[j] > 0 ? w[j] * term[j] : 0;
    for (ptrdiff_t j = n; j % LANES; j++) term[j] = 0;
    for (ptrdiff_t j = 0; j < n; j += LANES)
        for (int l = 0; l < LANES; l++) sum[l] += term[j + l];
    for (int l = 0; l < LANES; l++) total += sum[l];
    return total;
}

/* The multiplicative update of a row of n coordinates, f <- max(floor, f (num / den)^gamma), within bounds where there
 * are any; where den is 0 it stays. Returns the sum of den (change)^2 / f. */
static double NAME(multiply_row)(REAL *restrict f, const REAL *restrict num, const REAL *restrict den,
                                 const double *restrict floor, const REAL *lower, const REAL *upper, ptrdiff_t n,
                                 double gamma) {
    double moved = 0;
    for (ptrdiff_t t = 0; t < n; t++) {
        double old = f[t], new = old;
        if (den[t] > 0) {
            double ratio = (double)num[t] / den[t];
            new *= gamma == 1 ? ratio : gamma == 0.5 ? sqrt(ratio) : pow(ratio, gamma);
        }
        new = new > floor[t] ? new : floor[t];
        if (lower) new = new > lower[t] ? new : lower[t], new = new < upper[t] ? new : upper[t];
        f[t] = (REAL)new;
        if (old > 0) moved += den[t] * (new - old) * (new - old) / old;
    }
    return moved;
}

/* Sum of den min(f, mean (1 - num / den)) over a row, of the step within bounds where there are any, and of f num. */
static double NAME(split_kkt_row)(const REAL *f, const REAL *num, const REAL *den, const REAL *lower, const REAL *upper,
                                  const double *mean, ptrdiff_t n, double *whole) {
    double sum = 0;
    for (ptrdiff_t t = 0; t < n; t++) {
        *whole += (double)f[t] * num[t];
        if (den[t] > 0) {
            double step = mean[t] * (1 - (double)num[t] / den[t]);
            double most = (double)f[t] - (lower ? lower[t] : 0), least = upper ? (double)f[t] - upper[t] : -HUGE_VAL;
            step = most < step ? most : step;
            step = least > step ? least : step;
            sum += den[t] * fabs(step);
        }
    }
    return sum;
}

static void NAME(add_row)(const REAL *restrict f, ptrdiff_t n, double *restrict sum) {
    for (ptrdiff_t t = 0; t < n; t++) sum[t] += f[t];
}

/* A step of online updates of n coordinates: a <- rho a + f^(1/gamma) num, b <- rho b + den (where den is not NULL),
 * f <- (a / b)^gamma. Below least f and a become 0, since they would decay for ever; where b is 0, f stays. Adds up the
 * squares of the changes and of the new f. */
static void NAME(accumulate_row)(REAL *restrict f, const REAL *restrict num, const REAL *restrict den, REAL *restrict a,
                                 REAL *restrict b, const double *restrict least, ptrdiff_t n, double rho, double gamma,
                                 double *changes, double *sizes) {
    enum { LANES = 8 };
    const REAL keep = (REAL)rho;
    double change[NMF_MOST_ALONG], size[NMF_MOST_ALONG], moved[LANES] = {0}, whole[LANES] = {0};
    while (n > 0) {
        ptrdiff_t count = n < NMF_MOST_ALONG ? n : NMF_MOST_ALONG;
        for (ptrdiff_t t = 0; t < count; t++) {
            REAL old = f[t], new, sum;
            if (den) b[t] = keep * b[t] + den[t];
            sum = keep * a[t] + (gamma == 1 ? old : (REAL)pow(old, 1 / gamma)) * num[t];
            new = sum / b[t];
            new = gamma == 1 ? new : (REAL)pow(new, gamma);
            new = b[t] > 0 ? new : old;
            a[t] = new < least[t] ? 0 : sum;
            f[t] = new < least[t] ? 0 : new;
            size[t] = f[t], change[t] = size[t] - old;
        }
        for (ptrdiff_t t = count; t % LANES; t++) change[t] = size[t] = 0;
        for (ptrdiff_t t = 0; t < count; t += LANES)
            for (int l = 0; l < LANES; l++)
                moved[l] += change[t + l] * change[t + l], whole[l] += size[t + l] * size[t + l];
        f += count, num += count, a += count, b += count, least += count, n -= count;
        if (den) den += count;
    }
    for (int l = 0; l < LANES; l++) *changes += moved[l], *sizes += whole[l];
}

#undef NMF_LEAST

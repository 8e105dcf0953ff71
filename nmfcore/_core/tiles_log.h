/* Logarithms and first guesses of inverses, included by tiles.h.
 *
 * Evaluating Itakura-Saito was the longest part of its iteration until compilers could vectorise the logarithm. With
 * AVX-512 a division is a guess of 14 bits and Newton steps, to a unit in the last place, and a logarithm comes from
 * getexp, a table of sixteenths and a polynomial. */

#if defined(__AVX512F__) && (defined(__GNUC__) || defined(__clang__))
#include <immintrin.h>
#define NMF_GUESSES 1 /* inverses are guessed to 2^-14 and refined by products */
NMF_INLINE __m512d widened_f64(__mmask8 there, const double *p) { return _mm512_maskz_loadu_pd(there, p); }
NMF_INLINE __m512d widened_f32(__mmask8 there, const float *p) {
    return _mm512_cvtps_pd(_mm256_maskz_loadu_ps(there, p));
}
NMF_INLINE __mmask8 nmf_there(ptrdiff_t n) { return n >= 8 ? 0xff : (__mmask8)((1 << n) - 1); } /* the first n lanes */
NMF_INLINE __m512d guess_f64(__m512d y) { return _mm512_rcp14_pd(y); }
NMF_INLINE __m512 guess_f32(__m512 y) { return _mm512_rcp14_ps(y); }
NMF_INLINE __m512d larger_f64(__m512d a, __m512d b) { return _mm512_max_pd(a, b); } /* b where a or b is a NaN */
NMF_INLINE __m512 larger_f32(__m512 a, __m512 b) { return _mm512_max_ps(a, b); }
NMF_INLINE __m512d smaller_f64(__m512d a, __m512d b) { return _mm512_min_pd(a, b); }
NMF_INLINE __m512 smaller_f32(__m512 a, __m512 b) { return _mm512_min_ps(a, b); }
#else
#define NMF_GUESSES 0
#endif

/* The natural logarithm of a positive normal number to about two units in the last place, in a form that compilers
 * turn into vectors: x = 2^e m with m in [sqrt(1/2), sqrt(2)), and log m = 2 artanh((m - 1) / (m + 1)). Finite for 0.
 */
NMF_INLINE double nmf_log(double x) {
    int64_t bits, exponent, shifted;
    double m, e, s, z;
    memcpy(&bits, &x, 8);
    exponent = (bits - 0x3fe6a09e667f3bcd) & (int64_t)0xfff0000000000000;
    bits -= exponent;
    memcpy(&m, &bits, 8);
    shifted = 0x4330000000000000 | ((((uint64_t)exponent >> 52) + 0x800) & 0xfff); /* 2^52 + 2048 + e */
    memcpy(&e, &shifted, 8);
    e -= 0x1p52 + 2048;
    s = (m - 1) / (m + 1);
    z = s * s;
    return e * 0.693147180559945309417 +
           2 * s * (1 + z * (1.0 / 3 + z * (1.0 / 5 + z * (1.0 / 7 + z * (1.0 / 9 + z * (1.0 / 11 + z * (1.0 / 13 +
                    z * (1.0 / 15 + z * (1.0 / 17 + z / 19)))))))));
}

#if NMF_GUESSES
/* Tables of c = (33 + 2 i) / 32, the middles of the sixteenths of [1, 2). */
typedef struct {
    __m512d inverse[2], log[2];
} nmf_middles;

NMF_INLINE nmf_middles nmf_middles_of(double shift) { /* log c + shift */
    const double inverse[16] = {32.0 / 33, 32.0 / 35, 32.0 / 37, 32.0 / 39, 32.0 / 41, 32.0 / 43, 32.0 / 45, 32.0 / 47,
                                32.0 / 49, 32.0 / 51, 32.0 / 53, 32.0 / 55, 32.0 / 57, 32.0 / 59, 32.0 / 61, 32.0 / 63};
    const double logs[16] = {0.03077165866675366061, 0.08961215868968716384, 0.14518200984449784177,
                             0.19782574332991991505, 0.24783616390458122208, 0.29546421289383589026,
                             0.34092658697059317214, 0.38441169891033206402, 0.42608439531090014292,
                             0.46608972992459923843, 0.50455601075239532522, 0.54159728243274442014,
                             0.57731536503482365982, 0.61180154110599290699, 0.64513796137358464962,
                             0.67739882359180619632};
    return (nmf_middles){{_mm512_loadu_pd(inverse), _mm512_loadu_pd(inverse + 8)},
                         {_mm512_loadu_pd(logs) + shift, _mm512_loadu_pd(logs + 8) + shift}};
}

/* Logarithms plus the shift of the table, to 2^-52 or two units in the last place, whichever is more: x = 2^e m with
 * m in [1, 2), c is the middle of the sixteenth that m lies in, z = m / c - 1 is at the most 1 / 33, and log x =
 * e log 2 + log c + log(1 + z), the last of which is a polynomial that errs by 2^-56. Finite for 0. */
NMF_INLINE __m512d nmf_logs(__m512d x, nmf_middles middles) {
    x = _mm512_max_pd(_mm512_set1_pd(DBL_MIN), x);
    __m512d e = _mm512_getexp_pd(x), m = _mm512_getmant_pd(x, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_zero);
    __m512i sixteenth = _mm512_srli_epi64(_mm512_castpd_si512(m), 48); /* its last four bits count */
    __m512d z = m * _mm512_permutex2var_pd(middles.inverse[0], sixteenth, middles.inverse[1]) - 1;
    __m512d p = 0.1430665699757008 - 0.1252438721952971 * z;
    p = p * z - 0.16666646227537407;
    p = p * z + 0.19999987739273986;
    p = p * z - 0.25000000006615336;
    p = p * z + 0.3333333333549286;
    p = p * z - 0.49999999999999367;
    p = p * z + 1;
    return p * z + (e * 0.693147180559945309417 +
                    _mm512_permutex2var_pd(middles.log[0], sixteenth, middles.log[1]));
}

/* x[j] <- log x[j] for n entries, a multiple of 8. */
NMF_INLINE void nmf_log_row(double *x, ptrdiff_t n) {
    const nmf_middles middles = nmf_middles_of(0);
    for (ptrdiff_t j = 0; j < n; j += 8) _mm512_storeu_pd(x + j, nmf_logs(_mm512_loadu_pd(x + j), middles));
}
#endif

/* x[j] <- x[j] / y[j], to a unit in the last place where y is from 1e-290 to 1e290; beyond as if it were there. */
NMF_INLINE void nmf_divide_row(double *restrict x, const double *restrict y, ptrdiff_t n) {
#if NMF_GUESSES
    for (ptrdiff_t j = 0; j < n; j += 8) {
        __mmask8 there = nmf_there(n - j);
        __m512d a = _mm512_maskz_loadu_pd(there, x + j), b = _mm512_maskz_loadu_pd(there, y + j);
        b = smaller_f64(larger_f64(b, _mm512_set1_pd(1e-290)), _mm512_set1_pd(1e290));
        __m512d r = guess_f64(b);
        r += r * (1 - b * r);
        __m512d q = a * r;
        _mm512_mask_storeu_pd(x + j, there, q + r * (a - b * q));
    }
#else
    for (ptrdiff_t j = 0; j < n; j++) x[j] /= y[j] > 1e-290 ? y[j] : 1e-290;
#endif
}

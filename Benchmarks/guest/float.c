// Floating point, scalar and SIMD. Checksums are of rounded values, because the
// 32-bit build computes doubles on the x87 and so keeps more bits on the way.
#define _GNU_SOURCE
#include "bench.h"
#include <emmintrin.h>
#include <math.h>

static uint64_t rounded(double x) { return (uint64_t)(int64_t)llrint(x * 1e6); }

static uint64_t matmul_run(uint64_t rounds) {
    enum { N = 64 };
    static double a[N][N], b[N][N], c[N][N];
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            a[i][j] = (i * 7 + j) % 11 * 0.25;
            b[i][j] = (i + j * 5) % 13 * 0.5;
        }
    double sum = 0;
    while (rounds--) {
        opaque(a);
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++) {
                double dot = 0;
                for (int k = 0; k < N; k++)
                    dot += a[i][k] * b[k][j];
                c[i][j] = dot;
            }
        sum += c[3][5] + c[N - 1][N - 1];
    }
    return rounded(sum);
}

static uint64_t mandelbrot_run(uint64_t rows) {
    uint64_t inside = 0;
    for (uint64_t row = 0; row < rows; row++) {
        double ci = (double)(row % 64) / 32.0 - 1.0;
        for (int column = 0; column < 64; column++) {
            double cr = column / 24.0 - 2.0, x = 0, y = 0;
            int n = 0;
            for (; n < 100 && x * x + y * y < 4; n++) {
                double t = x * x - y * y + cr;
                y = 2 * x * y + ci;
                x = t;
            }
            inside += n == 100;
        }
    }
    return inside;
}

static uint64_t nbody_run(uint64_t steps) {
    enum { BODIES = 5 };
    double p[BODIES][3], v[BODIES][3], mass[BODIES];
    for (int i = 0; i < BODIES; i++) { // a heavy one and four on rings around it
        double r = i * 2.0;
        mass[i] = i ? 0.01 * i : 10.0;
        p[i][0] = r * (i & 1 ? 1 : -1), p[i][1] = 0.1 * i, p[i][2] = 0.05 * i;
        v[i][0] = 0, v[i][1] = i ? sqrt(10.0 / r) * (i & 1 ? 1 : -1) : 0, v[i][2] = 0.01 * i;
    }
    const double dt = 0.0005;
    for (uint64_t step = 0; step < steps; step++) {
        for (int i = 0; i < BODIES; i++)
            for (int j = i + 1; j < BODIES; j++) {
                double d[3], square = 0.01;
                for (int k = 0; k < 3; k++) {
                    d[k] = p[i][k] - p[j][k];
                    square += d[k] * d[k];
                }
                double pull = dt / (square * sqrt(square));
                for (int k = 0; k < 3; k++) {
                    v[i][k] -= d[k] * mass[j] * pull;
                    v[j][k] += d[k] * mass[i] * pull;
                }
            }
        for (int i = 0; i < BODIES; i++)
            for (int k = 0; k < 3; k++)
                p[i][k] += dt * v[i][k];
    }
    double energy = 0;
    for (int i = 0; i < BODIES; i++)
        energy += mass[i] * (v[i][0] * v[i][0] + v[i][1] * v[i][1] + v[i][2] * v[i][2]);
    return (uint64_t)llrint(energy * 100); // coarse: the orbits magnify rounding
}

__attribute__((target("sse2"))) static uint64_t sse2_double_run(uint64_t rounds) {
    enum { N = 256 };
    static __m128d x[N], y[N];
    for (int i = 0; i < N; i++) {
        x[i] = _mm_set_pd(i, i + 0.5);
        y[i] = _mm_set1_pd(1);
    }
    const __m128d keep = _mm_set1_pd(0.5), gain = _mm_set1_pd(0.001);
    while (rounds--) {
        opaque(y);
        for (int i = 0; i < N; i++) {
            __m128d t = _mm_add_pd(_mm_mul_pd(y[i], keep), _mm_mul_pd(x[i], gain));
            y[i] = _mm_max_pd(t, _mm_sqrt_pd(_mm_shuffle_pd(t, t, 1)));
        }
    }
    double out[2], sum = 0;
    for (int i = 0; i < N; i++) {
        _mm_storeu_pd(out, y[i]);
        sum += out[0] + out[1];
    }
    return rounded(sum);
}

__attribute__((target("sse2"))) static uint64_t sse2_integer_run(uint64_t rounds) {
    enum { N = 256 };
    static __m128i v[N];
    for (int i = 0; i < N; i++)
        v[i] = _mm_set_epi32(i, i * 77, i * 1234567, -i);
    __m128i sum = _mm_setzero_si128();
    while (rounds--) {
        for (int i = 0; i < N; i++) {
            __m128i t = _mm_madd_epi16(v[i], _mm_shuffle_epi32(sum, 0x39));
            t = _mm_xor_si128(t, _mm_srli_epi32(v[i], 3));
            sum = _mm_add_epi32(sum, _mm_unpacklo_epi8(t, _mm_packs_epi16(t, v[i])));
            sum = _mm_sub_epi8(sum, _mm_cmpgt_epi8(t, v[i]));
        }
    }
    uint64_t out[2];
    _mm_storeu_si128((__m128i *)out, sum);
    return out[0] ^ out[1];
}

static uint64_t x87_run(uint64_t steps) {
    // Newton's square root and a polynomial, at 64 bits of mantissa.
    long double sum = 0;
    for (uint64_t i = 1; i <= steps; i++) {
        long double n = (long double)(i % 1000 + 2), r = n / 2;
        for (int j = 0; j < 6; j++)
            r = (r + n / r) / 2;
        long double z = r / 64;
        sum += z - z * z * z / 6 + z * z * z * z * z / 120;
    }
    return (uint64_t)(sum * 1e6L);
}

// Gauss elimination with row exchange, and the residual of the solution.
static uint64_t linpack_run(uint64_t rounds) {
    enum { N = 60 };
    static double a[N][N], b[N], kept[N][N], x[N];
    double worst = 0;
    while (rounds--) {
        uint32_t seed = 37;
        for (int i = 0; i < N; i++) {
            b[i] = 0;
            for (int j = 0; j < N; j++) {
                a[i][j] = kept[i][j] = (double)(next_random(&seed) % 1000) / 500 - 1;
                b[i] += a[i][j]; // the solution is all ones
            }
        }
        for (int k = 0; k < N; k++) {
            int pivot = k;
            for (int i = k + 1; i < N; i++)
                if (fabs(a[i][k]) > fabs(a[pivot][k]))
                    pivot = i;
            for (int j = 0; j < N; j++) {
                double t = a[k][j];
                a[k][j] = a[pivot][j], a[pivot][j] = t;
            }
            double t = b[k];
            b[k] = b[pivot], b[pivot] = t;
            for (int i = k + 1; i < N; i++) {
                double factor = a[i][k] / a[k][k];
                for (int j = k; j < N; j++)
                    a[i][j] -= factor * a[k][j];
                b[i] -= factor * b[k];
            }
        }
        for (int i = N - 1; i >= 0; i--) {
            x[i] = b[i];
            for (int j = i + 1; j < N; j++)
                x[i] -= a[i][j] * x[j];
            x[i] /= a[i][i];
            worst = fmax(worst, fabs(x[i] - 1));
        }
    }
    if (!(worst < 1e-9))
        wrong("solution of the linear system");
    return rounded(x[0] + x[N - 1] + kept[3][4]);
}

static uint64_t fft_run(uint64_t rounds) {
    enum { N = 1024 };
    static double re[N], im[N], cosine[N / 2], sine[N / 2];
    for (int i = 0; i < N / 2; i++) {
        cosine[i] = cos(2 * M_PI * i / N);
        sine[i] = sin(2 * M_PI * i / N);
    }
    double sum = 0;
    while (rounds--) {
        for (int i = 0; i < N; i++) { // a tone of 5 periods and a constant, bit-reversed
            int to = 0;
            for (int bit = 1; bit < N; bit <<= 1)
                to = to << 1 | !!(i & bit);
            re[to] = 1 + cosine[i * 5 % N % (N / 2)] * (i * 5 % N < N / 2 ? 1 : -1);
            im[to] = 0;
        }
        for (int half = 1; half < N; half *= 2)
            for (int start = 0; start < N; start += 2 * half)
                for (int i = 0; i < half; i++) {
                    int t = i * (N / 2 / half), low = start + i, high = low + half;
                    double r = re[high] * cosine[t] + im[high] * sine[t];
                    double j = im[high] * cosine[t] - re[high] * sine[t];
                    re[high] = re[low] - r, im[high] = im[low] - j;
                    re[low] += r, im[low] += j;
                }
        if (fabs(re[0] - N) > 1e-6 || fabs(re[5] - N / 2) > 1e-6 || fabs(re[6]) > 1e-6)
            wrong("spectrum of a tone");
        sum += re[5] + im[7];
    }
    return rounded(sum);
}

static uint64_t libm_run(uint64_t steps) {
    double sum = 0;
    for (uint64_t i = 0; i < steps; i++) {
        double x = 0.001 * (double)(i % 5000 + 1);
        sum += sin(x) * cos(2 * x) + exp(-x) + log(x) + atan2(x, 2) + pow(x, 0.3) + fmod(100 * x, 7);
        double square = sin(x) * sin(x) + cos(x) * cos(x);
        if (fabs(square - 1) > 1e-12)
            wrong("sine and cosine");
    }
    return (uint64_t)llrint(sum * 100);
}

// One precision down: what graphics and sound compute with.
static uint64_t single_run(uint64_t rounds) {
    enum { N = 512, TAPS = 16 };
    static float signal[N + TAPS], taps[TAPS], out[N];
    for (int i = 0; i < N + TAPS; i++)
        signal[i] = (float)(i * 37 % 64) / 64;
    for (int i = 0; i < TAPS; i++)
        taps[i] = 1.0f / (float)(1 << i);
    while (rounds--) {
        opaque(signal);
        for (int i = 0; i < N; i++) {
            float sum = 0;
            for (int j = 0; j < TAPS; j++)
                sum += signal[i + j] * taps[j];
            out[i] = sum;
        }
    }
    return (uint64_t)llrint((double)out[17] * 1000) + (uint64_t)llrint((double)out[N - 1] * 1000);
}

const struct workload float_workloads[] = {
    {"matmul", 400, NULL, matmul_run},
    {"linpack", 200, NULL, linpack_run},
    {"fft", 400, NULL, fft_run},
    {"libm", 80000, NULL, libm_run},
    {"single", 3000, NULL, single_run},
    {"mandelbrot", 3600, NULL, mandelbrot_run},
    {"nbody", 380000, NULL, nbody_run},
    {"sse2-double", 36000, NULL, sse2_double_run},
    {"sse2-integer", 20000, NULL, sse2_integer_run},
    {"x87", 1000000, NULL, x87_run},
    {0},
};

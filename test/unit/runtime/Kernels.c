/* Kernels written by hand, so that the runtime is tested without the compiler;
 * also an example of the ABI (runtime/schema/KernelAbi.h). They are built into
 * one position-independent image: no calls, no data that is written.
 *
 * The network: pixels [4][4][3] in a buffer with a halo of one, a frozen dense
 * layer to 8 features, a mock dropout, a dense head with momentum. */
#include <stdint.h>

enum { kSide = 4, kChannels = 3, kHalo = 6, kFeatures = 8 };

/* args: pixels [n][6][6][3], weights [48][8], features [n][8]; tile: picture */
void frozen(void *const *args, int64_t n, int64_t tile, void *scratch) {
  const float *pixels = (const float *)args[0] + tile * kHalo * kHalo * 3;
  const float *weights = args[1];
  float *out = (float *)args[2] + tile * kFeatures;
  float *sum = scratch;
  for (int f = 0; f < kFeatures; ++f)
    sum[f] = 0;
  /* The halo is read too: it must be zero. */
  for (int y = 0; y < kHalo; ++y)
    for (int x = 0; x < kHalo; ++x)
      for (int c = 0; c < kChannels; ++c) {
        float value = pixels[(y * kHalo + x) * kChannels + c];
        int inside = y >= 1 && y <= kSide && x >= 1 && x <= kSide;
        int row = inside ? ((y - 1) * kSide + x - 1) * kChannels + c : 0;
        for (int f = 0; f < kFeatures; ++f)
          sum[f] += value * weights[row * kFeatures + f];
      }
  for (int f = 0; f < kFeatures; ++f)
    out[f] = sum[f] > 0 ? sum[f] : 0;
}

/* args: weights [48][8], out [48][8]; one tile. What `frozen` reads where the
 * file holds half of each weight. */
void doubled(void *const *args, int64_t n, int64_t tile, void *scratch) {
  const float *in = args[0];
  float *out = args[1];
  for (int i = 0; i < kSide * kSide * kChannels * kFeatures; ++i)
    out[i] = 2 * in[i];
}

/* args: weights [8][3], out [8][3]; one tile. */
void copied24(void *const *args, int64_t n, int64_t tile, void *scratch) {
  const float *in = args[0];
  float *out = args[1];
  for (int i = 0; i < 3 * kFeatures; ++i)
    out[i] = in[i];
}

/* args: features [n][8], ids [n], step, out [n][8]; tile: picture. Keeps every
 * element or halves it, by a hash of picture, seed, epoch and element. */
void dropout(void *const *args, int64_t n, int64_t tile, void *scratch) {
  const float *in = (const float *)args[0] + tile * kFeatures;
  uint32_t id = ((const uint32_t *)args[1])[tile];
  const uint32_t *step = args[2];
  float *out = (float *)args[3] + tile * kFeatures;
  for (uint32_t f = 0; f < kFeatures; ++f) {
    uint32_t hash = (id * 2654435761u + f) ^ step[0] ^ (step[3] * 40503u);
    hash ^= hash >> 7;
    out[f] = hash & 1 ? in[f] : 0.5f * in[f];
  }
}

/* args: in [n][8], kernel [8][K], bias [K], logits [n][K]; tile: picture */
static inline void dense(void *const *args, int64_t tile, int outputs) {
  const float *in = (const float *)args[0] + tile * kFeatures;
  const float *kernel = args[1], *bias = args[2];
  float *out = (float *)args[3] + tile * outputs;
  for (int k = 0; k < outputs; ++k) {
    float sum = bias[k];
    for (int f = 0; f < kFeatures; ++f)
      sum += in[f] * kernel[f * outputs + k];
    out[k] = sum;
  }
}
void dense3(void *const *args, int64_t n, int64_t tile, void *scratch) {
  dense(args, tile, 3);
}
void dense1(void *const *args, int64_t n, int64_t tile, void *scratch) {
  dense(args, tile, 1);
}

static inline float exponential(float x) {
  if (x < -80)
    return 0;
  if (x > 80)
    x = 80;
  int whole = (int)(x * 1.44269504f + (x < 0 ? -0.5f : 0.5f));
  double r = x - whole * 0.693147180559945, term = 1, sum = 1;
  for (int i = 1; i < 14; ++i)
    sum += term *= r / i;
  union {
    uint64_t bits;
    double value;
  } scale = {(uint64_t)(1023 + whole) << 52};
  return (float)(sum * scale.value);
}

static inline float logarithm(float x) {
  double y = 0; /* Newton on exp(y) = x */
  for (int i = 0; i < 60; ++i) {
    double e = exponential((float)y);
    y += 2 * (x - e) / (x + e);
  }
  return (float)y;
}

/* args: logits [n][3], scores [n][3]; tile: picture */
void softmax(void *const *args, int64_t n, int64_t tile, void *scratch) {
  const float *in = (const float *)args[0] + tile * 3;
  float *out = (float *)args[1] + tile * 3, sum = 0, most = in[0];
  for (int k = 1; k < 3; ++k)
    most = in[k] > most ? in[k] : most;
  for (int k = 0; k < 3; ++k)
    sum += out[k] = exponential(in[k] - most);
  for (int k = 0; k < 3; ++k)
    out[k] /= sum;
}

/* args: logits [n], scores [n]; one tile */
void sigmoid(void *const *args, int64_t n, int64_t tile, void *scratch) {
  for (int64_t i = 0; i < n; ++i)
    ((float *)args[1])[i] = 1 / (1 + exponential(-((const float *)args[0])[i]));
}

/* args: scores [n][3], labels [n], loss [n]; one tile */
void loss3(void *const *args, int64_t n, int64_t tile, void *scratch) {
  const float *scores = args[0];
  const int32_t *labels = args[1];
  for (int64_t i = 0; i < n; ++i) {
    float p = scores[i * 3 + labels[i]];
    ((float *)args[2])[i] = p == p ? -logarithm(p > 1e-7f ? p : 1e-7f) : p;
  }
}

/* args: scores [n], labels [n], loss [n]; one tile */
void loss1(void *const *args, int64_t n, int64_t tile, void *scratch) {
  for (int64_t i = 0; i < n; ++i) {
    float p = ((const float *)args[0])[i];
    p = ((const int32_t *)args[1])[i] ? p : 1 - p;
    ((float *)args[2])[i] = p == p ? -logarithm(p > 1e-7f ? p : 1e-7f) : p;
  }
}

/* args: in [n][8], scores [n][K], labels [n], kernel gradient [8][K], bias
 * gradient [K]; one tile. Gradient of the mean loss, from the logits. */
static inline void gradient(void *const *args, int64_t n, int outputs) {
  const float *in = args[0], *scores = args[1];
  const int32_t *labels = args[2];
  float *kernel = args[3], *bias = args[4];
  for (int i = 0; i < kFeatures * outputs; ++i)
    kernel[i] = 0;
  for (int k = 0; k < outputs; ++k)
    bias[k] = 0;
  for (int64_t i = 0; i < n; ++i)
    for (int k = 0; k < outputs; ++k) {
      int hot = outputs == 1 ? labels[i] : labels[i] == k;
      float delta = (scores[i * outputs + k] - (float)hot) / (float)n;
      bias[k] += delta;
      for (int f = 0; f < kFeatures; ++f)
        kernel[f * outputs + k] += delta * in[i * kFeatures + f];
    }
}
void gradient3(void *const *args, int64_t n, int64_t tile, void *scratch) {
  gradient(args, n, 3);
}
void gradient1(void *const *args, int64_t n, int64_t tile, void *scratch) {
  gradient(args, n, 1);
}

/* args: scores [n][3], labels [n], weights [n], mix labels [n], mix [n], loss
 * [n]; one tile */
static inline float crossentropy(const float *scores, int label) {
  float p = scores[label];
  return p == p ? -logarithm(p > 1e-7f ? p : 1e-7f) : p;
}
void mixed_loss3(void *const *args, int64_t n, int64_t tile, void *scratch) {
  const float *scores = args[0], *weights = args[2], *mix = args[4];
  const int32_t *labels = args[1], *others = args[3];
  for (int64_t i = 0; i < n; ++i)
    ((float *)args[5])[i] =
        weights[i] * (mix[i] * crossentropy(scores + 3 * i, labels[i]) +
                      (1 - mix[i]) * crossentropy(scores + 3 * i, others[i]));
}

/* args: in [n][8], scores [n][3], labels [n], weights [n], mix labels [n], mix
 * [n], kernel gradient [8][3], bias gradient [3]; one tile */
void mixed_gradient3(void *const *args, int64_t n, int64_t tile,
                     void *scratch) {
  const float *in = args[0], *scores = args[1];
  const float *weights = args[3], *mix = args[5];
  const int32_t *labels = args[2], *others = args[4];
  float *kernel = args[6], *bias = args[7];
  for (int i = 0; i < kFeatures * 3; ++i)
    kernel[i] = 0;
  for (int k = 0; k < 3; ++k)
    bias[k] = 0;
  for (int64_t i = 0; i < n; ++i)
    for (int k = 0; k < 3; ++k) {
      float hot =
          (labels[i] == k ? mix[i] : 0) + (others[i] == k ? 1 - mix[i] : 0);
      float delta = weights[i] * (scores[i * 3 + k] - hot) / (float)n;
      bias[k] += delta;
      for (int f = 0; f < kFeatures; ++f)
        kernel[f * 3 + k] += delta * in[i * kFeatures + f];
    }
}

/* args: parameter, momentum (both written), gradient, step; one tile */
static inline void momentum(void *const *args, int count) {
  float *value = args[0], *velocity = args[1];
  const float *slope = args[2];
  union {
    uint32_t bits;
    float value;
  } rate = {((const uint32_t *)args[3])[5]};
  for (int i = 0; i < count; ++i) {
    velocity[i] = 0.9f * velocity[i] - rate.value * slope[i];
    value[i] += velocity[i];
  }
}
void momentum24(void *const *args, int64_t n, int64_t tile, void *scratch) {
  momentum(args, 24);
}
void momentum8(void *const *args, int64_t n, int64_t tile, void *scratch) {
  momentum(args, 8);
}
void momentum3(void *const *args, int64_t n, int64_t tile, void *scratch) {
  momentum(args, 3);
}
void momentum1(void *const *args, int64_t n, int64_t tile, void *scratch) {
  momentum(args, 1);
}

/* args: parameter, average, momentum (all written), gradient, step; one tile.
 * average = m average + (1 - m) parameter, m from the step block. */
static inline void averaged(void *const *args, int count) {
  float *value = args[0], *average = args[1];
  void *const others[] = {args[0], args[2], args[3], args[4]};
  union {
    uint32_t bits;
    float value;
  } keep = {((const uint32_t *)args[4])[9]};
  momentum(others, count);
  for (int i = 0; i < count; ++i)
    average[i] = keep.value * average[i] + (1 - keep.value) * value[i];
}
void averaged24(void *const *args, int64_t n, int64_t tile, void *scratch) {
  averaged(args, 24);
}
void averaged3(void *const *args, int64_t n, int64_t tile, void *scratch) {
  averaged(args, 3);
}

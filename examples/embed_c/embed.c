/* A C program that needs nothing but the runtime: it opens a model.bin,
 * predicts from pixels in memory, goes on training with its own pictures and
 * labels, saves, and predicts again with what it has saved.
 *
 *   embed_c MODEL.bin OUT.bin
 *
 * The pictures are drawn here, so that the example needs no files: class c is
 * noise with a bright band at its own height. An application would give its
 * camera's frames, already scaled to the network's size. */
#include <tl/runtime.h>

#include <stdio.h>
#include <stdlib.h>

enum { kPictures = 96, kEpochs = 20 };

typedef struct pictures {
  const tl_model *model;
  uint8_t *rgb;    /* [kPictures][height][width][3] */
  int32_t *labels; /* [kPictures] */
} pictures;

static void stop(const tl_error *error) {
  fprintf(stderr, "embed_c: error: %s\n", error->message);
  exit(1);
}

static void *allocate(size_t count, size_t bytes) {
  void *memory = calloc(count, bytes);
  if (!memory) {
    fprintf(stderr, "embed_c: error: out of memory\n");
    exit(1);
  }
  return memory;
}

static size_t picture_bytes(const tl_model *model) {
  const tl_preprocess *p = &tl_model_get_info(model)->preprocess;
  return (size_t)p->height * p->width * 3;
}

static pictures draw(const tl_model *model) {
  const tl_model_info *info = tl_model_get_info(model);
  const tl_preprocess *p = &info->preprocess;
  pictures all = {model, allocate(kPictures, picture_bytes(model)),
                  allocate(kPictures, sizeof(int32_t))};
  uint32_t state = 1;
  uint8_t *to = all.rgb;
  for (uint32_t i = 0; i < kPictures; ++i) {
    uint32_t label = i % info->classes;
    all.labels[i] = (int32_t)label;
    for (uint32_t y = 0; y < p->height; ++y)
      for (uint32_t x = 0; x < p->width * 3; ++x) {
        int bright = y * info->classes / p->height == label;
        state = state * 1664525u + 1013904223u;
        *to++ = (uint8_t)((state >> 25) + (bright ? 128 : 0));
      }
  }
  return all;
}

/* How many of the pictures the model gets right. */
static int count_right(const tl_model *model, const pictures *all) {
  uint32_t classes = tl_model_get_info(model)->classes;
  float *scores = allocate(kPictures, classes * sizeof(float));
  tl_error error;
  tl_session *session = NULL;
  if (tl_session_create(model, NULL, &session, &error) != TL_STATUS_OK ||
      tl_session_predict_rgb(session, all->rgb, kPictures, NULL, scores,
                             &error) != TL_STATUS_OK)
    stop(&error);
  int right = 0;
  for (uint32_t i = 0; i < kPictures; ++i) {
    uint32_t best = 0;
    for (uint32_t c = 1; c < classes; ++c)
      if (scores[i * classes + c] > scores[i * classes + best])
        best = c;
    right += (int32_t)best == all->labels[i];
  }
  tl_session_destroy(session);
  free(scores);
  return right;
}

/* tl_pictures.read_pixels: pictures by index, preprocessed. */
static int read_pixels(void *user, const tl_visit *visit,
                       const uint32_t *indices, uint32_t n, float *pixels) {
  (void)visit; /* a picture looks the same in every epoch */
  const pictures *all = user;
  size_t bytes = picture_bytes(all->model);
  uint64_t count = tl_model_get_info(all->model)->pixel_count;
  for (uint32_t i = 0; i < n; ++i)
    tl_model_preprocess(all->model, all->rgb + indices[i] * bytes, 1,
                        pixels + i * count);
  return 0;
}

static int show(void *user, const tl_progress *progress) {
  (void)user;
  if (progress->record)
    printf("phase %u, epoch %2u: loss %.4f, accuracy %.3f\n", progress->phase,
           progress->epoch, progress->record->loss, progress->record->accuracy);
  return 0; /* anything else would stop the run */
}

static void train(const tl_model *model, pictures *all, const char *path) {
  tl_error error;
  tl_trainer *trainer = NULL;
  tl_pictures source = {.size = sizeof source};
  source.count = kPictures;
  source.labels = all->labels;
  source.read_pixels = read_pixels;
  source.keep_features = 1; /* each picture goes through the backbone once */
  source.user = all;
  tl_fit_options options = {.size = sizeof options};
  options.epochs = kEpochs;
  options.progress = show;
  if (tl_trainer_create(model, NULL, &trainer, &error) != TL_STATUS_OK ||
      tl_trainer_fit(trainer, &source, NULL, &options, &error) !=
          TL_STATUS_OK ||
      tl_trainer_save(trainer, path, &error) != TL_STATUS_OK)
    stop(&error);
  tl_trainer_destroy(trainer);
}

int main(int argc, char **argv) {
  tl_error error;
  tl_model *model = NULL, *trained = NULL;
  if (argc != 3) {
    fprintf(stderr, "usage: embed_c MODEL.bin OUT.bin\n");
    return 1;
  }
  if (tl_model_open_file(argv[1], NULL, &model, &error) != TL_STATUS_OK)
    stop(&error);
  pictures all = draw(model);
  int before = count_right(model, &all);
  train(model, &all, argv[2]);
  if (tl_model_open_file(argv[2], NULL, &trained, &error) != TL_STATUS_OK)
    stop(&error);
  int after = count_right(trained, &all);
  printf("%d of %d right before, %d after\n", before, kPictures, after);
  tl_model_close(trained);
  tl_model_close(model);
  free(all.rgb);
  free(all.labels);
  return after > before ? 0 : 1;
}

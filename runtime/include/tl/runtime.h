/* clang-format off */
/* The one public header of the runtime, and its manual.
 *
 * A model.bin holds a network whose machine code was made ahead of time; this
 * library opens it, predicts with it, and goes on training it. It needs no
 * framework, no compiler, no image codec. Three nouns:
 *
 *   tl_model    an opened file: facts about it; read-only, shared by threads
 *   tl_session  predicts, and reads any value that the file keeps readable
 *   tl_trainer  extracts features once a picture, steps, evaluates, saves
 *
 * Rules that hold everywhere:
 *
 * - A function that can fail returns a tl_status, and takes a `tl_error *` as
 *   its last parameter (NULL where the text is not wanted). The error is
 *   written only on failure. Nothing is printed, nothing exits, no state is
 *   global. When a function fails, its other outputs hold nothing of use.
 * - Memory given to a function stays the caller's and is read only during the
 *   call, unless said otherwise. What a getter returns belongs to the model
 *   and lives as long as it.
 * - A model may be used from several threads at once. A session or a trainer
 *   belongs to one thread at a time; each has its own small thread pool.
 *   A model must outlive its sessions and trainers.
 * - Arrays are row-major float32, pictures outermost:
 *     pixels    [n][height][width][channels], preprocessed
 *               (tl_model_preprocess)
 *     features  [n][feature_count]: what crosses from the frozen part of the
 *               network into the trained part, several values one after
 *               another. Each training phase has its own: what is frozen in
 *               it may be more than in a later one (tl_phase_info)
 *     logits    [n][outputs]: the last layer before its activation
 *     scores    [n][classes]: probabilities in label order, for all classes,
 *               also where the network has a single sigmoid output
 *     labels    int32 [n], 0 <= label < classes
 *     ids       int32 [n]: a number that names the picture for as long as it is
 *               trained on; dropout is drawn from it
 * - A result for one picture depends on that picture and the parameters alone:
 *   not on n, on its place in the batch, or on threads, bit for bit.
 * - An options struct starts with its size: set it with sizeof, set the rest
 *   to zero for the defaults (`tl_session_options o = {.size = sizeof o};`).
 * Structs only ever grow at the end; an older program keeps working.
 */
/* clang-format on */
#ifndef TL_RUNTIME_H
#define TL_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------ errors */

typedef enum tl_status {
  TL_STATUS_OK = 0,
  TL_STATUS_INVALID_ARGUMENT = 1, /* the call is wrong: a null, a bad label */
  TL_STATUS_NOT_FOUND = 2,        /* no such file, value or phase */
  TL_STATUS_IO = 3,               /* reading or writing failed: a full disk */
  TL_STATUS_BAD_FILE = 4,         /* truncated, damaged, or not a model.bin */
  TL_STATUS_UNSUPPORTED = 5,      /* another version, an ISA this CPU lacks,
                                     training a model that has no phases */
  TL_STATUS_OUT_OF_MEMORY = 6,    /* or more than memory_limit */
  TL_STATUS_NOT_FINITE = 7,       /* a loss or a parameter became inf or nan */
  TL_STATUS_CANCELLED = 8,        /* a callback asked to stop */
  TL_STATUS_CALLBACK = 9,         /* a callback failed */
  TL_STATUS_INTERNAL = 10         /* a bug of ours */
} tl_status;

typedef struct tl_error {
  tl_status status;
  char message[1000]; /* one line, lower case, no full stop, ends with 0 */
} tl_error;

/* ------------------------------------------------------------------- model */

typedef struct tl_model tl_model;

typedef enum tl_isa {
  TL_ISA_AUTO = 0, /* the best one that both file and CPU have */
  TL_ISA_X86_64 = 1,
  TL_ISA_X86_64_V3 = 2, /* AVX2, FMA */
  TL_ISA_X86_64_V4 = 3  /* AVX-512 */
} tl_isa;

typedef struct tl_model_options {
  size_t size; /* sizeof(tl_model_options) */
  tl_isa isa;  /* pins the code variant; another may round otherwise */
  uint64_t memory_limit; /* bytes an arena may take; 0: 16 GiB */
} tl_model_options;

/* Opens a file: maps it, checks every byte count, offset, index, shape and
 * checksum in it, and makes its code executable. `options` may be NULL.
 * NOT_FOUND, IO, BAD_FILE, UNSUPPORTED, OUT_OF_MEMORY. */
tl_status tl_model_open_file(const char *path, const tl_model_options *options,
                             tl_model **model, tl_error *error);

/* The same from memory, aligned to 64 bytes; the bytes are read in place and
 * must stay there, unchanged, until tl_model_close. */
tl_status tl_model_open_memory(const void *data, size_t bytes,
                               const tl_model_options *options,
                               tl_model **model, tl_error *error);

/* NULL is allowed, here and in every other destructor. */
void tl_model_close(tl_model *model);

typedef enum tl_resize {
  TL_RESIZE_NEAREST = 0,
  TL_RESIZE_BILINEAR = 1, /* as Pillow, antialiased */
  TL_RESIZE_BICUBIC = 2,
  TL_RESIZE_TF_BILINEAR = 3 /* as TensorFlow, not antialiased */
} tl_resize;

/* How a picture becomes pixels: resize, crop, then for each channel c in
 * network order (pixel * scale - mean[c]) / std[c]. */
typedef struct tl_preprocess {
  const char *name; /* "caffe", "torch", "tf", "raw", "custom" */
  uint32_t height;  /* of the network's input */
  uint32_t width;
  uint32_t channels; /* 3, or 1: grey */
  int bgr;           /* channel 0 of the network is blue */
  float scale;
  const float *mean; /* [channels] */
  const float *std;  /* [channels] */
  tl_resize resize;
  uint32_t resize_to; /* 0: straight to width x height; else short side first */
  int crop;           /* centre crop after resize_to */
} tl_preprocess;

/* Changes to training pictures, drawn anew for each view of a picture, on RGB
 * bytes at the network's size; of grey networks on grey ones, where saturation
 * and hue are 0. */
typedef struct tl_augment {
  float flip_horizontal; /* probability */
  float flip_vertical;
  float rotate;     /* degrees, up to so many either way */
  float shift;      /* share of height and width, up to so much either way */
  float zoom;       /* factor in [1 - zoom, 1 + zoom] */
  float crop_least; /* share of the area that is kept; 1, 1: no crop */
  float crop_most;
  float brightness; /* factor in [1 - brightness, 1 + brightness] */
  float contrast;
  float saturation;
  float hue;      /* share of the colour circle, up to 0.5 either way */
  uint32_t views; /* of each picture; 0: a fresh one each epoch; 1 and all
                     above at rest: pictures as they are */
} tl_augment;

typedef enum tl_class_weights {
  TL_CLASS_WEIGHTS_NONE = 0,
  TL_CLASS_WEIGHTS_BALANCED = 1, /* pictures / (classes * pictures of it) */
  TL_CLASS_WEIGHTS_GIVEN = 2
} tl_class_weights;

typedef enum tl_convention {
  TL_CONVENTION_KERAS = 0,
  TL_CONVENTION_TORCH = 1
} tl_convention;

typedef enum tl_loss {
  TL_LOSS_BINARY_CROSSENTROPY = 0,
  TL_LOSS_CATEGORICAL_CROSSENTROPY = 1
} tl_loss;

typedef struct tl_model_info {
  const char *name;
  const char *producer; /* the compiler and its version */
  const char *backbone;
  const char *recipe;   /* the text of the .tl file */
  uint32_t classes;     /* 0: a feature extractor, nothing to train or score */
  uint32_t outputs;     /* logits a picture: 1 where `sigmoid`, else classes */
  int sigmoid;          /* one output that scores P(label 1) */
  uint32_t label_count; /* 0: not known yet; else classes */
  const char *const *labels; /* [label_count] */
  tl_preprocess preprocess;
  uint64_t pixel_count;   /* floats a picture: height * width * channels */
  uint64_t feature_count; /* floats a picture, as prediction starts from: the
                             last phase's */
  int trained;
  uint64_t used_seed; /* of the run that trained it */

  uint32_t phase_count; /* 0: no `train` in the recipe */
  uint32_t layer_count;
  uint32_t value_count;
  uint32_t entry_count;
  uint32_t history_count;

  uint32_t batch; /* of the recipe */
  tl_loss loss;
  float label_smoothing;
  float split;   /* validation share where no folder says */
  uint64_t seed; /* of the recipe */

  tl_isa isa;               /* chosen */
  uint64_t file_bytes;      /* the whole file */
  uint64_t constant_bytes;  /* frozen weights, read in place */
  uint64_t parameter_bytes; /* trained by some phase */
  uint64_t slot_bytes;      /* optimizer state */
  uint64_t code_bytes;      /* machine code of the chosen ISA */

  tl_convention convention;
  tl_class_weights class_weights;
  const float *weights; /* [classes] where given, else NULL */
  float mixup;          /* alpha of Beta(alpha, alpha); 0: none */
  uint32_t top_k;       /* 0: not reported */
  int auc;              /* reported */
  tl_augment augment;
  uint32_t frontier_count; /* different features of the phases, at least 1 */
} tl_model_info;

const tl_model_info *tl_model_get_info(const tl_model *model);

typedef enum tl_optimizer {
  TL_OPTIMIZER_SGD = 0,
  TL_OPTIMIZER_RMSPROP = 1,
  TL_OPTIMIZER_ADAM = 2,
  TL_OPTIMIZER_ADAMW = 3
} tl_optimizer;

typedef enum tl_schedule {
  TL_SCHEDULE_CONSTANT = 0,
  TL_SCHEDULE_STEP = 1,   /* times schedule_factor every schedule_every epochs */
  TL_SCHEDULE_COSINE = 2, /* half a cosine down to 0 */
  TL_SCHEDULE_ONE_CYCLE = 3
} tl_schedule;

typedef struct tl_phase_info {
  const char *name;
  uint32_t epochs;
  tl_optimizer optimizer;
  float learning_rate; /* of the head, before the schedule */
  int keep_best;
  float backbone_rate; /* of the backbone's parameters, before the schedule */
  tl_schedule schedule;
  float warmup; /* epochs of linear rise */
  float schedule_every;
  float schedule_factor;
  float clip_norm;     /* 0: none */
  float ema;           /* 0: none */
  uint32_t early_stop; /* epochs without improvement; 0: never */
  /* What the phase trains on. Phases with the same number here have the same
   * features; numbers go from 0 to frontier_count - 1. */
  uint32_t frontier;
  uint64_t feature_count; /* floats a picture */
} tl_phase_info;

typedef struct tl_layer_info {
  int32_t index; /* as freeze ranges count */
  const char *name;
  const char *kind;
  uint64_t parameters;
  int trainable;
  uint32_t first_phase; /* that trains it; UINT32_MAX: none */
} tl_layer_info;

/* A value that tl_session_read gives, per picture. */
typedef struct tl_value_info {
  const char *name;     /* "features", "logits", "scores", "frontier", ... */
  uint64_t count;       /* floats a picture */
  uint32_t rank;        /* without the batch */
  const int64_t *shape; /* [rank] */
} tl_value_info;

typedef enum tl_entry_kind {
  TL_ENTRY_EXTRACT = 0,
  TL_ENTRY_TRAIN_STEP = 1,
  TL_ENTRY_EVALUATE = 2,
  TL_ENTRY_PREDICT = 3,
  TL_ENTRY_TAP = 4
} tl_entry_kind;

/* A program in the file. A batch of n takes
 * fixed_bytes + n * picture_bytes + threads * scratch_bytes of memory. */
typedef struct tl_entry_info {
  const char *name; /* "extract", "train_step.<phase>", "predict", ... */
  tl_entry_kind kind;
  uint64_t fixed_bytes;
  uint64_t picture_bytes;
  uint64_t scratch_bytes;
  uint64_t multiply_adds; /* of one picture: convolutions, dense layers,
                             attention, and their gradients */
} tl_entry_info;

typedef struct tl_epoch_record {
  uint32_t phase;
  uint32_t epoch; /* within the phase, from 0 */
  float loss;     /* mean over the epoch's pictures, as they were trained on */
  float accuracy;
  float val_loss; /* nan where there are no validation pictures */
  float val_accuracy;
  float val_top_k; /* nan where not reported, as the next */
  float val_auc;
} tl_epoch_record;

/* Element `index`, or NULL past the end. */
const tl_phase_info *tl_model_phase(const tl_model *model, uint32_t index);
const tl_layer_info *tl_model_layer(const tl_model *model, uint32_t index);
const tl_value_info *tl_model_value(const tl_model *model, uint32_t index);
const tl_entry_info *tl_model_entry(const tl_model *model, uint32_t index);
const tl_epoch_record *tl_model_history(const tl_model *model, uint32_t index);

/* RGB bytes, already at the network's size, to pixels: [n][height][width][3]
 * to [n][height][width][channels]. Grey networks take the ITU-R 601 luma, as
 * Pillow rounds it; a caller with grey bytes gives each three times, which come
 * out as they are. (tlrun and Keras turn a picture grey before they resize it:
 * resized colours may differ from that by the rounding of a byte.) The one
 * place where bytes are normalised. */
void tl_model_preprocess(const tl_model *model, const uint8_t *rgb, size_t n,
                         float *pixels);

/* Writes every parameter (canonical shapes, names as `layer.weight`) as
 * safetensors: of an untrained file, its initial values. IO. */
tl_status tl_model_export(const tl_model *model, const char *path,
                          tl_error *error);

/* The same under the names and in the shapes of the framework whose weights the
 * model started from: `features.0.weight` [O, I, KH, KW] as torch has it, or
 * `conv1/kernel` as Keras has it; with them what is frozen, so that the network
 * loads there. NOT_FOUND where the model does not say. */
tl_status tl_model_export_source(const tl_model *model, const char *path,
                                 tl_error *error);

/* Threads that the process may use: affinity and cgroup quota considered. */
uint32_t tl_available_threads(void);

/* Pictures that sessions and trainers run at once where their options do not
 * say, at most 32: as many as keep what the layers hand on within 16 MiB, but
 * two a thread. `threads` as in the options. */
uint32_t tl_model_default_batch(const tl_model *model, uint32_t threads);

/* ----------------------------------------------------------------- session */

typedef struct tl_session tl_session;

typedef struct tl_session_options {
  size_t size;      /* sizeof(tl_session_options) */
  uint32_t threads; /* 0: tl_available_threads() */
  uint32_t batch;   /* pictures run at once, memory grows with it; 0:
                       tl_model_default_batch */
} tl_session_options;

/* A session of an untrained file predicts with its initial values. */
tl_status tl_session_create(const tl_model *model,
                            const tl_session_options *options,
                            tl_session **session, tl_error *error);
void tl_session_destroy(tl_session *session);

/* n pictures to logits and scores; either may be NULL. UNSUPPORTED where the
 * model has no classes (read "frontier" instead). */
tl_status tl_session_predict(tl_session *session, const float *pixels, size_t n,
                             float *logits, float *scores, tl_error *error);

/* The same from RGB bytes [n][height][width][3] at the network's size, of grey
 * networks too (tl_model_preprocess). */
tl_status tl_session_predict_rgb(tl_session *session, const uint8_t *rgb,
                                 size_t n, float *logits, float *scores,
                                 tl_error *error);

/* The value `name` (tl_model_value lists them) of n pictures: [n][count].
 * NOT_FOUND names the values there are. */
tl_status tl_session_read(tl_session *session, const char *name,
                          const float *pixels, size_t n, float *values,
                          tl_error *error);

/* Runs entry `index` (tl_model_entry) `runs` times on n made-up pictures, after
 * one run that is not counted, and gives each run's seconds: seconds[runs]. A
 * training step takes the n together, on a copy of the parameters; the others
 * take them as the session's calls do, `batch` of its options at once. */
tl_status tl_session_bench(tl_session *session, uint32_t index, uint32_t n,
                           uint32_t runs, double *seconds, tl_error *error);

/* ----------------------------------------------------------------- trainer */

typedef struct tl_trainer tl_trainer;

typedef struct tl_trainer_options {
  size_t size;            /* sizeof(tl_trainer_options) */
  uint32_t threads;       /* 0: tl_available_threads() */
  uint32_t extract_batch; /* pictures extracted at once; 0:
                             tl_model_default_batch */
  int use_seed;           /* 1: `seed` below; 0: the recipe's */
  uint64_t seed;
} tl_trainer_options;

/* Parameters are copied to memory: a trained file's as they are, an untrained
 * file's drawn from the seed. No phase has begun. UNSUPPORTED where the model
 * has no phases. */
tl_status tl_trainer_create(const tl_model *model,
                            const tl_trainer_options *options,
                            tl_trainer **trainer, tl_error *error);
void tl_trainer_destroy(tl_trainer *trainer);

/* The model it was created on. */
const tl_model *tl_trainer_model(const tl_trainer *trainer);

/* Draws every parameter anew that has an initialiser, also in a trained file,
 * and makes `seed` the run's seed; forgets history and the begun phase. */
tl_status tl_trainer_initialize(tl_trainer *trainer, uint64_t seed,
                                tl_error *error);

/* Pixels of n pictures to the features of phase `phase`: [n][its
 * feature_count]. They are functions of the pictures and of weights that no
 * phase up to this one trains, so that they hold for the whole phase; those of
 * a phase before the begun one would be made with weights that have changed
 * since. */
tl_status tl_trainer_extract(tl_trainer *trainer, uint32_t phase,
                             const float *pixels, size_t n, float *features,
                             tl_error *error);

/* The features of all phases in one pass: features[f] takes those of the phases
 * with frontier f, [frontier_count] pointers. */
tl_status tl_trainer_extract_all(tl_trainer *trainer, const float *pixels,
                                 size_t n, float *const *features,
                                 tl_error *error);

/* What a phase's features depend on besides the pixels, for the key of a
 * cache: the extraction's kernels (in the chosen ISA) and the present values of
 * every weight they read. Neither changes with the head, the labels, the epochs
 * or the seed, except where extraction itself reads random weights. Reads those
 * weights: milliseconds. */
tl_status tl_trainer_extract_hashes(const tl_trainer *trainer, uint32_t phase,
                                    uint64_t *code, uint64_t *weights,
                                    tl_error *error);

/* Starts a phase: optimizer state zero, steps counted from 0. */
tl_status tl_trainer_begin_phase(tl_trainer *trainer, uint32_t phase,
                                 tl_error *error);

/* The begun phase, or -1. The run's seed. */
int64_t tl_trainer_phase(const tl_trainer *trainer);
uint64_t tl_trainer_seed(const tl_trainer *trainer);

/* The order in which epoch `epoch` of the begun phase visits `count` pictures:
 * a permutation drawn from (seed, phase, epoch). order[count]. */
tl_status tl_trainer_order(tl_trainer *trainer, uint32_t epoch, uint32_t count,
                           uint32_t *order, tl_error *error);

/* Pictures to take a step on. */
typedef struct tl_batch {
  size_t size;           /* sizeof(tl_batch) */
  uint32_t n;            /* pictures, at least 1 */
  const float *features; /* [n][feature_count of the begun phase] */
  const int32_t *labels; /* [n] */
  const int32_t *ids;    /* [n] */
  /* Where the recipe has class weights: how much each picture counts, in its
   * loss and in the gradient, whose divisor stays n. [n], or NULL: 1. */
  const float *weights;
  /* Where the recipe has mixup: the target of picture i is mix[i] times that of
   * its label plus 1 - mix[i] times that of mix_labels[i]. [n], or both NULL:
   * the labels alone. */
  const int32_t *mix_labels;
  const float *mix;
  float learning_rate; /* 0: the phase's, before its schedule */
  float backbone_rate; /* 0: the phase's; where it has none of its own, the
                          learning rate of this step */
} tl_batch;

/* One optimizer step. losses [n] (weighted and mixed as the batch says) and
 * scores [n][classes] are those before the step's update; either may be NULL.
 * NOT_FINITE: a loss is inf or nan; the parameters stay as they were before
 * this step, and the message names phase, epoch, step and the first layer
 * whose output or parameter is not finite. */
tl_status tl_trainer_step(tl_trainer *trainer, uint32_t epoch,
                          const tl_batch *batch, float *losses, float *scores,
                          tl_error *error);

/* Loss and scores of n pictures with the present parameters, as prediction
 * would give them (no dropout): losses [n], scores [n][classes]; either may be
 * NULL. Uses the begun phase's program, or the first phase's. */
tl_status tl_trainer_evaluate(tl_trainer *trainer, const float *features,
                              const int32_t *labels, size_t n, float *losses,
                              float *scores, tl_error *error);

/* In a phase with `ema`: exchanges the parameters that it trains with their
 * moving averages, so that tl_trainer_evaluate and tl_trainer_save see those; a
 * second call exchanges them back, and no step may be taken before it. Without
 * `ema`, or before the first step, nothing. Statistics that a batch norm keeps
 * are no parameters that are averaged. */
tl_status tl_trainer_swap_averages(tl_trainer *trainer, tl_error *error);

/* NOT_FINITE, naming the tensor, where a parameter is inf or nan. */
tl_status tl_trainer_check(const tl_trainer *trainer, tl_error *error);

/* The value of a parameter, by its name in tl_model_export's file: canonical
 * shape [rank] and order. NOT_FOUND names the parameters there are,
 * INVALID_ARGUMENT both shapes. */
tl_status tl_trainer_set_parameter(tl_trainer *trainer, const char *name,
                                   const int64_t *shape, uint32_t rank,
                                   const float *values, tl_error *error);

/* A copy of parameters, optimizer state, phase and step. `*snapshot` is NULL
 * or an earlier snapshot of this trainer, which is overwritten. */
typedef struct tl_snapshot tl_snapshot;
tl_status tl_trainer_snapshot(tl_trainer *trainer, tl_snapshot **snapshot,
                              tl_error *error);
tl_status tl_trainer_restore(tl_trainer *trainer, const tl_snapshot *snapshot,
                             tl_error *error);
void tl_snapshot_destroy(tl_snapshot *snapshot);

/* Writes the run's state to a file of its own, as safely as tl_trainer_save a
 * model: parameters, optimizer state, averages, phase, step, history, seed,
 * `kept` (a snapshot of this trainer, or NULL), and `bytes` bytes of the
 * caller's, such as where its loop is. Frozen weights are not in it; it refers
 * to the model, and can be loaded only with it. IO. */
tl_status tl_trainer_save_state(tl_trainer *trainer, const char *path,
                                const tl_snapshot *kept, const void *progress,
                                size_t bytes, tl_error *error);

/* Puts a trainer back where it was when the state was saved. `*kept` is NULL or
 * an earlier snapshot of this trainer, as above; it becomes the saved one, or
 * is destroyed and NULL where none was saved. `progress` takes what the caller
 * had saved, which must be `bytes` bytes. With `kept` NULL the file is checked
 * and `progress` filled, and the trainer stays as it is. NOT_FOUND, IO;
 * BAD_FILE: damaged, or no state; UNSUPPORTED: another version;
 * INVALID_ARGUMENT: of another model, seed or ISA, and says which. On failure
 * the trainer is as it was. */
tl_status tl_trainer_load_state(tl_trainer *trainer, const char *path,
                                tl_snapshot **kept, void *progress,
                                size_t bytes, tl_error *error);

/* Class names, in label order; count must equal the model's classes, and where
 * the model has labels, the names must be those, in that order:
 * INVALID_ARGUMENT names the first that differs. The names are copied. */
tl_status tl_trainer_set_labels(tl_trainer *trainer, const char *const *labels,
                                uint32_t count, tl_error *error);

/* Appends a line to the history that tl_trainer_save writes. */
tl_status tl_trainer_record(tl_trainer *trainer, const tl_epoch_record *record,
                            tl_error *error);

/* Writes a model.bin with the present parameters, labels, history and seed: to
 * a temporary file in the same folder, flushed to disk, then renamed, so that
 * a kill or a full disk leaves the old file or the new one. Replaces a file at
 * `path`, also the one the model was opened from. IO. */
tl_status tl_trainer_save(tl_trainer *trainer, const char *path,
                          tl_error *error);

/* --------------------------------------------------- training in one call */

/* When a picture is asked for: with augmentation, each epoch may show another
 * view of it; each phase has its own features. */
typedef struct tl_visit {
  uint32_t phase;
  uint32_t epoch; /* within the phase, from 0 */
} tl_visit;

/* Pictures to train on or to validate with. Exactly one of `features`,
 * `read_features` and `read_pixels` is set. A callback fills n rows, row k for
 * picture indices[k], and returns 0, or anything else to fail the run with
 * TL_STATUS_CALLBACK. Callbacks run on the caller's thread. */
typedef struct tl_pictures {
  size_t size;           /* sizeof(tl_pictures) */
  uint32_t count;        /* pictures */
  const int32_t *labels; /* [count] */
  const int32_t *ids;    /* [count], or NULL: 0, 1, 2, ... */
  const float *features; /* [count][feature_count]; for models whose phases
                            have one frontier */
  int (*read_features)(void *user, const tl_visit *visit,
                       const uint32_t *indices, uint32_t n, float *features);
  int (*read_pixels)(void *user, const tl_visit *visit,
                     const uint32_t *indices, uint32_t n, float *pixels);
  int keep_features; /* with read_pixels, where a picture's pixels are the same
                        in every epoch: read each picture once, before the
                        first epoch, and hold the features of all phases in
                        memory */
  void *user;
} tl_pictures;

typedef enum tl_stage {
  TL_STAGE_EXTRACT = 0,  /* features that keep_features asked for */
  TL_STAGE_TRAIN = 1,    /* after each step */
  TL_STAGE_VALIDATE = 2, /* after each batch */
  TL_STAGE_EPOCH = 3     /* once an epoch, with its record */
} tl_stage;

typedef struct tl_progress {
  tl_stage stage;
  uint32_t phase;
  uint32_t epoch;  /* within the phase, from 0 */
  uint32_t epochs; /* of this phase */
  uint32_t done;   /* pictures of this stage */
  uint32_t total;
  double loss; /* mean over the pictures of this stage so far */
  double accuracy;
  const tl_epoch_record *record; /* TL_STAGE_EPOCH only, else NULL */
  /* TL_STAGE_TRAIN only: the step just taken. */
  uint32_t step;       /* within the phase, from 0 */
  double step_loss;    /* mean over its pictures */
  float learning_rate; /* of the head, after the schedule */
} tl_progress;

typedef struct tl_fit_options {
  size_t size;     /* sizeof(tl_fit_options) */
  uint32_t batch;  /* 0: the recipe's */
  uint32_t epochs; /* of every phase; 0: the recipe's */
  /* Called often; another return value than 0 stops with CANCELLED. May be
   * NULL. */
  int (*progress)(void *user, const tl_progress *progress);
  void *user;
  int no_shuffle; /* each epoch visits the pictures in the order given */
  /* Where the run's state goes (tl_trainer_save_state): every so many steps and
   * at each epoch's end (0: never), and when `progress` cancels. NULL: nowhere.
   * A run that goes on from it gives the same bytes as one that was never
   * interrupted. The file is left there; remove it once the model is saved. */
  const char *checkpoint_path;
  uint32_t checkpoint_every;
  int resume; /* go on from checkpoint_path: NOT_FOUND, BAD_FILE, or
                 INVALID_ARGUMENT where model, seed, ISA, pictures or one of
                 these options is another one, and says which */
  uint64_t pictures_hash; /* stands for what the pictures are, for `resume`;
                             counts, labels and ids are compared anyway */
} tl_fit_options;

/* Runs all phases: each epoch visits every picture once in the order of
 * tl_trainer_order, the last partial batch included, then evaluates
 * `validation` (may be NULL). The best epoch of a phase is the one with the
 * highest val_accuracy, then the lowest val_loss; without validation, the
 * lowest loss; the earlier one when equal. Where a phase says `keep best`, it
 * ends with the parameters of its best epoch; with `early_stop` it ends after
 * so many epochs that were not better than the best before them. With `ema`,
 * validation, the best epoch's parameters and those at the phase's end are the
 * averages.
 * Accuracy: the share of pictures whose highest score (the lower label when
 * equal) is their label's; with a sigmoid, label 1 from a score of 0.5 on; with
 * mixup, against the label of the larger share.
 * Losses of training are those that it descends: weighted and mixed, as Keras
 * and PyTorch report them; validation has neither. Class weights in torch's
 * convention are divided by their mean over the batch, as its losses do.
 * Mixup mixes pixels, and so needs read_pixels without keep_features.
 * NOT_FINITE: the trainer holds the last parameters that were all finite.
 * CANCELLED: the trainer holds the latest. Both may be saved. Built only on
 * the calls above. */
tl_status tl_trainer_fit(tl_trainer *trainer, const tl_pictures *training,
                         const tl_pictures *validation,
                         const tl_fit_options *options, tl_error *error);

/* A point of the curve that a search for a learning rate gives. */
typedef struct tl_rate_point {
  float learning_rate;
  float loss; /* mean over the steps so far, each weighing 0.9 of the next */
} tl_rate_point;

enum { TL_RATE_POINTS = 100 };

/* Searches for a learning rate of the head for `phase`, as L. N. Smith,
 * "Cyclical learning rates", WACV 2017, does: trains epoch after epoch, in the
 * order of tl_trainer_order, while the rate rises from 1e-7 to 10 in equal
 * ratios, and stops where the smoothed loss is 4 times the lowest so far or no
 * number. The suggestion is the rate at which the smoothed loss falls most
 * steeply over the logarithm of the rate, the first 10 points left out; 0 where
 * it falls nowhere. The backbone's rate rises in proportion. Class weights
 * apply, mixup does not. `points` holds TL_RATE_POINTS, of which `count` are
 * filled. Of the options, batch and progress (TL_STAGE_TRAIN) count. The trainer
 * ends as it was before. */
tl_status tl_trainer_find_rate(tl_trainer *trainer, uint32_t phase,
                               const tl_pictures *training,
                               const tl_fit_options *options,
                               tl_rate_point *points, uint32_t *count,
                               float *suggestion, tl_error *error);

#ifdef __cplusplus
}
#endif

#endif

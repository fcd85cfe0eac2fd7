/**
 * @file lcnn.h
 * @brief Run networks from plan files, as `lcnn plan MODEL FILE.lcnn` writes them. C99 and C++.
 *
 *     char why[LCNN_WHY];
 *     lcnn_plan *plan;
 *     if (lcnn_open("net.lcnn", NULL, 0, &plan, why, sizeof why) != LCNN_OK) fail(why);
 *     lcnn_context *context = lcnn_context_new(plan);
 *     lcnn_run(context, input, output);              // as often as you like; it allocates nothing
 *     lcnn_context_free(context);
 *     lcnn_close(plan);
 *
 * An open plan never changes: any number of threads may use it at once, each with a context of its own. It is mapped
 * from its file, so that processes share it. Nothing here is global, prints, ends the program, or starts a thread.
 *
 * A plan file may come from a stranger: when it is opened, every number in it is checked against what the kernels make
 * of it, and a file whose plan could read or write outside of its own memory is refused. What stays yours to see to:
 * the file is not changed in place while it is open (LCNN_COPY: it may be), and a stranger's plan may compute for long
 * or give any numbers.
 *
 * Numbers are float32. Strings are UTF-8, belong to the plan, and live until lcnn_close.
 */
#ifndef LCNN_H
#define LCNN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define LCNN_API __attribute__((visibility("default")))
#else
#define LCNN_API
#endif

/** Of the functions below. A program that was compiled for one may run with a library of the same one. */
#define LCNN_API_VERSION 1

/** Bytes that hold every reason that lcnn_open gives. */
#define LCNN_WHY 256

/** What became of a call. */
typedef enum {
    LCNN_OK = 0,
    LCNN_NOT_FINITE,    /**< the input holds NaN or an infinity; the output has no meaning */
    LCNN_NO_MEMORY,     /**< too few bytes were given, or there are none left */
    LCNN_BAD_IMAGE,     /**< no such image can become an input of this network */
    LCNN_NO_FILE,       /**< the file cannot be read */
    LCNN_BAD_PLAN,      /**< no plan file, or a damaged one, or one that is not to be trusted */
    LCNN_OTHER_VERSION, /**< a plan file for another version of this library: write it again */
    LCNN_NO_ISA,        /**< the file has no plan that this processor runs, or none of that name */
    LCNN_BAD_ARGUMENT   /**< NULL where there must be something */
} lcnn_status;

/** An open plan file: the network as calls of kernels, for the instruction set that was chosen. */
typedef struct lcnn_plan lcnn_plan;

/** Memory that one thread runs a plan in. */
typedef struct lcnn_context lcnn_context;

/** LCNN_API_VERSION of the library that runs: hold it to the one that the program was compiled with. */
LCNN_API int lcnn_api_version(void);

/** The release of the library that runs, as "0.2.0". */
LCNN_API const char *lcnn_version(void);

/** What a status means, in a few words. */
LCNN_API const char *lcnn_message(lcnn_status status);

/* ------------------------------------------------------------------------------------------------------ opening */

/** Read the file into memory instead of mapping it: it may then change, and processes do not share it. */
#define LCNN_COPY 1u
/** Leave out the SHA-256 that finds accidental damage, which reads the whole file. What is checked for safety is
 * checked all the same. */
#define LCNN_NO_DIGEST 2u

/**
 * Open a plan file.
 *
 * @param path   the file
 * @param isa    the fastest instruction set to use, as "avx2"; NULL: the fastest that this processor has. Where the
 *               processor or the file lacks it, the next slower one that both have is taken
 * @param flags  LCNN_COPY, LCNN_NO_DIGEST, or 0
 * @param plan   OUT the plan, to be closed by lcnn_close; NULL where that failed
 * @param why    OUT what was expected and what was found, where it failed; may be NULL
 * @param size   bytes of `why`: LCNN_WHY hold everything
 */
LCNN_API lcnn_status lcnn_open(const char *path, const char *isa, unsigned flags, lcnn_plan **plan, char *why,
                               size_t size);

/**
 * The same of a plan file's bytes in memory, at an address that is a multiple of 64. They stay yours, and must stay as
 * they are until lcnn_close, unless LCNN_COPY says to copy them.
 */
LCNN_API lcnn_status lcnn_open_memory(const void *bytes, size_t length, const char *isa, unsigned flags,
                                      lcnn_plan **plan, char *why, size_t size);

/** Close a plan that no context uses any more. NULL is no plan, and nothing happens. */
LCNN_API void lcnn_close(lcnn_plan *plan);

/* -------------------------------------------------------------------------------------------- what a plan is of */

/** The network's name. */
LCNN_API const char *lcnn_name(const lcnn_plan *plan);
/** The instruction set that was chosen: "avx512bf16", "avx512", "avx2" or "scalar". */
LCNN_API const char *lcnn_isa(const lcnn_plan *plan);
/** What it computes in: "float32", "bfloat16" or "int8". */
LCNN_API const char *lcnn_precision(const lcnn_plan *plan);

/** OUT shape: height, width and channels of the input, the channels of a pixel side by side. */
LCNN_API void lcnn_input_shape(const lcnn_plan *plan, int64_t shape[3]);
/** Floats of an input: the product of its shape. */
LCNN_API size_t lcnn_input_size(const lcnn_plan *plan);

/** The dimensions of the result, 1 or 3. OUT shape: (outputs, 1, 1), or (height, width, channels). */
LCNN_API int lcnn_output_shape(const lcnn_plan *plan, int64_t shape[3]);
/** Floats of a result. */
LCNN_API size_t lcnn_output_size(const lcnn_plan *plan);

/** How many classes have names: 0 where the network has no labels. */
LCNN_API size_t lcnn_label_count(const lcnn_plan *plan);
/** The name of a class; NULL where there is none of that number. */
LCNN_API const char *lcnn_label(const lcnn_plan *plan, size_t number);

/* ------------------------------------------------------------------------------------------------------ running */

/** Bytes of memory that a context needs. */
LCNN_API size_t lcnn_context_size(const lcnn_plan *plan);

/** Make a context in `size` bytes of memory of yours, at any address; it needs no release but that of the memory.
 * NULL where that is too little. The plan must stay open as long as it is used. */
LCNN_API lcnn_context *lcnn_init(const lcnn_plan *plan, void *memory, size_t size);

/** Make a context in memory of its own, in large pages where the system has them; NULL where there is none left. */
LCNN_API lcnn_context *lcnn_context_new(const lcnn_plan *plan);
/** Release a context of lcnn_context_new. NULL is none, and nothing happens. */
LCNN_API void lcnn_context_free(lcnn_context *context);

/**
 * Run one input, on the calling thread. Nothing is allocated.
 *
 * @param input   (height, width, channels), lcnn_input_size floats, preprocessed
 * @param output  OUT lcnn_output_size floats; must not overlap the input
 * @return LCNN_OK, LCNN_NOT_FINITE, or LCNN_BAD_ARGUMENT
 */
LCNN_API lcnn_status lcnn_run(lcnn_context *context, const float *input, float *output);

/* ----------------------------------------------------------------------------------------------------- pictures */

/** Bytes of memory that lcnn_prepare needs for an image. 0 where no such image can become an input, or the network
 * does not say how: it is smaller than what is cut from it, or has no pixels, over 2^27, or over 2^20 in a row. */
LCNN_API size_t lcnn_prepare_size(const lcnn_plan *plan, int width, int height);

/**
 * Make an image the input, by the steps that the model states.
 *
 * @param pixels    8 bits a channel, row after row from the top
 * @param channels  1 (grey), 3 (RGB) or 4 (RGB and alpha, which is dropped)
 * @param memory    `size` bytes, at least lcnn_prepare_size, at any address
 * @param input     OUT lcnn_input_size floats
 * @return LCNN_OK, LCNN_BAD_IMAGE, LCNN_NO_MEMORY, or LCNN_BAD_ARGUMENT
 */
LCNN_API lcnn_status lcnn_prepare(const lcnn_plan *plan, const uint8_t *pixels, int width, int height, int channels,
                                  void *memory, size_t size, float *input);

#ifdef __cplusplus
}
#endif

#endif

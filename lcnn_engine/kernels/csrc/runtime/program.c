#define _POSIX_C_SOURCE 199309L
#include "runtime/program.h"

#include <stddef.h>
#include <time.h>

#include "runtime/threads.h"

/* Below this many multiplications (or floats moved) a call is done sooner than a second core has heard of it. */
#define WORTH_SHARING 20000
#define CHUNKS 4 /* pieces that a thread's share of a call is cut into, so that a late thread is helped */

/* Seconds between two looks whether the run is to end, and multiplications between two looks at the clock: far less
 * than that on any machine, and enough for a look to cost nothing. */
#define ASK_AFTER 0.1
#define LOOK_AFTER 2000000
/* Multiplications that a call does without a look at the others: milliseconds to some hundredths of a second. */
#define PART 50000000

typedef struct {
    const lcnn_program *program;
    const lcnn_memory *memory;
    const float *input;
    float *const *outputs;
    int rejected;
    lcnn_interrupted interrupted;
    int stopped;           /* it said so */
    const lcnn_call *call; /* what a team on one image is at */
    int64_t image;
    _Alignas(
        64) double asked; /* the calling thread's alone: when, and the work done since the last look at the clock */
    int64_t work;
} run_state;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static lcnn_context context_of(run_state *run, int64_t image, int arena, int scratch)
{
    return (lcnn_context){
        .arena = run->memory[arena].arena,
        .input = run->input + image * run->program->input_size,
        .outputs = run->outputs,
        .image = image,
        .scratch = run->memory[scratch].scratch,
        .rejected = &run->rejected,
    };
}

static int over(const run_state *run)
{
    return __atomic_load_n(&run->rejected, __ATOMIC_RELAXED) || __atomic_load_n(&run->stopped, __ATOMIC_RELAXED);
}

/* By the calling thread, after a call or a part of one. */
static void ask(run_state *run, int64_t work)
{
    if (!run->interrupted || (run->work += work) < LOOK_AFTER) return;
    run->work = 0;
    if (now() - run->asked < ASK_AFTER) return;
    if (run->interrupted()) __atomic_store_n(&run->stopped, 1, __ATOMIC_RELAXED);
    run->asked = now();
}

/* Units of a call that are worked on in one go, of at most `units`. */
static int64_t part_of(const lcnn_call *call, int64_t units)
{
    if (call->work <= PART) return units;
    const int64_t part = (int64_t)((double)call->units * PART / (double)call->work) + 1;
    return part < units ? part : units;
}

/* Units of a call, unless the run is over meanwhile. */
static void run_units(run_state *run, const lcnn_call *call, const lcnn_context *context, int thread, int64_t begin,
                      int64_t end)
{
    const int64_t part = part_of(call, call->units);
    for (; begin < end && !over(run); begin += part) {
        const int64_t stop = begin + part < end ? begin + part : end;
        call->kernel(call, context, begin, stop);
        if (thread == 0) ask(run, (int64_t)((double)call->work / (double)call->units * (double)(stop - begin)));
    }
}

/* Units of one call on one image, by one thread of a team. */
static void share_of_call(void *argument, int thread, int64_t begin, int64_t end)
{
    run_state *run = argument;
    const lcnn_context context = context_of(run, run->image, 0, thread);
    run_units(run, run->call, &context, thread, begin, end);
}

static void run_image(run_state *run, int64_t image, int thread, lcnn_team *team, double *seconds)
{
    const lcnn_context context = context_of(run, image, thread, thread);
    double start = seconds ? now() : 0;
    for (int64_t i = 0; i < run->program->count; i++) {
        const lcnn_call *call = &run->program->calls[i];
        if (team && call->units > 1 && call->work >= WORTH_SHARING) {
            run->call = call;
            run->image = image;
            lcnn_team_run(team, share_of_call, run, call->units, call->units / (lcnn_team_size(team) * CHUNKS) + 1);
        } else {
            run_units(run, call, &context, thread, 0, call->units);
        }
        if (over(run)) return;
        if (seconds) {
            const double stop = now();
            seconds[call->step] += stop - start;
            start = stop;
        }
    }
}

/* Whole images, one a thread: nothing to wait for between calls. */
static void share_of_images(void *argument, int thread, int64_t begin, int64_t end)
{
    for (int64_t image = begin; image < end && !over(argument); image++) run_image(argument, image, thread, NULL, NULL);
}

int lcnn_run(const lcnn_program *program, const lcnn_memory *memory, int threads, const float *input, int64_t images,
             float *const *outputs, double *seconds, lcnn_interrupted interrupted)
{
    run_state run = {.program = program, .memory = memory, .input = input, .outputs = outputs};
    run.interrupted = interrupted;
    if (interrupted) run.asked = now();
    lcnn_team *team = lcnn_team_take(threads);
    int64_t together = 0;
    if (team && !seconds) { /* as many whole images as divide evenly; the rest as a team */
        together = images - images % lcnn_team_size(team);
        /* One at a time, or the caller would wait, and hear no interruption, while another is at its last many. */
        if (together) lcnn_team_run(team, share_of_images, &run, together, 1);
    }
    for (int64_t image = together; image < images && !over(&run); image++) run_image(&run, image, 0, team, seconds);
    if (team) lcnn_team_release(team);
    return run.stopped ? -1 : run.rejected;
}

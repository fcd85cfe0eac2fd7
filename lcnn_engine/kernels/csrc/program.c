#define _POSIX_C_SOURCE 199309L
#include "program.h"

#include <stddef.h>
#include <time.h>

#include "threads.h"

/* Below this many multiplications (or floats moved) a step is done sooner than a second core has heard of it. */
#define WORTH_SHARING 20000

typedef struct {
    const lcnn_program *program;
    const lcnn_memory *memory;
    const float *input;
    float *const *outputs;
    int rejected;
    const lcnn_step *step; /* what a team on one picture is at */
    int64_t picture;
} run_state;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static lcnn_context context_of(run_state *run, int64_t picture, int arena, int scratch)
{
    return (lcnn_context){
        .arena = run->memory[arena].arena,
        .input = run->input + picture * run->program->input_size,
        .outputs = run->outputs,
        .picture = picture,
        .scratch = run->memory[scratch].scratch,
        .rejected = &run->rejected,
    };
}

/* Units of one step of one picture, by one thread of a team. */
static void share_of_step(void *argument, int thread, int64_t begin, int64_t end)
{
    run_state *run = argument;
    const lcnn_context context = context_of(run, run->picture, 0, thread);
    run->step->kernel(run->step, &context, begin, end);
}

static void run_picture(run_state *run, int64_t picture, int thread, lcnn_team *team, double *seconds)
{
    const lcnn_context context = context_of(run, picture, thread, thread);
    double start = seconds ? now() : 0;
    for (int64_t i = 0; i < run->program->count; i++) {
        const lcnn_step *step = &run->program->steps[i];
        if (team && step->units > 1 && step->work >= WORTH_SHARING) {
            run->step = step;
            run->picture = picture;
            lcnn_team_run(team, share_of_step, run, step->units);
        } else {
            step->kernel(step, &context, 0, step->units);
        }
        if (__atomic_load_n(&run->rejected, __ATOMIC_RELAXED)) return;
        if (seconds) {
            const double stop = now();
            seconds[step->slot] += stop - start;
            start = stop;
        }
    }
}

/* Whole pictures, one a thread: nothing to wait for between steps. */
static void share_of_pictures(void *argument, int thread, int64_t begin, int64_t end)
{
    for (int64_t picture = begin; picture < end; picture++) run_picture(argument, picture, thread, NULL, NULL);
}

int lcnn_run(const lcnn_program *program, const lcnn_memory *memory, int threads, const float *input,
             int64_t pictures, float *const *outputs, double *seconds)
{
    run_state run = {.program = program, .memory = memory, .input = input, .outputs = outputs};
    lcnn_team *team = lcnn_team_take(threads);
    int64_t together = 0;
    if (team && !seconds) { /* as many whole pictures as divide evenly; the rest as a team */
        together = pictures - pictures % lcnn_team_size(team);
        if (together) lcnn_team_run(team, share_of_pictures, &run, together);
    }
    for (int64_t picture = together; picture < pictures; picture++) run_picture(&run, picture, 0, team, seconds);
    if (team) lcnn_team_release(team);
    return run.rejected;
}
